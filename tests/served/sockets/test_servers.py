"""Sockets on uvicorn and daphne: two processes of one site, with Redis and without."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.typing import Subprotocol

from tests.served.sockets.servers import SERVERS, Served, Site
from tests.services import Redis

BUSY_SECONDS = 3.0
"""How late a busy machine may be."""
HOUR = "3600"
END_ALL_OF_BROWSERS = """
from djwto import sessions
from djwto.models import Session

sessions.end_where(Session.objects.filter(mode="TWO-COOKIES"), reason="a test")
"""


@pytest.fixture(scope="module", params=SERVERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def pair(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    """Two processes of one site, which ask the database every second."""
    site = Site.make(tmp_path_factory.mktemp("site"))
    with ExitStack() as running:
        one, other = (running.enter_context(site.serve(name)) for _ in range(2))
        yield one, other


def hears(socket: ClientConnection) -> Any:
    return json.loads(socket.recv(timeout=30))


def says(socket: ClientConnection, message: Any) -> Any:
    socket.send(json.dumps(message))
    return hears(socket)


def code_of(socket: ClientConnection) -> int | None:
    """Wait until the socket is closed, and give the code."""
    with suppress(ConnectionClosed):
        while True:
            socket.recv(timeout=30)
    return socket.protocol.close_code


def status_of(served: Served, headers: dict[str, str] | None = None, **options: Any) -> int:
    with pytest.raises(InvalidStatus) as refused:
        served.connect(headers, **options)
    return refused.value.response.status_code


def test_each_way_opens_a_socket(pair: tuple[Served, Served]) -> None:
    here, there = pair
    alice, bob = here.person(), here.person("bob", mode="TWO-COOKIES")
    offered = [Subprotocol("bearer"), Subprotocol(alice.tokens["access"])]
    with there.connect(alice.bearer) as socket:
        assert hears(socket) == {"user": "alice"}
        assert socket.subprotocol is None
    with there.connect(subprotocols=offered) as socket:
        assert hears(socket) == {"user": "alice"}
        assert socket.subprotocol == "bearer"
    with there.connect(bob.cookie, origin=there.url) as socket:
        assert hears(socket) == {"user": "bob"}
        assert says(socket, ["hello"]) == ["hello"]


def test_a_refused_handshake_is_403(pair: tuple[Served, Served], name: str) -> None:
    served, _ = pair
    bob = served.person("bob", mode="TWO-COOKIES")
    assert status_of(served) == 403
    assert status_of(served, {"Authorization": "Bearer no.token.atall"}) == 403
    assert status_of(served, subprotocols=[Subprotocol("bearer"), Subprotocol("no.token")]) == 403
    assert status_of(served, bob.cookie) == 403
    foreign = ["https://evil.example", "null"]
    if name == "uvicorn":  # daphne does not tell whether the connection is one of TLS
        foreign.append(f"https://localhost:{served.port}")
    for origin in foreign:
        assert status_of(served, bob.cookie, origin=origin) == 403
    with pytest.raises(InvalidStatus) as refused:
        served.connect(bob.cookie, origin="https://evil.example")
    response = refused.value.response
    if name == "uvicorn":  # it has the extension `websocket.http.response`
        assert json.loads(response.body)["code"] == "csrf_failed"
        assert response.headers["Content-Type"] == "application/json"


def test_odd_handshakes_are_refused(pair: tuple[Served, Served], name: str) -> None:
    """The server refuses some of them before djwto sees them. None is an error of the server."""
    served, _ = pair
    alice, bob = served.person(), served.person("bob", mode="TWO-COOKIES")
    bearer = f"Authorization: {alice.bearer['Authorization']}".encode()
    cookie, origin = (f"Cookie: {bob.cookie['Cookie']}".encode(), f"Origin: {served.url}".encode())
    protocol, access = b"Sec-WebSocket-Protocol: ", alice.tokens["access"].encode()
    assert served.handshake(bearer).startswith(b"HTTP/1.1 101")
    assert served.handshake(cookie, origin).startswith(b"HTTP/1.1 101")
    assert served.handshake(protocol + b"bearer, " + access).startswith(b"HTTP/1.1 101")
    odd = [
        [bearer, bearer],
        [cookie + b"; " + cookie.partition(b" ")[2], origin],
        [cookie, origin, origin],
        [cookie, b"Origin: \xff\xfe"],
        [b"Authorization: Bearer " + b"a" * 7_000],
        [b"Cookie: jwt_access_token=" + b"a" * 7_000, origin],
        [protocol + b"bearer"],
        [protocol + b"bearer, " + access, protocol + b"bearer, " + access],
        [protocol + b"bearer, " + access, bearer],
        [protocol + access],
    ]
    if name == "uvicorn":
        # daphne joins lines by a comma, so that the second is part of a value, and answers 500 by
        # itself where a subprotocol is not ASCII.
        odd += [[cookie, cookie, origin], [protocol + b"bearer, \xff\xfe"]]
    for lines in odd:
        answer = served.handshake(*lines)
        # An empty answer: the server has hung up.
        assert answer == b"" or answer.split()[1][:1] == b"4", (lines, answer)


@pytest.mark.parametrize("mode", ["JSON", "TWO-COOKIES"])
def test_a_logout_elsewhere_closes_sockets(pair: tuple[Served, Served], mode: str) -> None:
    """Within the interval of one second."""
    here, there = pair
    alice, stays = here.person(mode=mode), here.person()
    headers = alice.bearer if mode == "JSON" else alice.cookie
    with ExitStack() as running:
        opened = [
            running.enter_context(served.connect(headers, origin=served.url))
            for served in (here, there, there)
        ]
        other = running.enter_context(there.connect(stays.bearer))
        for socket in (*opened, other):
            hears(socket)
        started = time.monotonic()
        if mode == "JSON":
            alice.refresh("logout")
        else:  # a third process ends it
            here.site.run(END_ALL_OF_BROWSERS)
            started = time.monotonic()
        assert [code_of(socket) for socket in opened] == [4401] * 3
        assert time.monotonic() - started < 1 + BUSY_SECONDS
        assert says(other, "still") == "still"
    assert "disconnect 4401" in there.log.read_text()
    # With the same tokens no socket opens again.
    assert status_of(there, headers, origin=there.url) == 403


def test_with_redis_it_is_at_once(name: str, tmp_path: Path, redis_server: Redis) -> None:
    """The database is asked once an hour here."""
    site = Site.make(tmp_path, REDIS=redis_server.url, INTERVAL=HOUR, MAX_AGE=HOUR)
    with site.serve(name) as here, site.serve(name) as there:
        alice = here.person()
        with there.connect(alice.bearer) as socket:
            assert hears(socket) == {"user": "alice"}
            started = time.monotonic()
            alice.refresh("logout")
            assert code_of(socket) == 4401
            assert time.monotonic() - started < BUSY_SECONDS


def test_a_token_that_expires_closes_its_socket(name: str, tmp_path: Path) -> None:
    """Unless a later one was handed in, as a program does that renews."""
    site = Site.make(tmp_path, LIFETIME="2")
    with site.serve(name) as served:
        alice = served.person()
        started = time.monotonic()
        with served.connect(alice.bearer) as lapses, served.connect(alice.bearer) as goes_on:
            assert hears(lapses) == hears(goes_on) == {"user": "alice"}
            assert says(goes_on, {"renew": "no.token.atall"}) == {"code": "token_malformed"}
            bob = served.person("bob")
            assert says(goes_on, {"renew": bob.tokens["access"]}) == {"code": "claim_invalid"}
            assert code_of(lapses) == 4401 or time.monotonic() - started > 2
        assert time.monotonic() - started < 3 + BUSY_SECONDS
        alice = served.person()
        with served.connect(alice.bearer) as lapses, served.connect(alice.bearer) as goes_on:
            assert hears(lapses) == hears(goes_on) == {"user": "alice"}
            # `iat` is in whole seconds: a token of the same second is no later one.
            renewed = alice.refresh("refresh_access")["access"]
            while says(goes_on, {"renew": renewed}) != {"renewed": True}:
                renewed = alice.refresh("refresh_access")["access"]
            assert code_of(lapses) == 4401


def test_a_database_that_is_gone_closes_sockets(name: str, tmp_path: Path) -> None:
    """As guards answer 503 then, when what is known is a second old."""
    site = Site.make(tmp_path, INTERVAL="0.2", MAX_AGE="1")
    with site.serve(name) as served:
        alice = served.person()
        with served.connect(alice.bearer) as socket:
            assert hears(socket) == {"user": "alice"}
            file, away = tmp_path / "site.sqlite3", tmp_path / "away.sqlite3"
            for end in ("", "-wal", "-shm"):
                if (source := tmp_path / f"{file.name}{end}").exists():
                    source.rename(tmp_path / f"{away.name}{end}")
            started = time.monotonic()
            assert code_of(socket) == 4503
            assert time.monotonic() - started < 2.5 + BUSY_SECONDS
            expected = 503 if name == "uvicorn" else 403
            assert status_of(served, alice.bearer) == expected
