"""drf-spectacular: how djwto's authentication is described, and its endpoints.

The schemes are known wherever `drf_spectacular` is in `INSTALLED_APPS`. The endpoints come by a
line in `SPECTACULAR_SETTINGS`:

    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "djwto.contrib.spectacular.add_endpoints",
    ]
"""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.settings import spectacular_settings

from djwto import csrf, openapi

__all__ = ["add_endpoints"]


class JWTScheme(OpenApiAuthenticationExtension):
    """`JWTAuthentication`: a Bearer token, or the cookies, by the modes of the settings."""

    target_class = "djwto.contrib.rest_framework.JWTAuthentication"
    match_subclasses = True

    @property
    def name(self) -> list[str]:  # type: ignore[override]
        """The names of the schemes."""
        return list(openapi.security_schemes())

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        """Give what a request needs, one of a list."""
        is_unsafe = auto_schema.method not in csrf.SAFE_METHODS
        return openapi.security("access", asks_csrf=is_unsafe)

    def get_security_definition(self, _auto_schema: Any) -> list[dict[str, Any]]:
        """Give the schemes, in the order of their names."""
        return list(openapi.security_schemes().values())


class GuardScheme(JWTScheme):
    """The same for a guard under `@api_view`."""

    target_class = "djwto.api_views.GuardAuthentication"


def add_endpoints(result: dict[str, Any], generator: Any, **_more: Any) -> dict[str, Any]:
    """Add djwto's endpoints to spectacular's document. For `POSTPROCESSING_HOOKS`, in any order."""
    is_31 = str(spectacular_settings.OAS_VERSION).startswith("3.1")
    for path, item in openapi.paths(is_31=is_31).items():
        described = result["paths"].setdefault(path, {})
        for method, operation in item.items():
            described.setdefault(method, operation)
    schemes = result.setdefault("components", {}).setdefault("securitySchemes", {})
    for name, schema in openapi.security_schemes().items():
        schemes[name] = schema
        # Other hooks build the components anew from the registry.
        generator.registry.register_on_missing(
            ResolvedComponent(
                name=name,
                type=ResolvedComponent.SECURITY_SCHEMA,
                object=name,
                schema=schema,
            )
        )
    return result
