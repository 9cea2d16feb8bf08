"""Cookies with a domain: what Django's one-of-a-name jar would not hold."""

from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.http import JsonResponse
from django.test import Client, RequestFactory

from djwto import responses, sessions
from tests.conftest import Visitor


def set_cookies(response: Any) -> list[str]:
    """The `Set-Cookie` lines, as a WSGI server sends them."""
    return [cookie.OutputString() for cookie in response.cookies.values()]


def attributes(line: str) -> tuple[str, str, dict[str, Any]]:
    ((name, morsel),) = SimpleCookie(line).items()
    kept = ("path", "domain", "secure", "httponly", "samesite")
    return name, morsel.coded_value, {key: morsel[key] for key in kept}


@pytest.mark.parametrize("mode", ["ONE-COOKIE", "TWO-COOKIES"])
def test_with_a_domain_the_hosts_own_cookies_are_cleared(
    alice: Any, settings: Any, mode: str
) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_DOMAIN = "testserver"
    visitor = Visitor(mode)
    for response in (visitor.login(), visitor.refresh("update_refresh")):
        lines = [line for line in set_cookies(response) if line.startswith("jwt_")]
        by_name: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        for name, value, found in map(attributes, lines):
            by_name.setdefault(name, []).append((value, found))
        assert len(by_name) == (2 if mode == "ONE-COOKIE" else 3)
        for (cleared, host), (value, domain) in by_name.values():
            assert cleared == ""
            assert value
            assert host == {**domain, "domain": ""}
            assert domain["domain"] == "testserver"
    # Django's client sends what it was given: the pair must not look like a duplicate.
    assert visitor.get("/guarded/function/").status_code == 200
    assert visitor.refresh("logout", "delete").status_code == 200


@pytest.mark.parametrize("domain", [None, "testserver"])
@pytest.mark.parametrize("same_site", ["Lax", "Strict", "None", None])
def test_a_cookie_is_deleted_with_the_attributes_it_was_set_with(
    alice: Any, settings: Any, domain: str | None, same_site: str | None
) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    settings.DJWTO_DOMAIN = domain
    settings.DJWTO_SAME_SITE = same_site
    visitor = Visitor("TWO-COOKIES")
    is_set = {
        (name, str(found)) for name, value, found in map(attributes, _jwt(visitor.login())) if value
    }
    deleted = visitor.refresh("logout", "delete")
    cleared = {(name, str(found)) for name, value, found in map(attributes, _jwt(deleted))}
    assert is_set <= cleared
    assert all("Max-Age=0" in line for line in _jwt(deleted))


def _jwt(response: Any) -> list[str]:
    return [line for line in set_cookies(response) if line.startswith("jwt_")]


def test_login_clears_the_other_cookie_modes_cookies(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = ("ONE-COOKIE", "TWO-COOKIES")
    visitor = Visitor("TWO-COOKIES")
    visitor.login(mode="TWO-COOKIES")
    response = visitor.login(mode="ONE-COOKIE")
    assert response.cookies["jwt_access"].value
    for name in ("jwt_access_token", "jwt_access_payload"):
        assert response.cookies[name].value == ""
        assert response.cookies[name]["max-age"] == 0


def test_a_renewal_answers_where_its_token_came_from(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = ("TWO-COOKIES", "JSON")
    visitor = Visitor("TWO-COOKIES")
    visitor.login()
    path = "/api/token/refresh/update_refresh/"
    data = {"jwt_type": "refresh", "mode": "JSON"}
    response = visitor.client.post(path, data, headers=visitor.headers("refresh"), secure=True)
    assert sorted(response.json()) == ["claims", "msg"]
    assert "eyJ" not in response.content.decode()


def doubled(name: str, host: str = "app.example.com", **extra: str) -> dict[str, str]:
    return {"HTTP_COOKIE": f"{name}=a; {name}=b", "HTTP_HOST": host, **extra}


def places(response: Any) -> set[tuple[str, str, str]]:
    """Name, domain and path of each cookie that a reply clears."""
    found = set()
    for line in set_cookies(response):
        assert "=;" in line
        assert "Max-Age=0" in line
        assert "Secure" in line
        name, _, kept = attributes(line)
        found.add((name, kept["domain"], kept["path"]))
    return found


@pytest.mark.parametrize(
    ("host", "domains"),
    [
        ("app.example.com", ["", "app.example.com", "example.com"]),
        ("app.example.com:8443", ["", "app.example.com", "example.com"]),
        ("localhost:8002", [""]),
        ("127.0.0.1:8002", [""]),
        ("[::1]:8002", [""]),
        ("not a host", [""]),
        ("other.example.org", [""]),
    ],
)
def test_the_refusal_of_a_doubled_name_clears_it_everywhere(
    client: Any, settings: Any, host: str, domains: list[str]
) -> None:
    settings.ALLOWED_HOSTS = [".example.com", "localhost", "127.0.0.1", "[::1]"]
    settings.DJWTO_MODE = "TWO-COOKIES"
    settings.MIDDLEWARE = []  # Django's own would refuse a host that is not allowed
    name = "jwt_access_token"
    response = client.get("/guarded/function/", **doubled(name, host))
    assert (response.status_code, response.json()["code"]) == (401, "cookie_ambiguous")
    paths = ["/", "/guarded", "/guarded/", "/guarded/function", "/guarded/function/"]
    assert places(response) == {(name, domain, path) for domain in domains for path in paths}


@pytest.mark.parametrize("prefix", ["", "__Secure-", "staging_"])
def test_an_endpoint_clears_the_refresh_cookie_where_the_browser_sees_it(
    client: Any, settings: Any, prefix: str
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.DJWTO_MODE = "ONE-COOKIE"
    settings.DJWTO_COOKIE_PREFIX = prefix
    settings.DJWTO_PUBLIC_PATH = "/backend"
    name = f"{prefix}jwt_refresh"
    form = {"jwt_type": "refresh"}
    for method in ("validate_refresh", "logout"):
        path = f"/api/token/refresh/{method}/"
        extra = doubled(name, SCRIPT_NAME="/app")
        response = client.post(path, form, **extra, secure=True)
        assert response.json()["error"].startswith(f'Cookie "{name}" was sent more than once')
        found = places(response)
        assert (name, "example.com", "/backend/app/api/token/refresh") in found
        assert (name, "", "/") in found
        # nginx reads a reply's header into 4 KiB.
        assert len("".join(set_cookies(response))) < 3300


def test_nothing_else_clears_what_is_on_parent_domains(alice: Any, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.DJWTO_MODE = "TWO-COOKIES"
    visitor = Visitor("TWO-COOKIES")
    extra = doubled("jwt_access_token")
    response = visitor.client.post(
        "/login/", {"username": "alice", "password": "pass"}, **extra, secure=True
    )
    assert response.status_code == 200
    assert all(not attributes(line)[2]["domain"] for line in _jwt(response))
    settings.DJWTO_CSRF = False
    response = visitor.client.delete("/api/token/refresh/logout/", **extra, secure=True)
    assert response.status_code == 200
    assert all(not attributes(line)[2]["domain"] for line in _jwt(response))


def test_with_host_a_doubled_name_is_refused_and_nothing_cleared(
    client: Any, settings: Any
) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    settings.DJWTO_COOKIE_PREFIX = "__Host-"
    extra = doubled("__Host-jwt_access_token", "testserver")
    response = client.get("/guarded/function/", **extra)
    assert response.json()["code"] == "cookie_ambiguous"
    assert set_cookies(response) == []


@pytest.mark.parametrize("before", ["\xc2\xa0", "\xe2\x80\x83", "\x01"], ids=repr)
def test_with_host_a_planted_name_that_looks_alike_is_ignored(
    alice: Any, settings: Any, before: str
) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    settings.DJWTO_COOKIE_PREFIX = "__Host-"
    client = Client()
    client.post("/login/", {"username": "alice", "password": "pass"}, secure=True)
    own = f"__Host-jwt_access_token={client.cookies['__Host-jwt_access_token'].value}"
    planted = f"{before}__Host-jwt_access_token=x"
    for header in (f"{planted}; {own}", f"{own}; {planted}"):
        response = Client().get("/guarded/function/", HTTP_COOKIE=header, secure=True)
        assert response.status_code == 200
    # Without the prefix nothing tells which of the two is the browser's own.
    settings.DJWTO_COOKIE_PREFIX = ""
    header = f"{planted}; {own}".replace("__Host-", "")
    response = Client().get("/guarded/function/", HTTP_COOKIE=header, secure=True)
    assert response.json()["code"] == "cookie_ambiguous"


@pytest.mark.parametrize(
    ("script", "public", "wanted"),
    [
        ("", "", ""),
        ("/app", "", "/app"),
        ("/app/", "/backend/", "/backend/app"),
        ("", "/backend", "/backend"),
        ("/b\xfcro a", "", "/b%C3%BCro%20a"),
        ("/\ud800", "", "/" + "%EF%BF%BD" * 3),
    ],
)
def test_the_refresh_cookies_path_is_what_the_browser_sees(
    alice: Any, settings: Any, script: str, public: str, wanted: str
) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    settings.DJWTO_PUBLIC_PATH = public
    request = RequestFactory().post("/login/", secure=True)
    request.META["SCRIPT_NAME"] = script
    response = sessions.login(request, alice)
    path = f"{wanted}/api/token/refresh"
    assert response.cookies["jwt_refresh"]["path"] == path
    cleared = responses.clear_cookies(request, JsonResponse({}))
    assert cleared.cookies["jwt_refresh"]["path"] == path


@pytest.mark.parametrize("mode", ["ONE-COOKIE", "TWO-COOKIES"])
def test_a_visit_with_a_prefix(alice: Any, settings: Any, mode: str) -> None:
    settings.DJWTO_MODE = mode
    settings.DJWTO_COOKIE_PREFIX = "__Host-"
    visitor = Visitor(mode)
    response = visitor.login()
    for line in _jwt_like(response):
        name, value, kept = attributes(line)
        assert name.startswith("__Host-jwt_")
        assert value
        assert (kept["path"], kept["domain"], kept["secure"]) == ("/", "", True)
    assert len(_jwt_like(response)) == (2 if mode == "ONE-COOKIE" else 3)
    assert visitor.get("/guarded/function/").status_code == 200
    assert visitor.refresh("update_refresh").status_code == 200
    gone = visitor.refresh("logout", "delete")
    assert gone.status_code == 200
    cleared = {attributes(line)[0]: "Path=/;" in f"{line};" for line in _jwt_like(gone)}
    assert cleared == {attributes(line)[0]: True for line in _jwt_like(response)}
    visitor.client.cookies.clear()
    name = "jwt_access" if mode == "ONE-COOKIE" else "jwt_access_token"
    missing = visitor.get("/guarded/function/").json()["error"]
    assert missing == f'Cookie "__Host-{name}" cannot be empty.'


def _jwt_like(response: Any) -> list[str]:
    return [line for line in set_cookies(response) if "jwt_" in line.partition("=")[0]]
