"""Changes of users that end their sessions at once.

A user is deactivated or deleted, or gets another password, through `save()` or `delete()`. Changes
that bypass those, such as `QuerySet.update()` and SQL, are noticed when a session is next renewed.

Sessions end in the transaction that changes the user. After its commit they are looked for again: a
login at the same time may have read the user before, and written its session since.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import get_hasher, identify_hasher
from django.contrib.auth.signals import user_login_failed
from django.db.models.signals import post_delete, post_save, pre_save

from djwto import commits, sessions, tenants, user_rows
from djwto.models import PASSWORD_CHANGED, USER_DEACTIVATED, USER_DELETED, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def connect() -> None:
    """Connect to the user model, its proxies and its children, once all models are loaded.

    A receiver for the `post_delete` of every model would slow down every deletion.
    """
    for model in apps.get_models():
        if issubclass(model, get_user_model()):
            pre_save.connect(before_save, sender=model, dispatch_uid="djwto")
            post_save.connect(after_save, sender=model, dispatch_uid="djwto")
            post_delete.connect(after_delete, sender=model, dispatch_uid="djwto")
    user_login_failed.connect(after_login_failed, dispatch_uid="djwto")


@contextmanager
def authenticating() -> Iterator[Attempt]:
    """Treat a password hash that is saved alone in the block as a rehash of the same password.

    Yields an `Attempt`, which notes whether Django's `user_login_failed` was sent.
    """
    attempt = Attempt()
    token = _attempt.set(attempt)
    try:
        yield attempt
    finally:
        _attempt.reset(token)


@dataclass
class Attempt:
    """A running attempt to log in."""

    is_announced: bool = False
    """Whether `user_login_failed` was sent for it."""


def before_save(instance: Any, using: str, update_fields: Any = None, **_: Any) -> None:
    """Remember the old hash, if the same password is only hashed again."""
    if _may_be_rehash(instance, update_fields):
        old = type(instance)._base_manager.using(using).filter(pk=instance.pk).first()  # noqa: SLF001
        if old is not None and (_attempt.get() is not None or _is_outdated(old.password)):
            vars(instance)[_REHASHED] = user_rows.auth_hashes(old)


def after_save(
    instance: Any,
    using: str,
    *,
    created: bool,
    raw: bool = False,
    update_fields: Any = None,
    **_: Any,
) -> None:
    """End the sessions of a user who was deactivated or has another password."""
    if created or raw:
        return
    changed = {"is_active", "password"} if update_fields is None else set(update_fields)
    key = str(instance.pk)
    if "is_active" in changed and not instance.is_active:
        _end_all(key, USER_DEACTIVATED, using)
    elif "password" in changed:
        _after_password(instance, using)


def after_delete(instance: Any, using: str, **_: Any) -> None:
    """End the sessions of a deleted user."""
    _end_all(str(instance.pk), USER_DELETED, using)


def after_login_failed(**_: Any) -> None:
    """Note that Django has announced this failed login, which other packages count."""
    attempt = _attempt.get()
    if attempt is not None:
        attempt.is_announced = True


def keep_session(user: Any, key: Any) -> None:
    """Let this session outlive the next change of the user's password."""
    vars(user)[_KEPT] = key


_attempt: ContextVar[Attempt | None] = ContextVar("djwto_attempt", default=None)
_REHASHED = "_djwto_rehashed_from"
_KEPT = "_djwto_kept_session"


def _settle(work: Callable[[], object], user_id: str, tenant: str | None, using: str) -> None:
    """End sessions in the transaction of a user's change, and look again after its commit.

    If sessions are in another database, a rollback would not undo that. Then it is done only after
    the commit.
    """
    is_pending = commits.is_pending(using)
    is_later = is_pending and using != Session.database()
    if not is_later:
        work()
    if is_pending:

        def look_again() -> None:
            if is_later:
                work()
            sessions.end_unrenewable(user_id, tenant)

        commits.after_commit(look_again, using, robust=True)


def _end_all(user_id: str, reason: str, using: str) -> None:
    # Of the tenant at this moment: at the commit the present one may be another.
    tenant = tenants.present()
    rows = Session.of_user(user_id, tenant)
    _settle(partial(sessions.end_rows, rows, reason), user_id, tenant, using)


def _after_password(user: Any, using: str) -> None:
    hashes, key = user_rows.auth_hashes(user), str(user.pk)
    rehashed, kept = vars(user).pop(_REHASHED, None), vars(user).pop(_KEPT, None)
    tenant = tenants.present()

    def work() -> None:
        own = Session.of_user(key, tenant)
        if rehashed is not None:
            own.filter(auth_hash__in=rehashed).update(auth_hash=hashes[0])
        if kept is not None:
            own.filter(pk=kept).update(auth_hash=hashes[0])
        sessions.end_rows(own.exclude(auth_hash__in=["", *hashes]), PASSWORD_CHANGED)

    _settle(work, key, tenant, using)


def _may_be_rehash(user: Any, update_fields: Any) -> bool:
    # So Django saves a hash that it has brought up to date at a login: alone, and with the raw
    # password forgotten. Code that sets `user.password` by hand may do the same.
    is_alone = update_fields is not None and set(update_fields) == {"password"}
    return is_alone and getattr(user, "_password", None) is None and user.pk is not None


def _is_outdated(password: str) -> bool:
    """Whether Django would update this hash; if not, the password was changed."""
    try:
        hasher = identify_hasher(password)
    except ValueError:
        return False
    preferred = get_hasher("default")
    return hasher.algorithm != preferred.algorithm or preferred.must_update(password)
