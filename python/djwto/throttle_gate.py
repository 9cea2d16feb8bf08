"""How many passwords this process checks at once: `password_hashes` of `DJWTO_LOGIN_THROTTLE`.

A password hash takes a CPU for a good part of a second, and a thread of the server waits for it.
Further logins wait for a while, as long as logins succeed. If most logins fail, a login that would
have to wait is refused at once, so the threads stay free for other requests. If checks are quick,
as with the hashers of tests, all logins may wait.

This is not in the engine, because it holds the threads of one process, with a lock and a clock.
"""

import os
import time
from collections import Counter
from threading import Condition

MOST_WAITING = 64
"""How many logins of this process may wait."""
MOST_WAITING_TOGETHER = 32
"""How many of them may wait for one account from one network."""
_QUICK_SECONDS = 0.05
"""Every real password hasher takes longer, in seconds."""
_USUAL_FAILURES, _MOST_FAILURES = 0.1, 0.5
"""The share of failed logins: the assumed one after a pause, and the one that ends waiting."""
_REST_SECONDS = 10
_WEIGHT = 0.15
"""The weight of the latest login in an average."""


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Gate:
    """Counts the logins of this process that check a password, and those that wait."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._running = 0
        self._waiting: Counter[str] = Counter()
        self._seconds: float | None = None
        """How long the check of a password takes, on average."""
        self._failures = _USUAL_FAILURES
        self._ended = time.monotonic()

    def is_closed(self, key: str, size: int) -> bool:
        """Whether `enter` would refuse at once, as things are now."""
        with self._changed:
            return self._running >= size and not self._may_wait(key)

    def enter(self, key: str, size: int, deadline: float) -> bool:
        """Begin to check a password; False if others do, and this one may not wait.

        `key` stands for the account and network, `size` is how many may do so at once, and
        `deadline` is by the monotonic clock. `leave` ends it.
        """
        with self._changed:
            while self._running >= size:
                if not self._waits(key, deadline - time.monotonic()):
                    return False
            self._running += 1
            return True

    def leave(self, seconds: float, *, has_failed: bool) -> None:
        """End the check of a password, which took so long."""
        with self._changed:
            if self._seconds is None:
                self._seconds = seconds
            self._seconds += _WEIGHT * (seconds - self._seconds)
            failures, self._ended = self._share_of_failures(), time.monotonic()
            self._failures = failures + _WEIGHT * (has_failed - failures)
            self._running -= 1
            self._changed.notify_all()

    def wait(self, key: str, seconds: float) -> bool:
        """Wait until a login of this process ends, or so long; False where this may not wait."""
        with self._changed:
            return self._waits(key, seconds)

    def _waits(self, key: str, seconds: float) -> bool:
        if seconds <= 0 or not self._may_wait(key):
            return False
        self._waiting[key] += 1
        try:
            self._changed.wait(seconds)
        finally:
            self._waiting -= Counter((key,))  # which forgets a key that is at 0
        return True

    def _may_wait(self, key: str) -> bool:
        if self._waiting.total() >= MOST_WAITING or self._waiting[key] >= MOST_WAITING_TOGETHER:
            return False
        is_quick = self._seconds is None or self._seconds <= _QUICK_SECONDS
        return is_quick or self._share_of_failures() < _MOST_FAILURES

    def _share_of_failures(self) -> float:
        # A test that travels in time may have set this clock back.
        rest: float = 0.5 ** (max(0.0, time.monotonic() - self._ended) / _REST_SECONDS)
        return _USUAL_FAILURES + (self._failures - _USUAL_FAILURES) * rest


gate = Gate()
"""The gate of this process."""


def _forget() -> None:
    """In a forked child: the threads that were counted are not there."""
    gate.__init__()  # type: ignore[misc]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
