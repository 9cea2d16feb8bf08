"""What a client forges: user, method, path, host, scheme.

The guard decides on none of it, and none of it arrives at the service.
"""

import re

import pytest

from tests import services
from tests.proxies.conftest import Login, cookies, refused
from tests.proxies.echo import STATUS, Echo
from tests.proxies.stack import APP, LAX, LAX_PORT, MODELS, Stack
from tests.proxies.wire import ask, send

FORGED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."

IDENTITY = (
    "X-Djwto-Assertion",
    "X-Djwto-User",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Preferred-Username",
    "X-Forwarded-User",
    "X-Auth-Request-Email",
    "X-Auth-Request-Groups",
    "X-Auth-Request-Preferred-Username",
    "X-Auth-Request-User",
    "X-Remote-User",
    "X-User",
    "X-WebAuth-User",
    "Proxy-Authorization",
    "Remote-User",
)

ELSEWHERE = {
    "Forwarded": "for=10.0.0.1;host=evil.example;proto=http",
    "X-Envoy-External-Address": "10.0.0.1",
    "X-Envoy-Original-Path": "/past/a",
    "X-Forwarded-For": "10.0.0.1",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Port": "81",
    "X-Forwarded-Prefix": "/static",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Scheme": "http",
    "X-Forwarded-Server": "evil.example",
    "X-Forwarded-Uri": "/static/a",
    "X-HTTP-Method": "DELETE",
    "X-HTTP-Method-Override": "DELETE",
    "X-Method-Override": "DELETE",
    "X-Original-Host": "evil.example",
    "X-Original-Method": "GET",
    "X-Original-URI": "/static/a",
    "X-Original-URL": "/past/a",
    "X-Real-IP": "10.0.0.1",
    "X-Rewrite-URL": "/past/a",
}


@pytest.mark.parametrize("name", IDENTITY)
def test_a_forged_user_opens_nothing(stack: Stack, echo: Echo, name: str) -> None:
    assert refused(ask(stack.port, "/open/a", [(name, FORGED)]), echo)


@pytest.mark.parametrize("name", IDENTITY)
@pytest.mark.parametrize("path", ["/static/a", "/open/a"])
def test_a_forged_user_does_not_arrive(
    stack: Stack, echo: Echo, login: Login, name: str, path: str
) -> None:
    """Neither alone, nor twice, nor in other letters."""
    spellings = [name, name.upper(), name.lower(), name]
    answer = ask(stack.port, path, [*cookies(login), *((one, FORGED) for one in spellings)])
    assert answer.status == 200
    (got,) = echo.got
    assert FORGED.encode() not in got.head


@pytest.mark.parametrize("name", ["X-Djwto-Assertion", "X-Forwarded-User", "X-Original-URL"])
@pytest.mark.parametrize("sign", ["_", ".", "~", "'"])
def test_other_spellings_do_not_arrive(
    stack: Stack, echo: Echo, login: Login, name: str, sign: str
) -> None:
    """PHP and some servers of CGI turn each sign into an underscore, as they do with a hyphen."""
    for spelling in {name.replace("-", sign), name.replace("-", sign, 1)}:
        echo.got.clear()
        answer = ask(stack.port, "/open/a", [*cookies(login), (spelling, FORGED)])
        assert answer.status == (400 if stack.kind == "envoy" and sign == "_" else 200)
        assert all(FORGED.encode() not in got.head for got in echo.got)


def test_a_header_that_is_named_hop_by_hop_arrives(stack: Stack, echo: Echo, login: Login) -> None:
    """`Connection: X-Djwto-Assertion` asks a proxy to delete the guard's own."""
    port = stack.port
    head = [
        "GET /open/a HTTP/1.1",
        f"Host: {stack.host}",
        *(f"{name}: {value}" for name, value in cookies(login)),
        "Connection: close, X-Djwto-Assertion, Cookie, X-Forwarded-Host",
    ]
    answer = send(port, "\r\n".join([*head, "", ""]).encode())
    if answer.status == 200:
        assert echo.got[0].one("x-djwto-assertion")
    else:
        assert refused(answer, echo, answer.status)


def test_forged_forwarding_does_not_arrive(stack: Stack, echo: Echo, login: Login) -> None:
    answer = ask(stack.port, "/open/a?b", [*cookies(login), *ELSEWHERE.items()])
    assert answer.status == 200
    (got,) = echo.got
    assert got.line == "GET /open/a?b HTTP/1.1"
    assert got.one("host") == stack.host
    assert got.one("x-forwarded-proto") == "https"
    # Of a client on this machine, Envoy writes another address of the machine.
    assert got.one("x-forwarded-for") not in (None, "10.0.0.1", "10.0.0.1,127.0.0.1")
    assert "10.0.0.1" not in got.head.decode()
    assert got.one("x-forwarded-host") in (None, stack.host)
    own = {"x-forwarded-proto", "x-forwarded-for", "x-forwarded-host", "x-envoy-external-address"}
    for name, value in ELSEWHERE.items():
        if name.lower() not in own:
            assert got.all(name.lower()) == []
        assert value not in got.all(name.lower())


def test_forged_forwarding_changes_no_decision(stack: Stack, echo: Echo, login: Login) -> None:
    """Without a login, and without the permission."""
    for times in (1, 2):
        forged = [*ELSEWHERE.items()] * times
        assert refused(ask(stack.port, "/open/a", forged), echo)
        assert refused(ask(stack.port, "/past/a", [*cookies(login), *forged]), echo, 403)
        assert refused(ask(stack.port, "/read/a", forged, method="POST"), echo)


@pytest.mark.parametrize("line", [f"https://{MODELS}", f"https://{APP}", f"https://{LAX}"])
@pytest.mark.parametrize("host", [MODELS, APP, LAX, "evil.example"])
def test_another_host_in_the_request_line(stack: Stack, echo: Echo, line: str, host: str) -> None:
    """The proxy chooses the service by one of the two. The guard decides on the same."""
    path = f"{line}:{stack.port}/open/a"
    answer = ask(stack.port, path, [("Host", f"{host}:{stack.port}")], host=None)
    assert not echo.got
    if APP not in line:
        assert answer.status != 200


@pytest.mark.parametrize("host", ["evil.example", f"{MODELS}.evil.example", LAX, "localhost"])
def test_an_unknown_host(stack: Stack, echo: Echo, login: Login, host: str) -> None:
    answer = ask(stack.port, "/open/a", cookies(login), host=host)
    # nginx says nothing; its first block, the portal's, would answer all names.
    assert answer.status == (0 if stack.kind == "nginx" else 404)
    assert not echo.got


@pytest.mark.parametrize("kind", ["nginx"], indirect=True, scope="session")
def test_nginx_with_settings_for_all_blocks(stack: Stack, echo: Echo, login: Login) -> None:
    """A cache and another condition of the `http` block reach neither the guard nor the service."""
    port = services.free_port()
    common = f"""
    proxy_cache_path {stack.site.folder}/cache keys_zone=common:1m;
    proxy_cache common;
    proxy_cache_valid any 1m;
    proxy_ignore_headers Cache-Control Set-Cookie Expires;
    proxy_intercept_errors on;
    satisfy any;
    allow 127.0.0.1;
    # Both are nginx's defaults."""
    changes = {"    # Both are nginx's defaults.": common}
    with stack.proxy(port, guard=stack.guard.port, changes=changes):
        assert ask(port, "/past/a", cookies(login, "carol")).status == 200
        echo.got.clear()
        assert refused(ask(port, "/past/a", cookies(login)), echo, 403)
        assert refused(ask(port, "/past/a"), echo)
        assert refused(ask(port, "/open/a"), echo)
        assert ask(port, "/past/a", cookies(login, "carol")).status == 200
        assert len(echo.got) == 1
        # What the service refuses is its own.
        for status in (401, 403, 500):
            answer = ask(port, f"/past/a?{STATUS}={status}", cookies(login, "carol"))
            assert answer.status == status
            assert set(answer.json()) == {"head", "bytes"}


@pytest.mark.parametrize("kind", ["nginx"], indirect=True, scope="session")
def test_nginx_that_stores_answers(stack: Stack, login: Login) -> None:
    """The files would be those of one user, for every user. `proxy_cache` has its own test."""
    port, stored = services.free_port(), stack.site.folder / "stored"
    common = f"    proxy_store {stored}$uri;\n    # Both are nginx's defaults."
    changes = {"    # Both are nginx's defaults.": common}
    with stack.proxy(port, guard=stack.guard.port, changes=changes):
        assert ask(port, "/open/a", cookies(login)).status == 200
    assert not stored.exists()


def test_two_hosts(stack: Stack, echo: Echo, login: Login) -> None:
    answer = ask(stack.port, "/open/a", [("Host", APP), *cookies(login)])
    assert answer.status in (400, 403, 404)
    assert not echo.got


def test_no_host(stack: Stack, echo: Echo, login: Login) -> None:
    answer = ask(stack.port, "/open/a", cookies(login), host=None)
    assert answer.status != 200
    assert not echo.got


@pytest.mark.parametrize("port", [LAX_PORT, 443, 2])
def test_a_port_that_is_not_the_proxys(stack: Stack, echo: Echo, login: Login, port: int) -> None:
    """The rules are those of the port that was connected to."""
    host = [("Host", f"{MODELS}:{port}")]
    assert ask(stack.port, "/open/a", host, host=None).status != 200
    assert ask(stack.port, "/past/a", [*host, *cookies(login)], host=None).status != 200
    assert not echo.got


@pytest.mark.parametrize("kind", ["nginx"], indirect=True, scope="session")
def test_nginx_without_a_block_for_unknown_names(stack: Stack, echo: Echo) -> None:
    """One of the other blocks then gets every name. Here it is the service's."""
    changes = {
        "http2 default_server;\n": "http2;\n        server_name none.example;\n",
        "http2;\n        server_name models": "http2 default_server;\n        server_name models",
    }
    port = services.free_port()
    with stack.proxy(port, guard=stack.guard.port, changes=changes):
        for host in (LAX, "evil.example"):
            answer = ask(port, "/open/a", [("Host", f"{host}:{stack.port}")], host=None)
            assert answer.status == 421
        assert not echo.got
        assert ask(port, "/static/a").status == 200


@pytest.mark.parametrize("path", ["/open/a", "/static/a"])
def test_two_authorizations(stack: Stack, echo: Echo, login: Login, path: str) -> None:
    """The service gets what the guard saw, or nothing."""
    token = login("alice", "JSON").token("access")
    basic = ("Authorization", "Basic YTpi")
    for pair in (
        [("Authorization", f"Bearer {token}"), basic],
        [basic, ("Authorization", f"Bearer {token}")],
    ):
        echo.got.clear()
        ask(stack.port, path, pair)
        assert all(token.encode() not in got.head for got in echo.got)


def test_two_lines_of_cookies(stack: Stack, echo: Echo, login: Login) -> None:
    """Both are read: the token of one opens, and the other's cookies arrive."""
    (token,) = cookies(login)
    for lines in ([token, ("Cookie", "own=1")], [("Cookie", "own=1"), token]):
        echo.got.clear()
        assert ask(stack.port, "/open/a", lines).status == 200
        (got,) = echo.got
        own = "; ".join(got.all("cookie"))
        assert "own=1" in own
        assert "jwt_" not in own


def test_one_token_on_two_lines(stack: Stack, echo: Echo, login: Login) -> None:
    """Two cookies of one name are ambiguous, as in Django."""
    answer = ask(stack.port, "/open/a", cookies(login) * 2)
    assert refused(answer, echo)
    assert answer.code == "cookie_ambiguous"


@pytest.mark.parametrize(
    "line",
    [
        f"X-Djwto-Assertion : {FORGED}",
        f"X-Djwto-Assertion\t: {FORGED}",
        f" X-Djwto-Assertion: {FORGED}",
        f"\tX-Djwto-Assertion: {FORGED}",
        f"X-Djwto-Assertion\0: {FORGED}",
        f"X-Djwto-Assertion\xa0: {FORGED}",
        f"X-Djwto-Assertion:\r\n {FORGED}",
        f"X-Before: a\n\nX-Djwto-Assertion: {FORGED}",
        f"X-Before: a\rX-Djwto-Assertion: {FORGED}",
        f"X-Before: a\nX-Djwto-Assertion: {FORGED}",
    ],
)
def test_a_misshapen_line_does_not_arrive(
    stack: Stack, echo: Echo, login: Login, line: str
) -> None:
    head = ["GET /static/a HTTP/1.1", f"Host: {stack.host}", "X-First: a", line]
    send(stack.port, "\r\n".join([*head, "Connection: close", "", ""]).encode("latin-1"))
    for got in echo.got:
        assert not re.search(rb"[\r\n]\W*x.djwto.assertion\W*ey", got.head, re.IGNORECASE)
        assert got.one("x-djwto-assertion") in (None, "")


def test_a_trailer_does_not_arrive(stack: Stack, echo: Echo, login: Login) -> None:
    head = ["POST /open/a HTTP/1.1", f"Host: {stack.host}", "Transfer-Encoding: chunked"]
    head += [f"{name}: {value}" for name, value in cookies(login)]
    head += [f"Origin: {stack.origin}", "Trailer: X-Djwto-Assertion, Cookie", "Connection: close"]
    body = f"1\r\na\r\n0\r\nX-Djwto-Assertion: {FORGED}\r\nCookie: a={FORGED}\r\n\r\n"
    answer = send(stack.port, ("\r\n".join([*head, "", ""]) + body).encode())
    assert answer.status in (200, 400)
    for got in echo.got:
        assert got.trailers == b""
        assert FORGED.encode() not in got.head
