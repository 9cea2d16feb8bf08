"""The engine's conditional updates of a session's row, as SQL."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.db.models.functions import Greatest

from djwto import prepared, times
from djwto.models import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from django.db.models import QuerySet

    Change = tuple[str, str, Any]
    """A column, what kind of change or condition, and a value."""


def apply(rows: QuerySet[Session], update: tuple[list[Change], list[Change]]) -> int:
    """Run an update as one statement. Returns the number of changed rows."""
    conditions, changes = update
    return rows.filter(**_filters(conditions)).update(**_values(changes))


def apply_to(session: UUID, update: tuple[list[Change], list[Change]]) -> int:
    """Run an update of one session. Returns 1, or 0 if it did not change the row."""
    values: list[Any] = []
    shape = tuple(_mapped(part, lambda _, value: values.append(value)) for part in update)
    named = {_NAME.format(number): value for number, value in enumerate(values, 1)}
    return _prepared(shape).run(Session.database(), session=session, **named)


@cache
def _prepared(shape: tuple[tuple[Change, ...], ...]) -> prepared.Update:
    """Prepare an update whose values are given later, of any one session.

    The engine has few shapes. The number of texts in a `one_of` is part of a shape.
    """
    fields: dict[str, Any] = {"session": Session._meta.pk}  # noqa: SLF001

    def name_of(column: str, _: Any) -> str:
        name = _NAME.format(len(fields))
        fields[name] = Session._meta.get_field(column)  # noqa: SLF001
        return name

    named = [_mapped(part, name_of) for part in shape]

    def build(session: Any, **slots: Any) -> tuple[QuerySet[Session], dict[str, Any]]:
        conditions, changes = (_mapped(part, lambda _, name: slots[name]) for part in named)
        return Session.objects.filter(pk=session, **_filters(conditions)), _values(changes)

    return prepared.Update(build, **fields)


def _mapped(part: Iterable[Change], put: Callable[[str, Any], Any]) -> tuple[Change, ...]:
    """Replace each value by the result of `put`, and keep everything else."""

    def mapped(column: str, kind: str, value: Any) -> Change:
        if kind == "one_of":
            return column, kind, tuple(put(column, one) for one in value)
        return column, kind, value if kind in _WITHOUT_VALUE else put(column, value)

    return tuple(mapped(*one) for one in part)


def _filters(conditions: Iterable[Change]) -> dict[str, Any]:
    return {f"{column}__{_LOOKUPS[kind]}": value for column, kind, value in conditions}


def _values(changes: Iterable[Change]) -> dict[str, Any]:
    return {column: _value(column, kind, value) for column, kind, value in changes}


_NAME = "value_{}"
_WITHOUT_VALUE = ("is_null", "of", "store_now")
_LOOKUPS = {"is_null": "isnull", "at_most": "lte", "one_of": "in"}


def _value(column: str, kind: str, value: Any) -> Any:
    if kind == "at_least":
        return Greatest(F(column), value)
    if kind == "of":
        return F(value)
    return times.StoreNow() if kind == "store_now" else value
