"""Sessions as their owner sees them: in two browsers, and in two tabs of one."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, Route, expect

from tests.served.browser.client import AWAIT_QUEUE, HOLD_LOCK
from tests.served.browser.conftest import Portals
from tests.served.browser.support import TOKEN_COOKIES, Complaints, call, log_in, token_cookies
from tests.services import Server

RENEWAL = "/api/token/refresh/refresh_access/"
ROUNDS = 20
INTERVAL_MS = 1000
"""The default of `DJWTO_REVOCATION_INTERVAL`; the portal leaves it."""
DAY = 86400

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0"

# Sent at a moment that is agreed on, past the page's own script and its lock.
_RENEW_AT = """([moment, path]) => {
    const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)[1];
    window.renewed = new Promise((done) => setTimeout(done, moment - Date.now())).then(() => fetch(
        path,
        {
            method: "POST",
            headers: { "X-CSRFToken": token },
            body: new URLSearchParams({ jwt_type: "refresh" }),
        },
    )).then((reply) => reply.status);
}"""

# How long a guarded view goes on answering, in milliseconds.
_CALL_UNTIL_REFUSED = """async () => {
    const start = performance.now();
    while ((await fetch("/api/account/")).ok && performance.now() < start + 10_000) {
        await new Promise((done) => setTimeout(done, 20));
    }
    return performance.now() - start;
}"""

Browsers = Callable[..., Page]


@pytest.fixture
def browsers(browser: Browser, portal: Server, complaints: Complaints) -> Iterator[Browsers]:
    """Other browsers of alice, each with its own cookies, and logged in."""
    opened: list[BrowserContext] = []

    def another(**options: Any) -> Page:
        opened.append(browser.new_context(ignore_https_errors=True, **options))
        page = opened[-1].new_page()
        complaints.watch(page)
        log_in(page, portal.base_url)
        return page

    yield another
    for context in opened:
        context.close()


@pytest.fixture
def alone(page: Page, portal: Server) -> Page:
    """A page of alice, who is logged in nowhere else: other tests have left sessions."""
    log_in(page, portal.base_url)
    expect(_rows(page).first).to_contain_text("This browser")
    if page.locator("#sessions-others").is_visible():
        page.locator("#sessions-others").click()
    expect(_rows(page)).to_have_count(1)
    expect(page.locator("#sessions-words")).to_have_text("You are logged in here and nowhere else.")
    return page


def test_one_browser_ends_the_session_of_another(
    alone: Page, browsers: Browsers, complaints: Complaints
) -> None:
    other = browsers(user_agent=FIREFOX)
    call(other, "GET /api/account/", "200 OK")
    alone.reload()
    expect(_rows(alone)).to_have_count(2)
    expect(_rows(alone).nth(0)).to_contain_text("This browser")
    expect(_rows(alone).nth(1)).to_contain_text("Firefox on Windows")
    expect(_rows(alone).nth(1)).to_contain_text("127.0.0.1 · last used just now")

    alone.get_by_role("button", name="End Firefox on Windows").click()
    expect(alone.locator("#sessions-note")).to_have_text("Firefox on Windows is logged out.")
    expect(_rows(alone)).to_have_count(1)
    complaints.expect_status(401)
    assert other.evaluate(_CALL_UNTIL_REFUSED) < INTERVAL_MS + 500

    other.get_by_role("button", name="GET /api/account/").click()
    _expect_login(other, "This session was ended: from another browser")
    other.reload()
    _expect_login(other, "")
    assert not token_cookies(other)
    call(alone, "GET /api/account/", "200 OK")


def test_all_others_are_ended_at_once_and_notice_it_at_a_reload(
    alone: Page, browsers: Browsers, complaints: Complaints
) -> None:
    others = [browsers(), browsers(user_agent=FIREFOX)]
    alone.reload()
    expect(_rows(alone)).to_have_count(3)
    alone.get_by_role("button", name="End all other sessions").click()
    expect(alone.locator("#sessions-note")).to_have_text("2 sessions were ended.")
    expect(_rows(alone)).to_have_count(1)

    complaints.expect_status(401)
    for other in others:
        other.reload()
        _expect_login(other, "This session was ended: from another browser")
    call(alone, "GET /api/account/", "200 OK")


@pytest.mark.long
def test_keyboard_alone_suffices_on_a_phone(alone: Page, browsers: Browsers) -> None:
    for _ in range(5):
        browsers(user_agent=FIREFOX)
    alone.set_viewport_size({"width": 375, "height": 740})
    alone.reload()
    _tab_to(alone, "to-sessions")
    alone.keyboard.press("Enter")
    expect(alone.locator("#sessions-title")).to_be_focused()
    expect(alone.locator("#sessions-title")).to_be_in_viewport()

    _tab_to(alone, "sessions-more")
    alone.keyboard.press("Enter")
    expect(_rows(alone)).to_have_count(6)
    expect(_rows(alone).nth(4).get_by_role("button")).to_be_focused()
    assert alone.evaluate("document.documentElement.scrollWidth") == 375

    alone.keyboard.press("Enter")
    expect(_rows(alone)).to_have_count(5)
    expect(_rows(alone).nth(4).get_by_role("button")).to_be_focused()
    _tab_to(alone, "sessions-others")
    alone.keyboard.press("Space")
    expect(_rows(alone)).to_have_count(1)
    expect(alone.locator("#sessions-title")).to_be_focused()


def test_a_list_that_comes_anew_keeps_the_keyboards_place(alone: Page, browsers: Browsers) -> None:
    browsers()
    alone.reload()
    button = _rows(alone).nth(1).get_by_role("button")
    button.focus()
    before = button.element_handle()
    alone.evaluate("document.getElementById('renew').click()")
    before.wait_for_element_state("hidden")  # it was replaced
    expect(button).to_be_focused()


@pytest.mark.parametrize(("remember", "days"), [(False, 1), (True, 30)])
def test_remember_me(page: Page, portal: Server, days: int, *, remember: bool) -> None:
    page.goto(portal.base_url)
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill("pass")
    page.get_by_label("Remember me for 30 days").set_checked(remember)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Logged in as alice")).to_be_visible()
    assert _days_left(page) == days

    page.get_by_role("button", name="Renew access").click()
    expect(page.locator("#session-note")).to_contain_text("Access renewed until")
    assert _days_left(page) == days


def test_tabs_that_renew_at_the_same_instant_get_one_successor(page: Page, portal: Server) -> None:
    """Without the page's lock: what browsers without Web Locks do, and proxies that ask twice."""
    log_in(page, portal.base_url)
    tabs = [page, page.context.new_page()]
    tabs[1].goto(portal.base_url)
    expect(_rows(tabs[1]).first).to_be_visible()
    first, replies = _gen(_held(page)), list[Response]()

    def keep(reply: Response) -> None:
        replies.append(reply)

    for tab in tabs:
        tab.on("response", keep)
    for _ in range(ROUNDS):
        moment = time.time() * 1000 + 50
        for tab in tabs:
            tab.evaluate(_RENEW_AT, [moment, RENEWAL])
        assert [tab.evaluate("window.renewed") for tab in tabs] == [200, 200]

    successors: dict[str, list[str]] = {}
    for reply in replies:
        if reply.url.endswith(RENEWAL):
            presented = _cookie(reply.request.all_headers()["cookie"], ";")
            got = _cookie(reply.all_headers()["set-cookie"], "\n")
            successors.setdefault(presented, []).append(got)
    print("tokens presented by both tabs:", sum(len(got) == 2 for got in successors.values()))
    assert sum(map(len, successors.values())) == 2 * ROUNDS
    assert all(len(set(got)) == 1 for got in successors.values())
    # Most rounds must have been races, or the rest says nothing.
    assert sum(len(got) == 2 for got in successors.values()) > ROUNDS / 2
    # One chain, and what the browser holds is its end.
    assert len({_gen(token) for token in successors}) == len(successors)
    assert _gen(_held(page)) == first + len(successors)

    for tab in tabs:
        call(tab, "GET /api/account/", "200 OK")
        tab.reload()
        expect(tab.get_by_role("heading", name="Logged in as alice")).to_be_visible()
    assert token_cookies(page) == TOKEN_COOKIES


def test_one_tab_renews_and_the_other_finds_it_done(page: Page, portal: Server) -> None:
    log_in(page, portal.base_url)
    other = page.context.new_page()
    other.goto(portal.base_url)
    for tab in (page, other):
        expect(_rows(tab).first).to_be_visible()
    first, asked = _gen(_held(page)), list[str]()
    page.context.on("request", lambda request: asked.append(request.url))

    third = page.context.new_page()
    third.goto(f"{portal.base_url}/api/status/")
    third.evaluate(HOLD_LOCK)
    for tab in (page, other):
        tab.get_by_role("button", name="Renew access").click()
    third.evaluate(AWAIT_QUEUE, 2)
    third.evaluate("window.release()")
    for tab in (page, other):
        expect(tab.locator("#session-note")).to_contain_text("Access renewed until")
    assert sum(url.endswith(RENEWAL) for url in asked) == 1
    assert _gen(_held(page)) == first + 1


def test_a_tab_that_comes_late_goes_on(page: Page, portal: Server, complaints: Complaints) -> None:
    log_in(page, portal.base_url)
    first = _refresh_cookie(page)
    _renew(page, times=2)

    def send_first(route: Route) -> None:
        headers = {**route.request.headers, "cookie": _cookie_header(page, first)}
        route.fulfill(response=route.fetch(headers=headers))

    page.route(f"**{RENEWAL}", send_first)
    complaints.expect_status(409)
    with page.expect_response(f"**{RENEWAL}") as late:
        _renew(page, times=1)
    assert late.value.json()["code"] == "refresh_superseded"
    assert _gen(_held(page)) == _gen(first["value"]) + 2

    page.unroute(f"**{RENEWAL}")
    _renew(page, times=1)
    assert _gen(_held(page)) == _gen(first["value"]) + 3


def test_a_token_that_is_used_again_ends_the_session_and_the_page_says_so(
    page: Page, portal: Server, complaints: Complaints
) -> None:
    log_in(page, portal.base_url)
    first = _refresh_cookie(page)
    _renew(page, times=3)
    page.context.add_cookies([first])
    complaints.expect_status(401)
    page.get_by_role("button", name="Renew access").click()
    _expect_login(page, "This session was used from two places at once")
    call(page, "GET /api/account/", "401 Unauthorized")


def test_a_lost_reply_is_asked_for_again(
    page: Page, portal: Server, complaints: Complaints
) -> None:
    log_in(page, portal.base_url)
    expect(_rows(page).first).to_be_visible()
    first, lost = _refresh_cookie(page), list[int]()

    def lose_first(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch().status)
            page.context.add_cookies([first])  # what it brought is lost as well
            route.fulfill(status=502)

    page.route(f"**{RENEWAL}", lose_first)
    complaints.expect_status(502)
    _renew(page, times=1)
    assert lost == [200]
    assert _gen(_held(page)) == _gen(first["value"]) + 1
    call(page, "GET /api/account/", "200 OK")


@pytest.mark.long
def test_tabs_renew_by_themselves_when_asked_to(page: Page, portals: Portals) -> None:
    log_in(page, portals(PORTAL_ACCESS_SECONDS="4").base_url)
    other = page.context.new_page()
    other.goto(page.url)
    page.get_by_label("Renew by itself").check()
    expect(other.get_by_label("Renew by itself")).to_be_checked()
    for tab in (page, other):
        expect(tab.locator("#session-note")).to_contain_text("Access renewed until", timeout=15_000)
        expect(tab.get_by_role("timer")).not_to_have_text("0:00")


# --- helpers ------------------------------------------------------------------------------------


def _rows(page: Page) -> Any:
    return page.locator("#sessions-list > li")


def _renew(page: Page, *, times: int) -> None:
    for _ in range(times):
        page.evaluate("document.getElementById('session-note').textContent = ''")
        page.get_by_role("button", name="Renew access").click()
        expect(page.locator("#session-note")).to_contain_text("Access renewed until")


def _expect_login(page: Page, note: str) -> None:
    expect(page.get_by_role("heading", name="Log in", exact=True)).to_be_visible()
    expect(page.locator("#login-note")).to_contain_text(note)
    expect(page.locator("#sessions")).to_be_hidden()


def _tab_to(page: Page, element: str) -> None:
    expect(page.locator(f"#{element}")).to_be_visible()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == element:
            return
    raise AssertionError(f"Tab never reaches #{element}.")


def _refresh_cookie(page: Page) -> Any:
    return next(cookie for cookie in page.context.cookies() if cookie["name"] == "jwt_refresh")


def _cookie_header(page: Page, refresh: Any) -> str:
    """Give what the browser sends to the refresh endpoints, with another refresh token."""
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    cookies["jwt_refresh"] = refresh["value"]
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def _held(page: Page) -> str:
    return _refresh_cookie(page)["value"]


def _days_left(page: Page) -> float:
    return round((_refresh_cookie(page)["expires"] - time.time()) / DAY, 2)


def _cookie(header: str, separator: str) -> str:
    """Find the refresh token in `Cookie`, or in all the `Set-Cookie` of a reply."""
    items = [item.strip() for item in header.split(separator)]
    return (
        next(item for item in items if item.startswith("jwt_refresh=")).split("=")[1].split(";")[0]
    )


def _gen(token: str) -> int:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["gen"]
