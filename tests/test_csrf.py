"""Login CSRF, and where the CSRF token comes from."""

from itertools import product
from typing import Any

import pytest
from django.test import Client

from tests.conftest import Visitor

CREDENTIALS = {"username": "alice", "password": "pass"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "https://testserver"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://testserver"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "https://testserver@evil.example"}, 403),
        ({"origin": "https://[broken"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"origin": "https://app.example"}, 200),
        ({"origin": "https://app.example", "sec-fetch-site": "cross-site"}, 200),
    ],
)
def test_login_from_another_site(
    alice: Any, settings: Any, headers: dict[str, str], status: int
) -> None:
    settings.DJWTO_MODE = ("TWO-COOKIES", "JSON")
    client = Client(enforce_csrf_checks=True)
    # Read live: what was trusted a moment ago does not matter.
    client.post("/login/", CREDENTIALS, headers=headers, secure=True)
    settings.CSRF_TRUSTED_ORIGINS = ["https://app.example"]
    client = Client(enforce_csrf_checks=True)
    response = client.post("/login/", CREDENTIALS, headers=headers, secure=True)
    assert response.status_code == status
    if status == 403:
        assert response.json()["code"] == "origin_refused"
        assert not response.cookies
    # No cookie, no harm: JSON mode takes a login from anywhere.
    asked = {**CREDENTIALS, "mode": "JSON"}
    assert client.post("/login/", asked, headers=headers, secure=True).status_code == 200


def test_login_rotates_the_csrf_cookie_and_gives_the_token(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    visitor = Visitor("TWO-COOKIES")
    before = visitor.client.get("/csrf/", secure=True).cookies["csrftoken"].value
    response = visitor.login()
    assert response.cookies["csrftoken"].value != before
    assert visitor.post("/validate_access/").status_code == 200
    given = visitor.client.get("/csrf/", secure=True)
    assert given.headers["Cache-Control"] == "no-store"
    visitor.csrf = given.json()["csrf_token"]
    assert visitor.post("/validate_access/").status_code == 200


def test_a_form_field_carries_the_token_too(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    visitor = Visitor("ONE-COOKIE")
    visitor.login()
    csrf, visitor.csrf = visitor.csrf, ""
    data = {"csrfmiddlewaretoken": csrf}
    headers = {"referer": "https://testserver/"}
    response = visitor.client.post("/validate_access/", data, headers=headers, secure=True)
    assert response.status_code == 200


def test_the_csrf_token_may_be_kept_in_the_session(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    settings.CSRF_USE_SESSIONS = True
    visitor = Visitor("ONE-COOKIE")
    response = visitor.login()
    assert "csrftoken" not in response.cookies
    assert visitor.post("/guarded/function/").status_code == 200
    assert visitor.post("/guarded/async_function/").status_code == 200
    visitor.csrf = ""
    assert visitor.post("/guarded/async_function/").status_code == 403


@pytest.mark.parametrize("name", ["refresh_access", "update_refresh", "validate_refresh", "logout"])
@pytest.mark.parametrize("mode", ["ONE-COOKIE", "TWO-COOKIES"])
def test_endpoints_demand_the_token_of_cookies(
    alice: Any, settings: Any, mode: str, name: str
) -> None:
    settings.DJWTO_MODE = mode
    visitor = Visitor(mode)
    visitor.login()
    csrf, visitor.csrf = visitor.csrf, ""
    methods = ("post", "delete") if name == "logout" else ("post",)
    for method in methods:
        refused = visitor.refresh(name, method)
        assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    visitor.csrf = csrf
    assert visitor.refresh(name).status_code == 200


def test_the_token_stays_where_no_middleware_is_installed(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if "csrf" not in m.lower()]
    visitor = Visitor("ONE-COOKIE")
    visitor.login()
    secret = visitor.client.cookies["csrftoken"].value
    visitor.client.get("/csrf/", secure=True)
    visitor.client.post("/login/", CREDENTIALS, secure=True)
    assert visitor.client.cookies["csrftoken"].value == secret
    assert visitor.post("/validate_access/").status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type", "answer"),
    [
        ("a=b", "application/x-www-form-urlencoded; charset=latin1", (400, "body_unreadable")),
        ("x", "multipart/form-data", (400, "body_unreadable")),
        ("a=1&" * 1001, "application/x-www-form-urlencoded", (400, "body_unreadable")),
        ("x" * 2_700_000, "application/x-www-form-urlencoded", (413, "body_too_large")),
        ("x", "text/plain", (403, "csrf_failed")),
    ],
)
def test_a_guard_that_looks_into_an_odd_form(
    alice: Any, settings: Any, body: str, content_type: str, answer: tuple[int, str]
) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    visitor = Visitor("TWO-COOKIES")
    visitor.login()
    paths = ("/guarded/function/", "/guarded/dispatch/")
    sent = ({"referer": "https://testserver/"}, visitor.headers("access"))
    for path, headers in product(paths, sent):
        response = visitor.client.generic(
            "POST", path, body, content_type, headers=headers, secure=True
        )
        if answer == (403, "csrf_failed") and "x-csrftoken" in headers:
            assert response.status_code == 200
        else:
            assert (response.status_code, response.json()["code"]) == answer


@pytest.mark.parametrize("mode", ["ONE-COOKIE", "TWO-COOKIES"])
def test_login_gives_a_planted_session_another_key(alice: Any, settings: Any, mode: str) -> None:
    settings.DJWTO_MODE = mode
    settings.CSRF_USE_SESSIONS = True
    attacker = Client()
    session = attacker.session
    session["cart"] = 1
    session.save()
    visitor = Visitor(mode)
    visitor.client.cookies["sessionid"] = session.session_key
    assert visitor.login().status_code == 200
    assert visitor.client.cookies["sessionid"].value != session.session_key
    assert visitor.client.session["cart"] == 1
    attacker.cookies["sessionid"] = session.session_key
    visitor.csrf = attacker.get("/csrf/", secure=True).json()["csrf_token"]
    assert visitor.post("/guarded/function/").json()["code"] == "csrf_failed"


def test_login_makes_no_session_of_djangos(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    for key in (None, "a" * 32):
        visitor = Visitor("TWO-COOKIES")
        if key is not None:
            visitor.client.cookies["sessionid"] = key
        reply = visitor.login()
        assert reply.cookies["sessionid"].value == "" if key else "sessionid" not in reply.cookies


def noting(get_response: Any) -> Any:
    """As an audit log does, which writes after the view."""

    def answer(request: Any) -> Any:
        reply = get_response(request)
        reply["X-User"] = request.user.get_username()
        return reply

    return answer


@pytest.mark.parametrize("has_csrf", [True, False])
@pytest.mark.parametrize(
    ("name", "method"),
    [("validate_refresh", "post"), ("refresh_access", "post"), ("logout", "delete")],
)
def test_without_the_token_an_endpoint_leaves_no_user(
    alice: Any, settings: Any, name: str, method: str, has_csrf: Any
) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.noting"]
    visitor = Visitor("TWO-COOKIES")
    visitor.login()
    if not has_csrf:
        visitor.csrf = ""
    reply = visitor.refresh(name, method)
    assert reply.status_code == (200 if has_csrf else 403)
    assert reply.headers["X-User"] == ("alice" if has_csrf else "")
