"""What happens in Django shows at the proxy: logout, renewal, the end of a token."""

import time

from tests.proxies.conftest import Login
from tests.proxies.echo import Echo
from tests.proxies.stack import Stack
from tests.proxies.wire import ask

INTERVAL = 1.0
"""`DJWTO_REVOCATION_INTERVAL` of the portal, in seconds: its default."""

MARGIN = 1.0
"""Seconds beyond it, for a machine that is busy."""


def test_a_logout_in_django_is_a_refusal_here(stack: Stack, echo: Echo, fresh_login: Login) -> None:
    client = fresh_login("alice", "JSON")
    bearer = [*client.bearer().items()]
    assert ask(stack.port, "/open/a", bearer).status == 200
    assert client.post("/api/token/refresh/logout/").status_code == 200
    ended = time.monotonic()
    while (answer := ask(stack.port, "/open/a", bearer)).status == 200:
        assert time.monotonic() - ended < INTERVAL + MARGIN
    assert (answer.status, answer.code) == (401, "token_blacklisted")
    echo.got.clear()
    assert ask(stack.port, "/open/a", bearer).status == 401
    assert not echo.got


def test_an_open_connection_is_refused_too(stack: Stack, echo: Echo, fresh_login: Login) -> None:
    """nginx and Envoy ask at each request of a connection that stays open."""
    import http.client  # the only test with a connection that stays open
    import ssl

    client = fresh_login("alice", "JSON")
    trust = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection("127.0.0.1", stack.port, context=trust, timeout=30)
    statuses = []
    ended = 0.0
    while not statuses or statuses[-1] == 200:
        connection.request("GET", "/open/a", headers={"Host": stack.host, **client.bearer()})
        reply = connection.getresponse()
        reply.read()
        statuses.append(reply.status)
        if not ended:
            assert client.post("/api/token/refresh/logout/").status_code == 200
            ended = time.monotonic()
        assert time.monotonic() - ended < INTERVAL + MARGIN
    connection.close()
    assert statuses[0] == 200
    assert statuses[-1] == 401
