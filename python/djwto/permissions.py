"""The permissions of a user, by one statement where Django's own backend answers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_backends
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.models import Permission, PermissionsMixin

if TYPE_CHECKING:
    from collections.abc import Iterable


def of(user: Any) -> Iterable[str]:
    """Give what `user.get_all_permissions()` gives, as `app.codename`."""
    if not hasattr(user, "get_all_permissions"):
        return ()
    if not _is_models_alone(user):
        every: set[str] = user.get_all_permissions()
        return every
    if not user.is_active:
        return ()
    own = user.user_permissions.order_by()
    of_groups = Permission.objects.using(own.db).filter(group__in=user.groups.all()).order_by()
    columns = ("content_type__app_label", "codename")
    rows = own.values_list(*columns).union(of_groups.values_list(*columns))
    return [f"{app_label}.{codename}" for app_label, codename in rows]


def _is_models_alone(user: Any) -> bool:
    """Whether `ModelBackend`, as Django has it, is the only one that answers for this user."""
    if hasattr(user, "_perm_cache"):
        return False  # the backend has asked before
    method = user.__class__.get_all_permissions  # of a lazy object, what it stands for
    if method is not getattr(PermissionsMixin, "get_all_permissions", None):
        return False
    backends = [type(backend) for backend in get_backends()]
    answering = [backend for backend in backends if not _is_silent(backend)]
    return bool(answering) and all(_is_plain(backend) for backend in answering)


def _is_silent(backend: type) -> bool:
    if not hasattr(backend, "get_all_permissions"):
        return True
    return _has_methods_of(backend, BaseBackend, _METHODS[:3])


def _is_plain(backend: type) -> bool:
    return issubclass(backend, ModelBackend) and _has_methods_of(backend, ModelBackend, _METHODS)


def _has_methods_of(backend: type, base: type, names: tuple[str, ...]) -> bool:
    return all(getattr(backend, name, None) is getattr(base, name, None) for name in names)


_METHODS = (
    "get_user_permissions",
    "get_group_permissions",
    "get_all_permissions",
    "_get_permissions",
    "_get_user_permissions",
    "_get_group_permissions",
)
