"""The apps whose tables each tenant has: `TENANT_APPS` of django-tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    from django.apps import AppConfig


def has(app: AppConfig) -> bool:
    """Whether each tenant has the tables of an app."""
    return _is_listed(app, _of_tenants())


def is_shared(app: AppConfig) -> bool:
    """Whether the public schema has the tables of an app."""
    return _is_listed(app, _of_public())


def _is_listed(app: AppConfig, names: list[str]) -> bool:
    return not {app.name, f"{type(app).__module__}.{type(app).__name__}"}.isdisjoint(names)


def _of_tenants() -> list[str]:
    if not _has_types():
        return list(getattr(settings, "TENANT_APPS", ()))
    types = _types()
    return [app for name in types if name != _public() for app in types[name]["APPS"]]


def _of_public() -> list[str]:
    if not _has_types():
        return list(getattr(settings, "SHARED_APPS", ()))
    return list(_types()[_public()]["APPS"])


def _types() -> dict[str, Any]:
    found: dict[str, Any] = getattr(settings, "TENANT_TYPES", {})
    return found


def _has_types() -> bool:
    return bool(getattr(settings, "HAS_MULTI_TYPE_TENANTS", False))


def _public() -> str:
    return str(getattr(settings, "PUBLIC_SCHEMA_NAME", "public"))
