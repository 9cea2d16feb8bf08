"""Reading ended sessions from the database: the queries that the engine asks for, by the ORM.

Rows are read page by page, by the index alone, and with no cursor left open: neither the
interpreter's lock nor a lock of SQLite is held for long, and pgbouncer may pool transactions.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.db.models import BigIntegerField, Count, ExpressionWrapper, F

from djwto import _core, conf, times
from djwto.models import Session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    Row = tuple[int, int, UUID]
    """When a session ended, until when its access tokens live, and its key."""

PAGE = 2000
"""The rows of one statement."""
SHARE_SECONDS = 0.02
"""How long each look goes on with a reload that was begun. The first load is done in one go."""


class EndedRows:
    """The ended sessions that one process has read."""

    def __init__(self) -> None:
        self._reader = _core.EndedReader(conf.ended_sessions, PAGE, SHARE_SECONDS)

    @property
    def database(self) -> str:
        """The alias of the database that is read."""
        return Session.database()

    def read(self, started: float, interval: float) -> None:
        """Put the sessions that ended since the last look into the set; from time to time, all.

        After a failure, the next call asks for the same again.
        """
        counts, page = self._reader.begin(started, time.time(), interval)
        if counts is not None:
            page = self._reader.counted(_counts(*counts), time.monotonic())
        while page is not None:
            rows = [(ended, until, key.bytes) for ended, until, key in _rows(*page)]
            page = self._reader.read(rows, time.monotonic())


def _counts(back: int, length: int) -> dict[int, int]:
    """Count the recent ends by slices of that length. All times are microseconds."""
    recent = Session.rows().filter(revoked_at__gte=times.StoreNow() - back)
    start = ExpressionWrapper(
        F("revoked_at") - F("revoked_at") % length, output_field=BigIntegerField()
    )
    return dict(recent.values_list(start).annotate(number=Count("*")))


def _rows(conditions: Sequence[tuple[str, str, Any]], most: int) -> list[Row]:
    """Read a page: each statement begins at its place in the index."""
    lookups = {f"{column}__{lookup}": value for column, lookup, value in conditions}
    ordered = Session.rows().filter(**lookups).order_by(*_ORDER)
    return list(ordered.values_list(*_ORDER)[:most])


_ORDER = ("revoked_at", "access_until", "pk")
