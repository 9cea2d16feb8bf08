"""The throttle: it bounds how many logins may fail, by `DJWTO_LOGIN_THROTTLE`.

1. An attempt is counted before the password is checked, and taken back if it did not fail. So
   attempts at the same instant cannot get around the limit.
2. The engine has the counters and their limits (`throttle.rs`). `throttle_slots.py` keeps a counter
   in a cache.
3. A login that finds no free slot waits while the logins with a slot have not failed yet. It waits
   at most `WAIT_SECONDS`, holds no transaction, and the number of waiting logins is bounded.
4. `throttle_gate.py` bounds the passwords that this process checks at once.
5. Accounts that do not exist are counted like others.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

from django.core.cache import caches
from django.http import HttpRequest, JsonResponse

from djwto import (
    _core,
    addresses,
    authentication,
    conf,
    csrf,
    exceptions,
    responses,
    sessions,
    tenants,
    throttle_rules,
)
from djwto.exceptions import JWTError
from djwto.throttle_gate import gate, processors
from djwto.throttle_slots import Slots, release

__all__ = ["axes_lockout"]

WAIT_SECONDS = 10
"""How long a login waits, at most: for a slot and for its turn to check the password together."""
_POLL_SECONDS = 0.1
"""How often a login that waits looks for slots that another process has freed."""


@contextmanager
def counted(request: HttpRequest, account: str | None = None) -> Iterator[None]:
    """Count an attempt to log in. The block checks the credentials.

    The attempt has failed if the block raises `ValidationError`, `PermissionDenied`, or `JWTError`
    with a status below 500. `account` is the login name; None asks `authentication.user_account`.

    Raises `JWTError`: `login_throttled` or `login_busy`, with `retry_after` in seconds, or
    `store_unavailable` if the cache fails.
    """
    limits = _limits()
    if limits is None:
        yield
        return
    attempt = _Attempt(request, limits, account)
    attempt.begin()
    started, has_failed = time.monotonic(), False
    try:
        try:
            yield
        finally:
            seconds = time.monotonic() - started
    except Exception as error:
        has_failed = exceptions.is_failed_login(error)
        if has_failed:
            attempt.fail()
        else:
            attempt.take_back()
        raise
    else:
        attempt.forgive()
    finally:
        gate.leave(seconds, has_failed=has_failed)


@contextmanager
def hashing() -> Iterator[None]:
    """Hash a password in the block, within the limit of hashes at once.

    Raises `JWTError` (`login_busy`).
    """
    limits = _limits()
    if limits is None:
        yield
        return
    _enter("", limits.password_hashes or processors(), time.monotonic() + WAIT_SECONDS)
    started = time.monotonic()
    try:
        yield
    finally:
        gate.leave(time.monotonic() - started, has_failed=False)


def axes_lockout(request: HttpRequest, *_: Any) -> JsonResponse:
    """Return the reply for `AXES_LOCKOUT_CALLABLE` of django-axes: 429 as JSON."""
    # Only axes calls this, so it is there.
    cool_off = import_module("axes.helpers").get_cool_off(request)
    seconds = None if cool_off is None else math.ceil(cool_off.total_seconds())
    return responses.refusal(JWTError.of("login_throttled", retry_after=seconds))


def _limits() -> conf.Throttle | None:
    """The settings; None while the tests of a project run that has set none."""
    if conf.is_test_run() and not conf.is_set("LOGIN_THROTTLE"):
        return None
    return conf.current().throttle


def _enter(key: str, size: int, deadline: float) -> None:
    if not gate.enter(key, size, deadline):
        raise _busy()


def _busy() -> JWTError:
    return JWTError.of("login_busy", retry_after=1)


class _Attempt:
    """One attempt to log in, with the slots that it takes."""

    def __init__(self, request: HttpRequest, limits: conf.Throttle, account: str | None) -> None:
        if account is None:
            account = authentication.user_account(request)
        self.account = throttle_rules.exact(account)
        self.tenant = tenants.of(request)
        self.address = addresses.client_address(request)
        self.limits, self.cache = limits, caches[limits.cache]
        self.steps = throttle_rules.attempt(
            account, self.tenant, self.address, limits, is_foreign=csrf.is_foreign(request)
        )
        self.key = self.steps.pair or ""
        self.pair: Slots | None = None
        self.taken: list[Slots] = []
        self.deadline = time.monotonic() + WAIT_SECONDS

    def begin(self) -> None:
        """Take a slot of each count. Raises `JWTError`, and holds none then."""
        size = self.limits.password_hashes or processors()
        if gate.is_closed(self.key, size):
            # In a flood most are refused here, without asking the cache.
            raise _busy()
        try:
            self._go_through()
            _enter(self.key, size, self.deadline)
        except BaseException:
            self.take_back()
            raise

    def take_back(self) -> None:
        """Free the slots: this was not a failed login."""
        release(self.taken)

    def fail(self) -> None:
        """Keep the slots taken, and let no other login wait for them."""
        # A cache that fails just now changes nothing: such a mark counts as failed after a while.
        with suppress(JWTError):
            for slots in self.taken:
                slots.fail()

    def forgive(self) -> None:
        """Free the slots, and those of failed logins under this exact name from this network."""
        release(self.taken, forgiven=self.pair)

    def _go_through(self) -> None:
        """Take the steps that the engine says. Raises `JWTError`."""
        outcome: bool | None = None
        refused: Slots | None = None
        while True:
            step, count = self.steps.next(outcome)
            if step == "admit":
                return
            if step == "refuse":
                raise _busy() if refused is None else refused.refusal()
            if count is None:  # it is asked whether the account knows the network
                outcome = sessions.is_known(self.account, self.address, self.tenant)
            elif step == "demand":
                taken, outcome = self._demand(count), True
                if count.name == self.key:
                    self.pair = taken
            else:
                refused = self._take(count)
                outcome = refused is None

    def _demand(self, count: _core.Count) -> Slots:
        """Take a slot, and wait for one that may become free. Raises `JWTError`."""
        while (refused := self._take(count)) is not None:
            seconds = min(_POLL_SECONDS, self.deadline - time.monotonic())
            if not (refused.is_in_flight and gate.wait(self.key, seconds)):
                raise refused.refusal()
        return self.taken[-1]

    def _take(self, count: _core.Count) -> Slots | None:
        """Take a slot; gives the slots back where none is free."""
        slots = Slots(self.cache, count, self.account)
        if not slots.take():
            return slots
        self.taken.append(slots)
        return None
