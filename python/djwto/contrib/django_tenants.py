"""The tenant of django-tenants, for `DJWTO_TENANT`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections

from djwto import tenant_apps

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["schema"]


def schema(request: HttpRequest | None) -> str:
    """Return the name of the present schema.

    Outside of requests it returns "" if all tenants share one table of users: a user who is
    deactivated there is deactivated in every tenant.
    """
    if request is None and not has_users_per_tenant():
        return ""
    connection: Any = connections[getattr(settings, "TENANT_DB_ALIAS", "default")]
    return str(connection.schema_name)


def has_users_per_tenant() -> bool:
    """Whether each tenant has a table of users."""
    app = apps.get_app_config(get_user_model()._meta.app_label)  # noqa: SLF001
    return tenant_apps.has(app)
