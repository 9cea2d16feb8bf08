"""A thread that asks the database which sessions have ended, and how long its answer is good."""

from __future__ import annotations

import logging
import sys
import threading
import time
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING

from django.db import Error, OperationalError, connections

from djwto import conf
from djwto.models import Session
from djwto.revocation.ended_rows import MARGIN_SECONDS, EndedRows

if TYPE_CHECKING:
    from djwto.conf import Revocation

PATIENCE_SECONDS = 5
"""How long guards wait for a look, from its start."""
CHANCE_SECONDS = 0.25
"""How long they wait at least for a look that is under way: the process may have been frozen."""
RETRY_SECONDS = 1
"""How soon a look that failed is tried again, if the interval is longer."""
SPACING_SECONDS = 0.1
"""The least time from one look to the next, if the interval is longer."""
STALE_CONNECTIONS = 32
"""How many connections that the server has closed a look replaces: a pool may hold several."""

UNKNOWN = "ended sessions are not known, and views are refused"
"""Logged where a guard refuses."""

_log = logging.getLogger("djwto")


class Look:
    """One question to the database. Guards may wait for the answer, for a bounded time."""

    def __init__(self) -> None:
        self.begun = inf
        """By the monotonic clock; inf: it has not begun."""
        self._awaited = inf
        self.ended = threading.Event()
        """Whether the answer is there, or there is none."""

    @property
    def patient_until(self) -> float:
        """How long guards wait for it."""
        now = time.monotonic()
        until = min(self.begun, now) + PATIENCE_SECONDS
        # A process that was frozen during a look has its answer in a moment.
        return max(until, min(self._awaited, now) + CHANCE_SECONDS)

    def wait(self) -> None:
        """Wait for the answer, or until the patience is over."""
        now = time.monotonic()
        self._awaited, self.begun = min(self._awaited, now), min(self.begun, now)
        self.ended.wait(max(0, self.patient_until - now))

    def begin(self, now: float) -> None:
        """Count the patience from here, if no guard waits yet."""
        self.begun = min(self.begun, now)

    def end(self) -> None:
        """Let those go on who wait."""
        self.ended.set()


class RevocationPoller:
    """A thread that keeps the set of ended sessions as the database has it."""

    def __init__(self, settings: Revocation) -> None:
        self.settings = settings
        self.fresh_until = -inf
        """Until when the set may be trusted, by the monotonic clock."""
        self._look = Look()
        """The look that is under way, or the next one."""
        self._failed_until = -inf
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._rows = EndedRows()
        self._complained: dict[str, float] = {}
        is_test = conf.is_test_run()
        if settings.interval is None or is_test:
            self.fresh_until = inf
        else:
            threading.Thread(target=self._run, name="djwto-revocation", daemon=True).start()
        if settings.url is not None and not is_test:
            from djwto.revocation.redis_channel import listen

            listen(self)

    @property
    def is_stopped(self) -> bool:
        """Whether another feed has taken over, as when settings changed."""
        return self._stopped.is_set()

    @property
    def is_awaited(self) -> bool:
        """Whether a guard is to wait for the next answer: no look has failed just now."""
        return self._awaits(self._look)

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped.set()
        self._wake.set()

    def look(self) -> None:
        """Ask the database now, rather than when the interval is over."""
        self._wake.set()

    def rest(self, seconds: float) -> bool:
        """Wait, unless the feed is stopped. Whether it is."""
        return self._stopped.wait(seconds)

    def forget(self) -> None:
        """Forget the sessions whose last access token expired long ago."""
        conf.ended_sessions.forget_before(int(time.time() - MARGIN_SECONDS))

    def is_fresh_soon(self) -> bool:
        """Wait for a look, unless one has failed just now. Whether the set may be trusted then."""
        # A look that was under way when the process was frozen is too old when it ends.
        for _ in range(2):
            # Taken first: when the next look stands here, the answer of the last one is known.
            look = self._look
            if time.monotonic() <= self.fresh_until:
                return True
            if self._awaits(look):
                self._wake.set()
                look.wait()
            if self.settings.max_age is None:
                # Open in any case; but a process that starts asks who was logged out.
                self.fresh_until = inf
        return time.monotonic() <= self.fresh_until

    def _awaits(self, look: Look) -> bool:
        now = time.monotonic()
        return now > self._failed_until and now < look.patient_until

    def _run(self) -> None:
        interval = self.settings.interval or 0
        while not self.is_stopped:
            self._wake.clear()
            started = time.monotonic()
            self._look.begin(started)
            pause = self._try_to_look(started, interval)
            look, self._look = self._look, Look()
            look.end()
            self._wake.wait(pause)
            # Wake-ups may come all the time: from guards, and from all who reach Redis.
            self._stopped.wait(started + min(interval, SPACING_SECONDS) - time.monotonic())
        _close_connections()

    def _try_to_look(self, started: float, interval: float) -> float:
        """Ask the database once. Gives the seconds until it is to be asked again."""
        age = self.settings.max_age
        try:
            self._poll(started)
            _give_connections_back()
        except Exception:  # noqa: BLE001 (it is tried again after any failure)
            self.complain(_UNREADABLE)
            _close_connections()
            pause = min(interval, RETRY_SECONDS)
            # Until the next look has had its time, unless the process is frozen meanwhile.
            self._failed_until = time.monotonic() + pause + PATIENCE_SECONDS
            return pause
        for sentence in (_UNREADABLE, UNKNOWN):
            self._complained.pop(sentence, None)
        self._failed_until = -inf
        # They are asked for again after an interval: so old they may be at any time.
        self.fresh_until = inf if age is None else started + interval + age
        return interval if time.monotonic() <= self.fresh_until else 0

    def _poll(self, started: float) -> None:
        """Read what was ended since the last time, by a connection that works."""
        for _ in range(STALE_CONNECTIONS):
            connection = connections[Session.rows().db]
            connection.ensure_connection()
            try:
                self._rows.read(started, self.settings.interval or 0)
            except Error:
                if connection.is_usable():
                    raise
                # It was kept, by a pool or for `CONN_MAX_AGE`, and the server has let it go.
                connection.close()
            else:
                return
        raise OperationalError("every connection was stale")

    def complain(self, sentence: str) -> None:
        """Log this with what is being handled; not each time."""
        now = time.monotonic()
        if now - self._complained.get(sentence, -inf) >= _COMPLAINT_SECONDS:
            self._complained[sentence] = now
            _log.error(sentence, exc_info=sys.exc_info()[0] is not None)


def _give_connections_back() -> None:
    """Do what Django does after a request: to the pool, or closed, or kept for `CONN_MAX_AGE`."""
    for connection in connections.all(initialized_only=True):
        connection.close_if_unusable_or_obsolete()


def _close_connections() -> None:
    """Let go of this thread's connections: what failed may be one of them."""
    with suppress(Exception):
        connections.close_all()


_COMPLAINT_SECONDS = 60
_UNREADABLE = "ended sessions cannot be read; tried again every interval"
