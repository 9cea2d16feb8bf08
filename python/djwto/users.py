"""Users without a row in the database: the user of a token, and the anonymous user."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise

from djwto import _core, tokens
from djwto.exceptions import JWTError
from djwto.user_rows import NO_NAME, find_user

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import Model

__all__ = ["TokenUser"]


class TokenUser(Promise):
    """The user of a token, made from its claims without a query. `get()` loads the row.

    Each member of the claim `user` is an attribute. `is_staff` and `is_superuser` are False: a
    token opens no admin. `is_active` is True, because only active users get tokens.

    Filters over relations to the user take it, as in `filter(author=request.user)`. A field does
    not store it or compare with it: a string could mean the primary key or the login name. It is a
    `Promise`, because that is the one thing that fields ask for their value.
    """

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False

    def __init__(self, claims: dict[str, Any]) -> None:
        """Take the claims of a verified token."""
        self._claim: dict[str, Any] = claims["user"]

    @cached_property
    def pk(self) -> Any:
        """The primary key, in the type of the user model.

        If the model cannot hold it, it is the value in the token.
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
        """Load the row of the user. None if the user is deleted or inactive, or has no row here."""
        return None if _model() is None else find_user(self._claim["id"])

    async def aget(self) -> Any:
        """Do what `get` does, without blocking the event loop."""
        return await sync_to_async(self.get)()

    def get_username(self) -> Any:
        """Return the login name in the token; "" if it has none."""
        return self._claim.get(getattr(_model(), "USERNAME_FIELD", "username"), "")

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Whether the user has this permission; False with an object. See `has_perms`."""
        return self.has_perms([perm], obj)

    def has_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:
        """Whether the user has all these permissions, by the token; False with an object.

        If the permissions did not fit into the token, it asks the database, once. A service that
        only verifies tokens has none to ask: then the answer is False.
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
        """Whether the user has any permission of this app. See `has_perms`."""
        names = self.get_all_permissions()
        return any(name == "*" or name.partition(".")[0] == app_label for name in names)

    def get_all_permissions(self, obj: Any = None) -> set[str]:
        """Return the permissions as `app.codename`; `*` means all. With an object, none."""
        if obj is not None:
            return set()
        if self._claim.get("perms_omitted") is True:
            return set(self._stored_permissions)
        found = self._claim.get("perms")
        return {str(name) for name in found} if isinstance(found, list) else set()

    async def ahas_perm(self, perm: str, obj: Any = None) -> bool:
        """Do what `has_perm` does, without blocking the event loop."""
        return await sync_to_async(self.has_perm)(perm, obj)

    async def ahas_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:
        """Do what `has_perms` does, without blocking the event loop."""
        return await sync_to_async(self.has_perms)(perm_list, obj)

    async def ahas_module_perms(self, app_label: str) -> bool:
        """Do what `has_module_perms` does, without blocking the event loop."""
        return await sync_to_async(self.has_module_perms)(app_label)

    async def aget_all_permissions(self, obj: Any = None) -> set[str]:
        """Do what `get_all_permissions` does, without blocking the event loop."""
        return await sync_to_async(self.get_all_permissions)(obj)

    @cached_property
    def _stored_permissions(self) -> list[str]:
        if not apps.is_installed("djwto"):
            return []  # the user of this key, if there is a table, may be another person here
        # By the hook: the permissions that it would put into the token count here too.
        user = self.get()
        return [] if user is None else [str(name) for name in tokens.process_perms(user)]

    def resolve_expression(self, *_args: Any, **_kwargs: Any) -> Any:
        """Return a stand-in for the row in queries such as `filter(author=request.user)`."""
        model = _model()
        if model is None:
            raise TypeError(_NO_VALUE)
        return _Reference(self, model)

    def _proxy____cast(self) -> NoReturn:
        raise TypeError(_NO_VALUE)

    @property
    def contains_aggregate(self) -> NoReturn:
        """Raise `TypeError`: Django asks for this if a query uses the user as an expression."""
        raise TypeError(_NO_VALUE)

    def _has_no_row(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise NotImplementedError(f"A TokenUser cannot do this: {_NO_ROW}")

    save = asave = delete = adelete = refresh_from_db = arefresh_from_db = _has_no_row
    set_password = set_unusable_password = check_password = acheck_password = _has_no_row
    # Django's `login` asks for it.
    get_session_auth_hash = get_session_auth_fallback_hash = _has_no_row

    def __getattr__(self, name: str) -> Any:
        """Return the member of the claim `user` with this name. Raises `AttributeError`."""
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
        """Whether the other is the same user, with or without a row."""
        if isinstance(other, (TokenUser, _model() or TokenUser)):
            return bool(self.pk == other.pk)
        return NotImplemented

    def __hash__(self) -> int:
        """Return the same hash as the row."""
        return hash(self.pk)

    def __str__(self) -> str:
        """Return the login name."""
        return str(self.get_username())

    def __repr__(self) -> str:
        """Say what to write instead of this user: Django's messages show it."""
        return (
            f"<TokenUser {self.pk!r}: no row of the database. Write request.user.get() for the "
            "row, or the field's name with _id and request.user.pk>"
        )


class _Reference(Promise):
    """A `TokenUser` inside a query: a row of the user model with only its key and login name.

    Lookups over relations read attributes of a row. Everything else asks for the value of a field,
    which raises `TypeError`.
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
        """Return the value of a foreign key, for `update()`."""
        return getattr(self, field.remote_field.get_related_field().attname)

    @property
    def contains_column_references(self) -> NoReturn:
        """Raise `TypeError`: Django asks for this first if a statement would insert the user."""
        raise TypeError(_NO_VALUE)

    def __getattr__(self, name: str) -> Any:
        """Return a field of the row. Raises `TypeError` if it is not in the token."""
        if name.startswith("_"):
            raise AttributeError(name)
        if name in (self._meta.pk.name, self._meta.pk.attname):
            return self.pk
        field = next((one for one in self._meta.concrete_fields if one.attname == name), None)
        if field is None:
            raise AttributeError(name)
        found = self._user.get_username()
        # With an `AttributeError`, Django would take the primary key instead.
        if name != getattr(self._model, "USERNAME_FIELD", None) or found == "":
            raise TypeError(_NO_VALUE)
        return found

    def __str__(self) -> str:
        return str(self._user)

    def __repr__(self) -> str:
        return repr(self._user)


def _missing(model: Any, name: str) -> str:
    """Say why a `TokenUser` lacks this attribute, and what to write instead."""
    if model is None:
        return "it is not in the token. The issuer can add it in `tokens.process_user`."
    fields = {field.attname for field in model._meta.concrete_fields}  # noqa: SLF001
    if name not in fields and hasattr(model, name):
        return f"only the row has relations and methods. Write request.user.get().{name}."
    return (
        "it is not in the token. Write request.user.get() for the row, or add it to the token in "
        "`tokens.process_user`."
    )


_NO_ROW = "it is made from the token, without a row. Write request.user.get() for the row."
_NO_VALUE = (
    "A TokenUser cannot be the value of a field. Write request.user.pk for the primary key, "
    "request.user.get_username() for the login name, or request.user.get() for the row."
)


class Nobody:
    """The anonymous user of a project without `django.contrib.auth`."""

    pk = id = None
    username = ""
    is_authenticated = is_active = is_staff = is_superuser = False
    is_anonymous = True

    def get_username(self) -> str:
        """Return ""."""
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


def anonymous() -> Any:
    """Return Django's `AnonymousUser`; `Nobody` if `django.contrib.auth` is not installed."""
    if not apps.is_installed("django.contrib.auth"):
        return Nobody()
    from django.contrib.auth.models import AnonymousUser

    return AnonymousUser()


def _model() -> Any:
    """Return the user model; None in a service that has none."""
    try:
        return get_user_model()
    except ImproperlyConfigured:
        return None
