"""Logouts that meet renewals and each other, on each database and level: no 500, no lost end."""

import uuid
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.served.sessions.clients import (
    Client,
    answer,
    at_once,
    claims_of,
    served,
    spread,
    until,
)
from tests.served.sessions.conftest import new_database

CLIENTS = 8
LEVELS = {
    "sqlite": None,
    "postgres": "read committed",
    "postgres, repeatable read": "repeatable read",
    "mariadb": "read committed",
    "mariadb, repeatable read": "repeatable read",
}
ENDED = {(401, "token_blacklisted"), (401, "refresh_reused")}


@pytest.fixture(
    params=[
        "postgres",
        *(pytest.param(name, marks=pytest.mark.long) for name in LEVELS if name != "postgres"),
    ]
)
def env(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """A database, and the level at which the portal uses it."""
    store, level = request.param.partition(",")[0], LEVELS[request.param]
    if level is None:
        return {"database": f"sqlite:///{tmp_path / 'portal.sqlite3'}"}
    server = request.getfixturevalue("cluster" if store == "postgres" else "mariadb_server")
    found = {"database": new_database(server)}
    if store == "postgres":
        found["PGOPTIONS"] = "-c default_transaction_isolation=" + level.replace(" ", r"\ ")
    else:
        found["SESSIONS_ISOLATION"] = level
    return found


@pytest.mark.parametrize("rounds", [4, pytest.param(15, marks=pytest.mark.long)])
def test_logouts_against_renewals_and_each_other(
    env: dict[str, str], tmp_path: Path, rounds: int
) -> None:
    with served(folder=tmp_path, **env) as server:  # type: ignore[arg-type]
        clients = spread(server, CLIENTS)
        for number in range(rounds):
            token = clients[0].login()["refresh"]
            if number % 2:
                token = _of_004(token, server.signing_key)
            _half_renew_and_half_log_out(clients, token)
            _all_log_out(clients, _of_004(clients[0].login()["refresh"], server.signing_key))
            _all_log_out(clients, clients[0].login()["refresh"])
        assert "Traceback" not in server.log_text()


def _of_004(token: str, key: str) -> str:
    """A token as 0.0.4 made it: it names no session."""
    claims = {**claims_of(token), "jti": str(uuid.uuid4())}
    del claims["sid"], claims["gen"]
    return jwt.encode(claims, key, "HS256")


def _half_renew_and_half_log_out(clients: list[Client], token: str) -> None:
    half = len(clients) // 2
    work: list[Any] = [partial(client.renew, token) for client in clients[:half]]
    work += [partial(client.logout, token) for client in clients[half:]]
    replies = at_once(work)
    renewed, left = replies[:half], [answer(reply) for reply in replies[half:]]
    assert left.count((200, "")) == 1, left
    assert set(left) == {(200, ""), (409, "already_blacklisted")}
    assert {answer(reply) for reply in renewed} <= {(200, ""), *ENDED}, [r.text for r in renewed]
    # Also where it was renewed before, it has ended now.
    for reply in renewed:
        if reply.status_code == 200:
            assert answer(clients[0].renew(reply.json()["refresh"])) in ENDED
            access = reply.json()["access"]
            until(lambda access=access: clients[-1].view(access).status_code == 401)  # type: ignore[misc]
    assert answer(clients[0].renew(token)) in ENDED


def _all_log_out(clients: list[Client], token: str) -> None:
    left = [answer(reply) for reply in at_once([partial(c.logout, token) for c in clients])]
    assert sorted(left) == [(200, ""), *[(409, "already_blacklisted")] * (len(clients) - 1)]
    assert answer(clients[0].renew(token)) in ENDED
