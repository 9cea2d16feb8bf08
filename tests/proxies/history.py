"""Which answers are right, by what a test itself did. Nothing here knows how the guard decides.

A fact, such as "this session is live", changes while clients send requests. A change takes from
``begun`` to ``done``, and it may take a known time until the guard has to know of it. A request
that overlaps that time may get either answer. Any other has one right answer.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from math import inf
from typing import Generic, TypeVar

from tests.proxies.load import Answered

T = TypeVar("T")
Clock = Callable[[], float]


@dataclass
class _Change(Generic[T]):
    value: T
    begun: float = -inf
    known: float = -inf
    """From here on, the guard has to know."""


@dataclass
class Fact(Generic[T]):
    """A value that changes. ``lag`` is how long the guard may take to learn of it, in seconds."""

    first: T
    lag: float = 0
    clock: Clock = time.time
    _changes: list[_Change[T]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._changes.append(_Change(self.first))

    @property
    def value(self) -> T:
        return self._changes[-1].value

    @contextmanager
    def becoming(self, value: T) -> Iterator[None]:
        """Change it. The block is the change; if it fails, either value may hold for ever."""
        change = _Change(value, self.clock(), inf)
        self._changes.append(change)
        yield
        change.known = self.clock() + self.lag

    def between(self, start: float, end: float) -> set[T]:
        """Give every value that the guard may take for the right one in this time."""
        followed = [change.known for change in self._changes[1:]] + [inf]
        return {
            change.value
            for change, until in zip(self._changes, followed, strict=True)
            if change.begun <= end and start < until
        }


@dataclass
class Token:
    """What a client shows: a session of a user, signed with a key."""

    live: Fact[bool]
    permitted: Fact[bool]
    trusted: Fact[bool]


@dataclass
class History:
    """All facts of a test."""

    rules: dict[str, Fact[str]]
    """By path: ``public``, ``login``, or ``permission``."""
    tokens: dict[str, Token]
    """By name. Any other name is of a token that opens nothing."""
    faults: list[tuple[float, float, str]] = field(default_factory=list)
    """From, until, and what was at fault."""
    clock: Clock = time.time

    @contextmanager
    def fault(self, what: str) -> Iterator[None]:
        """Excuse refusals for as long as the block takes."""
        start = self.clock()
        try:
            yield
        finally:
            self.faults.append((start, self.clock(), what))

    def right(self, one: Answered) -> set[bool]:
        """Say whether the request may pass: one answer, or both if a change was under way."""
        token, time_of = self.tokens.get(one.token), (one.sent, one.received)
        live = token.live.between(*time_of) if token else {False}
        permitted = token.permitted.between(*time_of) if token else {False}
        trusted = token.trusted.between(*time_of) if token else {False}
        rules = self.rules[one.path].between(*time_of)
        return {
            rule == "public" or (is_live and is_trusted and (rule == "login" or may))
            for rule, is_live, is_trusted, may in product(rules, live, trusted, permitted)
        }

    def wrong_allows(self, answered: list[Answered]) -> list[Answered]:
        """Give what passed and was not to."""
        return [one for one in answered if one.status == 200 and True not in self.right(one)]

    def wrong_refusals(self, answered: list[Answered]) -> list[Answered]:
        """Give what was refused and was to pass, outside of faults."""
        return [
            one
            for one in answered
            if one.status != 200 and self.right(one) == {True} and not self.excuse(one)
        ]

    def spans(self, what: str) -> list[tuple[float, float]]:
        """Give the times of every such fault, the first one first."""
        return [(start, end) for start, end, fault in self.faults if fault == what]

    def excuse(self, one: Answered) -> str:
        """Name a fault during the request; empty if there was none."""
        overlapping = (
            what for start, end, what in self.faults if one.sent <= end and start <= one.received
        )
        return next(overlapping, "")
