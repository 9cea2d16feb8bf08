"""`manage.py check`, for projects with django-tenants."""

from typing import Any

from django.apps import apps
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from djwto import conf, tenant_apps


@register(Tags.security)
def check_tenant_apps(**_: Any) -> list[CheckMessage]:
    """E066: djwto's tables are not in the public schema, or not only there."""
    if not apps.is_installed("django_tenants"):
        return []
    app = apps.get_app_config("djwto")
    is_per_tenant = tenant_apps.has(app)
    if tenant_apps.is_shared(app) and not is_per_tenant:
        return []
    found = "in TENANT_APPS" if is_per_tenant else "in neither list"
    return [
        Error(
            f'"djwto": expected in SHARED_APPS of django-tenants and not in TENANT_APPS, found '
            f"{found}. Each process reads the ended sessions of all tenants in the public schema.",
            hint='Put "djwto" into SHARED_APPS, remove it from TENANT_APPS, and run `manage.py '
            "migrate_schemas --shared`. DJWTO_TENANT keeps the tenants apart.",
            id="djwto.E066",
        )
    ]


@register(Tags.security)
def check_tenant_is_set(**_: Any) -> list[CheckMessage]:
    """W065: every tenant accepts the tokens of every other."""
    if not apps.is_installed("django_tenants") or conf.valid("TENANT") is not None:
        return []
    return [
        checks.Warning(
            "django_tenants is installed, and DJWTO_TENANT is not set. Each tenant accepts the "
            "tokens of the others, as those of its user with the same primary key.",
            hint='Set DJWTO_TENANT = "djwto.contrib.django_tenants.schema".',
            id="djwto.W065",
        )
    ]
