"""Users: of a token, found by their key, and told apart from those with another password since."""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import (
    FieldDoesNotExist,
    FieldError,
    ImproperlyConfigured,
    ValidationError,
)
from django.db import DataError, connections, router
from django.db.models import IntegerField, Manager, QuerySet
from django.utils.functional import Promise

from djwto import _core, prepared, tokens
from djwto.exceptions import JWTError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.db.models import Field, Model


class TokenUser(Promise):
    """The user of a token, made of its claims without a query. `get()` loads the row.

    What stands in the claim `user` is an attribute. `is_staff` and `is_superuser` are False: a
    token opens no admin. `is_active` is True, since tokens are made for active users alone.

    Filters over relations to the user take it. No field stores it, or is compared with it: a text
    could mean the key or the login name. Fields ask a `Promise`, and nothing else, what it is.
    """

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False

    def __init__(self, claims: dict[str, Any]) -> None:
        """Take the claims of a token that is verified."""
        self._claim: dict[str, Any] = claims["user"]

    @cached_property
    def pk(self) -> Any:
        """The primary key, of the type that the user model has.

        As it stands in the token, where the model cannot hold it.
        """
        found, model = self._claim["id"], _model()
        try:
            return found if model is None else model._meta.pk.to_python(found)  # noqa: SLF001
        except NO_NAME:
            return found

    @property
    def id(self) -> Any:
        """The same."""
        return self.pk

    def get(self) -> Any:
        """Load the user's row. None if they were deleted, or are inactive, or have none here."""
        return None if _model() is None else find_user(self._claim["id"])

    async def aget(self) -> Any:
        """Do the same without blocking the event loop."""
        return await sync_to_async(self.get)()

    def get_username(self) -> Any:
        """Give the login name as the token has it, "" where it has none."""
        return self._claim.get(getattr(_model(), "USERNAME_FIELD", "username"), "")

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Whether the token carries this permission; False with an object."""
        return self.has_perms([perm], obj)

    def has_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:
        """Whether the token carries them all; False with an object.

        Where they were too many to carry, the database is asked, once. A service that only verifies
        has none to ask, and the answer is False.
        """
        if isinstance(perm_list, str):
            raise ValueError("perm_list must be an iterable of permissions.")  # noqa: TRY004 (Django's)
        if obj is not None:
            return False
        names = [str(perm) for perm in perm_list]
        if not names:
            return True  # as Django says
        required = _core.RequiredPermissions(names)
        try:
            return required.check(self._claim) or required.check_list(self._stored_permissions)
        except JWTError:
            return False

    def has_module_perms(self, app_label: str) -> bool:
        """Whether the token carries any permission of this app."""
        names = self.get_all_permissions()
        return any(name == "*" or name.partition(".")[0] == app_label for name in names)

    def get_all_permissions(self, obj: Any = None) -> set[str]:
        """Give the permissions, as `app.codename`; `*` is all of them. None of an object."""
        if obj is not None:
            return set()
        if self._claim.get("perms_omitted") is True:
            return set(self._stored_permissions)
        found = self._claim.get("perms")
        return {str(name) for name in found} if isinstance(found, list) else set()

    async def ahas_perm(self, perm: str, obj: Any = None) -> bool:
        """Do the same without blocking the event loop."""
        return await sync_to_async(self.has_perm)(perm, obj)

    async def ahas_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:
        """Do the same without blocking the event loop."""
        return await sync_to_async(self.has_perms)(perm_list, obj)

    async def ahas_module_perms(self, app_label: str) -> bool:
        """Do the same without blocking the event loop."""
        return await sync_to_async(self.has_module_perms)(app_label)

    async def aget_all_permissions(self, obj: Any = None) -> set[str]:
        """Do the same without blocking the event loop."""
        return await sync_to_async(self.get_all_permissions)(obj)

    @cached_property
    def _stored_permissions(self) -> list[str]:
        if not apps.is_installed("djwto"):
            return []  # the user of this key, if there is a table, may be another person here
        # Through the hook: what it would have put into the token decides here too.
        user = self.get()
        return [] if user is None else [str(name) for name in tokens.process_perms(user)]

    def resolve_expression(self, *_args: Any, **_kwargs: Any) -> Any:
        """Stand for the row in queries over relations: `filter(author=request.user)`."""
        model = _model()
        if model is None:
            raise TypeError(_NO_VALUE)
        return _Reference(self, model)

    def _proxy____cast(self) -> NoReturn:
        raise TypeError(_NO_VALUE)

    @property
    def contains_aggregate(self) -> NoReturn:
        """Refuse to be an expression: Django asks this of what is in a set."""
        raise TypeError(_NO_VALUE)

    def _has_no_row(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise NotImplementedError(f"A TokenUser cannot do this: {_NO_ROW}")

    save = asave = delete = adelete = refresh_from_db = arefresh_from_db = _has_no_row
    set_password = set_unusable_password = check_password = acheck_password = _has_no_row
    # Django's `login` asks for it.
    get_session_auth_hash = get_session_auth_fallback_hash = _has_no_row

    def __getattr__(self, name: str) -> Any:
        """Give what the claim `user` has under this name. Raises `AttributeError`."""
        if name.startswith("_"):  # also of one that is being copied, and has no claims yet
            raise AttributeError(f"A TokenUser has no {name!r}: {_NO_ROW}", name=name, obj=self)
        model = _model()
        if model is not None and name in (model._meta.pk.name, model._meta.pk.attname):  # noqa: SLF001
            return self.pk
        if name in self._claim:
            return self._claim[name]
        raise AttributeError(
            f"A TokenUser has no attribute {name!r}: {_missing(model, name)}", name=name, obj=self
        )

    def __eq__(self, other: object) -> bool:
        """Whether this is the user of that key, with or without a row."""
        if isinstance(other, (TokenUser, _model() or TokenUser)):
            return bool(self.pk == other.pk)
        return NotImplemented

    def __hash__(self) -> int:
        """Give the hash of the row."""
        return hash(self.pk)

    def __str__(self) -> str:
        """Give the login name."""
        return str(self.get_username())

    def __repr__(self) -> str:
        """Say what to write where a row is wanted: Django's sentences show this."""
        return (
            f"<TokenUser {self.pk!r}: no row of the database. Write request.user.get() for the "
            "row, or the field's name with _id and request.user.pk>"
        )


class _Reference(Promise):
    """What a `TokenUser` is inside a query: a row of the user model that knows its key and name.

    Lookups over relations read attributes of a row. All else asks a field for the value, which
    raises `TypeError`.
    """

    def __init__(self, user: TokenUser, model: type[Model]) -> None:
        self._user = user
        self._model = model
        self._meta = model._meta  # noqa: SLF001
        self.pk = user.pk

    @property  # type: ignore[misc] # `isinstance` decides what is a row
    def __class__(self) -> Any:
        return self._model

    def _is_pk_set(self) -> bool:
        return self.pk is not None

    def _proxy____cast(self) -> NoReturn:
        raise TypeError(_NO_VALUE)

    def prepare_database_save(self, field: Any) -> Any:
        """Give the value of a foreign key, for `update()`."""
        return getattr(self, field.remote_field.get_related_field().attname)

    @property
    def contains_column_references(self) -> NoReturn:
        """Refuse to be inserted: Django asks this first of what an expression resolves to."""
        raise TypeError(_NO_VALUE)

    def __getattr__(self, name: str) -> Any:
        """Give a field of the row. Raises `TypeError` where the token does not tell it."""
        if name.startswith("_"):
            raise AttributeError(name)
        if name in (self._meta.pk.name, self._meta.pk.attname):
            return self.pk
        field = next((one for one in self._meta.concrete_fields if one.attname == name), None)
        if field is None:
            raise AttributeError(name)
        found = self._user.get_username()
        # Django would take the key in its place at an `AttributeError`.
        if name != getattr(self._model, "USERNAME_FIELD", None) or found == "":
            raise TypeError(_NO_VALUE)
        return found

    def __str__(self) -> str:
        return str(self._user)

    def __repr__(self) -> str:
        return repr(self._user)


def _missing(model: Any, name: str) -> str:
    """Say why a `TokenUser` lacks this, and what to write."""
    if model is None:
        return "the token does not carry it. `tokens.process_user` of the issuer may put it there."
    fields = {field.attname for field in model._meta.concrete_fields}  # noqa: SLF001
    if name not in fields and hasattr(model, name):
        return f"relations and methods are the row's. Write request.user.get().{name}."
    return (
        "the token does not carry it. Write request.user.get() for the row, or let "
        "`tokens.process_user` put it into the token."
    )


_NO_ROW = "it is no row of the database. Write request.user.get() for the row."
_NO_VALUE = (
    "A TokenUser is no value of a field: write request.user.pk for the key, "
    "request.user.get_username() for the login name, or request.user.get() for the row."
)


class Nobody:
    """What Django's `AnonymousUser` is, for a project without `django.contrib.auth`."""

    pk = id = None
    username = ""
    is_authenticated = is_active = is_staff = is_superuser = False
    is_anonymous = True

    def get_username(self) -> str:
        """Give no name."""
        return ""

    def has_perm(self, perm: str, obj: Any = None) -> bool:  # noqa: ARG002
        """Have no permission."""
        return False

    def has_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:  # noqa: ARG002
        """Have no permission."""
        return False

    def has_module_perms(self, app_label: str) -> bool:  # noqa: ARG002
        """Have no permission."""
        return False

    def get_all_permissions(self, obj: Any = None) -> set[str]:  # noqa: ARG002
        """Have no permission."""
        return set()


NO_NAME = (ValidationError, ValueError, TypeError, OverflowError, DataError)
"""What fields and databases raise at a text that they cannot hold."""


class Finder:
    """Finds users by their key, and reads something beside them by the same statement.

    `beside` gives the expressions to read, by the attributes of the user that they become. It makes
    them of a value for each of `fields`.
    """

    def __init__(self, beside: Callable[..., dict[str, Any]], **fields: Field[Any, Any]) -> None:
        self._beside = beside
        self._fields = fields
        self._select = cache(self._prepared)

    def find(self, pk: Any, *, active: bool, fresh: bool, **values: Any) -> Any:
        """Give a user. For the arguments see `find_user`; `values` are those of the fields."""
        model = get_user_model()
        manager: Any = model._default_manager  # noqa: SLF001
        using = router.db_for_write(model) if fresh else manager.db
        try:
            pk = model._meta.pk.to_python(pk)  # noqa: SLF001
            if _is_plain(model):
                user = self._read(model, pk, using, values)
            else:
                # The manager may leave users out, and the key may be compared in its own way.
                rows = manager.using(using) if fresh else manager
                beside = self._beside(**values)
                user = (rows.annotate(**beside) if beside else rows).get(pk=pk)
        except (model.DoesNotExist, ValidationError, ValueError, OverflowError):
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
        slots = {name: prepared.Slot(name, field) for name, field in self._fields.items()}
        names = list(self._beside(**slots))

        def build(pk: Any, **values: Any) -> Any:
            rows: Any = model._default_manager.filter(pk=pk)  # noqa: SLF001
            return rows.annotate(**self._beside(**values)).values_list(*columns, *names)

        return columns, names, prepared.Select(build, pk=model._meta.pk, **self._fields)  # noqa: SLF001


def anonymous() -> Any:
    """Give Django's `AnonymousUser`, or `Nobody` where `django.contrib.auth` is not installed."""
    if not apps.is_installed("django.contrib.auth"):
        return Nobody()
    from django.contrib.auth.models import AnonymousUser

    return AnonymousUser()


def find_user(pk: Any, *, active: bool = True, fresh: bool = False) -> Any:
    """Find a user by the `id` of a token; None if there is none, or if `active` rules them out.

    `fresh` asks the database that is written: a replica may not know of a user yet, or still.
    """
    return _finder.find(pk, active=active, fresh=fresh)


def database() -> str:
    """Give the alias of the database in which users are written."""
    return router.db_for_write(get_user_model())


def find_account(name: str) -> Any:
    """Find a user by the text of the login name; None where there is none."""
    model = get_user_model()
    try:
        return model._default_manager.get_by_natural_key(name)  # noqa: SLF001
    except (model.DoesNotExist, model.MultipleObjectsReturned, *NO_NAME):
        return None


def spelling_of(name: str) -> str:
    """Give the one spelling of a login name, which is that of the database.

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
    """Give a user's login name as text, in the spelling of `spelling_of`.

    `get_username()` may give a number, a phone number or a related row.
    """
    field = user._meta.get_field(user.USERNAME_FIELD)  # noqa: SLF001
    return spelling_of(field.value_to_string(user))


def can_be_name(name: str) -> bool:
    """Tell whether the model's `USERNAME_FIELD` could hold this text."""
    field = _name_field()
    try:
        field.run_validators(field.to_python(name))
    except NO_NAME:
        return False
    return True


def find_by(name: str, value: Any, *, fresh: bool = False) -> Any:
    """Find a user, active or not, by a field that is unique; None where there is none."""
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
    """Give what users log in with, by their keys as text, in one query; the others are left out."""
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
    """Give the keys, as text, of at most `most` users whose name has this part."""
    model = get_user_model()
    has_part = {f"{model.USERNAME_FIELD}__icontains": part}
    try:
        rows = model._default_manager.filter(**has_part)  # noqa: SLF001
        return [str(pk) for pk in rows.values_list("pk", flat=True)[:most]]
    except (FieldError, *NO_NAME):
        return []  # the name is no text


def auth_hash(user: Any) -> str:
    """Give Django's session auth hash, which changes with the password; empty where there is none.

    See Django's docs, "Session invalidation on password change".
    """
    return user.get_session_auth_hash() if hasattr(user, "get_session_auth_hash") else ""


def auth_hashes(user: Any) -> list[str]:
    """Give the hash, and those under the keys of `SECRET_KEY_FALLBACKS`."""
    fallbacks = getattr(user, "get_session_auth_fallback_hash", list)
    return [auth_hash(user), *fallbacks()]


def facts(user: Any) -> tuple[bool, list[str]] | None:
    """Give what the engine asks of a user: whether they are active, and `auth_hashes`."""
    if user is None:
        return None
    return bool(user.is_active), [str(one) for one in auth_hashes(user)]


def _model() -> Any:
    """Give the user model; None in a service that has none."""
    try:
        return get_user_model()
    except ImproperlyConfigured:
        return None


def _name_field() -> Any:
    """Give the field that stores the login name; of a foreign key, the one that it points to."""
    model = get_user_model()
    field: Any = model._meta.get_field(model.USERNAME_FIELD)  # noqa: SLF001
    while field.remote_field is not None:
        field = field.target_field
    return field


def _is_plain(model: Any) -> bool:
    """Whether a user is found by one statement that Django itself knows beforehand."""
    manager = model._default_manager  # noqa: SLF001
    exact = model._meta.pk.get_lookup("exact")  # noqa: SLF001
    return (
        manager._queryset_class is QuerySet  # noqa: SLF001
        and vars(manager).keys().isdisjoint(_METHODS)
        and all(getattr(type(manager), name) is getattr(Manager, name) for name in _METHODS)
        and exact.__module__.startswith("django.db.")
    )


def _check_range(model: Any, pk: Any, using: str) -> None:
    """Refuse a number that no column holds, which would be an error of the database."""
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
