"""Conditional updates of a session's row, as the engine says them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.db.models.functions import Greatest

from djwto import times

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from djwto.models import Session

    Change = tuple[str, str, Any]
    """A column, what kind of change or condition, and a value."""


def apply(rows: QuerySet[Session], update: tuple[list[Change], list[Change]]) -> int:
    """Carry an update out by one statement. Gives the number of rows that it has touched."""
    conditions, changes = update
    filters = {f"{column}__{_LOOKUPS[kind]}": value for column, kind, value in conditions}
    values = {column: _value(column, kind, value) for column, kind, value in changes}
    return rows.filter(**filters).update(**values)


_LOOKUPS = {"is_null": "isnull", "at_most": "lte", "one_of": "in"}


def _value(column: str, kind: str, value: Any) -> Any:
    if kind == "at_least":
        return Greatest(F(column), value)
    if kind == "of":
        return F(value)
    return times.StoreNow() if kind == "store_now" else value
