"""drf-spectacular: djwto's security schemes and endpoints in the OpenAPI document.

The schemes are there if `drf_spectacular` is in `INSTALLED_APPS`. One line in
`SPECTACULAR_SETTINGS` adds the endpoints:

    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "djwto.contrib.spectacular.add_endpoints",
    ]
"""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.settings import spectacular_settings

from djwto import conf, csrf, openapi_security

__all__ = ["add_endpoints"]


class JWTScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The schemes of `JWTAuthentication`: a Bearer token or the cookies, by `DJWTO_MODE`."""

    target_class = "djwto.contrib.rest_framework.JWTAuthentication"
    match_subclasses = True
    priority = -1  # a project's own extension for its own subclass comes first

    @property
    def name(self) -> list[str]:  # type: ignore[override]
        """The names of the schemes."""
        return list(openapi_security.schemes())

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        """Return the alternatives of what a request needs."""
        return openapi_security.needs("access", asks_csrf=_is_unsafe(auto_schema))

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        """Add the schemes. Returns none, because spectacular warns of schemes that come twice."""
        _register(auto_schema.registry)
        return []


class GuardScheme(JWTScheme):  # type: ignore[no-untyped-call]
    """The schemes of a guard under `@api_view`."""

    target_class = "djwto.api_views.GuardAuthentication"

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        """Return the alternatives of what the guard needs."""
        guard: Any = self.target
        needs = openapi_security.needs(guard.kind, asks_csrf=_is_unsafe(auto_schema))
        return [*needs, {}] if guard.is_optional else needs


def add_endpoints(result: dict[str, Any], generator: Any, **_more: Any) -> dict[str, Any]:
    """Add djwto's endpoints to the document: a hook for `POSTPROCESSING_HOOKS`, in any order."""
    for path, item in _endpoints().items():
        described = result["paths"].setdefault(path, {})
        for method, operation in item.items():
            described.setdefault(method, operation)
    schemes = result.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes.update(openapi_security.schemes())
    # Other hooks build the components anew from the registry.
    _register(generator.registry)
    return result


def _endpoints() -> dict[str, Any]:
    """Return the Paths Object; empty if the project only verifies tokens and has no endpoints."""
    if conf.is_verifier():
        return {}
    from djwto import openapi  # here, because it needs tables

    return openapi.paths(is_31=not str(spectacular_settings.OAS_VERSION).startswith("3.0"))


def _is_unsafe(auto_schema: Any) -> bool:
    return auto_schema.method not in csrf.SAFE_METHODS


def _register(registry: Any) -> None:
    """Put the schemes into spectacular's registry, once."""
    kind = ResolvedComponent.SECURITY_SCHEMA
    for name, schema in openapi_security.schemes().items():
        if (name, kind) not in registry._components:  # noqa: SLF001 (`in registry` warns)
            registry.register(
                ResolvedComponent(name=name, type=kind, object=name, schema=schema)  # type: ignore[no-untyped-call]
            )
