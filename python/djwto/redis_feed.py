"""Ended sessions through Redis: published when they end, heard by every process at once.

It only makes the news faster. What is lost on the way, the database's feed brings within
`DJWTO_REVOCATION_INTERVAL`. Needs the package `redis`.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from functools import lru_cache
from struct import Struct, iter_unpack
from typing import TYPE_CHECKING, Any

import redis

from djwto import conf

if TYPE_CHECKING:
    from djwto.revocation import Feed

CHANNEL = "djwto:ended"
TIMEOUT_SECONDS = 1
"""How long a logout waits for Redis, and how long to wait before Redis is tried again."""

_ENTRY = Struct(">16sq")
"""The 16 bytes of a `sid`, and until when it is remembered, in seconds (RFC 7519, NumericDate)."""

_log = logging.getLogger("djwto")


def publish(url: str, ended: list[tuple[bytes, int]]) -> None:
    """Tell the other processes. A failure is logged: they will hear of it from the database."""
    try:
        client(url).publish(CHANNEL, b"".join(_ENTRY.pack(*entry) for entry in ended))
    except Exception:  # noqa: BLE001 (whatever fails)
        # Whatever fails: the session has ended, and others will hear of it all the same.
        _log.exception("ended sessions could not be published; others will read the database")


def listen(feed: Feed) -> None:
    """Start to listen, for as long as the feed goes on."""
    threading.Thread(target=_listen, args=(feed,), name="djwto-redis", daemon=True).start()


def _listen(feed: Feed) -> None:
    while not feed.is_stopped:
        try:
            _hear_all(feed)
        except Exception:  # noqa: BLE001, PERF203 (whatever fails, it is tried again)
            _log.exception("Redis cannot be heard; the database is read all the same")
            _wait_for_redis(feed)


def _hear_all(feed: Feed) -> None:
    with client(str(feed.settings.url)).pubsub() as channel:  # type: ignore[no-untyped-call]
        channel.subscribe(CHANNEL)
        while not feed.is_stopped:
            message = channel.get_message(timeout=TIMEOUT_SECONDS)
            if message is not None:
                _hear(feed, message)


def _wait_for_redis(feed: Feed) -> None:
    while not feed.is_stopped:
        time.sleep(TIMEOUT_SECONDS)
        with suppress(Exception):
            client(str(feed.settings.url)).ping()
            return


def _hear(feed: Feed, message: dict[str, Any]) -> None:
    if message["type"] == "subscribe":
        # Whatever was told before this moment was not heard.
        feed.look()
    elif message["type"] == "message" and len(message["data"]) % _ENTRY.size == 0:
        conf.ended_sessions.extend(list(iter_unpack(_ENTRY.format, message["data"])))


@lru_cache(maxsize=4)
def client(url: str) -> redis.Redis:
    """Give a client, which connects when it must. Raises `ValueError` where the address is none."""
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        health_check_interval=10,
    )
