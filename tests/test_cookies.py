"""Cookies with a domain: what Django's one-of-a-name jar would not hold."""

from http.cookies import SimpleCookie
from typing import Any

import pytest

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
    assert response.json() == {"msg": "Refresh token successfully updated."}
    assert "eyJ" not in response.content.decode()
