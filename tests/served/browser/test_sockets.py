"""Chromium and sockets, on uvicorn and daphne: cookies, subprotocols, pages of other origins."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.served.browser.support import serve_elsewhere
from tests.served.sockets.servers import SERVERS, Served, Site

LOGIN = """async (mode) => {
    const form = new URLSearchParams({username: "alice", password: "pass", mode});
    const reply = await fetch("/login/", {method: "POST", body: form});
    return await reply.json();
}"""

# Gives what the socket said first, or how it was closed; and keeps it in `window.socket`.
OPEN = """([url, protocols]) => new Promise((done) => {
    const socket = window.socket = new WebSocket(url, protocols);
    window.ending = new Promise((tell) => {
        socket.onclose = (event) => {
            tell([event.code, event.reason]);
            done({code: event.code});
        };
    });
    socket.onmessage = (event) => done({...JSON.parse(event.data), protocol: socket.protocol});
})"""

END_ALL = """
from djwto import sessions
from djwto.models import Session

sessions.end_where(Session.objects.all(), reason="a test")
"""


@pytest.fixture(scope="module", params=SERVERS)
def served(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Served]:
    site = Site.make(tmp_path_factory.mktemp("site"), tls=True)
    with site.serve(request.param) as running:
        yield running


def open_socket(page: Page, served: Served, protocols: list[str] | None = None) -> Any:
    return page.evaluate(OPEN, [f"wss://localhost:{served.port}/ws/", protocols or []])


def logged_in(page: Page, served: Served, mode: str) -> Any:
    page.goto(f"{served.url}/page/")
    return page.evaluate(LOGIN, mode)


def test_a_cookie_opens_a_socket_until_the_session_ends(page: Page, served: Served) -> None:
    logged_in(page, served, "TWO-COOKIES")
    assert open_socket(page, served) == {"user": "alice", "protocol": ""}
    served.site.run(END_ALL)  # in another process
    code, reason = page.evaluate("() => window.ending")
    assert code == 4401
    # daphne sends no reason.
    assert reason in ("token_blacklisted", "")


def test_a_subprotocol_opens_a_socket(page: Page, served: Served) -> None:
    """Chromium gives a socket up where it offered subprotocols and none was chosen."""
    tokens = logged_in(page, served, "JSON")
    opened = open_socket(page, served, ["bearer", tokens["access"]])
    assert opened == {"user": "alice", "protocol": "bearer"}


def test_a_page_of_another_origin_opens_none(context: Any, served: Served) -> None:
    """Another port of this host is the same site, so that cookies of any `SameSite` come along."""
    page = context.new_page()
    logged_in(page, served, "TWO-COOKIES")
    assert open_socket(page, served)["user"] == "alice"
    folder = served.site.folder
    with serve_elsewhere(folder / "cert.pem", folder / "key.pem") as elsewhere:
        page.goto(elsewhere.origin("localhost"))
        assert open_socket(page, served) == {"code": 1006}
        page.close()
