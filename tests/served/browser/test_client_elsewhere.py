"""The browser's client on another origin than its server, in ONE-COOKIE: it reads no cookie."""

import pytest
from playwright.sync_api import Browser, Page

from tests.served.browser.client import (
    RENEWAL,
    SETTINGS,
    Asked,
    attempt,
    changes,
    claims,
    log_in,
    make_client,
    status,
    until,
)
from tests.served.browser.conftest import Portals
from tests.served.browser.support import SCRIPTED, Complaints, Elsewhere, under

CLIENT = "/client.js"


@pytest.fixture
def frontend(elsewhere: Elsewhere) -> str:
    return elsewhere.origin("app.demo.localhost")


@pytest.fixture
def api(portals: Portals, frontend: str) -> str:
    """The server, under another name of the same site, that trusts the frontend."""
    portal = portals(**SETTINGS, PORTAL_MODE="ONE-COOKIE,JSON", PORTAL_TRUSTED_ORIGINS=frontend)
    return under(portal.base_url, "api.demo.localhost")


@pytest.fixture
def tab(page: Page, frontend: str, api: str) -> Page:
    return open_tab(page, frontend, api)


def open_tab(page: Page, frontend: str, api: str) -> Page:
    page.goto(frontend)
    return make_client(page, CLIENT, base=api)


def test_a_login_calls_a_reload_and_a_logout(tab: Page, api: str) -> None:
    asked = Asked(tab)
    assert claims(tab) is None
    assert len(asked.requests) == 0
    first = log_in(tab)
    assert tab.evaluate("document.cookie") == ""
    assert status(tab, "/api/account/") == 200
    assert status(tab, "/api/account/", method="POST") == 200
    assert status(tab, f"{api}/api/account/", method="POST") == 200

    tab.reload()
    make_client(tab, CLIENT, base=api)
    assert claims(tab) == first
    assert (asked.count("/session/"), asked.count(RENEWAL)) == (1, 0)
    # Its CSRF token was in the reply of the login, before the reload.
    assert status(tab, "/api/account/", method="POST") == 200
    assert asked.count("/csrf/") == 1
    assert len(tab.evaluate("auth.sessions()")) >= 1

    tab.evaluate("auth.logout()")
    assert claims(tab) is None
    assert not [cookie for cookie in tab.context.cookies() if cookie["name"].startswith("jwt")]


def test_a_page_that_loads_asks_once(tab: Page, frontend: str, api: str) -> None:
    """Its script runs before the browser says that the page is shown."""
    log_in(tab)
    asked = Asked(tab)
    tab.goto(f"{frontend}{SCRIPTED}?base={api}")
    until(tab, "auth.claims()?.user.username === 'alice'")
    assert (asked.count("/session/"), asked.count(RENEWAL)) == (1, 0)


def test_a_call_is_renewed(tab: Page, complaints: Complaints) -> None:
    first = log_in(tab)
    asked = Asked(tab)
    tab.context.clear_cookies(name="jwt_access")
    complaints.expect_status(401)
    assert (
        status(tab, "/api/predict/", method="POST", body='{"area": 80, "rooms": 3, "age": 9}')
        == 200
    )
    assert asked.count(RENEWAL) == 1
    assert claims(tab)["jti"] != first["jti"]


def test_a_page_that_opens_without_an_access_token_renews(
    tab: Page, api: str, complaints: Complaints
) -> None:
    log_in(tab)
    tab.context.clear_cookies(name="jwt_access")
    complaints.expect_status(401)
    tab.reload()
    make_client(tab, CLIENT, base=api)
    assert claims(tab)["user"]["username"] == "alice"


def test_tabs_tell_each_other(tab: Page, frontend: str, api: str) -> None:
    other = open_tab(tab.context.new_page(), frontend, api)
    first = log_in(tab)
    until(other, "auth.claims()?.user.username === 'alice'")
    assert status(other, "/api/account/", method="POST") == 200
    other.evaluate("auth.renew()")
    until(tab, f"auth.claims().jti !== '{first['jti']}'")
    other.evaluate("auth.logout()")
    until(tab, "auth.claims() === null")
    assert changes(tab)[-1] == {"name": None, "type": "logout", "code": "", "elsewhere": True}


def test_a_token_that_was_replaced_is_no_end(tab: Page, complaints: Complaints) -> None:
    """409: the claims of what another tab got come from the server."""
    log_in(tab)
    old = next(cookie for cookie in tab.context.cookies() if cookie["name"] == "jwt_refresh")
    tab.evaluate("auth.renew()")
    tab.evaluate("auth.renew()")
    newest = claims(tab)
    new = next(cookie for cookie in tab.context.cookies() if cookie["name"] == "jwt_refresh")
    tab.context.add_cookies([old])
    complaints.expect_status(409)
    with tab.expect_response(f"**{RENEWAL}") as late:
        tab.evaluate("auth.renew()")
    assert late.value.json()["code"] == "refresh_superseded"
    assert claims(tab) == newest
    tab.context.add_cookies([new])
    assert status(tab, "/api/account/") == 200


def test_an_end_is_noticed(
    tab: Page, frontend: str, api: str, browser: Browser, complaints: Complaints
) -> None:
    log_in(tab)
    visitor = browser.new_context(ignore_https_errors=True)
    elsewhere = open_tab(visitor.new_page(), frontend, api)
    log_in(elsewhere)
    elsewhere.evaluate("auth.logoutAll({ others: true })")
    visitor.close()
    complaints.expect_status(401)
    until(tab, "auth.fetch('/api/account/').then((reply) => reply.status === 401)")
    assert claims(tab) is None
    assert changes(tab)[-1]["code"] == "token_blacklisted"


def test_a_server_that_does_not_answer(tab: Page, complaints: Complaints) -> None:
    tab.context.set_offline(True)
    complaints.expect("Failed to load resource: net::ERR_INTERNET_DISCONNECTED")
    error = attempt(tab, "auth.login({ username: 'alice', password: 'pass' })")
    assert (error["status"], error["code"]) == (0, "no_reply")
