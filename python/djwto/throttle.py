"""Brakes on guessing passwords at `login/`: `DJWTO_LOGIN_THROTTLE`.

1. An attempt is counted before the password is looked at, and taken back if it was no failure:
   attempts at the same instant cannot slip through.
2. The count is of slots, one key in the cache for each attempt that may fail. To take a slot is
   `cache.add`, the one operation that is atomic in Redis, in Memcached and in a database, where
   Django's `incr` reads, writes, and starts the time anew. A slot is free again a window after it
   was taken: the window slides, exactly.
3. Two counts. The strict one is of an account and a network, and is cleared by a successful login.
   The ceiling is of the account, wherever the attempts come from; devices that the account
   knows are let through, so that nobody can lock another out.
4. Accounts that do not exist are counted as others are. The cache holds HMACs and times, no name
   and no address.

Source: OWASP, Authentication Cheat Sheet, "Login Throttling" and "Device Cookies".
"""

import logging
import math
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.core.cache import BaseCache, caches
from django.http import HttpRequest, JsonResponse
from django.utils.crypto import salted_hmac

from djwto import addresses, authentication, conf, exceptions, replies, sessions
from djwto.exceptions import JWTError

_SALT = "djwto.throttle"

_log = logging.getLogger("djwto")


@contextmanager
def counted(request: HttpRequest) -> Iterator[None]:
    """Count an attempt to log in, which fails where the block raises what refuses credentials.

    Raises `JWTError`: `login_throttled` with `retry_after`, or `store_unavailable` where the cache
    fails.
    """
    limits = conf.current().throttle
    if limits is None:
        yield
        return
    attempt = _Attempt(request, limits)
    attempt.begin()
    try:
        yield
    except Exception as error:
        if not exceptions.is_failed_login(error):
            attempt.take_back()
        raise
    attempt.forgive()


def axes_lockout(request: HttpRequest, *_: Any) -> JsonResponse:
    """Answer for `AXES_LOCKOUT_CALLABLE` of django-axes: 429 as JSON."""
    # Only axes calls this, so it is there.
    cool_off = import_module("axes.helpers").get_cool_off(request)
    seconds = None if cool_off is None else math.ceil(cool_off.total_seconds())
    return replies.refusal(JWTError.of("login_throttled", retry_after=seconds))


class _Attempt:
    """One attempt to log in, with the slots that it takes."""

    def __init__(self, request: HttpRequest, limits: conf.Throttle) -> None:
        self.account = authentication.user_account(request)
        self.address = addresses.client_address(request)
        name, network = _normalised(self.account), addresses.network(self.address)
        cache, window = caches[limits.cache], limits.window
        self.pair = self.ceiling = None
        # Without an address everybody would be one client, and could lock all others out; without a
        # name everybody would be one account. Where there is neither, something must count.
        if network or not name:
            # A name has no space left in it, so that no count goes by the name of another.
            self.pair = _Slots(cache, f"{network} {name}", limits.attempts, window)
        if name:
            self.ceiling = _Slots(cache, name, limits.account_attempts, window)

    def begin(self) -> None:
        """Take a slot of each count. Raises `JWTError`, and holds none then."""
        if self.pair is not None and not self.pair.take():
            raise self.pair.refusal()
        if self.ceiling is None:
            return
        try:
            has_room = self.ceiling.take() or sessions.is_known(self.account, self.address)
        except Exception:
            self.take_back()
            raise
        if not has_room:
            self.take_back()
            raise self.ceiling.refusal()

    def take_back(self) -> None:
        """Give the slots back: this was no failed login."""
        for slots in (self.pair, self.ceiling):
            if slots is not None:
                slots.give_back()

    def forgive(self) -> None:
        """Clear what failed from this network before: the account is this client's own."""
        if self.pair is not None:
            self.pair.clear()
        if self.ceiling is not None:
            self.ceiling.give_back()


class _Slots:
    """As many keys as attempts may fail, each free again a window after it was taken."""

    def __init__(self, cache: BaseCache, name: str, count: int, window: timedelta) -> None:
        self.cache = cache
        self.seconds = math.ceil(window.total_seconds())
        digest = salted_hmac(_SALT, name, algorithm="sha256").hexdigest()
        self.keys = [f"djwto.login.{digest}.{number}" for number in range(count)]
        self.own: str | None = None
        self.wait = self.seconds

    def take(self) -> bool:
        """Take a free slot; False where there is none."""
        now = time.time()
        with _cache_failures():
            taken = self.cache.get_many(self.keys)
            for key in self.keys:
                if key not in taken and self.cache.add(key, now, self.seconds):
                    self.own = key
                    return True
        # Others may have been quicker, just now: then the first of all slots to be free is a guess.
        free = min(taken.values(), default=now) + self.seconds
        self.wait = min(max(math.ceil(free - now), 1), self.seconds)
        return False

    def give_back(self) -> None:
        """Free the slot that was taken, if one was."""
        if self.own is not None:
            with _cache_failures():
                self.cache.delete(self.own)

    def clear(self) -> None:
        """Free every slot."""
        with _cache_failures():
            self.cache.delete_many(self.keys)

    def refusal(self) -> JWTError:
        """Make the answer to an attempt for which there was no slot."""
        return JWTError.of("login_throttled", retry_after=self.wait)


def _normalised(account: str) -> str:
    """Write a name so that no two spellings of one account differ.

    A form strips it and applies NFKC; a database's collation may go further, and ignore case,
    accents and signs that cannot be seen. This goes as far as any: two accounts that share
    a count are less harm than one whose every spelling has a count of its own.
    """
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", account).casefold())
    return "".join(sign for sign in text if unicodedata.category(sign)[0] not in "MCZ")


@contextmanager
def _cache_failures() -> Iterator[None]:
    """Turn whatever a cache raises that is out of reach into 503."""
    try:
        yield
    except Exception as error:
        _log.exception("the cache of DJWTO_LOGIN_THROTTLE failed")
        raise JWTError.of("store_unavailable") from error
