"""A guard that fails: no request reaches the service, on each proxy, and the client gets 503."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import services
from tests.proxies import broken
from tests.proxies.conftest import Login, cookies
from tests.proxies.echo import Echo
from tests.proxies.stack import MODELS, Stack
from tests.proxies.wire import Answer, ask

SENT = (("GET", "/open/a"), ("GET", "/static/a"), ("HEAD", "/open/a"), ("POST", "/open/a"))
"""Public paths are the guard's to open, too."""

ODD = {
    # A reply without the guard's words.
    ("nginx", "cut in the body of a refusal"): {403},
    # Envoy passes on what is no error of the server. The reply to a HEAD has no body to cut.
    ("envoy", "cut in the body of a refusal"): {401, 503},
    ("envoy", "404"): {404},
    ("envoy", "a redirect"): {302},
}
"""What a client gets, where it is not 503."""


def answers(port: int, login: Login) -> list[Answer]:
    held = [*cookies(login), ("Origin", f"https://{MODELS}:{port}")]
    return [ask(port, path, held, method=method) for method, path in SENT]


@pytest.mark.parametrize("fault", broken.FAULTS)
def test_a_guard_that_fails(stack: Stack, echo: Echo, login: Login, fault: str) -> None:
    port = services.free_port()
    with (
        broken.serve(broken.FAULTS[fault]) as failing,
        stack.proxy(port, guard=failing.port),
    ):
        got = answers(port, login)
    assert not echo.got
    assert failing.got
    assert {answer.status for answer in got} <= ODD.get((stack.kind, fault), {503})


def test_a_guard_that_is_stopped_and_comes_back(stack: Stack, echo: Echo, login: Login) -> None:
    assert {answer.status for answer in answers(stack.port, login)} == {200}
    echo.got.clear()
    stack.guard.stop()
    try:
        assert {answer.status for answer in answers(stack.port, login)} == {503}
        assert not echo.got
    finally:
        stack.guard.start()
    assert {answer.status for answer in answers(stack.port, login)} == {200}


def test_a_guard_that_hangs_and_comes_back(stack: Stack, echo: Echo, login: Login) -> None:
    held = cookies(login)
    assert ask(stack.port, "/open/a", held).status == 200  # a connection to the guard stays open
    echo.got.clear()
    stack.guard.freeze()
    try:
        assert ask(stack.port, "/open/a", held).status == 503
        assert not echo.got
    finally:
        stack.guard.thaw()
    assert ask(stack.port, "/open/a", held).status == 200


def test_kills_under_load(stack: Stack, echo: Echo, login: Login) -> None:
    """Eight clients go on while the guard is killed and started: none gets what it may not."""
    own = cookies(login)
    # What each gets while the guard is there.
    kinds = [("/open/allowed", own, 200), ("/past/a", own, 403), ("/open/a", [], 401)]
    seen: list[tuple[str, int]] = []
    stop = threading.Event()

    def client() -> None:
        while not stop.is_set():
            for path, headers, _ in kinds:
                seen.append((path, ask(stack.port, path, headers).status))

    def wait() -> None:
        """Wait for thirty more answers."""
        goal, deadline = len(seen) + 30, time.monotonic() + 60
        while len(seen) < goal:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    with ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(client) for _ in range(8)]
        try:
            for _ in range(2):
                wait()
                stack.guard.kill()
                wait()
                stack.guard.start()
        finally:
            stop.set()
        for one in clients:
            one.result()
    for path, _, expected in kinds:
        statuses = {status for one, status in seen if one == path}
        assert statuses == {expected, 503}
    assert {got.target for got in echo.got} == {"/open/allowed"}


def test_connections_to_the_guard_stay_open(stack: Stack) -> None:
    """A connection for each question would cost more than the answer."""
    port, reply = services.free_port(), b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    with (
        broken.serve(reply, keeps=True) as guard,
        stack.proxy(port, guard=guard.port),
    ):
        for _ in range(5):
            assert ask(port, "/open/a").status == 403
    assert len(guard.got) == 5
    assert guard.connections == 1
