"""Failed logins are counted over all servers of a site, for each client behind its proxy."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier

import pytest
import requests

from tests.services import Redis, Server, serve

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = 20


@pytest.fixture
def servers(redis_server: Redis, tmp_path: Path) -> Iterator[list[Server]]:
    """Two servers of one site, which count in one Redis; the tests are their proxy."""
    env = {
        "DJANGO_SETTINGS_MODULE": "conformance.portal_settings",
        "PYTHONPATH": str(ROOT),
        "CONFORMANCE_ATTEMPTS": "5",
        "PORTAL_MODE": "JSON",
        "PORTAL_REDIS": redis_server.url,
        "PORTAL_TRUSTED_PROXIES": "127.0.0.1,::1",
        "PORTAL_SECRET_KEY": "one for the whole site",
    }
    with ExitStack() as running:
        yield [
            running.enter_context(serve(name, env=env, folder=tmp_path))
            for name in ("granian", "gunicorn")
        ]


def login(server: Server, client: str, password: str) -> requests.Response:
    with requests.Session() as session:
        session.verify, session.trust_env = str(server.certificate), False
        return session.post(
            f"{server.base_url}/login/",
            {"username": "alice", "password": password},
            headers={"X-Forwarded-For": f"198.51.100.1, {client}"},
            timeout=60,
        )


def test_twenty_at_the_same_instant_at_two_servers_get_five_password_checks(
    servers: list[Server],
) -> None:
    start = Barrier(CLIENTS, timeout=60)

    def guess(number: int) -> int:
        start.wait()
        return login(servers[number % 2], "203.0.113.1", "wrong").status_code

    with ThreadPoolExecutor(CLIENTS) as pool:
        seen = list(pool.map(guess, range(CLIENTS)))
    assert sorted(seen) == [401] * 5 + [429] * 15
    for server in servers:
        refused = login(server, "203.0.113.1", "pass")
        assert (refused.status_code, refused.json()["code"]) == (429, "login_throttled")
        assert 0 < int(refused.headers["Retry-After"]) <= 300
        assert login(server, "203.0.113.2", "pass").status_code == 200
