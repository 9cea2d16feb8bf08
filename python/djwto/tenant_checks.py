"""`manage.py check`, for projects with django-tenants."""

from typing import Any

from django.apps import apps
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from djwto import conf, tenant_apps


@register(Tags.security)
def check_tenant_apps(**_: Any) -> list[CheckMessage]:
    """E066: each tenant would have tables of djwto, or the public schema would have none."""
    if not apps.is_installed("django_tenants"):
        return []
    app = apps.get_app_config("djwto")
    is_per_tenant = tenant_apps.has(app)
    if tenant_apps.is_shared(app) and not is_per_tenant:
        return []
    found = "in TENANT_APPS" if is_per_tenant else "in neither list"
    return [
        Error(
            f"djwto: expected in SHARED_APPS of django-tenants, found {found}. One thread of each "
            "process reads the ended sessions of all tenants, from the public schema.",
            hint='Put "djwto" into SHARED_APPS, take it out of TENANT_APPS, and run `manage.py '
            "migrate_schemas --shared`. DJWTO_TENANT keeps the tenants apart.",
            id="djwto.E066",
        )
    ]


@register(Tags.security)
def check_tenant_is_set(**_: Any) -> list[CheckMessage]:
    """W065: there are tenants, and a token of one is good in all of them."""
    if not apps.is_installed("django_tenants") or conf.valid("TENANT") is not None:
        return []
    return [
        checks.Warning(
            "django_tenants is installed and DJWTO_TENANT is not set: a token of one tenant is "
            "good in every other, for the user who has the same key there.",
            hint='Set DJWTO_TENANT = "djwto.contrib.django_tenants.schema".',
            id="djwto.W065",
        )
    ]
