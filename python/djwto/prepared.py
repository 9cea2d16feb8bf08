"""Statements whose SQL is compiled once per connection, and which run with new values each time.

Django's ORM compiles the SQL of a query at each run. For the few statements of a login, a renewal
and a logout, that took more time than all other work. So these statements are queries with a
`Placeholder` for each value. The ORM compiles them when a connection first needs them. After that,
a statement costs only its run.

The ORM still writes all of the SQL, so custom user models, table names, routers and the dialects of
databases work as usual. Databases other than SQLite, PostgreSQL, MySQL and MariaDB get their SQL
compiled at each use.
"""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import connections, transaction
from django.db.models import AutoField, Expression
from django.db.models.signals import post_save, pre_save
from django.db.models.sql import InsertQuery, UpdateQuery

from djwto import times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django.db.models import Field, Model, QuerySet

    Row = list[Any] | tuple[Any, ...]


class Placeholder(Expression):
    """The place of a value, which is given when the statement runs."""

    def __init__(self, name: str, field: Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:  # noqa: ARG002
        """Return a parameter, which is this placeholder itself."""
        return "%s", (self,)

    def prepared(self, value: Any, connection: Any) -> Any:
        """Turn a value into what the database's driver takes for such a column."""
        return self.output_field.get_db_prep_value(value, connection, prepared=False)


class Select:
    """A query that reads rows.

    `build` makes it of a placeholder for each of `fields`. It must be a `values_list`.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]], **fields: Field[Any, Any]) -> None:
        self._build = build
        self._placeholders = {name: Placeholder(name, field) for name, field in fields.items()}

    def rows(self, using: str, **values: Any) -> Iterable[Row]:
        """Return the rows that the database of this alias has."""
        connection: Any = connections[using]
        statement = _kept(connection, self, self._compiled)
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, statement.parameters(values, connection))
            found: list[Row] = cursor.fetchall()
        return [statement.converted(row, connection) for row in found]

    def first(self, using: str, **values: Any) -> Row | None:
        """Return the first row, or None."""
        return next(iter(self.rows(using, **values)), None)

    def _compiled(self, connection: Any) -> _Statement:
        query = self._build(**self._placeholders).query
        compiler = query.get_compiler(connection.alias)
        sql, parameters = compiler.as_sql()
        columns = [column[0] for column in compiler.select[: compiler.col_count]]
        return _Statement(sql, parameters, compiler.get_converters(columns))


class Update:
    """A conditional UPDATE. `build` gives the rows, and the changes by column."""

    def __init__(
        self,
        build: Callable[..., tuple[QuerySet[Any], Mapping[str, Any]]],
        **fields: Field[Any, Any],
    ) -> None:
        self._build = build
        self._placeholders = {name: Placeholder(name, field) for name, field in fields.items()}

    def run(self, using: str, **values: Any) -> int:
        """Return the number of rows that were changed."""
        connection: Any = connections[using]
        statement = _kept(connection, self, self._compiled)
        return _written(statement, values, connection) if statement.sql else 0

    def _compiled(self, connection: Any) -> _Statement:
        rows, changes = self._build(**self._placeholders)
        query: Any = rows.query.chain(UpdateQuery)
        query.add_update_values(dict(changes))
        try:
            return _Statement(*query.get_compiler(connection.alias).as_sql())
        except EmptyResultSet:  # "one of" none: no row can be meant
            return _Statement("", ())


def insert(instance: Model, using: str) -> None:
    """Do what `instance.save(force_insert=True, using=using)` does, but for a key that it is given.

    A project that listens to `pre_save` or `post_save` of the model is told as always.
    """
    model = type(instance)
    if pre_save.has_listeners(model) or post_save.has_listeners(model):
        instance.save(force_insert=True, using=using)
        return
    connection: Any = connections[using]
    statement = _kept(connection, model, lambda connection: _inserting(model, connection))
    values = {field.attname: field.pre_save(instance, add=True) for field in _columns(model)}
    _written(statement, values, connection)
    instance._state.adding = False  # noqa: SLF001
    instance._state.db = using  # noqa: SLF001


class _Statement:
    """SQL, with a placeholder among its parameters for each value that is given later."""

    def __init__(
        self, sql: str, parameters: Iterable[Any], converters: Mapping[int, Any] | None = None
    ) -> None:
        self.sql = sql
        self._parameters = tuple(parameters)
        self._converters = tuple((converters or {}).items())

    def parameters(self, values: Mapping[str, Any], connection: Any) -> tuple[Any, ...]:
        """Return the parameters with these values in the placeholders."""
        return tuple(
            one.prepared(values[one.name], connection) if isinstance(one, Placeholder) else one
            for one in self._parameters
        )

    def converted(self, row: Row, connection: Any) -> Row:
        """Turn what the driver gives into what the model's fields hold."""
        if not self._converters:
            return row
        values = list(row)
        for position, (converters, expression) in self._converters:
            for convert in converters:
                values[position] = convert(values[position], expression, connection)
        return values


def _kept(connection: Any, key: object, compile_: Callable[[Any], _Statement]) -> _Statement:
    """Return the statement that this connection has under the key, or compile it.

    It stays with the connection, since a backend's features depend on the server's version.
    """
    if connection.vendor not in _VENDORS or times.is_travelling():
        return compile_(connection)  # `times.StoreNow` is the moment of compiling there
    kept: dict[object, _Statement] = vars(connection).setdefault(_KEPT, {})
    key = key, settings.USE_TZ  # some backends ask for it when they compile
    if (statement := kept.get(key)) is None:
        statement = kept[key] = compile_(connection)
    return statement


def _inserting(model: type[Model], connection: Any) -> _Statement:
    fields = _columns(model)
    query = InsertQuery(model)
    placeholders: Any = SimpleNamespace(
        **{one.attname: Placeholder(one.attname, one) for one in fields}
    )
    # Raw, so that no field replaces its placeholder.
    query.insert_values(fields, [placeholders], raw=True)
    ((sql, parameters),) = query.get_compiler(connection.alias).as_sql()
    return _Statement(sql, parameters)


@cache
def _columns(model: type[Model]) -> list[Any]:
    fields = model._meta.local_concrete_fields  # noqa: SLF001
    return [field for field in fields if not isinstance(field, AutoField)]


def _written(statement: _Statement, values: Mapping[str, Any], connection: Any) -> int:
    parameters = statement.parameters(values, connection)
    # As the ORM does: after an error, a transaction around this can only be rolled back.
    with transaction.mark_for_rollback_on_error(connection.alias), connection.cursor() as cursor:
        cursor.execute(statement.sql, parameters)
        changed: int = cursor.rowcount
    return changed


_VENDORS = ("sqlite", "postgresql", "mysql")
_KEPT = "_djwto_statements"
