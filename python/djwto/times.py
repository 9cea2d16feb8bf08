"""Times that rules compare: whole microseconds since 1970, in UTC.

Neither `USE_TZ`, `TIME_ZONE` nor the time zone of a connection changes them, so an hour that a
change of summer time repeats or leaves out moves nothing. "Never" is a time too (`NEVER`), so that
a database can compare it.
"""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import BigIntegerField, Func, Value
from django.utils.timezone import get_default_timezone, make_naive

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["as_datetime"]

SECOND = 1_000_000
"""Microseconds of a second."""
NEVER = 253_370_764_800 * SECOND
"""The start of the year 9999: a date in every time zone, and beyond every time that is compared."""
LATEST = 253_339_228_800 * SECOND
"""The start of the year 9998: a time that is given is no later, since `NEVER` is none."""


def micros(seconds: float | None) -> int:
    """Turn seconds since 1970 into microseconds; None is `NEVER`.

    A time before 1970 becomes 1970, and one beyond `LATEST` becomes that.
    """
    if seconds is None:
        return NEVER
    try:
        found = round(seconds * SECOND)
    except (OverflowError, ValueError):
        found = 0 if seconds < 0 else LATEST
    return max(0, min(found, LATEST))


def is_bounded(lifetime: timedelta) -> bool:
    """Whether what begins now and lasts for so long ends before `LATEST`."""
    return time.time() + lifetime.total_seconds() < LATEST / SECOND


def now() -> int:
    """Give the time by the server's clock, in microseconds."""
    return time.time_ns() // 1000


def is_travelling() -> bool:
    """Whether a test has set Python's clock, with freezegun or time-machine.

    The database's clock does not go along.
    """
    freezegun, machine = sys.modules.get("freezegun.api"), sys.modules.get("time_machine")
    is_frozen = freezegun is not None and bool(freezegun.freeze_factories)
    return is_frozen or (machine is not None and bool(machine.escape_hatch.is_travelling()))


def seconds(instant: int) -> float | None:
    """Turn microseconds into seconds since 1970; `NEVER` is None."""
    return None if instant >= NEVER else instant / SECOND


def as_datetime(instant: int | None) -> datetime | None:
    """Turn microseconds into an aware date in UTC; `NEVER`, and no time, are None."""
    if instant is None or instant >= NEVER:
        return None
    return _EPOCH + timedelta(microseconds=instant)


def shown(instant: int | None) -> datetime | None:
    """Do the same for Django's templates: where `USE_TZ` is off, naive, in `TIME_ZONE`."""
    found = as_datetime(instant)
    return found if found is None or settings.USE_TZ else make_naive(found, get_default_timezone())


class StoreNow(Func):
    """The database's own clock at the start of the statement, in microseconds.

    Servers that share a database need not agree on the time, where this is compared with what it
    wrote. It does not change within a statement, so that an index serves the comparison. SQLite
    knows milliseconds. On a database that is not named here, and in a test that travels in time, it
    is the server's clock.
    """

    output_field = BigIntegerField()
    arity = 0

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        """Count from the Julian day on which 1970 began."""
        template = "(CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000)"
        return self._by_clock(template, compiler, connection, **extra)

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        """Take the statement's time, as `Now()` does; the transaction's never moves on."""
        template = "CAST(EXTRACT(EPOCH FROM STATEMENT_TIMESTAMP()) * 1000000 AS bigint)"
        return self._by_clock(template, compiler, connection, **extra)

    def as_mysql(self, compiler: Any, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        """Take UTC: `NOW()` is in the time zone of the connection."""
        template = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6))"
        return self._by_clock(template, compiler, connection, **extra)

    def _by_clock(self, template: str, compiler: Any, connection: Any, **extra: Any) -> Any:
        if is_travelling():
            return self.as_sql(compiler, connection)
        return super().as_sql(compiler, connection, template=template, **extra)

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: BaseDatabaseWrapper, **_extra: Any
    ) -> Any:
        """Take the server's."""
        return Value(now(), output_field=self.output_field).as_sql(compiler, connection)


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
