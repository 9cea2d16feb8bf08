"""A thread that asks the database for ended sessions, and how long the answer is good."""

from __future__ import annotations

import logging
import sys
import threading
import time
from contextlib import suppress
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING

from django.db import Error, OperationalError, connections

from djwto import _core, conf, stores
from djwto.revocation import listeners

if TYPE_CHECKING:
    from djwto.conf import Revocation
    from djwto.revocation.ended_rows import EndedRows

STALE_CONNECTIONS = 32
"""The most closed connections that a look replaces: a pool may hold several."""

UNKNOWN = "Ended sessions are not known, so guarded views are refused with 503."
"""Logged when a guard refuses for that reason."""

_log = logging.getLogger("djwto")


class RevocationPoller:
    """A thread that updates the set of ended sessions from the database.

    The engine says when it looks, and how far the set may be trusted.
    """

    def __init__(self, settings: Revocation) -> None:
        self.settings = settings
        is_test = conf.is_test_run()
        self.freshness = _core.Freshness(None if is_test else settings.interval, settings.max_age)
        self.look_ended = threading.Event()
        """Whether the look that is under way, or the next one, has ended."""
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._complained: dict[str, float] = {}
        if settings.interval is not None and not is_test:
            threading.Thread(target=self._run, name="djwto-revocation", daemon=True).start()
        if settings.url is not None and not is_test:
            from djwto.revocation.redis_channel import listen

            listen(self)

    @cached_property
    def _rows(self) -> EndedRows:
        from djwto.revocation.ended_rows import EndedRows  # here: not every project has the tables

        return EndedRows()

    @property
    def is_stopped(self) -> bool:
        """Whether another poller has taken over, as when settings changed."""
        return self._stopped.is_set()

    @property
    def is_awaited(self) -> bool:
        """Whether a guard is to wait for the next answer."""
        return self.freshness.is_awaited(time.monotonic())

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped.set()
        self._wake.set()

    def look(self) -> None:
        """Ask the database now, rather than when the interval is over."""
        self._wake.set()

    def rest(self, seconds: float) -> bool:
        """Wait for some seconds, or until the poller is stopped. Returns whether it is stopped."""
        return self._stopped.wait(seconds)

    def forget(self) -> None:
        """Forget the sessions whose last access token expired long ago."""
        conf.ended_sessions.forget_before(int(time.time() - _core.MARGIN_SECONDS))

    def is_fresh_soon(self) -> bool:
        """Wait for looks if that can help. Returns whether the set can be trusted then."""
        waits = 0
        while True:
            # Read first: once another event is here, the answer of the last look is known.
            ended = self.look_ended
            is_fresh, seconds = self.freshness.guard(time.monotonic(), waits)
            if not seconds:
                return is_fresh
            self._wake.set()
            self.wait(ended, seconds)
            waits += 1

    def wait(self, ended: threading.Event, seconds: float) -> None:
        """Wait for the end of a look, but no longer than this."""
        ended.wait(seconds)

    def _run(self) -> None:
        while not self.is_stopped:
            self._wake.clear()
            started = time.monotonic()
            pause = self._try_to_look(started)
            ended, self.look_ended = self.look_ended, threading.Event()
            ended.set()
            listeners.notify()
            self._wake.wait(pause)
            # Guards and messages of Redis may wake the thread at any time.
            self._stopped.wait(self.freshness.seconds_until_next(started, time.monotonic()))
        _close_connections()

    def _try_to_look(self, started: float) -> float:
        """Ask the database once. Returns the seconds until the next time."""
        self.freshness.begin(started)
        try:
            self._poll(started)
            _give_connections_back()
        except Exception:  # noqa: BLE001 (it is tried again after any failure)
            self.complain(_UNREADABLE)
            _close_connections()
            return self.freshness.failed(time.monotonic())
        for sentence in (_UNREADABLE, UNKNOWN):
            self._complained.pop(sentence, None)
        return self.freshness.succeeded(started, time.monotonic())

    def _poll(self, started: float) -> None:
        """Read the sessions that ended since the last time, with a connection that works."""
        for _ in range(STALE_CONNECTIONS):
            connection = connections[self._rows.database]
            connection.ensure_connection()
            try:
                self._rows.read(started, self.settings.interval or 0)
            except Error:
                if connection.is_usable():
                    raise
                # It was kept by a pool or by `CONN_MAX_AGE`, and the server has closed it.
                connection.close()
            else:
                return
        raise OperationalError("the server has closed every connection of the pool")

    def complain(self, sentence: str) -> None:
        """Log this sentence with the present exception, at most once in a while."""
        now = time.monotonic()
        if now - self._complained.get(sentence, -inf) >= _COMPLAINT_SECONDS:
            self._complained[sentence] = now
            error = sys.exc_info()[1]
            advice = "" if error is None else stores.advice(error)
            _log.error("%s%s", sentence, advice, exc_info=error is not None)


def _give_connections_back() -> None:
    """Give connections back as Django does after a request: to the pool, or by `CONN_MAX_AGE`."""
    for connection in connections.all(initialized_only=True):
        connection.close_if_unusable_or_obsolete()


def _close_connections() -> None:
    """Close the connections of this thread: one of them may have caused the failure."""
    with suppress(Exception):
        connections.close_all()


_COMPLAINT_SECONDS = 60
_UNREADABLE = "Cannot read ended sessions. The next try is in DJWTO_REVOCATION_INTERVAL."
