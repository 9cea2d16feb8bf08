"""The browser's client in one tab, on the origin of the server: TWO-COOKIES."""

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.served.browser.client import (
    REFRESH,
    RENEWAL,
    SETTINGS,
    Asked,
    attempt,
    changes,
    claims,
    log_in,
    make_client,
    open_client,
    status,
    until,
)
from tests.served.browser.conftest import Portals
from tests.served.browser.support import TOKEN_COOKIES, Complaints, token_cookies
from tests.services import Server, serve

PREDICTION = {"area": 80, "rooms": 3, "age": 10}
LIFE = 300
"""Seconds that an access token of the portal lives."""


@pytest.fixture
def tab(page: Page, portal: Server) -> Page:
    """A page of alice with a client."""
    open_client(page, portal.base_url)
    log_in(page)
    return page


def test_a_login_a_call_and_a_logout(page: Page, portal: Server) -> None:
    asked = Asked(page)
    open_client(page, portal.base_url)
    assert claims(page) is None
    assert [request.url for request in asked.requests if "/token/" in request.url] == []

    assert log_in(page) == claims(page) == _payload(page)
    assert token_cookies(page) == TOKEN_COOKIES
    assert status(page, "/api/account/") == 200
    assert status(page, "/api/account/", method="POST") == 200
    assert status(page, "/api/predict/", method="POST", body=json.dumps(PREDICTION)) == 200

    page.evaluate("auth.logout()")
    assert (claims(page), token_cookies(page)) == (None, set())
    assert changes(page) == [
        {"name": None, "type": "start", "code": "", "elsewhere": False},
        {"name": "alice", "type": "login", "code": "", "elsewhere": False},
        {"name": None, "type": "logout", "code": "", "elsewhere": False},
    ]


def test_a_form_logs_in(page: Page, portal: Server) -> None:
    open_client(page, portal.base_url)
    found = page.evaluate("""() => {
        const form = new FormData();
        form.set("username", "carol");
        form.set("password", "pass");
        return auth.login(form);
    }""")
    assert found["user"]["username"] == "carol"


def test_a_refused_login_has_the_servers_words(
    page: Page, portal: Server, complaints: Complaints
) -> None:
    open_client(page, portal.base_url)
    complaints.expect_status(401)
    error = attempt(page, "auth.login({ username: 'alice', password: 'guess' })")

    assert (error["name"], error["status"]) == ("DjwtoError", 401)
    assert error["code"] == "credentials_invalid"
    assert error["error"] == error["message"]
    assert json.loads(error["error"]).keys() == {"__all__"}
    assert error["errors"]["__all__"][0]["code"] == "invalid_login"
    assert claims(page) is None


def test_a_reload_knows_the_user_without_a_request(tab: Page) -> None:
    tab.reload()
    asked = Asked(tab)
    make_client(tab)
    assert claims(tab)["user"]["username"] == "alice"
    assert [request.url for request in asked.requests if "client.js" not in request.url] == []


def test_a_page_that_opens_after_the_expiry_renews(tab: Page) -> None:
    tab.context.clear_cookies(name="jwt_access_token")
    tab.context.clear_cookies(name="jwt_access_payload")
    mark = "Object.keys(localStorage).find((name) => name.startsWith('djwto'))"
    expire = "{ ...JSON.parse(localStorage[key]), until: 1 }"
    tab.evaluate(f"() => {{ const key = {mark}; localStorage[key] = JSON.stringify({expire}); }}")
    tab.reload()
    asked = Asked(tab)
    make_client(tab)
    assert claims(tab)["user"]["username"] == "alice"
    assert asked.count(RENEWAL) == 1
    assert asked.count("/session/") == 0


def test_a_page_that_opens_with_an_old_token_renews(page: Page, portal: Server) -> None:
    """A cookie may outlive its token by a second."""
    open_client(page, portal.base_url, ahead=False)
    first = log_in(page)
    mark = "Object.keys(localStorage).find((name) => name.startsWith('djwto'))"
    expire = "{ ...JSON.parse(localStorage[key]), until: 1 }"
    page.evaluate(f"() => {{ const key = {mark}; localStorage[key] = JSON.stringify({expire}); }}")
    page.reload()
    make_client(page, ahead=False)
    assert claims(page)["jti"] != first["jti"]


def test_it_renews_ahead_of_the_expiry_whatever_the_clock_says(page: Page, portal: Server) -> None:
    page.clock.install(time="2031-03-01")  # years ahead: every token looks expired
    asked = Asked(page)
    open_client(page, portal.base_url)
    first = log_in(page)
    assert LIFE - 5 < page.evaluate("auth.left()") / 1000 <= LIFE
    page.clock.run_for(LIFE * 700)
    assert asked.count(RENEWAL) == 0

    page.clock.run_for(LIFE * 105)  # little more: a renewal has six seconds of this clock
    until(page, f"auth.claims().jti !== '{first['jti']}'")
    assert asked.count(RENEWAL) == 1
    assert status(page, "/api/account/") == 200
    page.clock.run_for(LIFE * 500)
    assert asked.count(RENEWAL) == 1


def test_a_clock_that_is_behind_does_no_harm(page: Page, portal: Server) -> None:
    page.clock.install(time="2001-01-01")
    asked = Asked(page)
    open_client(page, portal.base_url)
    log_in(page)
    assert LIFE - 5 < page.evaluate("auth.left()") / 1000 <= LIFE
    page.clock.run_for(LIFE * 700)
    assert status(page, "/api/account/") == 200
    assert asked.count(RENEWAL) == 0


def test_a_machine_that_slept_renews_once(page: Page, portal: Server) -> None:
    """`performance.now()` may stand still meanwhile, and timers do."""
    page.clock.install()
    asked = Asked(page)
    open_client(page, portal.base_url)
    first = log_in(page)
    page.clock.set_system_time(time.time() + 3600)
    assert page.evaluate("auth.left()") == 0
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    until(page, f"auth.claims().jti !== '{first['jti']}'")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.clock.fast_forward(2000)
    assert asked.count(RENEWAL) == 1


def test_a_hidden_page_renews_when_it_is_shown(page: Page, portal: Server) -> None:
    page.clock.install()
    asked = Asked(page)
    open_client(page, portal.base_url)
    first = log_in(page)
    _hide(page, hidden=True)
    page.clock.run_for(LIFE * 990)
    assert asked.count(RENEWAL) == 0
    _hide(page, hidden=False)
    until(page, f"auth.claims().jti !== '{first['jti']}'")
    assert asked.count(RENEWAL) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_call_without_its_cookie_is_sent_again(
    tab: Page, complaints: Complaints, method: str
) -> None:
    """A browser drops the cookie at its end, here a little earlier than the page expects."""
    asked = Asked(tab)
    tab.context.clear_cookies(name="jwt_access_token")
    complaints.expect_status(401)
    assert status(tab, "/api/account/", method=method) == 200
    assert (asked.count("/api/account/"), asked.count(RENEWAL)) == (2, 1)


def test_an_expired_token_is_renewed_and_the_body_sent_again(
    page: Page, portals: Portals, complaints: Complaints
) -> None:
    open_client(page, portals(PORTAL_ACCESS_SECONDS="2").base_url, ahead=False)
    first = log_in(page)
    _keep(page, "jwt_access_token", "jwt_access_payload")
    until(page, f"Date.now() > {first['exp'] * 1000 + 500}")
    # The page has not noticed: its own measure says that time is left.
    page.evaluate("() => { Date.now = () => 0; performance.now = () => 0; }")
    asked = Asked(page)
    complaints.expect_status(401)
    with page.expect_response("**/api/predict/") as refusal:
        body = "new Blob([JSON.stringify({area: 80, rooms: 3, age: 10})])"
        reply = page.evaluate(
            f"auth.fetch(new Request('/api/predict/', {{method: 'POST', body: {body}}}))"
            ".then((reply) => reply.json())"
        )
    assert refusal.value.json()["code"] == "token_expired"
    assert reply == {"price": reply["price"]}
    assert (asked.count("/api/predict/"), asked.count(RENEWAL)) == (2, 1)


def test_a_token_that_is_known_to_be_over_is_renewed_first(tab: Page) -> None:
    asked = Asked(tab)
    tab.context.clear_cookies(name="jwt_access_token")
    tab.context.clear_cookies(name="jwt_access_payload")
    assert status(tab, "/api/account/", method="POST") == 200
    assert (asked.count("/api/account/"), asked.count(RENEWAL)) == (1, 1)


def test_a_body_that_streams_is_sent_once(tab: Page, complaints: Complaints) -> None:
    asked = Asked(tab)
    tab.context.clear_cookies(name="jwt_access_token")
    complaints.expect_status(401)
    body = "new Blob(['{}']).stream()"
    init = f"{{ method: 'POST', body: {body}, duplex: 'half' }}"
    assert attempt(tab, f"auth.fetch('/api/predict/', {init}).then((reply) => reply.status)") == {
        "value": 401
    }
    assert (asked.count("/api/predict/"), asked.count(RENEWAL)) == (1, 0)


def test_other_refusals_are_the_callers(tab: Page, complaints: Complaints) -> None:
    asked = Asked(tab)
    complaints.expect_status(403)
    complaints.expect_status(404)
    assert status(tab, "/api/predictions/") == 403
    assert status(tab, "/nothing/") == 404
    assert asked.count(RENEWAL) == 0


def test_many_calls_share_a_renewal(tab: Page, complaints: Complaints) -> None:
    asked = Asked(tab)
    tab.context.clear_cookies(name="jwt_access_token")
    complaints.expect_status(401)
    calls = "Promise.all(Array.from({length: 8}, () => auth.fetch('/api/account/')))"
    assert tab.evaluate(f"{calls}.then((all) => all.map((one) => one.status))") == [200] * 8
    assert asked.count(RENEWAL) == 1


def test_another_origin_gets_no_csrf_token(page: Page, portal: Server) -> None:
    other = portal.base_url.replace("localhost", "127.0.0.1")
    policy = "Content-Security-Policy"
    page.route(
        "**/api/status/",
        lambda route: route.fulfill(
            response=(reply := route.fetch()),
            headers={
                **reply.headers,
                policy.lower(): f"default-src 'self'; connect-src 'self' {other}",
            },
        ),
    )
    open_client(page, portal.base_url)
    log_in(page)
    seen: list[dict[str, str]] = []

    def answer(route: Route) -> None:
        seen.append(route.request.headers)
        route.fulfill(status=204, headers={"Access-Control-Allow-Origin": "*"})

    page.route(f"{other}/**", answer)
    assert status(page, f"{other}/api/status/", method="POST") == 204
    assert [headers.get("x-csrftoken") for headers in seen] == [None]
    assert [headers.get("cookie") for headers in seen] == [None]


@pytest.mark.parametrize("value", ["of-another-application", ""])
def test_an_odd_csrf_cookie_is_replaced_by_the_servers_word(
    tab: Page, complaints: Complaints, value: str
) -> None:
    """Such as where `CSRF_COOKIE_NAME` is another, or a script cannot read it."""
    tab.evaluate(
        """(value) => {
            const real = document.cookie;
            const odd = real.replace(/csrftoken=[^;]*/, `csrftoken=${value}`);
            Object.defineProperty(document, "cookie", { get: () => odd });
        }""",
        value,
    )
    asked = Asked(tab)
    complaints.expect_status(403)
    assert status(tab, "/api/account/", method="POST") == 200
    assert status(tab, "/api/account/", method="POST") == 200
    tab.evaluate("auth.renew()")
    assert asked.count("/csrf/") <= 1
    assert asked.count("/api/account/") <= 3


# --- renewals that fail -------------------------------------------------------------------------


def test_a_renewal_that_times_out_is_asked_for_again_once(
    page: Page, portal: Server, complaints: Complaints
) -> None:
    open_client(page, portal.base_url, timeout=1500)
    first, lost = log_in(page), list[str]()
    page.route(f"**{RENEWAL}", lambda route: lost.append("kept for ever"))
    error = attempt(page, "auth.renew()")
    assert (error["status"], error["code"], error["name"]) == (0, "no_reply", "DjwtoError")
    assert len(lost) == 2
    assert claims(page) == first

    page.unroute(f"**{RENEWAL}")
    page.evaluate("auth.renew()")
    assert claims(page)["jti"] != first["jti"]


def test_a_reply_that_was_lost_brings_the_same_tokens(tab: Page, complaints: Complaints) -> None:
    refresh, lost = _cookie(tab, "jwt_refresh"), list[Any]()

    def lose_first(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().json())
        tab.context.add_cookies([refresh])  # what it brought is lost as well
        route.fulfill(status=502)

    tab.route(f"**{RENEWAL}", lose_first)
    complaints.expect_status(502)
    tab.evaluate("auth.renew()")
    assert claims(tab) == lost[0]["claims"]
    assert status(tab, "/api/account/") == 200


def test_a_server_that_says_when_is_asked_then(
    page: Page, portal: Server, complaints: Complaints
) -> None:
    page.clock.install()
    open_client(page, portal.base_url)
    first = log_in(page)
    asked = Asked(page)
    busy = {"error": "The server's store cannot be reached.", "code": "store_unavailable"}
    page.route(
        f"**{RENEWAL}",
        lambda route: route.fulfill(status=503, headers={"Retry-After": "120"}, json=busy),
    )
    complaints.expect_status(503)
    with page.expect_response(f"**{RENEWAL}"):
        page.clock.run_for(LIFE * 810)
    page.evaluate("dispatchEvent(new Event('online'))")
    page.clock.run_for(100_000)
    complaints.expect_status(401)
    page.context.clear_cookies(name="jwt_access_token")
    assert status(page, "/api/account/") == 401
    assert asked.count(RENEWAL) == 1
    error = attempt(page, "auth.renew()")
    assert (error["status"], error["code"]) == (503, "store_unavailable")
    assert (error["retryAfter"], claims(page)) == (120, first)

    page.unroute(f"**{RENEWAL}")
    page.clock.run_for(122_000)
    until(page, f"auth.claims().jti !== '{first['jti']}'")
    assert asked.count(RENEWAL) == 3


def test_no_storm_while_the_server_is_away(
    page: Page, portal: Server, complaints: Complaints
) -> None:
    """One renewal per failure, and longer and longer pauses between those without a call."""
    page.clock.install()
    open_client(page, portal.base_url)
    log_in(page)
    page.evaluate(_FAIL_RENEWALS, [500, "<h1>Sorry"])
    page.clock.run_for(LIFE * 800)
    page.clock.run_for(LIFE * 1000)
    assert 6 <= page.evaluate("renewals") <= 12  # after 1, 2, 4 … and 60 seconds
    assert claims(page) is not None
    before = page.evaluate("renewals")
    complaints.expect_status(401)
    page.context.clear_cookies(name="jwt_access_token")
    assert [status(page, "/api/account/") for _ in range(20)] == [401] * 20
    assert page.evaluate("renewals") <= before + 1


def test_a_page_that_is_online_again_renews(
    page: Page, portal: Server, complaints: Complaints
) -> None:
    page.clock.install()
    open_client(page, portal.base_url)
    first = log_in(page)
    page.context.set_offline(True)
    complaints.expect("Failed to load resource: net::ERR_INTERNET_DISCONNECTED")
    page.clock.run_for(LIFE * 1000)
    for _ in range(6):  # after which the next pause is longer than this test
        assert attempt(page, "auth.renew()")["code"] == "no_reply"
    assert claims(page) == first
    page.context.set_offline(False)
    until(page, f"auth.claims().jti !== '{first['jti']}'")


def test_a_token_that_was_replaced_is_no_end(tab: Page, complaints: Complaints) -> None:
    """409: another tab has renewed twice. The browser holds what that got."""
    old = _cookie(tab, "jwt_refresh")
    tab.evaluate("auth.renew()")
    tab.evaluate("auth.renew()")

    def send_old(route: Route) -> None:
        cookies = {cookie["name"]: cookie["value"] for cookie in tab.context.cookies()}
        cookies["jwt_refresh"] = old["value"]
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        route.fulfill(response=route.fetch(headers={**route.request.headers, "cookie": header}))

    tab.route(f"**{RENEWAL}", send_old)
    complaints.expect_status(409)
    with tab.expect_response(f"**{RENEWAL}") as late:
        tab.evaluate("auth.renew()")
    assert late.value.json()["code"] == "refresh_superseded"
    assert claims(tab) == _payload(tab)
    tab.unroute(f"**{RENEWAL}")
    assert status(tab, "/api/account/") == 200


def test_a_server_that_goes_on_to_say_so_is_asked_less_and_less(page: Page, portal: Server) -> None:
    """409 and no newer claims, as where the clock of the database was set back."""
    page.clock.install()
    open_client(page, portal.base_url)
    first = log_in(page)
    page.evaluate(_FAIL_RENEWALS, [409, {"code": "refresh_superseded"}])
    page.clock.run_for(LIFE * 800)
    page.clock.run_for(LIFE * 190)
    assert 3 <= page.evaluate("renewals") <= 8
    assert claims(page) == first


def test_a_token_of_later_ends_nothing(tab: Page) -> None:
    """`DJWTO_NBF_LIFETIME`: the refresh token is not good yet."""
    first = claims(tab)
    tab.evaluate(_FAIL_RENEWALS, [401, {"code": "token_not_yet_valid", "error": "Wait."}])
    assert attempt(tab, "auth.renew()")["code"] == "token_not_yet_valid"
    assert claims(tab) == first


def test_a_login_elsewhere_is_not_undone_by_the_end_of_the_session_before(
    tab: Page, portal: Server, complaints: Complaints
) -> None:
    def log_in_first(route: Route) -> None:
        form = {"username": "carol", "password": "pass"}
        assert tab.context.request.post(f"{portal.base_url}/login/", form=form).ok
        route.fulfill(status=401, json={"code": "token_blacklisted", "error": "It is over."})

    tab.route(f"**{RENEWAL}", log_in_first)
    complaints.expect_status(401)
    asked = Asked(tab)
    assert attempt(tab, "auth.renew()")["code"] == "token_blacklisted"
    assert claims(tab)["user"]["username"] == "carol"
    assert asked.count("/logout/") == 0
    assert status(tab, "/api/account/", method="POST") == 200


def test_the_end_of_a_session_is_noticed_and_its_cookies_go(
    tab: Page, portal: Server, complaints: Complaints
) -> None:
    sid = claims(tab)["sid"]
    portal.run("-c", _END, sid)  # in another process
    complaints.expect_status(401)
    until(tab, "auth.fetch('/api/account/').then((reply) => reply.status === 401)")
    until(tab, "auth.claims() === null")
    assert changes(tab)[-1] == {
        "name": None,
        "type": "end",
        "code": "token_blacklisted",
        "elsewhere": False,
    }
    assert token_cookies(tab) == set()
    asked = Asked(tab)
    assert status(tab, "/api/account/") == 401
    assert asked.count(RENEWAL) == 0


# --- odd claims ---------------------------------------------------------------------------------


def test_a_cookie_that_holds_no_claims_names_no_user(page: Page, portal: Server) -> None:
    page.goto(f"{portal.base_url}/api/status/")
    texts = ("null", "5", '"text"', "[]", "{", "{}", '{"user": 5}', "[[[[", "\x00")
    for value in ("", "%%%", "x" * 4000, *map(_base64, texts)):
        _plant(page, value)
        make_client(page)
        assert claims(page) is None, value


@pytest.mark.parametrize("ahead", [True, False])
def test_odd_times_start_no_renewals(page: Page, portal: Server, *, ahead: bool) -> None:
    """What never expires, as far as the page can tell, is renewed after a refusal only."""
    page.clock.install()
    page.goto(f"{portal.base_url}/api/status/")
    asked = Asked(page)
    for odd in (
        {"exp": 1e300, "iat": 1},
        {"exp": 10**12, "iat": 1},
        {"exp": "soon", "iat": []},
        {"exp": 1, "iat": 2},
        {"exp": None, "iat": 5},
        {"iat": 5},
        {"exp": 5},
        {},
    ):
        _plant(page, _base64(json.dumps({"user": {"id": 1, "username": "odd"}, **odd})))
        make_client(page, ahead=ahead)
        assert claims(page)["user"]["id"] == 1
        page.clock.fast_forward(30 * 86_400_000)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.clock.run_for(5000)
        assert page.evaluate("auth.left()") > 1e12
        page.evaluate("auth.close()")
    assert asked.count(RENEWAL) == 0


def test_tokens_that_never_expire(page: Page, portals: Portals, complaints: Complaints) -> None:
    open_client(page, portals(**SETTINGS, TEST_ENDLESS="1").base_url)
    assert "exp" not in log_in(page)
    assert page.evaluate("auth.left()") == float("inf")
    asked = Asked(page)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert status(page, "/api/account/") == 200
    page.context.clear_cookies(name="jwt_access_token")
    complaints.expect_status(401)
    assert status(page, "/api/account/") == 200
    assert asked.count(RENEWAL) == 1


def test_a_reply_of_another_server_is_no_login_and_no_renewal(tab: Page) -> None:
    first = claims(tab)
    for body in ("<h1>Welcome to our hotel", "[]", "null", '{"claims": 5}', ""):
        for path in ("/login/", RENEWAL):
            tab.route(f"**{path}", _answer(body))
        assert attempt(tab, "auth.renew()")["name"] == "DjwtoError"
        assert attempt(tab, "auth.login({})")["name"] == "DjwtoError"
        assert claims(tab) == first


def test_a_listener_that_fails_stops_nothing(page: Page, portal: Server) -> None:
    open_client(page, portal.base_url)
    page.evaluate("""() => {
        window.failed = [];
        addEventListener("error", (event) => {
            failed.push(event.message);
            event.preventDefault();
        });
        auth.onChange(() => { throw new Error("a fault of the page"); });
        auth.onChange((claims) => { window.later = claims; });
    }""")
    log_in(page)
    assert page.evaluate("later.user.username") == "alice"
    assert page.evaluate("failed.length") == 1


# --- sessions, options --------------------------------------------------------------------------


def test_sessions_are_listed_and_ended(
    tab: Page, portal: Server, browser: Browser, complaints: Complaints
) -> None:
    other = browser.new_context(ignore_https_errors=True)
    visitor = open_client(other.new_page(), portal.base_url)
    sid = log_in(visitor)["sid"]

    listed = tab.evaluate("auth.sessions()")
    assert [row["current"] for row in listed].count(True) == 1
    assert sid in [row["id"] for row in listed]
    tab.evaluate("(id) => auth.endSession(id)", sid)
    assert sid not in [row["id"] for row in tab.evaluate("auth.sessions()")]
    assert tab.evaluate("auth.logoutAll({ others: true })") >= 0
    assert len(tab.evaluate("auth.sessions()")) == 1
    assert status(tab, "/api/account/") == 200
    assert tab.evaluate("auth.logoutAll()") == 1
    assert (claims(tab), token_cookies(tab)) == (None, set())
    other.close()

    asked = Asked(tab)
    complaints.expect_status(401)
    assert attempt(tab, "auth.sessions()")["code"] == "cookie_missing"
    assert asked.count(RENEWAL) == 0


def test_a_server_whose_first_mode_is_json(
    page: Page, portals: Portals, complaints: Complaints
) -> None:
    open_client(page, portals(PORTAL_MODE="JSON,TWO-COOKIES").base_url)
    error = attempt(page, "auth.login({ username: 'alice', password: 'pass' })")
    assert error["error"] == "The reply is not one of djwto's."
    page.evaluate("auth.login({ username: 'alice', password: 'pass', mode: 'TWO-COOKIES' })")
    page.context.clear_cookies(name="jwt_access_token")
    complaints.expect_status(401)
    with page.expect_response("**/api/account/") as refusal:
        assert status(page, "/api/account/") == 200
    assert refusal.value.json()["code"] == "authorization_missing"


def test_a_planted_payload_cookie_is_not_believed(tab: Page) -> None:
    first = claims(tab)
    odd = _base64(json.dumps({"user": {"id": 1, "username": "mallory"}}))
    planted = {"name": "jwt_access_payload", "value": odd, "path": "/api"}
    tab.context.add_cookies([{**planted, "domain": "localhost", "secure": True}])
    make_client(tab)
    assert claims(tab) == first
    assert status(tab, "/api/account/", method="POST") == 200


def test_a_prefix_and_an_extended_session(page: Page, portals: Portals) -> None:
    portal = portals(PORTAL_COOKIE_PREFIX="__Host-")
    open_client(page, portal.base_url, prefix="__Host-", extend=True)
    first = log_in(page)
    asked = Asked(page)
    until(page, f"Date.now() > {first['iat'] * 1000 + 1000}")
    page.evaluate("auth.renew()")
    assert asked.count(f"{REFRESH}/update_refresh/") == 1
    assert claims(page)["refresh_iat"] > first["refresh_iat"]
    make_client(page, prefix="__Host-")
    assert claims(page)["user"]["username"] == "alice"


def test_a_public_path(page: Page, complaints: Complaints, tmp_path: Path) -> None:
    complaints.expect_status(404)  # the icon, at the root of the host
    options = ("--url-path-prefix", "/shop")
    with serve("granian", env={}, folder=tmp_path, options=options, mount="/shop") as portal:
        page.goto(f"{portal.base_url}/shop/api/status/")
        make_client(page, "/shop/static/djwto/client.js", base="/shop")
        first = log_in(page)
        page.evaluate("auth.renew()")
        assert claims(page)["jti"] != first["jti"]
        assert status(page, "api/account/", method="POST") == 200
        page.evaluate("auth.logout()")
        assert token_cookies(page) == set()
        page.goto("about:blank")


def test_a_client_that_is_closed_does_nothing_more(page: Page, portal: Server) -> None:
    page.clock.install()
    open_client(page, portal.base_url)
    log_in(page)
    asked = Asked(page)
    page.evaluate("auth.close()")
    page.clock.fast_forward(LIFE * 1000)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.evaluate("auth.logout()")
    assert asked.count(RENEWAL) == 0


# --- helpers ------------------------------------------------------------------------------------

# Answers each renewal at once, and in the page: the test's clock leaves no time for a real reply.
_FAIL_RENEWALS = """([status, body]) => {
    window.renewals = 0;
    const real = fetch;
    window.fetch = async (address, init) => {
        if (!String(address).endsWith("/refresh_access/")) return real(address, init);
        renewals += 1;
        return Response.json(body, { status });
    };
}"""

_END = """
import sys, django
django.setup()
from djwto import sessions
sessions.end(sys.argv[1])
"""


def _payload(page: Page) -> Any:
    return json.loads(base64.b64decode(_cookie(page, "jwt_access_payload")["value"]))


def _cookie(page: Page, name: str) -> Any:
    return next(cookie for cookie in page.context.cookies() if cookie["name"] == name)


def _answer(body: str) -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=200, body=body)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _plant(page: Page, value: str) -> None:
    page.context.add_cookies(
        [{"name": "jwt_access_payload", "value": value, "url": page.url.rpartition("/api/")[0]}]
    )


def _keep(page: Page, *names: str) -> None:
    """Let the browser keep cookies for longer than the server said."""
    page.context.add_cookies([{**_cookie(page, name), "expires": -1} for name in names])


def _hide(page: Page, *, hidden: bool) -> None:
    page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
