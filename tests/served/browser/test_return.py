"""`return/` in a browser: a guard on another host sends an expired browser there and back.

The guard is a stand-in for djwto-server. It shows the cookies that it gets to the portal, which
decides, and redirects a browser that is refused.
"""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from playwright.sync_api import Error, Page, Request, expect

from conformance import forge
from tests.served.browser.conftest import Portals
from tests.served.browser.support import Complaints, Elsewhere, log_in, under
from tests.services import Server

_ASK = """([how, url]) => new Promise(done => {
    if (how === "fetch") {
        fetch(url, { credentials: "include", mode: "no-cors" }).then(done, done);
        return;
    }
    const element = document.createElement(how);
    element.onload = element.onerror = done;
    element.src = url;
    document.body.append(element);
}).then(() => null)"""

DOMAIN = "demo.localhost"
RETURN = "/api/token/refresh/return/"
RUN = "/runs/7?tab=log&page=2"


class Guard:
    """A host of its own, where only a good access token opens a page."""

    portal = ""
    """Where to send browsers; known once the portal is served."""
    asks = ""
    """The portal by a name that is known outside of browsers too."""

    def __init__(self, certificate: str) -> None:
        self.refuses_all = False
        self.prefetched = threading.Event()
        self.http = requests.Session()
        self.http.trust_env, self.http.verify = False, certificate
        self.url = ""

    def user(self, cookie: str) -> str | None:
        """Ask the portal who the user of these cookies is."""
        account = f"{self.asks}/api/account/"
        reply = self.http.get(account, headers={"Cookie": cookie}, timeout=30)
        return str(reply.json()["user"]["username"]) if reply.status_code == 200 else None


@pytest.fixture(scope="module")
def its_guard(portal: Server, portals: Portals) -> Iterator[Guard]:
    with _served(portal) as found:
        host = urlsplit(found.url).netloc
        own = portals(PORTAL_DOMAIN=DOMAIN, PORTAL_RETURN_HOSTS=host)
        found.asks, found.portal = own.base_url, under(own.base_url, f"app.{DOMAIN}")
        yield found


@pytest.fixture
def guard(its_guard: Guard) -> Guard:
    its_guard.refuses_all = False
    its_guard.prefetched.clear()
    return its_guard


def expire(page: Page) -> None:
    """Take the access token away, as its time does."""
    for name in ("jwt_access_token", "jwt_access_payload"):
        page.context.clear_cookies(name=name)


def refresh_token(page: Page) -> str:
    (token,) = [one["value"] for one in page.context.cookies() if one["name"] == "jwt_refresh"]
    return str(token)


def chain(request: Request | None) -> list[str]:
    """Give the addresses that a navigation went through, without their queries."""
    found = []
    while request is not None:
        found.insert(0, request.url.partition("?")[0])
        request = request.redirected_from
    return found


def test_an_expired_browser_comes_back_with_new_tokens(page: Page, guard: Guard) -> None:
    log_in(page, guard.portal)
    page.goto(guard.url + RUN)
    expect(page.locator("body")).to_have_text(f"alice {RUN}")

    expire(page)
    old = refresh_token(page)
    reply = page.goto(guard.url + RUN)
    assert reply is not None
    models = f"{guard.url}/runs/7"
    assert chain(reply.request) == [models, guard.portal + RETURN, models]
    assert page.url == guard.url + RUN
    expect(page.locator("body")).to_have_text(f"alice {RUN}")
    assert refresh_token(page) != old


def test_a_link_on_another_site_works_too(page: Page, guard: Guard, elsewhere: Elsewhere) -> None:
    log_in(page, guard.portal)
    expire(page)
    page.goto(elsewhere.origin("localhost"))
    page.evaluate("url => setTimeout(() => { location.href = url; })", guard.url + RUN)
    expect(page.locator("body")).to_have_text(f"alice {RUN}")


def test_without_a_session_the_user_logs_in_and_goes_on(page: Page, guard: Guard) -> None:
    page.goto(guard.url + RUN)
    address = urlsplit(page.url)
    assert (f"https://{address.netloc}", address.path) == (guard.portal, "/")
    assert parse_qs(address.query) == {"next": [guard.url + RUN]}

    page.get_by_label("User name").fill("carol")
    page.get_by_label("Password").fill("pass")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.locator("body")).to_have_text(f"carol {RUN}")


def test_the_login_page_goes_on_to_no_other_host(
    page: Page, complaints: Complaints, guard: Guard, elsewhere: Elsewhere
) -> None:
    foreign = quote(elsewhere.origin(f"evil.{DOMAIN}"), safe="")
    page.goto(f"{guard.portal}/?next={foreign}")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill("pass")
    complaints.expect_status(400)
    with page.expect_response(lambda reply: RETURN in reply.url) as reply:
        page.get_by_role("button", name="Log in", exact=True).click()
    assert (reply.value.status, reply.value.json()["code"]) == (400, "next_invalid")


def test_a_logged_in_user_stays_on_the_page_of_the_portal(page: Page, guard: Guard) -> None:
    log_in(page, guard.portal)
    page.goto(f"{guard.portal}/?next={quote(guard.url)}")
    expect(page.get_by_role("heading", name="Logged in as alice")).to_be_visible()


@pytest.mark.parametrize("how", ["fetch", "img", "iframe"])
def test_a_page_of_the_same_site_renews_nothing_unseen(
    page: Page, complaints: Complaints, guard: Guard, elsewhere: Elsewhere, how: str
) -> None:
    log_in(page, guard.portal)
    old = refresh_token(page)
    page.goto(elsewhere.origin(f"evil.{DOMAIN}"))
    complaints.expect_status(403)
    complaints.expect(
        f"Framing '{guard.portal}/' violates the following Content Security Policy directive: "
        "\"frame-ancestors 'none'\". The request has been blocked.\n"
    )
    page.evaluate(_ASK, [how, f"{guard.portal}{RETURN}?next={quote(guard.url)}"])
    assert refresh_token(page) == old


def test_a_prefetched_page_is_renewed_when_it_is_opened(
    page: Page, complaints: Complaints, guard: Guard
) -> None:
    log_in(page, guard.portal)
    page.goto(guard.url + RUN)
    expire(page)
    complaints.expect_status(403)
    page.evaluate(
        """() => document.head.append(
            Object.assign(document.createElement("link"), { rel: "prefetch", href: "/runs/8" })
        )"""
    )
    assert guard.prefetched.wait(20)
    page.evaluate("() => { location.href = '/runs/8'; }")
    expect(page.locator("body")).to_have_text("alice /runs/8")
    assert forge.read(refresh_token(page))["gen"] == 2


def test_a_guard_that_refuses_new_tokens_makes_no_endless_loop(page: Page, guard: Guard) -> None:
    log_in(page, guard.portal)
    guard.refuses_all = True
    with pytest.raises(Error, match=r"chrome-error|ERR_TOO_MANY_REDIRECTS"):
        page.goto(guard.url + RUN)
    page.wait_for_url("chrome-error://chromewebdata/")
    guard.refuses_all = False
    page.goto(guard.url + RUN)
    expect(page.locator("body")).to_have_text(f"alice {RUN}")


@contextmanager
def _served(portal: Server) -> Iterator[Guard]:
    guard = Guard(str(portal.certificate))

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            user = None if guard.refuses_all else guard.user(self.headers.get("Cookie", ""))
            if user is None:
                here = quote(guard.url + self.path, safe="")
                self.send_response(303)
                self.send_header("Location", f"{guard.portal}{RETURN}?next={here}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                if "prefetch" in self.headers.get("Sec-Purpose", ""):
                    guard.prefetched.set()
                return
            text = f"{user} {self.path}".replace("&", "&amp;")
            body = f"<!doctype html><title>m</title><link rel=icon href=data:,><body>{text}"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(portal.certificate, portal.key)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    guard.url = f"https://models.{DOMAIN}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield guard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
