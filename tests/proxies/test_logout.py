"""Logged out in Django, refused here: how soon, measured, and what the caches of the guard do."""

import time

from tests.proxies.conftest import Login
from tests.proxies.echo import Echo
from tests.proxies.load import Connection, question
from tests.proxies.stack import Stack
from tests.proxies.wire import Answer, ask

INTERVAL = 1.0
"""`DJWTO_REVOCATION_INTERVAL` of the portal, in seconds: its default."""
MARGIN = 0.1
LOGOUTS = 5
ASSERTION = "x-djwto-assertion"


def test_a_logout_is_known_within_the_interval(
    stack: Stack, echo: Echo, fresh_login: Login
) -> None:
    took, connection = [], Connection(stack.port)
    for _ in range(LOGOUTS):
        client = fresh_login("alice", "JSON")
        bearer = [*client.bearer().items()]
        raw = question(stack.port, "/open/a", "", bearer).head + b"\r\n\r\n"
        for _ in range(20):
            assert connection.ask(raw)[0] == 200
        # Signed once, then kept beside the token.
        assert len({got.one(ASSERTION) for got in echo.got}) == 1
        assert client.post("/api/token/refresh/logout/").status_code == 200
        last = ended = time.monotonic()
        sent = time.monotonic()
        while connection.ask(raw)[0] == 200:
            assert sent - ended < 10
            last, sent = sent, time.monotonic()
        took.append(last - ended)
        echo.got.clear()
        # The token and its assertion are in the cache of the guard yet, for this path and others.
        for path in ("/open/a", "/page", "/read/a", "/open/b"):
            answer = ask(stack.port, path, bearer)
            assert (answer.status, answer.code) == (401, "token_blacklisted")
        reply = _by_the_guard(stack, bearer)
        assert reply.status == 401
        assert not any(reply.all(ASSERTION))
        assert not echo.got
    connection.close()
    print(f"\n{stack.kind}: the last request that passed began after {_listed(took)} s")
    assert max(took) <= INTERVAL + MARGIN


def _by_the_guard(stack: Stack, bearer: list[tuple[str, str]]) -> Answer:
    """Ask the guard as the proxy does."""
    asked = [("X-Forwarded-Proto", "https"), *bearer]
    if stack.kind == "envoy":
        asked += [("Host", stack.host)]
        return ask(stack.guard.port, "/auth/envoy/open/a", asked, host=None, tls=False)
    about = {"Method": "GET", "Host": stack.host, "Uri": "/open/a"}
    asked += [(f"X-Forwarded-{name}", value) for name, value in about.items()]
    return ask(stack.guard.port, "/auth", asked, tls=False)


def _listed(took: list[float]) -> str:
    return ", ".join(f"{seconds:.3f}" for seconds in took)
