"""Failed logins are counted over all servers of a site, for each client behind its proxy."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier, Lock

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
        "CONFORMANCE_NETWORK_ATTEMPTS": "200",
        "PORTAL_MODE": "JSON",
        "PORTAL_REDIS": redis_server.url,
        "PORTAL_TRUSTED_PROXIES": "127.0.0.1,::1",
        # One for the whole site, and another for each test: counts are kept under it.
        "PORTAL_SECRET_KEY": secrets.token_hex(),
    }
    with ExitStack() as running:
        yield [
            running.enter_context(serve(name, env=env, folder=tmp_path))
            for name in ("granian", "gunicorn")
        ]


def login(server: Server, client: str, password: str) -> requests.Response:
    with session_of(server) as session:
        return post(session, server, client, "alice", password)


def session_of(server: Server) -> requests.Session:
    session = requests.Session()
    session.verify, session.trust_env = str(server.certificate), False
    return session


def post(
    session: requests.Session, server: Server, client: str, username: str, password: str
) -> requests.Response:
    return session.post(
        f"{server.base_url}/login/",
        {"username": username, "password": password},
        headers={"X-Forwarded-For": f"198.51.100.1, {client}"},
        timeout=60,
    )


def posted(
    servers: list[Server], client: str, logins: list[tuple[str, str]]
) -> dict[tuple[str, str], list[int]]:
    """Send logins from a few connections to each server; gives the statuses of each."""
    seen: dict[tuple[str, str], list[int]] = {one: [] for one in logins}
    queue = iter(logins)
    lock = Lock()

    def work(server: Server) -> None:
        with session_of(server) as session:
            while True:
                with lock:
                    one = next(queue, None)
                if one is None:
                    return
                seen[one].append(post(session, server, client, *one).status_code)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, servers * 4))
    return seen


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


def test_twelve_good_logins_at_the_same_instant_all_succeed(servers: list[Server]) -> None:
    # The first login stores a quick hash.
    assert login(servers[0], "203.0.113.1", "pass").status_code == 200
    start = Barrier(12, timeout=60)

    def log_in(number: int) -> int:
        start.wait()
        return login(servers[number % 2], "203.0.113.1", "pass").status_code

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(log_in, range(12))) == [200] * 12


@pytest.mark.long
def test_2000_names_from_one_address_get_200_password_checks(servers: list[Server]) -> None:
    names = [(f"name{number}", "Spring2026!") for number in range(2000)]
    seen = [status for found in posted(servers, "203.0.113.1", names).values() for status in found]
    assert seen.count(401) <= 200
    assert set(seen) <= {401, 429, 503}
    assert len(seen) == 2000
    for server in servers:
        assert login(server, "203.0.113.1", "pass").status_code == 429
        assert login(server, "203.0.113.2", "pass").status_code == 200


_MAKE_USERS = """
import django; django.setup()
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
model, password = get_user_model(), make_password("pass")
model.objects.bulk_create(model(username=f"user{n}", password=password) for n in range(500))
"""


@pytest.mark.long
def test_500_users_behind_one_address_log_in(servers: list[Server]) -> None:
    servers[0].run("-c", _MAKE_USERS)
    logins = []
    for number in range(500):
        if number % 20 in (0, 7, 14):
            logins.append((f"user{number}", "mistyped"))
        logins.append((f"user{number}", "pass"))
    seen = posted(servers, "203.0.113.1", logins)
    # A store or a process that is busy may answer 503 on the way.
    again = [one for one in logins if seen[one] == [503]]
    with session_of(servers[0]) as session:
        for one in again:
            seen[one] = [post(session, servers[0], "203.0.113.1", *one).status_code]
    wrong = {one: seen[one] for one in logins if seen[one] != [200 if one[1] == "pass" else 401]}
    assert wrong == {}
    assert len(again) < 50
