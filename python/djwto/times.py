"""The times of sessions: whole microseconds since 1970, in UTC.

`USE_TZ`, `TIME_ZONE` and the time zone of a connection do not change them, and neither does summer
time. "Never" is a time too (`NEVER`), so that a database can compare it.
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
"""The start of the year 9999: a date in every time zone, and later than all other times."""
LATEST = 253_339_228_800 * SECOND
"""The start of the year 9998: the latest time that is not `NEVER`."""


def micros(seconds: float | None) -> int:
    """Convert seconds since 1970 into microseconds; None becomes `NEVER`.

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
    """Whether something that begins now and lasts for this time ends before `LATEST`."""
    return time.time() + lifetime.total_seconds() < LATEST / SECOND


def now() -> int:
    """Return the present time of the server, in microseconds since 1970."""
    return time.time_ns() // 1000


def is_travelling() -> bool:
    """Whether a test has set Python's clock, with freezegun or time-machine.

    The clock of the database stays.
    """
    freezegun, machine = sys.modules.get("freezegun.api"), sys.modules.get("time_machine")
    is_frozen = freezegun is not None and bool(freezegun.freeze_factories)
    return is_frozen or (machine is not None and bool(machine.escape_hatch.is_travelling()))


def seconds(instant: int) -> float | None:
    """Convert microseconds into seconds since 1970; `NEVER` becomes None."""
    return None if instant >= NEVER else instant / SECOND


def as_datetime(instant: int | None) -> datetime | None:
    """Convert microseconds since 1970 to an aware `datetime` in UTC; None for None and `NEVER`."""
    if instant is None or instant >= NEVER:
        return None
    return _EPOCH + timedelta(microseconds=instant)


def shown(instant: int | None) -> datetime | None:
    """Convert microseconds to a `datetime` for templates: naive if `USE_TZ` is off."""
    found = as_datetime(instant)
    return found if found is None or settings.USE_TZ else make_naive(found, get_default_timezone())


class StoreNow(Func):
    """The clock of the database at the start of the statement, in microseconds since 1970.

    With it, servers that share a database do not have to agree on the time. It does not change
    within a statement, so an index can serve the comparison. SQLite has milliseconds. On other
    databases, and in a test that sets the clock, it is the clock of the server.
    """

    output_field = BigIntegerField()
    arity = 0

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        """Count from the Julian day on which 1970 began."""
        template = "(CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000)"
        return self._by_clock(template, compiler, connection, **extra)

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        """Take the time of the statement, as `Now()` does: that of a transaction stays."""
        template = "CAST(EXTRACT(EPOCH FROM STATEMENT_TIMESTAMP()) * 1000000 AS bigint)"
        return self._by_clock(template, compiler, connection, **extra)

    def as_mysql(self, compiler: Any, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        """Take the time in UTC: `NOW()` is in the time zone of the connection."""
        template = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6))"
        return self._by_clock(template, compiler, connection, **extra)

    def _by_clock(self, template: str, compiler: Any, connection: Any, **extra: Any) -> Any:
        if is_travelling():
            return self.as_sql(compiler, connection)
        return super().as_sql(compiler, connection, template=template, **extra)

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: BaseDatabaseWrapper, **_extra: Any
    ) -> Any:
        """Take the clock of the server."""
        return Value(now(), output_field=self.output_field).as_sql(compiler, connection)


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
