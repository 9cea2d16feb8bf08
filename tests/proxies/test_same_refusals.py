"""A refusal is the guard's own, through each proxy: status, headers, body, and no header twice."""

from collections import Counter
from collections.abc import Set as AbstractSet

import pytest

from tests import services
from tests.proxies import broken
from tests.proxies.conftest import Login, cookies
from tests.proxies.echo import Echo
from tests.proxies.stack import Stack
from tests.proxies.wire import Answer, ask

NAVIGATION = ("Sec-Fetch-Mode", "navigate")
SOCKET = ("Sec-WebSocket-Version", "13")
HEADERS = (
    "cache-control",
    "content-type",
    "location",
    "retry-after",
    "vary",
    "www-authenticate",
)
"""What the guard says beside status and body."""

REFUSED = {
    "a path that no one should ask for": (400, "/open/%252e%252e/a", []),
    "the same as a page": (400, "/open/%252e%252e/a", [NAVIGATION]),
    "no login": (401, "/open/a", []),
    "a token that is none": (401, "/open/a", [("Authorization", "Bearer x")]),
    "a navigation": (303, "/open/a?b=%2F&c", [NAVIGATION]),
    "a navigation to a path that looks like a style sheet": (303, "/open/a.css", [NAVIGATION]),
    "no permission": (403, "/past/a", ["alice"]),
    "no permission for a page": (403, "/past/a.html", ["alice", NAVIGATION]),
    "a socket of another page": (403, "/open/a", ["alice", SOCKET]),
    "a path with two answers": (403, "/open/%2e%2e/past/a", []),
    "a path without a rule": (403, "/nothing", []),
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("what", REFUSED)
def test_the_guards_own_words(
    stack: Stack, echo: Echo, login: Login, what: str, method: str
) -> None:
    status, path, parts = REFUSED[what]
    headers = [
        pair for part in parts for pair in (cookies(login, part) if part == "alice" else [part])
    ]
    through = ask(stack.port, path, headers, method=method)
    assert not echo.got
    said = direct(stack, path, headers, method)
    assert through.status == said.status == status
    # Envoy names the type of a body alone, and the guard's reply to HEAD has none.
    silent = {"content-type"} if stack.kind == "envoy" and method == "HEAD" else set()
    assert_same(through, said, silent)
    if method == "HEAD":
        assert through.body == b""
    else:
        assert through.body == said.body != b""


def direct(stack: Stack, path: str, headers: list[tuple[str, str]], method: str) -> Answer:
    """Ask the guard in place of the proxy. Gives what it wants the client to get."""
    port = stack.guard.port
    forwarded = [*headers, ("X-Forwarded-Proto", "https")]
    if stack.kind == "envoy":
        forwarded.append(("Host", stack.host))
        return ask(port, f"/auth/envoy{path}", forwarded, method=method, host=None, tls=False)
    forwarded += [("X-Forwarded-Host", stack.host), ("X-Forwarded-Uri", path)]
    forwarded.append(("X-Forwarded-Method", method))
    said = ask(port, "/auth", forwarded, tls=False)
    place = said.one("x-djwto-location")
    real = [*said.headers, *([("location", place)] if place else [])]
    return Answer(int(said.one("x-djwto-status") or 0), real, said.body)


@pytest.mark.parametrize("kind", ["nginx"], indirect=True, scope="session")
@pytest.mark.parametrize("status", [303, 400, 401, 403, 429, 503])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_every_status_through_nginx(stack: Stack, echo: Echo, status: int, method: str) -> None:
    """Also those that no path leads to. Envoy sends on what it gets, and needs no such list."""
    body, place = "<p>Said $host; 100%.", "https://app.example/return/?next=%2F$a"
    head = [
        f"HTTP/1.1 {401 if status in (303, 401) else 403} Refused",
        f"X-Djwto-Status: {status}",
        f"X-Djwto-Body: {body}",
        "X-Djwto-Type: text/html; charset=utf-8",
        "Cache-Control: private, no-store",
        "Vary: Cookie, Authorization",
        "Content-Type: text/html; charset=utf-8",
        *([f"X-Djwto-Location: {place}"] if status == 303 else ["Retry-After: 7"]),
        *(["WWW-Authenticate: Bearer realm=api"] if status == 401 else []),
        f"Content-Length: {len(body)}",
    ]
    port = services.free_port()
    reply = "\r\n".join([*head, "", body]).encode()
    with broken.serve(reply) as guard, stack.proxy(port, guard=guard.port):
        answer = ask(port, "/open/a.png", method=method)
    assert not echo.got
    pairs = (line.split(": ", 1) for line in head[1:])
    said = [(name.lower(), value) for name, value in pairs]
    said += [("location", place)] if status == 303 else []
    assert answer.status == status
    assert_same(answer, Answer(status, said, b""))
    assert answer.body == (b"" if method == "HEAD" else body.encode())


def assert_same(answer: Answer, said: Answer, silent: AbstractSet[str] = frozenset()) -> None:
    """Compare the guard's headers, and look for doubled ones and for those of nginx alone."""
    names = Counter(name.lower() for name, _ in answer.headers)
    assert [name for name, count in names.items() if count > 1] == []
    assert [name for name in names if name.startswith("x-djwto-")] == []
    expected = {name: None if name in silent else said.one(name) for name in HEADERS}
    assert {name: answer.one(name) for name in HEADERS} == expected
