"""Chromium at a service that knows nothing of djwto, and at a sibling host that attacks it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.proxies.echo import Echo
from tests.proxies.stack import APP, Stack
from tests.served.browser.support import Elsewhere, serve_elsewhere

_FORM = """(action) => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = action;
    document.body.append(form);
    setTimeout(() => form.submit());
}"""

_JSON = """async (url) => {
    try {
        const reply = await fetch(url, {
            method: "POST",
            credentials: "include",
            headers: { "Content-Type": "application/json" },
            body: "{}",
        });
        return reply.status;
    } catch (error) {
        return error.name;
    }
}"""

_PLAIN = """async (url) => {
    await fetch(url, { method: "POST", mode: "no-cors", credentials: "include", body: "a=1" });
}"""

_SOCKET = """(url) => new Promise((done) => {
    const socket = new WebSocket(url);
    socket.onmessage = (event) => { socket.close(); done(event.data); };
    socket.onerror = () => done(null);
})"""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    profile = browser.new_context(ignore_https_errors=True)
    yield profile
    profile.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def sibling(stack: Stack) -> Iterator[str]:
    """Serve pages of another host of the same site; give their origin."""
    portal = stack.site.portal
    with serve_elsewhere(portal.certificate, portal.key) as server:
        assert isinstance(server, Elsewhere)
        yield server.origin("evil.demo.localhost")


def log_in(page: Page, stack: Stack) -> None:
    """Log in at the portal, through the proxy, as its page does."""
    page.goto(f"https://{APP}:{stack.port}/")
    status = page.evaluate(
        """async () => {
            const body = new URLSearchParams({ username: "alice", password: "pass" });
            return (await fetch("/login/", { method: "POST", body })).status;
        }"""
    )
    assert status == 200


def test_a_page_that_knows_nothing_of_djwto(stack: Stack, echo: Echo, page: Page) -> None:
    log_in(page, stack)
    reply = page.goto(f"{stack.origin}/page")
    assert reply
    assert reply.status == 200
    assert page.evaluate(_JSON, "/open/json") == 200
    text = page.evaluate(_SOCKET, f"wss://{stack.host}/open/socket")
    assert text
    with page.expect_navigation() as moved:
        page.evaluate(_FORM, "/open/form")
    assert moved.value.status == 200
    methods = [(got.method, got.target) for got in echo.got if got.target != "/favicon.ico"]
    assert methods == [
        ("GET", "/page"),
        ("POST", "/open/json"),
        ("GET", "/open/socket"),
        ("POST", "/open/form"),
    ]
    for got in echo.got:
        assert got.one("x-djwto-assertion")
        assert b"jwt_" not in got.head


def test_a_sibling_fails_at_all_three(stack: Stack, echo: Echo, page: Page, sibling: str) -> None:
    """The browser sends the cookies along: it is one site. The guard refuses."""
    log_in(page, stack)
    page.goto(f"{sibling}/")
    assert page.evaluate(_JSON, f"{stack.origin}/open/json") == "TypeError"
    page.evaluate(_PLAIN, f"{stack.origin}/open/plain")
    assert page.evaluate(_SOCKET, f"wss://{stack.host}/open/socket") is None
    with page.expect_navigation() as moved:
        page.evaluate(_FORM, f"{stack.origin}/open/form")
    assert moved.value.status == 403
    assert not echo.got


def test_a_navigation_comes_back_logged_in(
    stack: Stack, echo: Echo, page: Page, context: BrowserContext
) -> None:
    """Without a valid access token the guard sends the browser to `return/`, which renews it."""
    log_in(page, stack)
    kept = [one for one in context.cookies() if not one["name"].startswith("jwt_access")]
    context.clear_cookies()
    context.add_cookies(kept)  # type: ignore[arg-type]
    reply = page.goto(f"{stack.origin}/open/a?b=%2F")
    assert reply
    assert reply.status == 200
    assert page.url == f"{stack.origin}/open/a?b=%2F"
    assert [got.target for got in echo.got if got.target != "/favicon.ico"] == ["/open/a?b=%2F"]


def test_a_navigation_without_a_login_comes_to_the_login(
    stack: Stack, echo: Echo, page: Page
) -> None:
    page.goto(f"{stack.origin}/open/a")
    assert page.url.startswith(f"https://{APP}:{stack.port}/")
    assert not echo.got
