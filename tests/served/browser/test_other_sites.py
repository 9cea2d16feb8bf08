"""What pages of other origins can make a browser do to the portal, and what they cannot.

To a browser `localhost` is another site than `app.demo.localhost`, and that one is the same site as
`api.demo.localhost`: the registrable domain decides (here `demo.localhost`), and ports do not.
"""

import pytest
from playwright.sync_api import Page

from tests.served.browser.conftest import Portals
from tests.served.browser.support import (
    QUIET,
    TOKEN_COOKIES,
    Complaints,
    Elsewhere,
    log_in,
    post_form,
    token_cookies,
    under,
)
from tests.services import Server

CREDENTIALS = {"username": "alice", "password": "pass"}


@pytest.fixture
def victim(portal: Server) -> str:
    return under(portal.base_url, "app.demo.localhost")


@pytest.mark.parametrize("host", ["localhost", "evil.demo.localhost"])
def test_another_origin_cannot_log_a_visitor_in(
    page: Page, complaints: Complaints, elsewhere: Elsewhere, victim: str, host: str
) -> None:
    page.goto(elsewhere.origin(host))
    complaints.expect_status(403)
    reply = post_form(page, f"{victim}/login/", **CREDENTIALS)

    assert (reply.status, reply.json()["code"]) == (403, "origin_refused")
    assert token_cookies(page) == set()


def test_a_page_without_an_origin_cannot_log_a_visitor_in(
    page: Page, complaints: Complaints, elsewhere: Elsewhere, victim: str
) -> None:
    page.goto(elsewhere.origin("localhost") + QUIET)
    complaints.expect_status(403)
    reply = post_form(page, f"{victim}/login/", **CREDENTIALS)

    assert reply.request.all_headers()["origin"] == "null"
    assert (reply.status, reply.json()["code"]) == (403, "origin_refused")
    assert token_cookies(page) == set()


def test_another_sites_form_carries_no_token(
    page: Page, complaints: Complaints, elsewhere: Elsewhere, victim: str
) -> None:
    log_in(page, victim)
    page.goto(elsewhere.origin("localhost"))
    complaints.expect_status(401)
    reply = post_form(page, f"{victim}/api/account/")

    assert reply.status == 401
    assert reply.json()["error"] == 'Cookie "jwt_access_token" cannot be empty.'


def test_a_form_that_carries_the_token_is_refused_for_want_of_csrf(
    page: Page, complaints: Complaints, elsewhere: Elsewhere, portals: Portals
) -> None:
    victim = under(portals(PORTAL_SAME_SITE="None").base_url, "app.demo.localhost")
    log_in(page, victim)
    page.goto(elsewhere.origin("localhost"))
    complaints.expect_status(403)
    reply = post_form(page, f"{victim}/api/account/")

    assert "jwt_access_token" in reply.request.all_headers()["cookie"]
    assert (reply.status, reply.json()["code"]) == (403, "csrf_failed")


def test_a_neighbour_on_the_same_site_is_refused_though_the_token_comes_along(
    page: Page, complaints: Complaints, elsewhere: Elsewhere, victim: str
) -> None:
    log_in(page, victim)
    page.goto(elsewhere.origin("evil.demo.localhost"))
    complaints.expect_status(403)
    reply = post_form(page, f"{victim}/api/account/")

    assert "jwt_access_token" in reply.request.all_headers()["cookie"]
    assert (reply.status, reply.json()["code"]) == (403, "csrf_failed")


def test_another_site_cannot_log_a_visitor_out(
    page: Page, complaints: Complaints, elsewhere: Elsewhere, portals: Portals
) -> None:
    victim = under(portals(PORTAL_SAME_SITE="None").base_url, "app.demo.localhost")
    log_in(page, victim)
    page.goto(elsewhere.origin("localhost"))
    complaints.expect_status(403)
    reply = post_form(page, f"{victim}/api/token/refresh/logout/", jwt_type="refresh")

    assert (reply.status, reply.json()["code"]) == (403, "csrf_failed")
    assert token_cookies(page) == TOKEN_COOKIES


def test_a_trusted_frontend_on_the_same_site_logs_in_and_calls(
    page: Page, complaints: Complaints, elsewhere: Elsewhere, portals: Portals
) -> None:
    frontend = elsewhere.origin("app.demo.localhost")
    api = under(portals(PORTAL_TRUSTED_ORIGINS=frontend).base_url, "api.demo.localhost")

    page.goto(frontend)
    login = post_form(page, f"{api}/login/", **CREDENTIALS)
    assert login.status == 200
    token = login.json()["csrf_token"]
    assert token_cookies(page) == TOKEN_COOKIES

    page.goto(frontend)
    assert page.evaluate("document.cookie") == ""
    reply = post_form(page, f"{api}/api/account/", csrfmiddlewaretoken=token)
    assert (reply.status, reply.json()["user"]["username"]) == (200, "alice")

    page.goto(frontend)
    complaints.expect_status(403)
    assert post_form(page, f"{api}/api/account/").status == 403


def test_the_cookies_of_one_host_serve_a_frontend_on_the_same_site(
    page: Page, elsewhere: Elsewhere, portals: Portals
) -> None:
    """As `docs/deployment.md` recommends: the page takes what it needs from the replies."""
    frontend = elsewhere.origin("app.demo.localhost")
    env = {"PORTAL_MODE": "ONE-COOKIE", "PORTAL_COOKIE_PREFIX": "__Host-"}
    api = under(portals(**env, PORTAL_TRUSTED_ORIGINS=frontend).base_url, "api.demo.localhost")

    page.goto(frontend)
    login = post_form(page, f"{api}/login/", **CREDENTIALS).json()
    names = {cookie["name"] for cookie in page.context.cookies()}
    assert {"__Host-jwt_access", "__Host-jwt_refresh"} <= names
    assert login["claims"]["user"]["username"] == "alice"

    page.goto(frontend)
    reply = post_form(page, f"{api}/api/account/", csrfmiddlewaretoken=login["csrf_token"])
    assert (reply.status, reply.json()["user"]["username"]) == (200, "alice")
