"""drf-spectacular's document of a project with djwto, and the one without it."""

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import path
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from openapi_spec_validator import validate

from djwto import openapi, openapi_security
from djwto.contrib.rest_framework import JWTAuthentication
from tests.projects.rest import urls

ENUMS = "drf_spectacular.hooks.postprocess_schema_enums"
CAMEL_CASE = "drf_spectacular.contrib.djangorestframework_camel_case.camelize_serializer_fields"
OURS = "djwto.contrib.spectacular.add_endpoints"


def schema_of(**settings: Any) -> Any:
    """Give the document as a client gets it. Warnings of spectacular fail the test."""
    with patched_settings(settings):
        GENERATOR_STATS.reset()
        found = SchemaGenerator().get_schema(request=None, public=True)
        assert (list(GENERATOR_STATS._warn_cache), list(GENERATOR_STATS._error_cache)) == ([], [])
    return json.loads(json.dumps(found))


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
@pytest.mark.parametrize(
    "hooks",
    [
        [ENUMS, OURS],
        [OURS, ENUMS],
        [ENUMS, CAMEL_CASE, OURS],
        [OURS, CAMEL_CASE, ENUMS],
    ],
    ids=["enums first", "ours first", "camelCase first", "camelCase last"],
)
@pytest.mark.parametrize("camelize", [False, True])
def test_the_document_is_good_beside_other_hooks(
    version: str, hooks: list[str], camelize: Any
) -> None:
    found = schema_of(OAS_VERSION=version, POSTPROCESSING_HOOKS=hooks, CAMELIZE_NAMES=camelize)
    validate(found)
    # djwto's endpoints stay as they are served, also if other names change.
    ours = json.loads(json.dumps(openapi.paths(is_31=version.startswith("3.1"))))
    assert {path: found["paths"][path] for path in ours} == ours
    schemes = found["components"]["securitySchemes"]
    assert openapi_security.schemes().items() <= schemes.items()
    enum = found["components"]["schemas"]["FirstKindEnum"]
    assert enum["enum"] == ["refresh", "access"]
    names = found["components"]["schemas"]["Group"]["properties"]
    assert ("firstKind" in names) == (CAMEL_CASE in hooks)


@pytest.mark.parametrize("hooks", [[ENUMS, OURS], [OURS, ENUMS]])
def test_the_schemes_are_there_where_no_view_uses_them(hooks: list[str]) -> None:
    patterns = [path("sessions/", urls.SessionOnly.as_view())]
    with patched_settings({"POSTPROCESSING_HOOKS": hooks}):
        found = SchemaGenerator(patterns=patterns).get_schema(request=None, public=True)
    validate(found)
    assert openapi_security.schemes().items() <= found["components"]["securitySchemes"].items()


def test_without_the_hook_there_are_the_schemes_alone() -> None:
    found = schema_of(POSTPROCESSING_HOOKS=[ENUMS])
    validate(found)
    assert "/login/" not in found["paths"]
    assert set(found["components"]["securitySchemes"]) == {
        "jwtAccess",
        "jwtAccessCookie",
        "jwtCsrf",
        "jwtRefresh",
        "jwtRefreshCookie",
        "cookieAuth",
        "basicAuth",
    }


@pytest.mark.parametrize("address", ["/me/", "/function/", "/guarded/"])
def test_a_view_says_what_it_takes(address: str) -> None:
    found = schema_of()["paths"][address]
    assert found["get"]["security"] == [{"jwtAccess": []}, {"jwtAccessCookie": []}]
    assert found["post"]["security"] == [
        {"jwtAccess": []},
        {"jwtAccessCookie": [], "jwtCsrf": []},
    ]


def test_a_guard_says_which_token_it_takes() -> None:
    paths = schema_of()["paths"]
    access = [{"jwtAccess": []}, {"jwtAccessCookie": []}]
    assert paths["/optional/"]["get"]["security"] == [*access, {}]
    assert paths["/refresh_only/"]["get"]["security"] == [
        {"jwtRefresh": []},
        {"jwtRefreshCookie": []},
    ]


def test_a_subclass_is_described_as_its_parent_or_by_its_own_extension(monkeypatch: Any) -> None:
    class Mine(JWTAuthentication):
        pass

    class View(urls.Me):
        authentication_classes = (Mine,)

    def security() -> Any:
        generator = SchemaGenerator(patterns=[path("mine/", View.as_view())])
        return generator.get_schema(request=None, public=True)["paths"]["/mine/"]["get"]["security"]

    assert security() == [{"jwtAccess": []}, {"jwtAccessCookie": []}]
    known = list(OpenApiAuthenticationExtension._registry)
    monkeypatch.setattr(OpenApiAuthenticationExtension, "_registry", known)

    class MineScheme(OpenApiAuthenticationExtension):
        target_class = Mine
        name = "mine"

        def get_security_definition(self, auto_schema: Any) -> Any:
            return {"type": "http", "scheme": "bearer"}

    assert security() == [{"mine": []}]


def test_the_schemes_follow_the_settings(settings: Any) -> None:
    settings.DJWTO_COOKIE_PREFIX = "__Host-"
    settings.DJWTO_MODE = "ONE-COOKIE"
    found = schema_of()
    schemes = found["components"]["securitySchemes"]
    assert "jwtAccess" not in schemes
    assert schemes["jwtAccessCookie"]["name"] == "__Host-jwt_access"
    assert found["paths"]["/me/"]["get"]["security"] == [{"jwtAccessCookie": []}]
    settings.DJWTO_MODE = ("ONE-COOKIE", "TWO-COOKIES")
    settings.DJWTO_CSRF = False
    assert schema_of()["paths"]["/me/"]["post"]["security"] == [
        {"jwtAccessCookie": []},
        {"jwtAccessCookie2": []},
    ]


def test_spectaculars_own_command(tmp_path: Any) -> None:
    file = tmp_path / "schema.yaml"
    call_command("spectacular", "--file", str(file), "--validate", "--fail-on-warn")
    assert "/login/:" in file.read_text()
