"""Users: found by their key, and told apart from those whose password has changed since."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import router


def find_user(pk: Any, *, active: bool = True, fresh: bool = False) -> Any:
    """Find a user by the `id` of a token; None where there is none, or `active` rules him out.

    `fresh` asks the database that is written: a replica may not know of him yet, or still.
    """
    model = get_user_model()
    rows: Any = model._default_manager  # noqa: SLF001
    if fresh:
        rows = rows.using(router.db_for_write(model))
    try:
        user = rows.get(pk=model._meta.pk.to_python(pk))  # noqa: SLF001
    except (model.DoesNotExist, ValidationError, ValueError, OverflowError):
        return None
    return user if user.is_active or not active else None


def find_account(name: str) -> Any:
    """Find a user by what he logs in with; None where there is none."""
    model = get_user_model()
    try:
        return model._default_manager.get_by_natural_key(name)  # noqa: SLF001
    except (model.DoesNotExist, ValidationError, ValueError):
        return None


def auth_hash(user: Any) -> str:
    """Give Django's session auth hash, which changes with the password; empty where there is none.

    See Django's docs, "Session invalidation on password change".
    """
    return user.get_session_auth_hash() if hasattr(user, "get_session_auth_hash") else ""


def auth_hashes(user: Any) -> list[str]:
    """Give the hash, and those under the keys of `SECRET_KEY_FALLBACKS`."""
    fallbacks = getattr(user, "get_session_auth_fallback_hash", list)
    return [auth_hash(user), *fallbacks()]
