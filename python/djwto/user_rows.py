"""Finds the rows of users by primary key or login name, and hashes that change with passwords."""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import (
    FieldDoesNotExist,
    FieldError,
    ValidationError,
)
from django.db import DataError, connections, router
from django.db.models import IntegerField, Manager, QuerySet

from djwto import prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.db.models import Field, Model


NO_NAME = (ValidationError, ValueError, TypeError, OverflowError, DataError)
"""The exceptions of fields and databases for a text that they cannot hold."""


class Finder:
    """Finds users by their primary key, and reads more values in the same statement.

    `beside` returns the expressions to read, by the names of the user's attributes that get them.
    It takes a value for each of `fields`.
    """

    def __init__(self, beside: Callable[..., dict[str, Any]], **fields: Field[Any, Any]) -> None:
        self._beside = beside
        self._fields = fields
        self._select = cache(self._prepared)

    def find(self, pk: Any, *, active: bool, fresh: bool, **values: Any) -> Any:
        """Return a user. For the arguments see `find_user`; `values` are those of the fields."""
        model = get_user_model()
        manager: Any = model._default_manager  # noqa: SLF001
        using = router.db_for_write(model) if fresh else manager.db
        try:
            pk = model._meta.pk.to_python(pk)  # noqa: SLF001
            if is_plain(model):
                user = self._read(model, pk, using, values)
            else:
                # The manager may leave users out, and the key may be compared in its own way.
                rows = manager.using(using) if fresh else manager
                beside = self._beside(**values)
                user = (rows.annotate(**beside) if beside else rows).get(pk=pk)
        except (model.DoesNotExist, *NO_NAME):
            return None
        return user if user is not None and (user.is_active or not active) else None

    def _read(self, model: type[Model], pk: Any, using: str, values: dict[str, Any]) -> Any:
        _check_range(model, pk, using)
        columns, names, select = self._select(model)
        row = select.first(using, pk=pk, **values)
        if row is None:
            return None
        user = model.from_db(using, columns, row[: len(columns)])
        for name, value in zip(names, row[len(columns) :], strict=True):
            setattr(user, name, value)
        return user

    def _prepared(self, model: type[Model]) -> tuple[list[str], list[str], prepared.Select]:
        columns = [field.attname for field in model._meta.concrete_fields]  # noqa: SLF001
        fields = self._fields.items()
        places = {name: prepared.Placeholder(name, field) for name, field in fields}
        names = list(self._beside(**places))

        def build(pk: Any, **values: Any) -> Any:
            rows: Any = model._default_manager.filter(pk=pk)  # noqa: SLF001
            return rows.annotate(**self._beside(**values)).values_list(*columns, *names)

        return columns, names, prepared.Select(build, pk=model._meta.pk, **self._fields)  # noqa: SLF001


def find_user(pk: Any, *, active: bool = True, fresh: bool = False) -> Any:
    """Find a user by the `id` in a token; None if there is none, or an inactive one with `active`.

    `fresh` asks the writing database: a replica may lag behind.
    """
    return _finder.find(pk, active=active, fresh=fresh)


def database() -> str:
    """Return the alias of the database in which users are written."""
    return router.db_for_write(get_user_model())


def find_account(name: str) -> Any:
    """Find a user by the text of the login name; None if there is none."""
    model = get_user_model()
    try:
        return model._default_manager.get_by_natural_key(name)  # noqa: SLF001
    except (model.DoesNotExist, model.MultipleObjectsReturned, *NO_NAME):
        return None


def spelling_of(name: str) -> str:
    """Return a login name in the spelling of the database.

    "+47 12 34" and "+4712" may be one phone number, "5" and "05" one key.
    """
    try:
        field = _name_field()
        # First as Django's form reads it.
        value = field.to_python(unicodedata.normalize("NFKC", name.strip()))
        value = field.get_prep_value(value)
    except NO_NAME:
        return name
    return name if value is None else str(value)


def name_of(user: Any) -> str:
    """Return a user's login name as text, in the spelling of `spelling_of`.

    `get_username()` may give a number, a phone number or a related row.
    """
    field = user._meta.get_field(user.USERNAME_FIELD)  # noqa: SLF001
    return spelling_of(field.value_to_string(user))


def can_be_name(name: str) -> bool:
    """Whether the model's `USERNAME_FIELD` could hold this text."""
    field = _name_field()
    try:
        field.run_validators(field.to_python(name))
    except NO_NAME:
        return False
    return True


def find_by(name: str, value: Any, *, fresh: bool = False) -> Any:
    """Find a user, active or not, by a unique field; None if there is none."""
    model = get_user_model()
    try:
        field: Any = model._meta.get_field(name)  # noqa: SLF001
        value = field.to_python(value)
        # What no column holds would be an error of the database.
        field.run_validators(value)
        rows = model._default_manager.all()  # noqa: SLF001
        if fresh:
            rows = rows.using(router.db_for_write(model))
        return rows.get(**{name: value})
    except (model.DoesNotExist, model.MultipleObjectsReturned, FieldDoesNotExist, *NO_NAME):
        return None


def names(keys: Iterable[str]) -> dict[str, str]:
    """Return the login names of users by their primary keys as strings, in one query."""
    model = get_user_model()
    field = model._meta.pk  # noqa: SLF001
    found = []
    for key in set(keys):
        with suppress(*NO_NAME):
            pk = field.to_python(key)
            # A number that no column holds would be an error of the database.
            field.run_validators(pk)
            found.append(pk)
    rows = model._default_manager.filter(pk__in=found)  # noqa: SLF001
    return {str(pk): str(name) for pk, name in rows.values_list("pk", model.USERNAME_FIELD)}


def keys_named(part: str, most: int) -> list[str]:
    """Return the keys, as text, of at most `most` users whose name has this part."""
    model = get_user_model()
    has_part = {f"{model.USERNAME_FIELD}__icontains": part}
    try:
        rows = model._default_manager.filter(**has_part)  # noqa: SLF001
        return [str(pk) for pk in rows.values_list("pk", flat=True)[:most]]
    except (FieldError, *NO_NAME):
        return []  # the name is no text


def auth_hash(user: Any) -> str:
    """Return Django's session auth hash, which changes with the password; "" if there is none.

    See Django's docs, "Session invalidation on password change".
    """
    return user.get_session_auth_hash() if hasattr(user, "get_session_auth_hash") else ""


def auth_hashes(user: Any) -> list[str]:
    """Return the hash, and those under the keys of `SECRET_KEY_FALLBACKS`."""
    fallbacks = getattr(user, "get_session_auth_fallback_hash", list)
    return [auth_hash(user), *fallbacks()]


def facts(user: Any) -> tuple[bool, list[str]] | None:
    """Return the data of a user for the engine: whether they are active, and `auth_hashes`."""
    if user is None:
        return None
    return bool(user.is_active), [str(one) for one in auth_hashes(user)]


def is_plain(model: Any) -> bool:
    """Whether a user is found by the key alone, in a statement that can be compiled in advance."""
    manager = model._default_manager  # noqa: SLF001
    exact = model._meta.pk.get_lookup("exact")  # noqa: SLF001
    return (
        manager._queryset_class is QuerySet  # noqa: SLF001
        and vars(manager).keys().isdisjoint(_METHODS)
        and all(getattr(type(manager), name) is getattr(Manager, name) for name in _METHODS)
        and exact.__module__.startswith("django.db.")
    )


def _name_field() -> Any:
    """Return the field that stores the login name; of a foreign key, the one that it points to."""
    model = get_user_model()
    field: Any = model._meta.get_field(model.USERNAME_FIELD)  # noqa: SLF001
    while field.remote_field is not None:
        field = field.target_field
    return field


def _check_range(model: Any, pk: Any, using: str) -> None:
    """Raise for a number that no column can hold, which would be an error of the database."""
    if not isinstance(pk, int):
        return
    field = model._meta.pk  # noqa: SLF001
    while field.remote_field is not None:
        field = field.target_field
    if isinstance(field, IntegerField):
        low, high = connections[using].ops.integer_field_range(field.get_internal_type())
        if (low is not None and pk < low) or (high is not None and pk > high):
            raise OverflowError


_METHODS = ("get_queryset", "using", "filter", "annotate", "get")
_finder = Finder(dict)
