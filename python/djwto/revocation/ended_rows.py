"""Reading ended sessions from the database, so that what is known is not read again.

A look compares counts: how many sessions ended in each tenth of a second, by the database and by
what was read. Only where the counts differ are rows read. So a row is found however late its
transaction commits, within `OVERLAP_SECONDS`, and a quarter of a million ends in a minute are each
read once. Rows are read page by page, by the index alone, and with no cursor left open: neither
the interpreter's lock nor a lock of SQLite is held for long, and pgbouncer may pool transactions.
"""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING

from django.db.models import BigIntegerField, Count, ExpressionWrapper, F, Q

from djwto import conf, times
from djwto.models import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from django.db.models import QuerySet

    Row = tuple[int, int, UUID]
    """When a session ended, until when its access tokens live, and its key."""

OVERLAP_SECONDS = 60
"""How far a look goes back beyond the last one: a transaction may commit as late as this."""
RELOAD_SECONDS = 60
"""How often all ended sessions are read anew, should the database's clock have leapt meanwhile."""
MARGIN_SECONDS = 3600
"""How much longer than needed an ended session is remembered: clocks are set back."""
SLICE = times.SECOND // 10
"""The microseconds whose ends are counted together."""
PAGE = 2000
"""The rows of one statement."""
SHARE_SECONDS = 0.02
"""How long each look goes on with a reload that was begun. The first load is done in one go."""
MAX_RANGES = 8
"""Slices that are read by one query each; of more, everything from the first to the last."""


class EndedRows:
    """What one process has read of the ended sessions."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}
        """How many rows were read of each slice; as far back as a look goes."""
        self._pages: Iterator[None] | None = None
        """A reload that goes on."""
        self._looked = self._reloaded = self._begun = -inf
        """When the last look, the last whole reload and the present one began (monotonic)."""
        self._looked_at = 0.0
        """The same for the look, by the server's clock."""

    def read(self, started: float, interval: float) -> None:
        """Put what has ended since the last look into the set; now and then, all there is.

        A reload must not delay what is new, so each look does a part of it. Where looks are rare,
        and at the first one, it is done in one go.
        """
        is_first = self._reloaded == -inf
        if not is_first:
            self._read_new(started)
        if self._pages is None and started - self._reloaded >= RELOAD_SECONDS:
            self._begun, self._pages = started, self._reload(counts=is_first)
        if self._pages is not None:
            self._go_on(self._pages, is_whole=is_first or interval >= RELOAD_SECONDS)
        self._looked, self._looked_at = started, time.time()

    def _go_on(self, pages: Iterator[None], *, is_whole: bool) -> None:
        until = inf if is_whole else time.monotonic() + SHARE_SECONDS
        # What fails here begins again from the first page.
        self._pages = None
        for _ in pages:
            if time.monotonic() > until:
                self._pages = pages
                return
        self._reloaded = self._begun

    def _read_new(self, started: float) -> None:
        # A machine that slept has a monotonic clock that stood still.
        elapsed = max(started - self._looked, time.time() - self._looked_at)
        back = times.micros(elapsed + OVERLAP_SECONDS)
        recent = Session.rows().filter(revoked_at__gte=times.StoreNow() - back)
        counts = dict(recent.values_list(_SLICE_START).annotate(number=Count("*")))
        # The oldest slice is cut, and then counts less than was read of it.
        grown = sorted(start for start in counts if counts[start] > self._known.get(start, 0))
        for low, high in _ranges(grown):
            for page in _pages(Session.rows().filter(revoked_at__gte=low, revoked_at__lt=high)):
                _remember(page)
        self._known = counts

    def _reload(self, *, counts: bool) -> Iterator[None]:
        margin = time.time() - MARGIN_SECONDS
        if counts:
            self._known = {}
        every = Session.rows().filter(revoked_at__gte=0, access_until__gte=times.micros(margin))
        for page in _pages(every):
            _remember(page)
            if counts:
                # What the first load reads, the look after it need not.
                for revoked_at, _, _ in page:
                    start = revoked_at - revoked_at % SLICE
                    self._known[start] = self._known.get(start, 0) + 1
            yield
        conf.ended_sessions.forget_before(int(margin))


def _remember(page: list[Row]) -> None:
    pairs = [(key.bytes, until // times.SECOND) for _, until, key in page]
    conf.ended_sessions.extend(pairs)


def _pages(rows: QuerySet[Session]) -> Iterator[list[Row]]:
    """Read rows in the order of the index, a page at a time; each statement begins at its place."""
    ordered = rows.order_by(*_ORDER).values_list(*_ORDER)
    # What is left to read, the next part last.
    parts = [Q()]
    level = [0]
    while parts:
        part, depth = parts.pop(), level.pop()
        page = list(ordered.filter(part)[:PAGE])
        if page:
            yield page
        if len(page) == PAGE:
            revoked_at, access_until, key = page[-1]
            rest = [
                Q(revoked_at__gt=revoked_at),
                Q(revoked_at=revoked_at, access_until__gt=access_until),
                Q(revoked_at=revoked_at, access_until=access_until, pk__gt=key),
            ]
            # What is beyond the part that was read is on the list already.
            parts += rest[depth:]
            level += range(depth, len(rest))


def _ranges(starts: list[int]) -> list[tuple[int, int]]:
    """Join slices that touch: first microsecond, and the one after the last."""
    ranges: list[tuple[int, int]] = []
    for start in starts:
        if ranges and ranges[-1][1] == start:
            ranges[-1] = (ranges[-1][0], start + SLICE)
        else:
            ranges.append((start, start + SLICE))
    return ranges if len(ranges) <= MAX_RANGES else [(ranges[0][0], ranges[-1][1])]


_ORDER = ("revoked_at", "access_until", "pk")
_SLICE_START = ExpressionWrapper(
    F("revoked_at") - F("revoked_at") % SLICE, output_field=BigIntegerField()
)
