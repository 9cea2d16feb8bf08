"""Replies that come late: after a logout, after another login."""

from playwright.sync_api import Page, Route

from tests.served.browser.client import (
    REFRESH,
    RENEWAL,
    SETTINGS,
    Asked,
    changes,
    claims,
    log_in,
    make_client,
    open_client,
    status,
    until,
)
from tests.served.browser.conftest import Portals
from tests.served.browser.support import Complaints, Elsewhere, token_cookies
from tests.services import Server

CLIENT = "/client.js"
NO_LOCKS = "delete Navigator.prototype.locks;"
SHOWN = "document.dispatchEvent(new Event('visibilitychange'))"


def test_a_renewal_that_comes_after_another_tabs_logout(
    page: Page, portal: Server, complaints: Complaints
) -> None:
    """The reply brings back the cookies of a session that is over."""
    page.context.add_init_script(NO_LOCKS)
    open_client(page, portal.base_url)
    log_in(page)
    other = open_client(page.context.new_page(), portal.base_url)
    kept = _keep(other, f"**{RENEWAL}")
    other.evaluate("() => { window.done = auth.renew().catch(String); }")
    _until_kept(page, kept)
    reply = kept[0].fetch()
    page.evaluate("auth.logout()")
    until(other, "auth.claims() === null")
    kept[0].fulfill(response=reply)
    other.evaluate("done")
    assert (claims(other), claims(page)) == (None, None)
    until(other, "!document.cookie.includes('jwt_access_payload')")
    assert token_cookies(page) == set()


def test_a_renewal_that_comes_after_this_tabs_logout(page: Page, portal: Server) -> None:
    page.context.add_init_script(NO_LOCKS)
    open_client(page, portal.base_url)
    log_in(page)
    outs = _keep(page, f"**{REFRESH}/logout/")
    renewals = _keep(page, f"**{RENEWAL}")
    page.evaluate("() => { window.out = auth.logout(); }")
    _until_kept(page, outs)
    page.evaluate("() => { window.done = auth.renew().catch(String); }")
    _until_kept(page, renewals)
    reply = renewals[0].fetch()
    outs[0].continue_()
    page.evaluate("out")
    renewals[0].fulfill(response=reply)
    page.evaluate("done")
    assert claims(page) is None
    assert token_cookies(page) == set()


def test_a_login_while_the_page_still_asks_who_is_logged_in(
    page: Page, portals: Portals, elsewhere: Elsewhere
) -> None:
    """The answer is of the time before the login."""
    frontend, api = _elsewhere(portals, elsewhere)
    page.goto(frontend)
    make_client(page, CLIENT, base=api)
    log_in(page)
    kept = _keep(page, "**/session/")
    page.reload()
    page.evaluate(_OPEN_ONLY, [CLIENT, api])
    _until_kept(page, kept)
    reply = kept[0].fetch()
    log_in(page, "carol")
    kept[0].fulfill(response=reply)
    page.evaluate("auth.ready")
    assert claims(page)["user"]["username"] == "carol"


def test_a_logout_elsewhere_while_the_page_still_asks(
    page: Page, portals: Portals, elsewhere: Elsewhere, complaints: Complaints
) -> None:
    complaints.expect_status(401)
    frontend, api = _elsewhere(portals, elsewhere)
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(frontend)
        make_client(tab, CLIENT, base=api)
    log_in(page)
    kept = _keep(other, "**/session/")
    other.reload()
    other.evaluate(_OPEN_ONLY, [CLIENT, api])
    _until_kept(other, kept)
    reply = kept[0].fetch()
    page.evaluate("auth.logout()")
    kept[0].fulfill(response=reply)
    other.evaluate("auth.ready")
    assert claims(other) is None


def test_a_page_that_clears_its_storage_is_not_logged_out(
    page: Page, portals: Portals, elsewhere: Elsewhere
) -> None:
    frontend, api = _elsewhere(portals, elsewhere)
    page.goto(frontend)
    make_client(page, CLIENT, base=api)
    first = log_in(page)
    page.evaluate("localStorage.clear()")
    page.evaluate(SHOWN)
    assert status(page, "/api/account/") == 200
    assert claims(page) == first


def test_another_user_is_a_login_and_no_renewal(page: Page, portal: Server) -> None:
    """A page without the client has logged in, in another window."""
    open_client(page, portal.base_url)
    log_in(page)
    _log_in_without_client(page)
    page.evaluate("auth.renew()")
    assert claims(page)["user"]["username"] == "carol"
    assert changes(page)[-1]["type"] == "login"


def test_a_call_notices_another_user(page: Page, portal: Server) -> None:
    """Two windows beside each other: none of them is hidden."""
    open_client(page, portal.base_url)
    log_in(page)
    _log_in_without_client(page)
    assert status(page, "/api/account/") == 200
    assert claims(page)["user"]["username"] == "carol"


def test_a_call_is_not_sent_again_for_another_user(
    page: Page, portal: Server, complaints: Complaints
) -> None:
    complaints.expect_status(401)
    open_client(page, portal.base_url)
    log_in(page)
    asked = Asked(page)
    page.context.clear_cookies(name="jwt_access_token")
    kept = _keep(page, "**/api/predict/")
    page.evaluate(
        """() => { window.reply = auth.fetch("/api/predict/", {
            method: "POST", body: '{"area": 80, "rooms": 3, "age": 10}',
        }).then(({ status }) => status); }"""
    )
    _until_kept(page, kept)
    reply = kept[0].fetch()
    assert reply.status == 401
    _log_in_without_client(page)
    kept[0].fulfill(response=reply)
    assert page.evaluate("reply") == 401
    assert asked.count("/api/predict/") == 1


def test_pageshow_asks_no_second_time(page: Page, portals: Portals, elsewhere: Elsewhere) -> None:
    """Each page has this event, after its scripts have run."""
    frontend, api = _elsewhere(portals, elsewhere)
    page.goto(frontend)
    make_client(page, CLIENT, base=api)
    log_in(page)
    asked = Asked(page)
    kept = _keep(page, "**/session/")
    page.reload()
    page.evaluate(_OPEN_ONLY, [CLIENT, api])
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: false }))")
    _until_kept(page, kept)
    page.evaluate(f"fetch('{CLIENT}')")  # a second one would be sent before
    assert asked.count("/session/") == 1


# --- helpers ------------------------------------------------------------------------------------

_OPEN_ONLY = """async ([script, base]) => {
    const { createClient } = await import(script);
    window.changes = [];
    window.auth = createClient({ base });
    auth.onChange((claims, change) => changes.push({ name: claims?.user.username, ...change }));
}"""


def _elsewhere(portals: Portals, elsewhere: Elsewhere) -> tuple[str, str]:
    frontend = elsewhere.origin("localhost")
    portal = portals(**SETTINGS, PORTAL_MODE="ONE-COOKIE,JSON", PORTAL_TRUSTED_ORIGINS=frontend)
    return frontend, portal.base_url


def _keep(page: Page, pattern: str) -> list[Route]:
    kept: list[Route] = []
    page.route(pattern, lambda route: route.continue_() if kept else kept.append(route))
    return kept


def _until_kept(page: Page, kept: list[Route]) -> None:
    for _ in range(500):
        if kept:
            return
        page.wait_for_timeout(20)
    raise AssertionError("No request came.")


def _log_in_without_client(page: Page) -> None:
    page.evaluate(
        """() => fetch("/login/", {
            method: "POST", body: new URLSearchParams({ username: "carol", password: "pass" }),
        })"""
    )
