"""How a process learns of sessions that other processes ended.

The engine has a set of ended sessions. Each verification asks it, so no request asks the database.
A thread updates the set: with one indexed query per `DJWTO_REVOCATION_INTERVAL`, and with
`DJWTO_REVOCATION_URL` by messages of Redis. Sessions that this process ends are in the set at once.
While a project's tests run there is no thread, because they are one process.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured

from djwto import commits, conf, times
from djwto.exceptions import JWTError
from djwto.revocation import listeners
from djwto.revocation.poller import UNKNOWN, RevocationPoller

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from djwto.conf import Config, Revocation


def require(config: Config) -> None:
    """Refuse if the set of ended sessions is too old, or not loaded yet.

    Raises `JWTError` (`store_unavailable`). First it waits for a look at the database, if none was
    tried since the set became too old: at the first request, or after the process was frozen. It
    waits at most 5 seconds from the start of the look.
    """
    feed = _current(config)
    if time.monotonic() > feed.freshness.fresh_until and not feed.is_fresh_soon():
        feed.complain(UNKNOWN)
        raise JWTError.of("store_unavailable")


def is_known(config: Config) -> bool | None:
    """Whether the set can be trusted, without waiting; None if a look will tell soon.

    `listeners` are told when that look has ended.
    """
    feed = _current(config)
    is_fresh, seconds = feed.freshness.guard(time.monotonic(), 0)
    if not seconds:
        return is_fresh
    feed.look()
    return None


async def arequire() -> None:
    """Do what `require` does, without blocking the event loop."""
    await aload()
    require(conf.current())


async def aload() -> None:
    """Wait for what `require` would wait for."""
    while is_loading(conf.current()):
        # It waits for another thread alone, so any thread will do.
        await sync_to_async(require, thread_sensitive=False)(conf.current())


def is_loading(config: Config) -> bool:
    """Whether `require` would wait: an async view lets a thread do that."""
    feed = _current(config)
    return feed.is_awaited


def announce(ended: Iterable[tuple[UUID, int]]) -> None:
    """Announce ended sessions, each with the time at which its last access token expires.

    After the commit they are in the set of this process, and with Redis in those of others.
    """
    from djwto.models import Session  # here, because a service that only verifies has no tables

    pairs = _pairs(ended)
    commits.after_commit(lambda: _tell(pairs), Session.database())


_feed: RevocationPoller | None = None
_starting = threading.Lock()


def _current(config: Config) -> RevocationPoller:
    feed = _feed
    if feed is None or feed.settings is not config.revocation:
        feed = _start(config.revocation)
    return feed


def _start(settings: Revocation) -> RevocationPoller:
    global _feed  # noqa: PLW0603
    with _starting:
        if _feed is not None and _feed.settings == settings:
            # Other settings were changed, or keys.
            _feed.settings = settings
        else:
            if _feed is not None:
                _feed.stop()
            _feed = RevocationPoller(settings)
        return _feed


def _forget() -> None:
    """In a forked child: the parent's thread does not exist, and its lock may stay held."""
    global _feed, _starting
    _feed, _starting = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _pairs(ended: Iterable[tuple[UUID, int]]) -> list[tuple[bytes, int]]:
    return [(key.bytes, until // times.SECOND) for key, until in ended]


def _tell(pairs: list[tuple[bytes, int]]) -> None:
    conf.ended_sessions.extend(pairs)
    listeners.notify()
    try:
        url = conf.current().revocation.url
    except ImproperlyConfigured:
        # A command without keys ends sessions too. Servers find that in the database.
        return
    if pairs and url is not None:
        from djwto.revocation.redis_channel import publish

        publish(pairs)
