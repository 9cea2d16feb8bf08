"""The browser's client in several tabs, which share cookies and take turns."""

import time
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.served.browser.client import (
    AWAIT_QUEUE,
    HOLD_LOCK,
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
from tests.served.browser.conftest import FLAGS, Portals, find_program
from tests.served.browser.support import TOKEN_COOKIES, Complaints, token_cookies
from tests.services import Server

GRACE = 2
"""Seconds of `DJWTO_REFRESH_GRACE`, where a test waits for longer."""
ROUNDS = 200


@pytest.fixture
def tabs(page: Page, portal: Server) -> tuple[Page, Page]:
    """Two tabs of alice."""
    return open_tabs(page, portal)


def open_tabs(page: Page, portal: Server, **options: Any) -> tuple[Page, Page]:
    open_client(page, portal.base_url, **options)
    log_in(page)
    other = page.context.new_page()
    return page, open_client(other, portal.base_url, **options)


def test_a_login_and_a_logout_are_seen_by_other_tabs(page: Page, portal: Server) -> None:
    open_client(page, portal.base_url)
    other = open_client(page.context.new_page(), portal.base_url)
    log_in(page)
    until(other, "auth.claims()?.user.username === 'alice'")
    assert status(other, "/api/account/", method="POST") == 200
    page.evaluate("auth.logout()")
    until(other, "auth.claims() === null")
    assert changes(other) == [
        {"name": None, "type": "start", "code": "", "elsewhere": False},
        {"name": "alice", "type": "login", "code": "", "elsewhere": True},
        {"name": None, "type": "logout", "code": "", "elsewhere": True},
    ]
    # Another user, while the other tab keeps a CSRF token in mind.
    log_in(other, "carol")
    until(page, "auth.claims()?.user.username === 'carol'")
    assert status(page, "/api/account/", method="POST") == 200


def test_an_end_is_seen_by_other_tabs(
    tabs: tuple[Page, Page], portal: Server, browser: Browser, complaints: Complaints
) -> None:
    one, other = tabs
    visitor = browser.new_context(ignore_https_errors=True)
    elsewhere = open_client(visitor.new_page(), portal.base_url)
    log_in(elsewhere)
    elsewhere.evaluate("auth.logoutAll({ others: true })")
    visitor.close()
    complaints.expect_status(401)
    until(one, "auth.fetch('/api/account/').then((reply) => reply.status === 401)")
    until(other, "auth.claims() === null")
    assert changes(other)[-1]["code"] == "token_blacklisted"
    assert token_cookies(one) == set()


def test_one_tab_renews_for_all(page: Page, portals: Portals) -> None:
    one, other = open_tabs(page, portals(PORTAL_ACCESS_SECONDS="4"))
    asked = Asked(one, other)
    told = "changes.filter(({ type }) => type === 'renewal').length >= 2"
    for tab in (one, other):
        until(tab, told)
    for tab in (one, other):
        assert status(tab, "/api/account/") == 200
    rounds = max(
        len([change for change in changes(tab) if change["type"] == "renewal"])
        for tab in (one, other)
    )
    # The tabs' timers end at the same instant, and yet most rounds have one request.
    assert asked.count(RENEWAL) <= rounds + 1


def test_tabs_that_are_refused_at_once_ask_for_one_renewal(
    tabs: tuple[Page, Page], complaints: Complaints
) -> None:
    one, other = tabs
    asked = Asked(one, other)
    held = one.context.new_page()
    held.goto(one.url)
    held.evaluate(HOLD_LOCK)
    one.context.clear_cookies(name="jwt_access_token")
    complaints.expect_status(401)
    for tab in tabs:
        tab.evaluate("() => { window.reply = auth.fetch('/api/account/'); }")
    held.evaluate(AWAIT_QUEUE, 2)
    held.evaluate("release()")
    assert [tab.evaluate("reply.then(({ status }) => status)") for tab in tabs] == [200, 200]
    assert asked.count(RENEWAL) == 1


def test_the_holder_of_the_lock_is_killed(page: Page, portal: Server) -> None:
    one, other = open_tabs(page, portal, timeout=40_000)
    asked = Asked(one)
    one.route(f"**{RENEWAL}", _never)
    one.evaluate("() => { auth.renew(); }")
    until(other, f"navigator.locks.query().then(({{ held }}) => {_ours('held')})")
    other.evaluate("() => { window.done = auth.renew(); }")
    asked.wait_for(RENEWAL, other)
    one.close()
    before = time.monotonic()
    assert other.evaluate("done.then((claims) => claims.user.username)") == "alice"
    assert time.monotonic() - before < 15  # a holder that lives is waited for, for 20 seconds
    assert asked.count(RENEWAL) == 1
    assert status(other, "/api/account/") == 200


def test_a_holder_that_hangs_is_waited_for_and_its_lock_is_not_stolen(
    page: Page, portal: Server
) -> None:
    one, other = open_tabs(page, portal, timeout=4000)
    one.evaluate(HOLD_LOCK)
    first = claims(other)["jti"]
    other.evaluate("() => { auth.renew(); }")
    until(other, f"auth.claims().jti !== '{first}'")
    assert other.evaluate(f"navigator.locks.query().then(({{ held }}) => {_ours('held')})")


@pytest.mark.parametrize("when", ["before the request", "before the reply"])
def test_a_tab_that_is_suspended_beyond_the_grace_period(
    page: Page, portals: Portals, complaints: Complaints, when: str
) -> None:
    one, other = open_tabs(page, portals(**SETTINGS, TEST_GRACE=str(GRACE)), timeout=3000)
    devices = page.context.new_cdp_session(one)
    kept: list[Route] = []
    one.route(f"**{RENEWAL}", lambda route: kept.append(route))  # noqa: PLW0108 (it is inspected)
    one.evaluate("() => { window.done = auth.renew().catch(({ code }) => code); }")
    until(other, f"navigator.locks.query().then(({{ held }}) => {_ours('held')})")
    while not kept:
        page.context.pages[1].wait_for_timeout(20)
    reply = kept[0].fetch() if when == "before the reply" else None
    devices.send("Page.setWebLifecycleState", {"state": "frozen"})

    # The other tab goes on, past the grace period of what the first one sent.
    start = time.monotonic()
    first = claims(other)["jti"]
    until(other, "auth.renew().then(() => true)")
    while time.monotonic() < start + GRACE + 1:
        assert status(other, "/api/account/") == 200
        other.wait_for_timeout(100)
    assert claims(other)["jti"] != first

    if reply:
        kept[0].fulfill(response=reply)
    else:
        kept[0].continue_()
    one.unroute(f"**{RENEWAL}")
    devices.send("Page.setWebLifecycleState", {"state": "active"})
    for code in (403, 409):
        complaints.expect_status(code)
    one.evaluate("done")
    for tab in (one, other):
        assert status(tab, "/api/account/", method="POST") == 200
        tab.evaluate("auth.renew()")
    assert token_cookies(page) == TOKEN_COOKIES


def test_a_page_of_the_back_forward_cache_catches_up(portal: Server, browser: Browser) -> None:
    program = browser.browser_type.launch(
        executable_path=find_program(),
        args=list(FLAGS),
        ignore_default_args=["--disable-back-forward-cache"],
    )
    context = program.new_context(ignore_https_errors=True)
    page = open_client(context.new_page(), portal.base_url)
    log_in(page)
    page.evaluate("() => { addEventListener('pageshow', (e) => { window.shown = e.persisted; }); }")
    # Not every browser says that such a page is visible again.
    page.evaluate("addEventListener('visibilitychange', (e) => e.stopImmediatePropagation(), true)")
    page.goto(f"{portal.base_url}/static/predictions/icon.svg")
    # By a page that has no client: a message of one would end the cached page, and load it anew.
    page.evaluate(
        """() => fetch("/login/", {
            method: "POST", body: new URLSearchParams({ username: "carol", password: "pass" }),
        })"""
    )
    page.go_back(wait_until="commit")
    assert page.evaluate("shown") is True
    until(page, "auth.claims()?.user.username === 'carol'")
    assert changes(page)[-1] == {"name": "carol", "type": "login", "code": "", "elsewhere": True}
    program.close()


def test_without_locks_and_channels(page: Page, portal: Server, complaints: Complaints) -> None:
    """As in old browsers: tabs learn of each other when they are shown, or by a refusal."""
    page.context.add_init_script(
        "delete Navigator.prototype.locks; delete globalThis.BroadcastChannel;"
    )
    one, other = open_tabs(page, portal)
    assert one.evaluate("navigator.locks") is None
    asked = Asked(one, other)
    one.evaluate("auth.renew()")
    other.evaluate("auth.renew()")
    assert claims(one) == claims(other)
    assert asked.count(RENEWAL) == 1  # the other tab saw the cookie
    after = one.evaluate("performance.now()") + 1100  # the pause between two renewals
    until(one, f"performance.now() > {after}")
    one.context.clear_cookies(name="jwt_access_token")
    complaints.expect_status(401)
    calls = "Promise.all(Array.from({length: 8}, () => auth.fetch('/api/account/')))"
    assert one.evaluate(f"{calls}.then((all) => all.map((one) => one.status))") == [200] * 8
    assert asked.count(RENEWAL) == 2
    one.evaluate("auth.logout()")
    other.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    until(other, "auth.claims() === null")


def test_without_storage(page: Page, portal: Server, complaints: Complaints) -> None:
    """A page that can keep nothing asks the server when it opens."""
    complaints.expect_status(401)
    page.context.add_init_script(
        "Object.defineProperty(globalThis, 'localStorage', { get() { throw new Error('no'); } })"
    )
    open_client(page, portal.base_url)
    log_in(page)
    page.context.clear_cookies(name="jwt_access_payload")
    make_client(page)
    assert claims(page)["user"]["username"] == "alice"


@pytest.mark.long
@pytest.mark.parametrize("locks", [True, False])
def test_many_rounds_of_two_tabs(page: Page, portal: Server, *, locks: bool) -> None:
    if not locks:
        page.context.add_init_script(
            "delete Navigator.prototype.locks; delete globalThis.BroadcastChannel;"
        )
    one, other = open_tabs(page, portal)
    asked = Asked(one, other)
    for number in range(ROUNDS):
        moment = time.time() * 1000 + 30
        for tab in (one, other):
            tab.evaluate(_RENEW_AT, moment)
        names = [
            tab.evaluate("done.then((claims) => claims.user.username)") for tab in (one, other)
        ]
        assert names == ["alice", "alice"], number
        if number % 20 == 0:
            assert [status(tab, "/api/account/", method="POST") for tab in (one, other)] == [
                200
            ] * 2
    print("renewals:", asked.count(RENEWAL), "for", ROUNDS, "rounds")
    assert ROUNDS <= asked.count(RENEWAL) <= 2 * ROUNDS
    assert len(one.evaluate("auth.sessions()")) >= 1
    assert asked.count(f"{REFRESH}/sessions/") == 1


# --- helpers ------------------------------------------------------------------------------------

_RENEW_AT = """(moment) => {
    window.done = new Promise((done) => setTimeout(done, moment - Date.now()))
        .then(() => auth.renew());
}"""


def _ours(locks: str) -> str:
    return f"{locks}.some(({{ name }}) => name.startsWith('djwto '))"


def _never(_route: Route) -> None:
    """Leave the request without a reply."""
