"""Ended sessions through Redis: published when they end, heard by every process at once.

It only makes the news faster. What is lost on the way is read from the database within
`DJWTO_REVOCATION_INTERVAL`. Redis is not trusted: the engine says what a message means
(`crates/djwto-core/src/session/messages.rs`). One that another server with the same keys has signed
counts; any other is a reason to look at the database. Needs the package `redis`.
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
"""How long a logout waits for Redis, and how long to wait before Redis is tried again."""
FORGET_SECONDS = 60

_log = logging.getLogger("djwto")


class Feed(Protocol):
    """What keeps the set of ended sessions, and is told what was heard."""

    settings: Revocation

    @property
    def is_stopped(self) -> bool:
        """Whether to stop listening."""

    def look(self) -> None:
        """Ask the database now."""

    def rest(self, seconds: float) -> bool:
        """Wait, unless the feed is stopped. Whether it is."""

    def forget(self) -> None:
        """Forget the sessions whose last access token expired long ago."""

    def complain(self, sentence: str) -> None:
        """Log this."""


def publish(ended: list[tuple[bytes, int]]) -> None:
    """Tell the other processes. A failure is logged: they will hear of it from the database."""
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


def listen(feed: Feed) -> None:
    """Start to listen, for as long as the feed goes on."""
    threading.Thread(target=_listen, args=(feed,), name="djwto-redis", daemon=True).start()


def _listen(feed: Feed) -> None:
    while not feed.is_stopped:
        try:
            _hear_all(feed)
        except Exception:  # noqa: BLE001, PERF203 (it is tried again after any failure)
            feed.complain("Cannot read from Redis. Ended sessions still come from the database.")
            _wait_for_redis(feed)


def _hear_all(feed: Feed) -> None:
    forgotten = -inf
    with client(str(feed.settings.url)).pubsub() as channel:  # type: ignore[no-untyped-call]
        channel.subscribe(CHANNEL)
        while not feed.is_stopped:
            message = channel.get_message(timeout=TIMEOUT_SECONDS)
            if message is not None:
                _hear(feed, message)
            if time.monotonic() - forgotten > FORGET_SECONDS:
                # Without a database nothing else makes the set forget.
                forgotten = time.monotonic()
                feed.forget()


def _wait_for_redis(feed: Feed) -> None:
    while not feed.rest(TIMEOUT_SECONDS):
        with suppress(Exception):
            client(str(feed.settings.url)).ping()
            return


def _hear(feed: Feed, message: dict[str, Any]) -> None:
    if message["type"] == "subscribe":
        # What was told before this moment was not heard.
        feed.look()
    elif message["type"] == "message":
        heard = conf.engine().hear_ended(message["data"], time.time())
        listeners.notify()
        if heard.left_out:
            feed.complain(
                "Too many sessions ended at once. Redis adds no more; they come from the database."
            )
        if heard.needs_look:
            feed.look()
        if heard.pause_seconds:
            feed.rest(heard.pause_seconds)


@lru_cache(maxsize=4)
def client(url: str) -> redis.Redis:
    """Return a client, which connects at its first use. Raises `ValueError` for a wrong URL."""
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        health_check_interval=10,
    )
