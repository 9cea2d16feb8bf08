"""What happens to users, and ends their sessions at once.

A user is deactivated, deleted, or gets another password, through `save()` or `delete()`. What goes
around those (`QuerySet.update`, SQL) is noticed when a session is next renewed.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import get_hasher, identify_hasher
from django.db.models.signals import post_delete, post_save, pre_save

from djwto import sessions, users
from djwto.models import PASSWORD_CHANGED, USER_DEACTIVATED, USER_DELETED, Session

if TYPE_CHECKING:
    from collections.abc import Iterator


def connect() -> None:
    """Connect to the user model, its proxies and its children; once, when all models are there.

    To these alone: a receiver of every model's `post_delete` would slow every deletion down.
    """
    for model in apps.get_models():
        if issubclass(model, get_user_model()):
            pre_save.connect(before_save, sender=model, dispatch_uid="djwto")
            post_save.connect(after_save, sender=model, dispatch_uid="djwto")
            post_delete.connect(after_delete, sender=model, dispatch_uid="djwto")


@contextmanager
def authenticating() -> Iterator[None]:
    """While this lasts, a hash that is saved alone is another one of the same password."""
    token = _is_authenticating.set(True)
    try:
        yield
    finally:
        _is_authenticating.reset(token)


def before_save(instance: Any, using: str, update_fields: Any = None, **_: Any) -> None:
    """Remember the hash that a mere rehash of the password replaces."""
    if _may_be_rehash(instance, update_fields):
        old = type(instance)._base_manager.using(using).filter(pk=instance.pk).first()  # noqa: SLF001
        if old is not None and (_is_authenticating.get() or _is_outdated(old.password)):
            vars(instance)[_REHASHED] = users.auth_hashes(old)


def after_save(
    instance: Any, *, created: bool, raw: bool = False, update_fields: Any = None, **_: Any
) -> None:
    """End the sessions of a user who was deactivated or has another password."""
    if created or raw:
        return
    changed = {"is_active", "password"} if update_fields is None else set(update_fields)
    if "is_active" in changed and not instance.is_active:
        sessions.end_all(instance, reason=USER_DEACTIVATED)
    elif "password" in changed:
        _after_password(instance)


def after_delete(instance: Any, **_: Any) -> None:
    """End the sessions of a user who is no more."""
    sessions.end_all(instance, reason=USER_DELETED)


def keep_session(user: Any, key: Any) -> None:
    """Let this session outlive the next change of the user's password."""
    vars(user)[_KEPT] = key


_is_authenticating = ContextVar("djwto_is_authenticating", default=False)
_REHASHED = "_djwto_rehashed_from"
_KEPT = "_djwto_kept_session"


def _after_password(user: Any) -> None:
    live = Session.live().filter(user_id=str(user.pk))
    rehashed = vars(user).pop(_REHASHED, None)
    kept = vars(user).pop(_KEPT, None)
    if rehashed is not None:
        live.filter(auth_hash__in=rehashed).update(auth_hash=users.auth_hash(user))
    if kept is not None:
        live.filter(pk=kept).update(auth_hash=users.auth_hash(user))
    others = live.exclude(auth_hash__in=["", *users.auth_hashes(user)])
    sessions.end_where(others, reason=PASSWORD_CHANGED)


def _may_be_rehash(user: Any, update_fields: Any) -> bool:
    # So Django saves a hash that it has brought up to date at a login: alone, and with the raw
    # password forgotten. Someone who sets `user.password` by hand may do the same.
    is_alone = update_fields is not None and set(update_fields) == {"password"}
    return is_alone and getattr(user, "_password", None) is None and user.pk is not None


def _is_outdated(password: str) -> bool:
    """Whether Django would bring this hash up to date; else it was replaced by another one."""
    try:
        hasher = identify_hasher(password)
    except ValueError:
        return False
    preferred = get_hasher("default")
    return hasher.algorithm != preferred.algorithm or preferred.must_update(password)
