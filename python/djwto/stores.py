"""What a database's failures mean: a store that is away for a while, a lost race, or a mistake."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connections

from djwto import commits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


def is_gone(error: BaseException) -> bool:
    """Whether a database failed in a way that may pass: the same request may succeed later.

    That is so where it cannot be reached, has no connection left, gives up waiting, is full, or
    takes no writes for now, as during a failover. Other errors are mistakes of a statement.
    """
    if isinstance(error, OperationalError | InterfaceError):
        return True
    # psycopg has these as internal errors: a server that is read-only, and limits of time.
    return isinstance(error, InternalError) and _state(error) in _PASSING_STATES


def advice(error: BaseException) -> str:
    """Give what a log adds to a failure: what to do where a table or a column is missing, or ""."""
    is_missing = (
        _state(error) in _MISSING_STATES
        or _number(error) in _MISSING_NUMBERS
        or str(error).startswith(_MISSING_IN_SQLITE)
    )
    return ": a table or a column is missing, run `manage.py migrate`" if is_missing else ""


def is_lost_race(error: BaseException) -> bool:
    """Whether the database gave up this transaction for another one: a repetition may succeed.

    A wait for a lock that took too long is none: a repetition would wait as long again.
    """
    if not isinstance(error, DatabaseError):
        return False
    return _state(error) in _LOST_STATES or _number(error) in _LOST_NUMBERS


def retried(work: Callable[[], T], *, using: str, attempts: int = 20) -> T:
    """Do this work, which opens a transaction, again where it loses a race.

    Within a transaction that is open already it is done once: the database has given up that one.
    """
    while True:
        try:
            return work()
        except DatabaseError as error:
            attempts -= 1
            if not is_lost_race(error) or attempts <= 0 or commits.is_pending(using):
                raise
        # Apart, so that the same ones do not meet again.
        time.sleep(random.uniform(0, _MOST_APART_SECONDS))  # noqa: S311


def let_go(error: BaseException) -> None:
    """Close this thread's connections to a server that takes no writes, where none is in use.

    Another server may have taken over; a connection that is kept would never find it.
    """
    if _state(error) != _READ_ONLY_STATE and _number(error) not in _READ_ONLY_NUMBERS:
        return
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            with suppress(DatabaseError, InterfaceError):
                connection.close()


def _state(error: BaseException) -> str | None:
    """Give the SQLSTATE: as psycopg names it, or as psycopg2 does."""
    for one in _causes(error):
        state = getattr(one, "sqlstate", None) or getattr(one, "pgcode", None)
        if isinstance(state, str):
            return state
    return None


def _number(error: BaseException) -> int | None:
    """Give the number of an error of MySQL or MariaDB."""
    for one in _causes(error):
        if one.args and isinstance(one.args[0], int):
            return one.args[0]
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Give Django's exception and the driver's."""
    yield error
    if error.__cause__ is not None:
        yield error.__cause__


_READ_ONLY_STATE = "25006"
_READ_ONLY_NUMBERS = (1290, 1836)
"""`--read-only`, and read-only mode."""
_PASSING_STATES = (_READ_ONLY_STATE, "25P03", "25P04")
"""Read-only; a transaction that was idle, or open, for too long."""
_LOST_STATES = ("40001", "40P01")
"""Serialization failure, and deadlock."""
_LOST_NUMBERS = (1213, 1020)
"""Deadlock, and a row that has changed since the transaction began."""
_MISSING_STATES = ("42P01", "42703")
"""Undefined table, and undefined column."""
_MISSING_NUMBERS = (1146, 1054)
"""The same."""
_MISSING_IN_SQLITE = ("no such table", "no such column")
_MOST_APART_SECONDS = 0.05
