"""The permissions of a user, with one statement if only Django's own backend decides."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_backends
from django.contrib.auth.models import Group, Permission, PermissionsMixin
from django.core.exceptions import FieldDoesNotExist
from django.db import router

from djwto import prepared

# Django's backends ask for the user model when they are imported. Its own module may import djwto,
# so they are imported late here.

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet


def of(user: Any) -> Iterable[str]:
    """Return the permissions of `user.get_all_permissions()`, as `app.codename`."""
    if not hasattr(user, "get_all_permissions"):
        return ()
    if not _is_models_alone(user):
        every: set[str] = user.get_all_permissions()
        return every
    if not user.is_active:
        return ()
    using = router.db_for_read(Permission, instance=user)
    rows = _select(user._meta.concrete_model).rows(using, user=user.pk)  # noqa: SLF001
    return {f"{app_label}.{codename}" for app_label, codename in rows}


@cache
def _select(model: Any) -> prepared.Select:
    """Prepare the statement that reads a user's own permissions and those of their groups."""
    of_user, of_group = (
        model._meta.get_field(name).related_query_name()  # noqa: SLF001
        for name in ("user_permissions", "groups")
    )

    def build(user: Any) -> QuerySet[Any, Any]:
        columns = ("content_type__app_label", "codename")
        own, of_groups = (
            Permission.objects.filter(**{path: user}).order_by().values_list(*columns)
            for path in (of_user, f"group__{of_group}")
        )
        # With doubles: a database's collation may take two names for one.
        return own.union(of_groups, all=True).order_by()  # else the model's, by another column

    return prepared.Select(build, user=model._meta.pk)  # noqa: SLF001


def obstacle(model: Any) -> str:
    """Return what else than Django's `ModelBackend` answers for users of a model; "" if nothing."""
    # Without `PermissionsMixin`, the model has no such method.
    method = getattr(model, "get_all_permissions", None)
    if method is not getattr(PermissionsMixin, "get_all_permissions", None):
        return f"{model.__qualname__} has its own get_all_permissions, or none."
    if not _has_usual_fields(model._meta.concrete_model):  # noqa: SLF001
        return f"{model.__qualname__} has other permissions or groups than PermissionsMixin."
    return _other_backend(tuple(settings.AUTHENTICATION_BACKENDS))


def _is_models_alone(user: Any) -> bool:
    """Whether `ModelBackend`, as Django has it, is the only one that answers for this user."""
    if hasattr(user, "_perm_cache"):
        return False  # the backend has asked before
    return not obstacle(user.__class__)  # of a lazy object, what it stands for


@cache
def _other_backend(_paths: tuple[str, ...]) -> str:
    answering = [backend for backend in get_backends() if not _is_silent(backend)]
    others = [type(backend) for backend in answering if not _is_plain(backend)]
    if others:
        name = f"{others[0].__module__}.{others[0].__qualname__}"
        return f"AUTHENTICATION_BACKENDS: {name} gives permissions in its own way."
    return "" if answering else "AUTHENTICATION_BACKENDS: no backend gives permissions."


@cache
def _has_usual_fields(model: Any) -> bool:
    """Whether permissions and groups are Django's, by tables that name the user's key."""
    try:
        own, groups = (
            model._meta.get_field(name)  # noqa: SLF001
            for name in ("user_permissions", "groups")
        )
    except FieldDoesNotExist:
        return False
    return all(
        field.model is model  # of a parent model, the tables name the parent's key
        and field.related_model is related
        and field.remote_field.through._meta.auto_created  # noqa: SLF001
        and not field.remote_field.hidden
        for field, related in ((own, Permission), (groups, Group))
    )


def _is_silent(backend: Any) -> bool:
    from django.contrib.auth.backends import BaseBackend

    if not hasattr(backend, "get_all_permissions"):
        return True
    return _has_methods_of(backend, BaseBackend, _METHODS[:3])


def _is_plain(backend: Any) -> bool:
    from django.contrib.auth.backends import ModelBackend

    return isinstance(backend, ModelBackend) and _has_methods_of(backend, ModelBackend, _METHODS)


def _has_methods_of(backend: Any, base: type, names: tuple[str, ...]) -> bool:
    own = type(backend)
    return vars(backend).keys().isdisjoint(names) and all(
        getattr(own, name, None) is getattr(base, name, None) for name in names
    )


_METHODS = (
    "get_user_permissions",
    "get_group_permissions",
    "get_all_permissions",
    "_get_permissions",
    "_get_user_permissions",
    "_get_group_permissions",
)
