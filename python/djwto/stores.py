"""What a failure of the database means: it is away for a while, a race was lost, or a mistake."""

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
    """Whether the failure of a database may pass, so that the same request may succeed later.

    True if the database cannot be reached, has no connection left, gave up waiting, is full, or
    takes no writes, as during a failover. Other errors are mistakes in a statement.
    """
    if isinstance(error, OperationalError | InterfaceError):
        return True
    # psycopg has these as internal errors: a server that is read-only, and limits of time.
    return isinstance(error, InternalError) and _state(error) in _PASSING_STATES


def advice(error: BaseException) -> str:
    """Return a sentence for the log, with a space before it, if a table is missing; else ""."""
    is_missing = (
        _state(error) in _MISSING_STATES
        or _number(error) in _MISSING_NUMBERS
        or str(error).startswith(_MISSING_IN_SQLITE)
    )
    return " A table or a column is missing. Run `manage.py migrate`." if is_missing else ""


def is_lost_race(error: BaseException) -> bool:
    """Whether the database gave up this transaction for another one, so that a retry may succeed.

    False if the wait for a lock took too long: a retry would wait as long again.
    """
    if not isinstance(error, DatabaseError):
        return False
    return _state(error) in _LOST_STATES or _number(error) in _LOST_NUMBERS


def retried(work: Callable[[], T], *, using: str, attempts: int = 20) -> T:
    """Run this work, which opens a transaction, and run it again each time it loses a race.

    Inside an open transaction it runs once, because the database has given up that transaction.
    """
    while True:
        try:
            return work()
        except DatabaseError as error:
            attempts -= 1
            if not is_lost_race(error) or attempts <= 0 or commits.is_pending(using):
                raise
        # A random pause, so that the same transactions do not meet again.
        time.sleep(random.uniform(0, _MOST_APART_SECONDS))  # noqa: S311


def let_go(error: BaseException) -> None:
    """Close the idle connections of this thread if the server takes no writes.

    Another server may have taken over. A connection that stays open would never find it.
    """
    if _state(error) != _READ_ONLY_STATE and _number(error) not in _READ_ONLY_NUMBERS:
        return
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            with suppress(DatabaseError, InterfaceError):
                connection.close()


def _state(error: BaseException) -> str | None:
    """Return the SQLSTATE of an error of psycopg or psycopg2."""
    for one in _causes(error):
        state = getattr(one, "sqlstate", None) or getattr(one, "pgcode", None)
        if isinstance(state, str):
            return state
    return None


def _number(error: BaseException) -> int | None:
    """Return the number of an error of MySQL or MariaDB."""
    for one in _causes(error):
        if one.args and isinstance(one.args[0], int):
            return one.args[0]
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception of Django and that of the driver."""
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
