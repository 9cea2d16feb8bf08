"""HTTP/2, as browsers speak it: cookies in pieces, the host in `:authority`."""

import socket
import ssl
from collections.abc import Iterable

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, ResponseReceived, StreamEnded, StreamReset

from tests.proxies.conftest import Login, cookies
from tests.proxies.echo import Echo
from tests.proxies.stack import LAX, Stack

FORGED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."
Headers = Iterable[tuple[str, str]]


def ask(
    stack: Stack,
    path: str,
    headers: Headers = (),
    *,
    pseudo: Headers = (),
    body: bytes = b"",
) -> int:
    """Send one request and give the status; 0 where the proxy ended the stream or connection."""
    context = ssl.create_default_context(cafile=str(stack.site.portal.certificate))
    context.set_alpn_protocols(["h2"])
    first = {":method": "GET", ":scheme": "https", ":authority": stack.host, ":path": path}
    first |= dict(pseudo)
    # What no client should send is what is tried here.
    config = H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
    with (
        socket.create_connection(("127.0.0.1", stack.port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname="models.demo.localhost") as wire,
    ):
        assert wire.selected_alpn_protocol() == "h2"
        connection = H2Connection(config)
        connection.initiate_connection()
        lines = [*((name, value) for name, value in first.items() if value), *headers]
        connection.send_headers(1, lines, end_stream=not body)
        if body:
            connection.send_data(1, body, end_stream=True)
        wire.sendall(connection.data_to_send())
        status = 0
        while received := wire.recv(65_536):
            for event in connection.receive_data(received):
                if isinstance(event, ResponseReceived):
                    status = int(dict(event.headers)[b":status"])
                if isinstance(event, StreamEnded | StreamReset | ConnectionTerminated):
                    return status
            wire.sendall(connection.data_to_send())
        return status


def crumbs(login: Login) -> list[tuple[str, str]]:
    """Each cookie in a line of its own, as RFC 9113 §8.2.3 allows."""
    ((_, line),) = cookies(login)
    return [("cookie", crumb) for crumb in line.split("; ")]


def test_cookies_in_pieces(stack: Stack, echo: Echo, login: Login) -> None:
    lines = [("cookie", "theme=dark"), *crumbs(login), ("cookie", "own=1")]
    assert ask(stack, "/open/a", lines) == 200
    (got,) = echo.got
    own = got.one("cookie") or ""
    assert own.startswith("theme=dark; ")
    assert own.endswith("; own=1")
    assert b"jwt_" not in got.head
    assert got.one("x-djwto-assertion")


def test_a_page_posts(stack: Stack, echo: Echo, login: Login) -> None:
    post = [(":method", "POST")]
    own = [*crumbs(login), ("sec-fetch-site", "same-origin")]
    foreign = [*crumbs(login), ("sec-fetch-site", "same-site")]
    assert ask(stack, "/open/a", foreign, pseudo=post, body=b"a=1") == 403
    assert not echo.got
    assert ask(stack, "/open/a", own, pseudo=post, body=b"a=1") == 200
    assert echo.got[0].body_bytes == 3


@pytest.mark.parametrize("name", ["x-djwto-assertion", "x_djwto_assertion", "x.djwto.assertion"])
@pytest.mark.parametrize("path", ["/static/a", "/open/a"])
def test_a_forged_user(stack: Stack, echo: Echo, login: Login, name: str, path: str) -> None:
    ask(stack, path, [*crumbs(login), (name, FORGED), (name, FORGED)])
    for got in echo.got:
        assert FORGED.encode() not in got.head


@pytest.mark.parametrize("name", ["X-Djwto-Assertion", " x-djwto-assertion", "x-djwto-assertion "])
def test_a_name_that_http_2_does_not_have(stack: Stack, echo: Echo, name: str) -> None:
    ask(stack, "/static/a", [(name, FORGED)])
    for got in echo.got:
        assert FORGED.encode() not in got.head


@pytest.mark.parametrize("value", ["a\r\nX-Djwto-Assertion: x", "a\nX-Djwto-Assertion: x", "a\0"])
def test_a_value_with_lines_in_it(stack: Stack, echo: Echo, value: str) -> None:
    ask(stack, "/static/a", [("x-before", value)])
    for got in echo.got:
        assert not got.one("x-djwto-assertion")


def test_two_hosts(stack: Stack, echo: Echo) -> None:
    """The service is chosen by one name; the other's rules would let everyone in."""
    lax, own = f"{LAX}:{stack.port}", stack.host
    for authority, host in ((own, lax), (lax, own), ("", lax), ("", own)):
        ask(stack, "/open/a", [("host", host)], pseudo=[(":authority", authority)])
        assert not echo.got


@pytest.mark.parametrize("scheme", ["http", "ws", ""])
def test_another_scheme(stack: Stack, echo: Echo, login: Login, scheme: str) -> None:
    """The scheme is the connection's own."""
    foreign = [*crumbs(login), ("origin", f"http://{stack.host}")]
    ask(stack, "/open/a", foreign, pseudo=[(":method", "POST"), (":scheme", scheme)])
    assert not echo.got


@pytest.mark.parametrize(
    "path",
    ["/open/../past/a", "/open/%2e%2e/past/a", "past/a", "/past/a\r\nx: y", "/open/a b", "*"],
)
def test_paths(stack: Stack, echo: Echo, login: Login, path: str) -> None:
    ask(stack, path, crumbs(login))
    for got in echo.got:
        assert got.target == path
        assert "past" not in path


@pytest.mark.parametrize(
    "line",
    [("transfer-encoding", "chunked"), ("connection", "x-djwto-assertion"), ("upgrade", "h2c")],
)
def test_headers_of_a_connection(
    stack: Stack, echo: Echo, login: Login, line: tuple[str, str]
) -> None:
    ask(stack, "/open/a", [*crumbs(login), line])
    for got in echo.got:
        assert line[1] not in got.all(line[0])
        assert got.one("x-djwto-assertion")


def test_no_socket_over_http_2(stack: Stack, echo: Echo, login: Login) -> None:
    """RFC 8441: both proxies leave it off. Browsers open sockets by HTTP/1.1 then."""
    pseudo = [(":method", "CONNECT"), (":protocol", "websocket")]
    evil = [*crumbs(login), ("sec-websocket-version", "13"), ("origin", "https://evil.example")]
    assert ask(stack, "/open/socket", evil, pseudo=pseudo) != 200
    assert not echo.got
