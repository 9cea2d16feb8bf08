"""A sibling subdomain plants cookies for the whole domain, and what the portal makes of them.

Chromium lets `evil.demo.localhost` set cookies of `Domain=demo.localhost`, as it lets any host of a
registrable domain.
"""

import pytest
from playwright.sync_api import Page, expect

from tests.served.browser.conftest import Portals
from tests.served.browser.support import Complaints, Elsewhere, log_in, under
from tests.services import Server

REFRESH = "/api/token/refresh"
DOMAIN = ".demo.localhost"

_FETCH = """async ([method, path, csrf]) => {
    const headers = csrf ? { "X-CSRFToken": csrf } : {};
    const body = method === "POST" ? new URLSearchParams({ jwt_type: "refresh" }) : undefined;
    const reply = await fetch(path, { method, headers, body });
    return { status: reply.status, code: (await reply.json()).code };
}"""


@pytest.fixture
def victim(portal: Server) -> str:
    return under(portal.base_url, "app.demo.localhost")


@pytest.fixture
def protected(portals: Portals) -> str:
    return under(portals(PORTAL_COOKIE_PREFIX="__Host-").base_url, "app.demo.localhost")


@pytest.mark.parametrize("path", ["/", "/api", "/api/account/"])
def test_a_planted_second_cookie_is_refused_once_and_then_gone(
    page: Page, complaints: Complaints, elsewhere: Elsewhere, victim: str, path: str
) -> None:
    log_in(page, victim)
    plant(page, elsewhere, "jwt_access_token", path)
    page.goto(f"{victim}/api/status/")

    complaints.expect_status(401)
    refused = fetch(page, "GET", "/api/account/")
    assert refused == {"status": 401, "code": "cookie_ambiguous"}
    assert planted(page) == set()
    # The refusal cannot tell the two apart: the user's own access token went, too.
    assert fetch(page, "POST", f"{REFRESH}/refresh_access/")["status"] == 200
    assert fetch(page, "GET", "/api/account/")["status"] == 200


@pytest.mark.parametrize(
    "path", ["/", REFRESH, f"{REFRESH}/", f"{REFRESH}/refresh_access", f"{REFRESH}/refresh_access/"]
)
def test_a_planted_second_refresh_cookie_is_refused_once_and_then_gone(
    page: Page, complaints: Complaints, elsewhere: Elsewhere, victim: str, path: str
) -> None:
    log_in(page, victim)
    plant(page, elsewhere, "jwt_refresh", path)
    page.goto(f"{victim}/api/status/")

    complaints.expect_status(401)
    refused = fetch(page, "POST", f"{REFRESH}/refresh_access/")
    assert refused == {"status": 401, "code": "cookie_ambiguous"}
    assert planted(page) == set()
    assert fetch(page, "POST", f"{REFRESH}/refresh_access/")["code"] == "cookie_missing"
    assert fetch(page, "DELETE", f"{REFRESH}/logout/")["status"] == 200
    log_in(page, victim)
    assert fetch(page, "POST", f"{REFRESH}/refresh_access/")["status"] == 200


@pytest.mark.parametrize("name", ["jwt_access_token", "jwt_refresh", "jwt_access_payload"])
def test_with_host_a_neighbour_plants_nothing(
    page: Page, elsewhere: Elsewhere, protected: str, name: str
) -> None:
    log_in(page, protected)
    plant(page, elsewhere, f"__Host-{name}", "/", expected=False)
    plant(page, elsewhere, name, "/")
    page.goto(protected)

    # The page read the payload cookie under its own name, and knows who is logged in.
    expect(page.get_by_role("heading", name="Logged in as alice")).to_be_visible()
    assert fetch(page, "GET", "/api/account/")["status"] == 200
    assert fetch(page, "POST", f"{REFRESH}/refresh_access/")["status"] == 200
    found = {cookie["name"]: cookie for cookie in page.context.cookies(protected)}
    ours = [cookie for name, cookie in found.items() if name.startswith("__Host-")]
    assert len(ours) == 3
    assert all((one["path"], one["domain"]) == ("/", "app.demo.localhost") for one in ours)
    assert fetch(page, "DELETE", f"{REFRESH}/logout/")["status"] == 200
    left = {cookie["name"] for cookie in page.context.cookies(protected)}
    assert not {one for one in left if one.startswith("__Host-")}


def plant(page: Page, elsewhere: Elsewhere, name: str, path: str, *, expected: bool = True) -> None:
    """Set a cookie for the whole domain from a page of a sibling host."""
    page.goto(elsewhere.origin("evil.demo.localhost"))
    cookie = f"{name}=planted; Domain=demo.localhost; Path={path}; Secure; Max-Age=86400"
    # Reading waits until the browser has stored what was set.
    page.evaluate("cookie => { document.cookie = cookie; return document.cookie; }", cookie)
    assert (name in planted(page)) is expected


def planted(page: Page) -> set[str]:
    """Give the names of the cookies that the whole domain gets."""
    return {cookie["name"] for cookie in page.context.cookies() if cookie["domain"] == DOMAIN}


def fetch(page: Page, method: str, path: str) -> dict[str, object]:
    csrf = {cookie["name"]: cookie["value"] for cookie in page.context.cookies(page.url)}
    token = csrf.get("csrftoken") if method != "GET" else None
    return dict(page.evaluate(_FETCH, [method, path, token]))
