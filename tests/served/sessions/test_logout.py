"""A logout in one process is known in the others, and no request asks the database for it."""

import time
from collections.abc import Callable
from pathlib import Path

from tests.served.sessions.clients import WORKERS, answer, served, spread, until
from tests.services import Redis, Server

LOGOUTS = 20
SLACK = 5.0
"""On top of the interval, for a machine that compiles."""
REQUESTS = 100


def test_a_logout_is_known_within_the_interval(database: str, tmp_path: Path) -> None:
    with served(database, tmp_path, SESSIONS_INTERVAL="0.2") as server:
        for delay in delays(server, LOGOUTS):
            assert delay < 0.2 + SLACK


def test_with_redis_a_logout_is_known_long_before(
    database: str, redis_server: Redis, tmp_path: Path
) -> None:
    env = {"SESSIONS_INTERVAL": "3600", "SESSIONS_URL": redis_server.url}
    with served(database, tmp_path, **env) as server:
        for delay in delays(server, LOGOUTS):
            assert delay < SLACK


def test_no_request_asks_the_database(postgres_database: str, tmp_path: Path) -> None:
    log = tmp_path / "queries"
    env = {"SESSIONS_QUERIES": str(log), "SESSIONS_INTERVAL": "2"}
    with served(postgres_database, tmp_path, **env) as server:
        clients = spread(server, WORKERS)
        pair = clients[0].login()
        for client in clients:
            assert client.view(pair["access"]).status_code == 200
        before, begun = len(log.read_text().splitlines()), time.monotonic()
        for number in range(REQUESTS):
            assert clients[number % WORKERS].view(pair["access"]).status_code == 200
        seconds = time.monotonic() - begun
        asked = log.read_text().splitlines()[before:]
    assert len(asked) <= WORKERS * (seconds / 2 + 1)
    assert all("djwto_session" in query for query in asked)


def delays(server: Server, number: int, pause: Callable[[], None] = lambda: None) -> list[float]:
    """Log out at one process, and measure until another refuses; the seconds of each.

    `pause` comes before each logout: without it, each follows upon a look and waits for the next.
    """
    here, there = spread(server, 2)
    found = []
    for _ in range(number):
        here.login()
        there.pair = here.pair
        assert there.view().status_code == 200
        pause()
        assert here.logout().status_code == 200
        ended = time.monotonic()
        until(lambda: there.view().status_code == 401)
        found.append(time.monotonic() - ended)
        assert answer(there.view()) == (401, "token_blacklisted")
    return found
