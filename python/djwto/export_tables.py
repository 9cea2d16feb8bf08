"""The tables that `djwto-server` reads, with the names that Django's models give them."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission, PermissionsMixin
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldDoesNotExist
from django.db import router
from django.db.models import (
    BooleanField,
    CharField,
    Field,
    IntegerField,
    TextField,
    UUIDField,
)
from django.db.models.query_utils import DeferredAttribute

from djwto import conf, permissions, tenant_apps, tokens, user_rows
from djwto.models import Session

Json = dict[str, Any]


def sessions() -> Json:
    """Return the table of sessions, and the columns that tell which have ended."""
    columns = {name: name for name in ("id", "revoked_at", "access_until", "tenant")}
    return _columns(Session, **columns)


def of_permissions() -> Json:
    """Return the tables of users, permissions and groups. `obstacle` must be "" first."""
    user: Any = get_user_model()
    return {
        "user": {
            **_columns(user, id="pk", is_active="is_active", is_superuser="is_superuser"),
            "id_type": _type_of_key(user),
        },
        "permission": _columns(
            Permission, id="pk", codename="codename", content_type="content_type"
        ),
        "content_type": _columns(ContentType, id="pk", app_label="app_label"),
        "user_permissions": _through(user, "user_permissions", "user", "permission"),
        "group": _columns(Group, id="pk"),
        "groups": _through(user, "groups", "user", "group"),
        "group_permissions": _through(Group, "permissions", "group", "permission"),
    }


def obstacle() -> str:
    """Return why another program cannot read a user's permissions as Django does; "" if it can.

    It asks what the hook `tokens.process_perms` and the loading of the user depend on.
    """
    if tokens.has_own_perms():
        return "tokens.process_perms is replaced."
    model: Any = get_user_model()
    return (
        permissions.obstacle(model)
        or _obstacle_of_model(model)
        or _obstacle_of_databases(model)
        or _obstacle_of_tenants(model)
    )


def _obstacle_of_model(model: Any) -> str:
    name = model.__qualname__
    if model._meta.proxy:  # noqa: SLF001
        return f"{name} is a proxy of another model."
    for method in ("has_perm", "has_perms"):
        if getattr(model, method) is not getattr(PermissionsMixin, method):
            return f"{name} has its own {method}."
    for field in ("is_active", "is_superuser"):
        if not _is_plain_flag(model, field):
            return f"{name}.{field} is no BooleanField in the table of the model."
    if not user_rows.is_plain(model):
        return f"{name} has a manager or a key that may find users in another way."
    if not _type_of_key(model):
        return f"{name} has a primary key that is no number, UUID or text of Django's fields."
    return ""


def _is_plain_flag(model: Any, name: str) -> bool:
    """Whether an attribute of users is what a column holds, which is true or false."""
    try:
        field = model._meta.get_field(name)  # noqa: SLF001
    except FieldDoesNotExist:
        return False
    return (
        type(field) is BooleanField
        and not field.null
        and field.model is model
        # A property of a subclass may hide the field.
        and type(getattr(model, name)) is DeferredAttribute
    )


def _obstacle_of_databases(model: Any) -> str:
    database = Session.database()
    through = (
        model.user_permissions.through,
        model.groups.through,
        Group.permissions.through,
    )
    for one in (model, Permission, ContentType, Group, *through):
        if router.db_for_write(one) != database:
            return f"{one._meta.label} is in another database than djwto's sessions."  # noqa: SLF001
    return ""


def _obstacle_of_tenants(model: Any) -> str:
    for one in (model, Permission, ContentType):
        if tenant_apps.has(apps.get_app_config(one._meta.app_label)):  # noqa: SLF001
            return f"Each tenant has a table {one._meta.db_table}."  # noqa: SLF001
    if conf.current().tenant is not None and any(
        hasattr(one, "db_for_read") or hasattr(one, "db_for_write") for one in router.routers
    ):
        return "DATABASE_ROUTERS may give each tenant another database."
    return ""


def _type_of_key(model: Any) -> str:
    """Return how a user's key is stored; "" if it is in another way than these."""
    field: Any = model._meta.pk  # noqa: SLF001
    while field.remote_field is not None:
        field = field.target_field
    if not type(field).__module__.startswith("django.db.models."):
        return ""  # it may store another value than the token has
    kinds: dict[str, tuple[type[Field[Any, Any]], ...]] = {
        "integer": (IntegerField,),
        "uuid": (UUIDField,),
        "text": (CharField, TextField),
    }
    return next((kind for kind, classes in kinds.items() if isinstance(field, classes)), "")


def _columns(model: Any, **fields: str) -> Json:
    meta = model._meta  # noqa: SLF001
    found: Json = {"table": _table(model)}
    for member, name in fields.items():
        field = meta.pk if name == "pk" else meta.get_field(name)
        found[member] = _plain(field.column)
    return found


def _through(model: Any, name: str, source: str, target: str) -> Json:
    """Return the table of a relation with many rows on both sides."""
    field = model._meta.get_field(name)  # noqa: SLF001
    return {
        "table": _table(field.remote_field.through),
        source: _plain(field.m2m_column_name()),
        target: _plain(field.m2m_reverse_name()),
    }


def _table(model: Any) -> str | list[str]:
    """Return the name of a table; the names of a schema and a table if the model has both.

    Django quotes `db_table`, if it is not quoted. So projects write `crm"."users` for a schema.
    """
    names = _plain(model._meta.db_table).split('"."')  # noqa: SLF001
    return names[0] if len(names) == 1 else names


def _plain(name: str) -> str:
    """Return a name without the quotes that Django leaves as they are."""
    return name[1:-1] if name.startswith('"') and name.endswith('"') else name
