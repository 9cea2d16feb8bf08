"""Eight clients renew one token at the same instant: one successor, and all get it."""

import uuid
from functools import partial
from pathlib import Path

import jwt
import pytest

from tests.served.sessions.clients import Client, at_once, claims_of, served, spread

CLIENTS = 8
NAMES = ("refresh_access", "update_refresh")


@pytest.mark.parametrize(
    ("rounds", "legacy_rounds"), [(6, 2), pytest.param(200, 30, marks=pytest.mark.long)]
)
def test_clients_that_renew_at_the_same_instant(
    database: str, tmp_path: Path, rounds: int, legacy_rounds: int
) -> None:
    with served(database, tmp_path) as server:
        clients = spread(server, CLIENTS)
        pair = clients[0].login()
        for number in range(rounds):
            # All by the one endpoint, all by the other, and by both.
            names = [NAMES[number % 3 if number % 3 < 2 else n % 2] for n in range(CLIENTS)]
            token = pair["refresh"]
            work = [
                partial(client.renew, token, name)
                for client, name in zip(clients, names, strict=True)
            ]
            replies = at_once(work)
            assert {reply.status_code for reply in replies} == {200}, [r.text for r in replies]
            # With HS256 what is equal in its claims is equal in its bytes.
            assert len({reply.text for reply in replies}) == 1
            before, pair = claims_of(token), replies[0].json()
            after = claims_of(pair["refresh"])
            assert (after["sid"], after["gen"]) == (before["sid"], before["gen"] + 1)
            if number % 3 == 0:
                assert (after["iat"], after["exp"]) == (before["iat"], before["exp"])
            assert clients[number % CLIENTS].view(pair["access"]).status_code == 200
        assert clients[0].logout(pair["refresh"]).status_code == 200
        for _ in range(legacy_rounds):
            _a_token_without_a_session(clients, server.signing_key)
        assert "Traceback" not in server.log_text()


@pytest.mark.parametrize(
    ("level", "rounds"),
    [
        ("serializable", 3),
        pytest.param("serializable", 10, marks=pytest.mark.long),
        pytest.param("repeatable read", 10, marks=pytest.mark.long),
    ],
)
def test_a_database_that_gives_up_one_of_two_transactions(
    postgres_database: str, tmp_path: Path, level: str, rounds: int
) -> None:
    option = "-c default_transaction_isolation=" + level.replace(" ", r"\ ")
    with served(postgres_database, tmp_path, PGOPTIONS=option) as server:
        clients = spread(server, CLIENTS)
        token = clients[0].login()["refresh"]
        for _ in range(rounds):
            replies = at_once([partial(client.renew, token) for client in clients])
            assert {reply.status_code for reply in replies} == {200}, [r.text for r in replies]
            assert len({reply.text for reply in replies}) == 1
            token = replies[0].json()["refresh"]
        for _ in range(rounds):
            _a_token_without_a_session(clients, server.signing_key)


def _a_token_without_a_session(clients: list[Client], key: str) -> None:
    """A token of 0.0.4: the one who is first opens its session, and all get the same."""
    claims = claims_of(clients[0].login()["refresh"])
    claims = {**claims, "jti": str(uuid.uuid4())}
    del claims["sid"], claims["gen"]
    token = jwt.encode(claims, key, "HS256")
    replies = at_once([partial(client.renew, token) for client in clients])
    assert {reply.status_code for reply in replies} == {200}, [r.text for r in replies]
    assert len({reply.text for reply in replies}) == 1
    assert clients[0].renew(replies[0].json()["refresh"]).status_code == 200
