"""What several browser tests do: log in, look at cookies, post a form from somewhere else."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Response, expect

import djwto

TOKEN_COOKIES = {"jwt_access_token", "jwt_access_payload", "jwt_refresh"}

QUIET = "/quiet"
"""A page whose forms are sent with `Origin: null`, because it keeps its address to itself."""

CLIENT = Path(djwto.__file__).parent / "static" / "djwto" / "client.js"
_PAGE = b"<!doctype html><title>elsewhere</title><link rel=icon href=data:,><body></body>"

SCRIPTED = "/scripted"
"""A page whose own script makes a client, of the server that `?base=` names."""

_SCRIPTED = b"""<!doctype html><title>scripted</title><link rel=icon href=data:,>
<script type="module">
    import { createClient } from "/client.js";
    window.auth = createClient({ base: new URLSearchParams(location.search).get("base") });
</script>"""

_SUBMIT = """({action, fields}) => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = action;
    for (const [name, value] of Object.entries(fields)) {
        const input = document.createElement("input");
        input.type = "hidden";
        input.name = name;
        input.value = value;
        form.append(input);
    }
    document.body.append(form);
    setTimeout(() => form.submit());
}"""


@dataclass(frozen=True)
class Elsewhere:
    """An https server with the client, a page that uses it, and an empty page for other paths."""

    port: int

    def origin(self, host: str) -> str:
        return f"https://{host}:{self.port}"


@contextmanager
def serve_elsewhere(certificate: Path, key: Path) -> Iterator[Elsewhere]:
    """Serve those pages on a free port until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _EmptyPage)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Elsewhere(server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Complaints:
    """What the console said, and what of it the test provokes."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._expected: set[str] = set()

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._said.append(str(error)))

    def expect_status(self, status: int) -> None:
        """Allow the line that Chromium writes about a refused call, and no other."""
        said = f"Failed to load resource: the server responded with a status of {status}"
        # HTTP/2 has no reason beside the status, and HTTP/1.1 has.
        self._expected |= {f"{said} ()", f"{said} ({HTTPStatus(status).phrase})"}

    def expect(self, line: str) -> None:
        """Allow a line."""
        self._expected.add(line)

    def check(self) -> None:
        unexpected = [line for line in self._said if line not in self._expected]
        if unexpected:
            raise AssertionError(f"The console complains: {unexpected}")

    def _console(self, message: ConsoleMessage) -> None:
        self._said.append(message.text)


def log_in(page: Page, base_url: str, username: str = "alice") -> None:
    """Log in through the page's form."""
    page.goto(base_url)
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill("pass")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("heading", name=f"Logged in as {username}")).to_be_visible()


def call(page: Page, endpoint: str, status: str) -> None:
    """Press the button of an endpoint, such as `GET /api/status/`, and expect this status."""
    page.get_by_role("button", name=endpoint).click()
    reply = page.get_by_role("region", name="Reply")
    expect(reply.locator("#reply-request")).to_have_text(endpoint)
    expect(reply.locator("#reply-status")).to_have_text(status)


def token_cookies(page: Page) -> set[str]:
    """Give the names of the tokens' cookies that the browser holds, on any path and host."""
    return TOKEN_COOKIES & {cookie["name"] for cookie in page.context.cookies()}


def under(base_url: str, host: str) -> str:
    """Give the same server's address by another name."""
    return f"https://{host}:{urlsplit(base_url).port}"


def post_form(page: Page, action: str, **fields: str) -> Response:
    """Post a form from the page that is open, as any page on the web can, and follow it."""
    with page.expect_navigation() as navigation:
        page.evaluate(_SUBMIT, {"action": action, "fields": fields})
    return navigation.value


class _EmptyPage(BaseHTTPRequestHandler):
    # A browser may open a connection and say nothing on it; the thread must not wait for ever.
    timeout = 5

    def do_GET(self) -> None:
        is_client = self.path == "/client.js"
        page = _SCRIPTED if self.path.startswith(SCRIPTED) else _PAGE
        body = CLIENT.read_bytes() if is_client else page
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if is_client else "text/html")
        if self.path == QUIET:
            self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass
