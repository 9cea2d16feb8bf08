"""Ended sessions through Redis: published when they end, and received by every process at once.

Redis only speeds things up. A lost message is made up for by the database, within
`DJWTO_REVOCATION_INTERVAL`. Redis is not trusted: the engine verifies each message
(`crates/djwto-core/src/session/messages.rs`). A message counts if a server with the same keys has
signed it. Any other message is only a reason to ask the database. It needs the package `redis`.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

import redis

from djwto import conf
from djwto.revocation import listeners

if TYPE_CHECKING:
    from djwto.conf import Revocation

CHANNEL = "djwto:ended"
TIMEOUT_SECONDS = 1
"""How long a logout waits for Redis, and the pause before the next try, in seconds."""
FORGET_SECONDS = 60

_log = logging.getLogger("djwto")


class Poller(Protocol):
    """The part of the poller that this module needs."""

    settings: Revocation

    @property
    def is_stopped(self) -> bool:
        """Whether to stop listening."""

    def look(self) -> None:
        """Ask the database now."""

    def rest(self, seconds: float) -> bool:
        """Wait for some seconds, or until the poller is stopped. Returns whether it is stopped."""

    def forget(self) -> None:
        """Forget the sessions whose last access token expired long ago."""

    def complain(self, sentence: str) -> None:
        """Log this sentence."""


def publish(ended: list[tuple[bytes, int]]) -> None:
    """Tell the other processes. A failure is only logged, because they ask the database too."""
    try:
        pipeline = client(str(conf.current().revocation.url)).pipeline(transaction=False)
        for message in conf.engine().sign_ended(ended, time.time()):
            pipeline.publish(CHANNEL, message)
        pipeline.execute()
    except Exception:  # noqa: BLE001 (any failure)
        # The session has ended all the same, and others will read that from the database.
        _log.exception(
            "Failed to publish ended sessions. Other processes read them from the database."
        )


def listen(poller: Poller) -> None:
    """Start to listen, until the poller is stopped."""
    threading.Thread(target=_listen, args=(poller,), name="djwto-redis", daemon=True).start()


def _listen(poller: Poller) -> None:
    while not poller.is_stopped:
        try:
            _hear_all(poller)
        except Exception:  # noqa: BLE001, PERF203 (it is tried again after any failure)
            poller.complain("Cannot read from Redis. Ended sessions still come from the database.")
            _wait_for_redis(poller)


def _hear_all(poller: Poller) -> None:
    forgotten = -inf
    with client(str(poller.settings.url)).pubsub() as channel:  # type: ignore[no-untyped-call]
        channel.subscribe(CHANNEL)
        while not poller.is_stopped:
            message = channel.get_message(timeout=TIMEOUT_SECONDS)
            if message is not None:
                _hear(poller, message)
            if time.monotonic() - forgotten > FORGET_SECONDS:
                # Without a database nothing else makes the set forget.
                forgotten = time.monotonic()
                poller.forget()


def _wait_for_redis(poller: Poller) -> None:
    while not poller.rest(TIMEOUT_SECONDS):
        with suppress(Exception):
            client(str(poller.settings.url)).ping()
            return


def _hear(poller: Poller, message: dict[str, Any]) -> None:
    if message["type"] == "subscribe":
        # What was told before this moment was not heard.
        poller.look()
    elif message["type"] == "message":
        heard = conf.engine().hear_ended(message["data"], time.time())
        listeners.notify()
        if heard.left_out:
            poller.complain(
                "Too many sessions ended at once. Redis adds no more; they come from the database."
            )
        if heard.needs_look:
            poller.look()
        if heard.pause_seconds:
            poller.rest(heard.pause_seconds)


@lru_cache(maxsize=4)
def client(url: str) -> redis.Redis:
    """Return a client, which connects at its first use. Raises `ValueError` for a wrong URL."""
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        health_check_interval=10,
    )
