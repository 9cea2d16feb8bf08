"""Answers that no server of djwto gives, or gives rarely: no storm, no lie, no exception."""

import base64
import json
from typing import Any

import pytest
from playwright.sync_api import Page, Request

from tests.served.browser.client import (
    REFRESH,
    RENEWAL,
    SETTINGS,
    Asked,
    attempt,
    claims,
    log_in,
    make_client,
    open_client,
    status,
)
from tests.served.browser.conftest import Portals
from tests.served.browser.support import Complaints, Elsewhere
from tests.services import Server

LIFE = 300
"""Seconds that an access token of the portal lives."""


@pytest.fixture
def tab(page: Page, portal: Server) -> Page:
    """A page of alice with a client, whose clock is the test's."""
    page.clock.install()
    open_client(page, portal.base_url)
    log_in(page)
    return page


@pytest.mark.parametrize(
    ("code", "headers", "body"),
    [
        (409, {}, {"error": "…", "code": "refresh_superseded"}),
        (200, {}, "the same claims"),
        (401, {}, {}),
        (403, {}, {"error": "…", "code": "csrf_failed"}),
        (503, {"Retry-After": "-5"}, {"error": "…", "code": "store_unavailable"}),
        (503, {"Retry-After": "0.001"}, {"error": "…", "code": "store_unavailable"}),
        (503, {"Retry-After": "NaN"}, {"error": "…", "code": "store_unavailable"}),
        (503, {"Retry-After": "Thu, 26 Nov 2099 12:00:00 GMT"}, {}),
    ],
)
def test_no_answer_makes_a_storm(tab: Page, code: int, headers: dict[str, str], body: Any) -> None:
    """The pauses grow to a minute, so some tens of renewals come in ten minutes at most."""
    tab.evaluate(_ANSWER_RENEWALS, [code, headers, body])
    tab.clock.run_for(LIFE * 790)
    assert tab.evaluate("renewals") == 0
    tab.clock.run_for(600_000)
    assert 1 <= tab.evaluate("renewals") <= 40


@pytest.mark.parametrize("wait", ["1e300", "Infinity", "31536000"])
def test_no_wait_is_for_ever(tab: Page, wait: str) -> None:
    """A page that stays open recovers within an hour after one odd reply of a proxy."""
    tab.evaluate(_ANSWER_RENEWALS, [503, {"Retry-After": wait}, {}])
    tab.clock.run_for(LIFE * 850)
    assert tab.evaluate("renewals") == 1
    tab.clock.run_for(3_600_000)
    assert tab.evaluate("renewals") >= 2


def test_messages_of_others_on_the_channel(page: Page, portal: Server) -> None:
    open_client(page, portal.base_url)
    first = log_in(page)
    page.evaluate(
        """async () => {
            const name = `djwto ${location.origin}/ `;
            const [channel, last] = [new BroadcastChannel(name), new BroadcastChannel(name)];
            const isOver = new Promise((done) => {
                last.onmessage = ({ data }) => data === "over" && done();
            });
            for (const odd of [
                null, 5, "text", [], {}, { claims: 5 }, { claims: {} }, { claims: { user: 5 } },
                { claims: null }, { claims: undefined, sid: undefined }, "over",
            ]) channel.postMessage(odd);
            await isOver; // the client hears each before, as it listens for longer
        }"""
    )
    assert claims(page) == first


def test_another_networks_page_is_no_logout_and_no_list(page: Page, portal: Server) -> None:
    open_client(page, portal.base_url)
    first = log_in(page)
    page.route(
        f"**{REFRESH}/**", lambda route: route.fulfill(status=200, body="<h1>Welcome to our hotel")
    )
    for call in ("logout()", "sessions()", "logoutAll()", f"endSession('{first['sid']}')"):
        assert attempt(page, f"auth.{call}").get("name") == "DjwtoError", call
        assert claims(page) == first, call


def test_a_csrf_cookie_that_no_header_can_carry(
    page: Page, portal: Server, complaints: Complaints
) -> None:
    """Any host of the domain can plant one."""
    complaints.expect_status(403)
    open_client(page, portal.base_url)
    log_in(page)
    page.evaluate("document.cookie = 'csrftoken=\\u{1f600}; path=/api/; secure'")
    assert page.evaluate("document.cookie.split('csrftoken=').length") == 3
    assert status(page, "/api/account/", method="POST") == 200
    page.evaluate("auth.renew()")
    page.evaluate("auth.logout()")
    assert claims(page) is None


def test_a_planted_payload_cookie_beside_the_real_one(page: Page, portal: Server) -> None:
    """As `jwt_access_payload` of another host, with a longer path: it would be read first."""
    page.clock.install()
    open_client(page, portal.base_url)
    first = log_in(page)
    other = open_client(page.context.new_page(), portal.base_url)
    planted = base64.b64encode(
        json.dumps({"user": {"id": 1, "username": "mallory"}, "iat": 1, "exp": 2}).encode()
    ).decode()
    page.evaluate(f"document.cookie = 'jwt_access_payload={planted}; path=/api/; secure'")
    asked = Asked(page, other)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    other.evaluate("auth.renew()")
    for _ in range(4):
        page.clock.run_for(1000)
        assert [status(tab, "/api/account/") for tab in (page, other)] == [200, 200]
    names = {claims(tab)["user"]["username"] for tab in (page, other)}
    assert names == {"alice"}
    assert asked.count(RENEWAL) <= 2
    page.reload()
    make_client(page)
    assert claims(page)["sid"] == first["sid"]


def test_a_call_that_is_aborted_while_it_waits(page: Page, portal: Server) -> None:
    open_client(page, portal.base_url)
    log_in(page)
    page.context.clear_cookies(name="jwt_access")
    page.context.clear_cookies(name="jwt_access_token")
    page.context.clear_cookies(name="jwt_access_payload")
    page.route(f"**{RENEWAL}", lambda route: None)
    error = page.evaluate(
        """async () => {
            const stop = new AbortController();
            const call = auth.fetch("/api/account/", { signal: stop.signal })
                .then(() => "an answer", ({ name }) => name);
            setTimeout(() => stop.abort(), 100);
            return Promise.race([
                call, new Promise((done) => setTimeout(done, 2000, "nothing in 2 seconds")),
            ]);
        }"""
    )
    assert error == "AbortError"


def test_a_refusal_whose_body_never_ends(page: Page, portal: Server) -> None:
    open_client(page, portal.base_url)
    log_in(page)
    page.evaluate("""() => {
        const real = fetch;
        window.fetch = (address, init) => String(address).endsWith("/stream/")
            ? Promise.resolve(new Response(new ReadableStream({}), { status: 403 }))
            : real(address, init);
    }""")
    found = page.evaluate(
        """() => Promise.race([
            auth.fetch("/stream/").then(({ status }) => status),
            new Promise((done) => setTimeout(done, 2000, "nothing in 2 seconds")),
        ])"""
    )
    assert found == 403


def test_a_redirect_does_not_carry_the_password_elsewhere(
    page: Page, portal: Server, elsewhere: Elsewhere, complaints: Complaints
) -> None:
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))  # noqa: PLW0108 (Playwright inspects it)
    page.route(
        "**/login/",
        lambda route: route.fulfill(
            status=307, headers={"Location": f"{elsewhere.origin('127.0.0.1')}/x"}
        ),
    )
    page.context.route(
        "**/api/status/",
        lambda route: route.fulfill(status=200, content_type="text/html", body="<body></body>"),
    )
    open_client(page, portal.base_url)
    page.on("console", lambda message: complaints.expect(message.text))
    assert attempt(page, "auth.login({ username: 'alice', password: 'pass' })")["status"] == 0
    assert [one.url for one in sent if "127.0.0.1" in one.url] == []


def test_a_request_that_omits_credentials(
    page: Page, portal: Server, complaints: Complaints
) -> None:
    complaints.expect_status(401)
    open_client(page, portal.base_url)
    log_in(page)
    with page.expect_request("**/api/account/") as sent:
        page.evaluate(
            "auth.fetch(new Request('/api/account/', { credentials: 'omit' })).then(() => {})"
        )
    assert "cookie" not in sent.value.all_headers()


def test_a_service_that_refuses_each_new_token(tab: Page) -> None:
    """A page that asks once a second has it renew a few times in a minute, and no more."""
    tab.evaluate("""() => {
        window.renewals = 0;
        const real = fetch;
        window.fetch = async (address, init) => {
            if (String(address).includes("/refresh_access/")) renewals += 1;
            return String(address).endsWith("/service/")
                ? Response.json({ code: "token_expired" }, { status: 401 })
                : real(address, init);
        };
    }""")
    for _ in range(60):
        assert tab.evaluate("auth.fetch('/service/').then(({ status }) => status)") == 401
        tab.clock.run_for(1000)
    assert 1 <= tab.evaluate("renewals") <= 7


def test_a_storage_that_is_full(
    page: Page, portals: Portals, elsewhere: Elsewhere, complaints: Complaints
) -> None:
    """A page that can read the mark and cannot write it asks the server when it opens."""
    frontend = elsewhere.origin("localhost")
    api = portals(**SETTINGS, PORTAL_MODE="ONE-COOKIE,JSON", PORTAL_TRUSTED_ORIGINS=frontend)
    page.context.add_init_script(
        "Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); }"
    )
    page.goto(frontend)
    complaints.expect_status(401)
    make_client(page, "/client.js", base=api.base_url)
    log_in(page)
    page.reload()
    make_client(page, "/client.js", base=api.base_url)
    assert claims(page)["user"]["username"] == "alice"


def test_a_page_without_an_origin(page: Page, portal: Server, complaints: Complaints) -> None:
    """Such as a sandboxed frame: cookies, storage and locks are refused there."""
    page.route(
        "**/api/status/",
        lambda route: route.fulfill(
            status=200,
            content_type="text/html",
            headers={"Content-Security-Policy": "sandbox allow-scripts"},
            body="<!doctype html><link rel=icon href=data:,><body></body>",
        ),
    )
    page.route(
        "**/client.js",
        lambda route: route.fulfill(
            response=(reply := route.fetch()),
            headers={**reply.headers, "access-control-allow-origin": "*"},
        ),
    )
    page.goto(f"{portal.base_url}/api/status/")
    page.on("console", lambda message: complaints.expect(message.text))
    made = page.evaluate(
        """async (script) => {
            const { createClient } = await import(script);
            const auth = createClient();
            await auth.ready;
            const code = await auth.logout().then(() => "none", ({ name, code }) => name + code);
            return [typeof auth.claims(), code];
        }""",
        f"{portal.base_url}/static/djwto/client.js",
    )
    assert made[1] == "DjwtoErrorno_reply"


def test_a_page_opens_after_the_storage_was_cleared(
    page: Page, portals: Portals, elsewhere: Elsewhere
) -> None:
    """It cannot know of the login. The page that does is not logged out by it."""
    frontend = elsewhere.origin("localhost")
    api = portals(**SETTINGS, PORTAL_MODE="ONE-COOKIE,JSON", PORTAL_TRUSTED_ORIGINS=frontend)
    page.goto(frontend)
    make_client(page, "/client.js", base=api.base_url)
    first = log_in(page)
    page.evaluate("localStorage.clear()")
    other = page.context.new_page()
    other.goto(frontend)
    make_client(other, "/client.js", base=api.base_url)
    assert claims(other) is None
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert status(page, "/api/account/") == 200
    assert claims(page) == first
    other.evaluate("auth.renew()")
    assert claims(other)["sid"] == first["sid"]


def test_a_page_may_ask_for_logins_that_the_client_did_not_make(
    page: Page, portals: Portals, elsewhere: Elsewhere, complaints: Complaints
) -> None:
    """As single sign-on makes them, after a logout here."""
    complaints.expect_status(401)
    frontend = elsewhere.origin("localhost")
    api = portals(**SETTINGS, PORTAL_MODE="ONE-COOKIE,JSON", PORTAL_TRUSTED_ORIGINS=frontend)
    page.goto(frontend)
    make_client(page, "/client.js", base=api.base_url, ask=True)
    assert claims(page) is None
    log_in(page)
    page.evaluate("auth.logout()")
    page.evaluate(
        """(base) => fetch(`${base}/login/`, {
            method: "POST", credentials: "include",
            body: new URLSearchParams({ username: "carol", password: "pass" }),
        })""",
        api.base_url,
    )
    for ask, user in ((False, None), (True, "carol")):
        page.reload()
        make_client(page, "/client.js", base=api.base_url, ask=ask)
        found = claims(page)
        assert (found and found["user"]["username"]) == user


# --- helpers ------------------------------------------------------------------------------------

# In the page, and at once: the test's clock leaves no time for a real reply.
_ANSWER_RENEWALS = """([status, headers, body]) => {
    window.renewals = 0;
    const known = auth.claims();
    const real = fetch;
    window.fetch = async (address, init) => {
        if (!String(address).includes("/refresh_access/")) return real(address, init);
        renewals += 1;
        const text = JSON.stringify(body === "the same claims" ? { claims: known } : body);
        return new Response(text, { status, headers });
    };
}"""
