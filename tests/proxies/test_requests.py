"""What is no plain GET: HEAD, uploads, sockets; and who may ask the guard."""

import hashlib
import json
import secrets
import socket
import ssl

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests import services
from tests.proxies import broken
from tests.proxies.conftest import Login, cookies, refused
from tests.proxies.echo import ACCEL, Echo
from tests.proxies.stack import MODELS, Stack
from tests.proxies.wire import ask, send

LARGE = 20_000_000


def test_the_decision_is_about_the_method_that_was_sent(
    stack: Stack, echo: Echo, login: Login
) -> None:
    """alice may read, and needs a permission to write."""
    own = [*cookies(login), ("Origin", stack.origin)]
    assert ask(stack.port, "/read/a", own).status == 200
    assert ask(stack.port, "/read/a", own, method="HEAD").status == 200
    assert [got.method for got in echo.got] == ["GET", "HEAD"]
    echo.got.clear()
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert ask(stack.port, "/read/a", own, method=method).status >= 400
    assert not echo.got
    carol = [*cookies(login, "carol"), ("Origin", stack.origin)]
    assert ask(stack.port, "/read/a", carol, method="POST").status == 200


@pytest.mark.parametrize("method", ["get", "GeT", "CONNECT", "PROPFIND", "XYZ", "GET/"])
def test_an_odd_method(stack: Stack, echo: Echo, login: Login, method: str) -> None:
    answer = ask(stack.port, "/read/a", cookies(login), method=method)
    assert answer.status >= 400 or answer.status == 0
    assert not echo.got


def test_a_head_that_is_refused(stack: Stack, echo: Echo) -> None:
    answer = ask(stack.port, "/open/a", method="HEAD")
    assert refused(answer, echo)
    assert answer.body == b""


@pytest.mark.parametrize("chunked", ["", "chunked"])
def test_a_large_upload_arrives_whole(stack: Stack, echo: Echo, login: Login, chunked: str) -> None:
    body = secrets.token_bytes(LARGE)
    own = [*cookies(login), ("Origin", stack.origin)]
    if chunked:
        parts = [body[at : at + 1_000_000] for at in range(0, LARGE, 1_000_000)]
        sent = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        head = ["POST /open/a HTTP/1.1", f"Host: {stack.host}", "Transfer-Encoding: chunked"]
        head += [f"{name}: {value}" for name, value in own]
        head += ["Connection: close", "", ""]
        answer = send(stack.port, "\r\n".join(head).encode() + sent)
    else:
        answer = ask(stack.port, "/open/a", own, method="POST", body=body)
    assert answer.status == 200
    (got,) = echo.got
    assert got.body_bytes == LARGE
    assert got.body_sha256 == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("chunked", ["", "chunked"])
def test_no_upload_reaches_the_guard(stack: Stack, echo: Echo, chunked: str) -> None:
    """A guard that keeps what it gets, and fails, sees the head alone."""
    port = services.free_port()
    body = b"3d0900\r\n" + b"x" * 4_000_000 + b"\r\n0\r\n\r\n" if chunked else b"x" * 4_000_000
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    head = ["POST /open/a HTTP/1.1", f"Host: {MODELS}:{port}", length, "Connection: close", "", ""]
    with (
        broken.serve(broken.FAULTS["503"]) as failing,
        stack.proxy(port, guard=failing.port),
    ):
        send(port, "\r\n".join(head).encode() + body)
    assert not echo.got
    assert failing.got
    for got in failing.got:
        asked, _, rest = got.partition(b"\r\n\r\n")
        assert rest == b""
        assert b"transfer-encoding" not in asked.lower()
        assert b"content-length: 4" not in asked.lower()


def test_the_guard_gets_what_it_reads(stack: Stack, login: Login) -> None:
    """No other header of a client, which may hold secrets of the service."""
    port, secret = services.free_port(), "7c1f9e"
    own = [*cookies(login), ("X-Api-Key", secret), ("User-Agent", secret), ("Accept", secret)]
    with (
        broken.serve(broken.FAULTS["503"]) as failing,
        stack.proxy(port, guard=failing.port),
    ):
        ask(port, "/open/a", own)
    (asked,) = failing.got
    assert b"jwt_access" in asked
    assert secret.encode() not in asked


# --- requests in requests -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "framing",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding : chunked",),
        ("Content-Length: +5",),
    ],
)
def test_two_framings(stack: Stack, echo: Echo, login: Login, framing: tuple[str, ...]) -> None:
    """The bytes after a body that a proxy misreads are no second request."""
    hidden = f"GET /past/a HTTP/1.1\r\nHost: {stack.host}\r\n\r\n"
    head = ["POST /open/a HTTP/1.1", f"Host: {stack.host}", *framing, f"Origin: {stack.origin}"]
    head += [f"{name}: {value}" for name, value in cookies(login)]
    send(stack.port, ("\r\n".join([*head, "", ""]) + "0\r\n\r\n" + hidden).encode())
    assert all(got.target == "/open/a" for got in echo.got)


def test_two_requests_on_one_connection(stack: Stack, echo: Echo, login: Login) -> None:
    """The guard is asked about each."""
    own = "".join(f"{name}: {value}\r\n" for name, value in cookies(login))
    one, two = (
        f"GET {path} HTTP/1.1\r\nHost: {stack.host}\r\n{own}\r\n" for path in ("/open/a", "/past/a")
    )
    assert send(stack.port, (one + two).encode()).status == 200
    assert all(got.target == "/open/a" for got in echo.got)


def test_an_upgrade_that_the_service_declines(stack: Stack, echo: Echo, login: Login) -> None:
    """No tunnel opens without the service's 101: what follows is a request."""
    head = [
        "GET /open/a HTTP/1.1",
        f"Host: {stack.host}",
        *(f"{name}: {value}" for name, value in cookies(login)),
        f"Origin: {stack.origin}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    hidden = f"GET /past/a HTTP/1.1\r\nHost: {stack.host}\r\n\r\n"
    send(stack.port, ("\r\n".join([*head, "", ""]) + hidden).encode())
    assert [got.target for got in echo.got] == ["/open/a"]


@pytest.mark.parametrize("path", ["/past/a", "/open/b", "/.djwto/auth", "@djwto_silent"])
def test_the_service_sends_nginx_nowhere(stack: Stack, echo: Echo, login: Login, path: str) -> None:
    """`X-Accel-Redirect` would be another path than the guard decided on, or the guard's reply."""
    answer = ask(stack.port, f"/open/a?{ACCEL}={path}", cookies(login))
    assert answer.status == 200
    assert answer.json()["head"].startswith("GET /open/a?")
    assert answer.all("x-djwto-assertion") == []
    assert len(echo.got) == 1


# --- sockets ------------------------------------------------------------------------------------


def open_socket(stack: Stack, headers: list[tuple[str, str]], **options: object) -> str:
    """Open a socket through the proxy and give what the service had received."""
    trust = ssl.create_default_context(cafile=str(stack.site.portal.certificate))
    with connect(
        f"wss://{stack.host}/open/socket",
        sock=socket.create_connection(("127.0.0.1", stack.port), timeout=30),
        ssl=trust,
        additional_headers=headers,
        proxy=None,
        open_timeout=30,
        **options,  # type: ignore[arg-type]
    ) as opened:
        text = opened.recv(timeout=30)
        assert isinstance(text, str)
    head: str = json.loads(text)["head"]
    return head


def test_a_socket(stack: Stack, echo: Echo, login: Login) -> None:
    head = open_socket(stack, cookies(login), origin=stack.origin)
    assert "x-djwto-assertion: ey" in head.lower()
    assert "jwt_" not in head


def test_a_socket_of_a_program(stack: Stack, echo: Echo, login: Login) -> None:
    bearer = [*login("alice", "JSON").bearer().items()]
    assert "x-djwto-assertion: ey" in open_socket(stack, bearer).lower()


def test_a_socket_of_another_page(stack: Stack, echo: Echo, login: Login) -> None:
    origins = (f"https://evil.demo.localhost:{stack.port}", "https://evil.example", "null", None)
    for origin in origins:
        with pytest.raises(InvalidStatus) as found:
            open_socket(stack, cookies(login), origin=origin)
        assert found.value.response.status_code == 403
    with pytest.raises(InvalidStatus) as found:
        open_socket(stack, [], origin=stack.origin)
    assert found.value.response.status_code == 401
    assert not echo.got


@pytest.mark.parametrize("name", ["Sec-WebSocket-Key", "Sec-WebSocket-Version"])
def test_either_header_makes_a_socket(stack: Stack, echo: Echo, login: Login, name: str) -> None:
    """HTTP/2 has no key. A service may be less exact than RFC 6455."""
    own = [
        *cookies(login),
        (name, "13"),
        ("Upgrade", "websocket"),
        ("Origin", "https://evil.example"),
    ]
    head = ["GET /open/socket HTTP/1.1", f"Host: {stack.host}"]
    head += [f"{name}: {value}" for name, value in own]
    answer = send(stack.port, "\r\n".join([*head, "Connection: Upgrade", "", ""]).encode())
    assert refused(answer, echo, 403)
    assert answer.code == "csrf_failed"


@pytest.mark.parametrize("upgrade", ["h2c", "websocket, h2c", "h2c, websocket", "TLS/1.0"])
def test_another_upgrade(stack: Stack, echo: Echo, login: Login, upgrade: str) -> None:
    """HTTP/2 in the clear would carry requests past the guard."""
    head = [
        "GET /open/a HTTP/1.1",
        f"Host: {stack.host}",
        *(f"{name}: {value}" for name, value in cookies(login)),
        f"Upgrade: {upgrade}",
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        "Connection: close, Upgrade, HTTP2-Settings",
    ]
    answer = send(stack.port, "\r\n".join([*head, "", ""]).encode())
    assert answer.status in (200, 400, 403)
    for got in echo.got:
        assert got.all("upgrade") == []
        assert "upgrade" not in (got.one("connection") or "").lower()


# --- who may ask --------------------------------------------------------------------------------


def test_a_peer_that_is_not_listed(stack: Stack, login: Login) -> None:
    """A program beside the proxy asks the guard by itself: it gets no assertion."""
    if stack.kind == "nginx":
        path = "/auth"
        forwarded = [
            ("X-Forwarded-Method", "GET"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", stack.host),
            ("X-Forwarded-Uri", "/open/a"),
        ]
        host = []
    else:
        path, forwarded, host = "/auth/envoy/open/a", [("X-Forwarded-Proto", "https")], [stack.host]
    lines = [*forwarded, *(("Host", one) for one in host or ["djwto"]), *cookies(login)]
    listed = ask(stack.guard.port, path, lines, host=None, tls=False)
    assert listed.status == 200
    assert any(name.lower() == "x-djwto-assertion" for name, _ in listed.headers)
    answer = ask(stack.guard.port, path, lines, host=None, tls=False, source="127.0.0.2")
    assert answer.status == 403
    assert not [value for value in answer.all("x-djwto-assertion") if value]


@pytest.mark.parametrize("path", ["/.djwto/auth", "/.djwto/auth?a", "/auth", "/auth/envoy/open/a"])
def test_the_guard_is_not_to_be_reached_through_the_proxy(
    stack: Stack, echo: Echo, login: Login, path: str
) -> None:
    """Even where a rule allows its path; then Envoy, which has no such path, asks the service."""
    answer = ask(stack.port, path, cookies(login))
    assert answer.all("x-djwto-assertion") == []
    if stack.kind == "envoy" and path.startswith("/.djwto/"):
        assert answer.status == 200
    else:
        assert answer.status in (403, 404)
        assert not echo.got
