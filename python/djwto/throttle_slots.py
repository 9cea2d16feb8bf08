"""Slots: a counter in a cache, with one mark for each attempt that may fail.

A slot is taken with `cache.add`, the one operation that is atomic in Redis, in Memcached and in a
database. Django's `incr` reads, writes, and restarts the time. A slot is free again one window
after it was taken, so the window slides exactly.

The engine says which slots to try and to read, in which order, and what to do if none is free
(`throttle.rs`). A large counter that was full is not read again within `_FULL_SECONDS`: in a flood,
a refusal costs two operations of the cache.

A mark says when the slot was taken, for which exact name, and whether the attempt has failed. The
cache holds HMACs and times, no name and no address. The HMACs are Django's `salted_hmac`, by its
`SECRET_KEY`.
"""

import logging
import math
import os
import random
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.core.cache import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.utils.crypto import salted_hmac

from djwto import _core
from djwto.exceptions import JWTError

_SALT = "djwto.throttle"
_FULL_SECONDS = 1

_log = logging.getLogger("djwto")


class Mark(NamedTuple):
    """The content of a slot."""

    taken: float
    """When the slot was taken, in seconds since 1970."""
    tag: str
    """The HMAC of the exact name."""
    has_failed: bool = False

    def text(self) -> str:
        """Write it for a cache."""
        return f"{self.taken!r} {self.tag} {'failed' if self.has_failed else 'begun'}"

    @classmethod
    def read(cls, text: str) -> "Mark":
        """Read what `text` wrote."""
        taken, tag, state = text.split()
        return cls(float(taken), tag, state == "failed")


class Slots:
    """The slots of one count, and the one among them that this attempt has taken."""

    def __init__(self, cache: BaseCache, count: _core.Count, account: str) -> None:
        self.count = count
        self.own: int | None = None
        self.retry_after = count.seconds
        """In how many seconds to try again, if `take` found no free slot."""
        self.is_in_flight = False
        """Whether a slot may be free sooner: an attempt that holds one has not failed yet."""
        self._mark = Mark(0, _hmac(account)[:16])
        self._has_failures = count.is_large
        store = _InProcess if isinstance(cache, LocMemCache) else _InCache
        self._store = store(cache, _hmac(count.name), count.seconds)

    def take(self) -> bool:
        """Take a free slot; False if there is none. Raises `JWTError`."""
        with _failures():
            return self._take(time.time())

    def fail(self) -> None:
        """Mark the attempt as failed, so that nothing waits for its slot. Raises `JWTError`."""
        if self.own is not None and not self.count.is_shared:
            with _failures():
                self._store.replace(self.own, self._mark._replace(has_failed=True))

    def own_failures(self) -> list[int]:
        """Return the slots in which attempts under this exact name have failed."""
        if not self._has_failures:
            return []
        with _failures():
            return [
                number
                for part in self._parts()
                for number, mark in self._store.read(part).items()
                if mark.has_failed and mark.tag == self._mark.tag
            ]

    def refusal(self) -> JWTError:
        """Return the refusal of an attempt without a slot."""
        return JWTError.of("login_throttled", retry_after=self.retry_after)

    def _take(self, now: float) -> bool:
        self._mark = self._mark._replace(taken=now)
        if self.count.is_large:
            first, *others = self.count.probes(_seed())
            if self._add(first):
                return True
            free = self._store.full_until()
            if free is not None and free > now:
                self.retry_after = self.count.seconds_until(free, now)
                return False
            if any(map(self._add, others)):
                return True
        found: list[Mark] = []
        for part in self._parts():
            taken = self._store.read(part)
            found += taken.values()
            if any(self._add(number) for number in part if number not in taken):
                self._has_failures |= any(mark.tag == self._mark.tag for mark in found)
                return True
        free, self.is_in_flight, self.retry_after = self.count.full(found, now)
        if self.count.is_large and not self.is_in_flight:
            self._store.note_full(free)
        return False

    def _add(self, number: int) -> bool:
        if self._store.add(number, self._mark):
            self.own = number
            return True
        return False

    def _parts(self) -> list[range]:
        return [range(*part) for part in self.count.parts(_seed())]

    def _numbers(self) -> list[int]:
        return [] if self.own is None else [self.own]


def release(slots: Iterable[Slots], *, forgiven: Slots | None = None) -> None:
    """Free what these have taken, and the failures under the exact name of `forgiven`.

    Raises `JWTError`.
    """
    freed = {one: one._numbers() for one in slots}  # noqa: SLF001
    if forgiven is not None:
        freed.setdefault(forgiven, []).extend(forgiven.own_failures())
    with _failures():
        keys: dict[BaseCache, list[str]] = {}
        for one, numbers in freed.items():
            store = one._store  # noqa: SLF001
            keys.setdefault(store.cache, []).extend(store.removed(numbers))
            one.own = None
        for cache, names in keys.items():
            if names:
                cache.delete_many(names)


class _InCache:
    """A key of the cache for each slot."""

    def __init__(self, cache: BaseCache, digest: str, seconds: int) -> None:
        self.cache = cache
        self._key = f"djwto.login.{digest}"
        self._seconds = seconds

    def read(self, numbers: Iterable[int]) -> dict[int, Mark]:
        """Return the marks of those slots that are taken."""
        keys = {self._name(number): number for number in numbers}
        found = self.cache.get_many(keys)
        return {keys[key]: Mark.read(text) for key, text in found.items()}

    def add(self, number: int, mark: Mark) -> bool:
        """Put a mark into a free slot; False if it is taken."""
        return bool(self.cache.add(self._name(number), mark.text(), self._seconds))

    def replace(self, number: int, mark: Mark) -> None:
        """Put another mark into a slot, for the rest of its time."""
        left = math.ceil(mark.taken + self._seconds - time.time())
        self.cache.set(self._name(number), mark.text(), min(max(left, 1), self._seconds))

    def removed(self, numbers: list[int]) -> list[str]:
        """Return the keys to delete, which frees these slots."""
        return [self._name(number) for number in numbers]

    def note_full(self, free: float) -> None:
        """Note until when no slot is free."""
        self.cache.set(f"{self._key}.full", repr(free), _FULL_SECONDS)

    def full_until(self) -> float | None:
        """Return what was noted within `_FULL_SECONDS`."""
        text = self.cache.get(f"{self._key}.full")
        return None if text is None else float(text)

    def _name(self, number: int) -> str:
        return f"{self._key}.{number}"


class _InProcess(_InCache):
    """One key for all slots, where the cache is the memory of this process.

    A lock makes the changes atomic. By default such a cache has room for 300 keys, and would soon
    push slots out.
    """

    def read(self, numbers: Iterable[int]) -> dict[int, Mark]:
        with self._marks() as marks:
            return {number: Mark(*marks[number]) for number in numbers if number in marks}

    def add(self, number: int, mark: Mark) -> bool:
        with self._marks() as marks:
            return marks.setdefault(number, own := tuple(mark)) is own

    def replace(self, number: int, mark: Mark) -> None:
        with self._marks() as marks:
            marks[number] = tuple(mark)

    def removed(self, numbers: list[int]) -> list[str]:
        with self._marks() as marks:
            for number in numbers:
                marks.pop(number, None)
        return []

    @contextmanager
    def _marks(self) -> Iterator[dict[int, tuple[Any, ...]]]:
        """Return the slots that are taken, and keep what the block makes of them.

        A mark is a plain tuple here: these are pickled at each change.
        """
        start = time.time() - self._seconds
        with _lock:
            kept = self.cache.get(self._key, {})
            marks = {number: mark for number, mark in kept.items() if mark[0] > start}
            yield marks
            if marks != kept:
                self.cache.set(self._key, marks, self._seconds)


_lock = threading.Lock()


def _forget() -> None:
    """Make a new lock in a forked child, which does not have the thread that held it."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _seed() -> int:
    return random.getrandbits(64)


def _hmac(text: str) -> str:
    return salted_hmac(_SALT, text, algorithm="sha256").hexdigest()


@contextmanager
def _failures() -> Iterator[None]:
    """Turn exceptions of an unreachable cache into 503."""
    try:
        yield
    except Exception as error:
        _log.exception(
            "The cache of DJWTO_LOGIN_THROTTLE failed, so a login was answered with 503."
        )
        raise JWTError.of("store_unavailable") from error
