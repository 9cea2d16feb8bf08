"""The OpenAPI document: whether it is good, and says what the endpoints are.

`tests.documented` holds every reply of the other tests to it.
"""

import json
import re
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path, set_script_prefix
from django.urls.base import clear_script_prefix
from openapi_spec_validator import validate

from djwto import openapi, openapi_security, operations, url_patterns, views
from djwto.exceptions import CODES
from tests import documented, openapi_page
from tests.conftest import MODES, REFRESH, Visitor

DOCS = Path(__file__).resolve().parent.parent / "docs"
EVERY_MODE = [*MODES, ("TWO-COOKIES", "JSON"), ("ONE-COOKIE", "TWO-COOKIES", "JSON")]


def urls(*patterns: Any) -> ModuleType:
    module = ModuleType("urls")
    module.urlpatterns = [*patterns]
    return module


@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("csrf", [True, False])
def test_the_command_prints_a_good_document(settings: Any, mode: Any, csrf: Any) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_CSRF = csrf
    printed = StringIO()
    call_command("djwto_openapi", stdout=printed)
    found = json.loads(printed.getvalue())
    validate(found)
    assert found["openapi"] == "3.1.0"
    operations = [one for item in found["paths"].values() for one in item.values()]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names)) > 10
    used = {name for one in operations for need in one["security"] for name in need}
    assert used == set(found["components"]["securitySchemes"]) - {"jwtCsrf"} | ({"jwtCsrf"} & used)


@pytest.mark.parametrize("mode", EVERY_MODE)
def test_it_is_good_as_openapi_3_0(settings: Any, mode: Any) -> None:
    settings.DJWTO_MODE = mode
    info = {"title": "djwto", "version": "1"}
    schemes = {"securitySchemes": openapi_security.schemes()}
    paths = openapi.paths(is_31=False)
    validate({"openapi": "3.0.3", "info": info, "paths": paths, "components": schemes})


def test_it_has_every_endpoint_and_method() -> None:
    found = openapi.document()["paths"]
    served = {}
    for place in url_patterns.every():
        view_class = getattr(place.pattern.callback, "view_class", None)
        if view_class is not None and view_class.__module__ == "djwto.views":
            (text,) = place.paths
            methods = {name for name in view_class.http_method_names if hasattr(view_class, name)}
            served[re.sub(r"<\w+:(\w+)>", r"{\1}", text)] = methods - {"options", "head"}
    assert {text: set(item) for text, item in found.items()} == served
    every = {name for name in views.__all__ if name.endswith("View")}
    assert {one.__name__ for one in operations.DESCRIBED} == every


OF_THE_SERVER = {
    *("peer_unknown", "forwarded_invalid", "host_unknown", "path_invalid", "path_ambiguous"),
    *("rule_missing", "permissions_unavailable", "csrf_unavailable"),
}
"""The codes that `djwto-server` alone answers with."""


def test_every_code_of_an_endpoint_is_in_it(settings: Any) -> None:
    settings.DJWTO_MODE = ("TWO-COOKIES", "JSON")
    settings.ROOT_URLCONF = urls(
        path("", include("djwto.urls")), path("password/", views.PasswordChangeView.as_view())
    )
    codes = set()
    for item in openapi.paths().values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                listed = documented.codes_of(response)
                assert {CODES[code].status for code in listed} <= {int(status)}
                codes |= listed
    of_guards = {"login_required", "permissions_invalid", "permissions_insufficient", "test_failed"}
    assert codes == set(CODES) - of_guards - OF_THE_SERVER - {"method_not_allowed"}


@pytest.mark.parametrize("modes", [*EVERY_MODE, ("JSON", "TWO-COOKIES")])
def test_a_logout_without_a_token_needs_what_the_document_says(settings: Any, modes: Any) -> None:
    settings.DJWTO_MODE = modes
    needs = openapi.paths()[f"{REFRESH}/logout/"]["delete"]["security"]
    reply = Client(enforce_csrf_checks=True).delete(f"{REFRESH}/logout/")
    assert (reply.status_code in (200, 204)) == ({} in needs)


@pytest.mark.parametrize("method", ["put", "patch", "trace"])
def test_another_method_is_405(method: str) -> None:
    for text in openapi.paths():
        reply = getattr(Client(), method)(
            text.replace("{pk}", "0" * 8 + "-0000" * 3 + "-" + "0" * 12)
        )
        assert (reply.status_code, reply.json()["code"]) == (405, "method_not_allowed")
        assert reply.headers["Allow"]


def test_paths_are_those_of_the_project(settings: Any) -> None:
    settings.DJWTO_REFRESH_COOKIE_PATH = "tokens/renew"
    settings.DJWTO_PUBLIC_PATH = "/shop/"
    settings.ROOT_URLCONF = urls(
        path("auth/", include("djwto.urls")),
        path("<slug:shop>/password/", views.PasswordChangeView.as_view(), name="password"),
        path("other/", lambda _request: HttpResponse()),
    )
    set_script_prefix("/backend/")
    try:
        found = openapi.document()
    finally:
        clear_script_prefix()
    assert found["servers"] == [{"url": "/shop/backend"}]
    assert {"/auth/login/", "/auth/tokens/renew/logout/"} <= set(found["paths"])
    change = found["paths"]["/{shop}/password/"]["post"]
    assert change["operationId"] == "djwto_password_post"
    assert [one["name"] for one in change["parameters"]] == ["shop"]
    assert "/other/" not in found["paths"]
    validate(found)


def test_an_endpoint_at_two_paths_has_two_names(settings: Any) -> None:
    settings.ROOT_URLCONF = urls(
        path("a/", include("djwto.urls")), path("b/", include("djwto.urls"))
    )
    found = openapi.document()
    assert "/a/login/" in found["paths"]
    assert found["paths"]["/b/login/"]["post"]["operationId"] == "djwto_login_post_2"
    validate(found)


def test_a_view_of_the_projects_own_is_described_as_djwtos(settings: Any) -> None:
    class Login(views.GetTokensView):
        pass

    logout = views.BlackListTokenView.as_view(http_method_names=["delete", "options"])
    settings.ROOT_URLCONF = urls(
        path("enter/", Login.as_view(), name="enter"), path("leave/", logout, name="leave")
    )
    methods = {text: set(item) for text, item in openapi.paths().items()}
    assert methods == {"/enter/": {"post"}, "/leave/": {"delete"}}


def test_without_endpoints_the_command_says_so(settings: Any) -> None:
    settings.ROOT_URLCONF = urls()
    with pytest.raises(CommandError, match=r'include\("djwto.urls"\)'):
        call_command("djwto_openapi")


@pytest.mark.parametrize("prefix", ["", "__Host-"])
def test_cookies_have_their_names(visitor: Visitor, alice: Any, settings: Any, prefix: str) -> None:
    settings.DJWTO_COOKIE_PREFIX = prefix
    reply = visitor.login()
    names = {
        one["name"]
        for one in openapi_security.schemes().values()
        if one["type"] == "apiKey" and one["in"] == "cookie"
    }
    tokens = {name for name, one in reply.cookies.items() if "jwt_" in name and one["max-age"] > 0}
    assert tokens - {f"{prefix}jwt_access_payload"} == names
    header = openapi.paths()["/login/"]["post"]["responses"]["200"]["headers"].get("Set-Cookie")
    listed = set(re.findall(r"`([\w-]+)`", header["description"])) if header else set()
    assert listed == tokens


def test_the_csrf_header_has_its_name(settings: Any) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    assert openapi_security.schemes()["jwtCsrf"]["name"] == "X-CSRFToken"
    settings.CSRF_HEADER_NAME = "HTTP_X_XSRF_TOKEN"
    assert openapi_security.schemes()["jwtCsrf"]["name"] == "X-Xsrf-Token"


def test_the_docs_hold_the_document() -> None:
    found = json.loads(json.dumps(openapi_page.document()))
    text = "run: python -m tests.openapi_page"
    assert json.loads(openapi_page.FILE.read_text()) == found, text
    assert openapi_page.PAGE.read_text() == openapi_page.page_of(found), text
