"""A store that is gone: what goes on, what is refused, and what is told when it is back."""

import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.served.sessions.clients import Client, answer, at_once, claims_of, served, spread, until
from tests.served.sessions.conftest import new_database
from tests.services import Postgres, Redis

MAX_AGE = 5.0
GONE = (503, "store_unavailable")
CLOSED = (401, "token_blacklisted")


@pytest.mark.long
def test_a_database_that_stops_and_starts(cluster: Postgres, tmp_path: Path) -> None:
    with (
        served(new_database(cluster), tmp_path / "a", SESSIONS_MAX_AGE=f"{MAX_AGE}") as strict,
        served(new_database(cluster), tmp_path / "b", SESSIONS_MAX_AGE="none") as lax,
    ):
        clients = [*spread(strict, 2), *spread(lax, 2)]
        for client in clients:
            client.login()
            assert client.view().status_code == 200
        cluster.stop()
        try:
            stopped = time.monotonic()
            # What is known stays good for a while, and then no more; or for ever.
            assert [answer(client.view())[0] for client in clients] == [200] * 4
            until(lambda: all(answer(client.view()) == GONE for client in clients[:2]))
            assert time.monotonic() - stopped > MAX_AGE / 2
            assert [answer(client.view())[0] for client in clients[2:]] == [200] * 2
            for client in clients:
                assert answer(client.renew()) == GONE
                assert answer(client.logout()) == GONE
        finally:
            cluster.start()
        until(lambda: all(client.view().status_code == 200 for client in clients))
        for client in clients:
            assert client.renew().status_code == 200
        # The threads that read are at work again.
        clients[0].logout()
        until(lambda: answer(clients[1].view(clients[0].pair["access"])) == CLOSED)
        for server in (strict, lax):
            assert "Cannot read ended sessions" in server.log_text()


@pytest.mark.long
def test_before_the_first_load(cluster: Postgres, tmp_path: Path) -> None:
    database = new_database(cluster)
    with served(database, tmp_path, SESSIONS_MAX_AGE=f"{MAX_AGE}") as server:
        client = Client(server)
        pair = client.login()
    cluster.stop()
    try:
        env = {"DJWTO_SIGNING_KEY": server.signing_key}
        with served(database, tmp_path, SESSIONS_MAX_AGE=f"{MAX_AGE}", **env) as server:
            client = Client(server)
            client.pair = pair
            assert answer(client.view()) == GONE
            # Who asks later does not wait for what the first has waited for.
            begun = time.monotonic()
            assert [answer(client.view()) for _ in range(5)] == [GONE] * 5
            assert time.monotonic() - begun < 5
            cluster.start()
            until(lambda: client.view().status_code == 200)
    finally:
        cluster.stop()
        cluster.start()


@pytest.mark.long
def test_a_process_that_starts_knows_who_was_logged_out(
    postgres_database: str, tmp_path: Path
) -> None:
    """Also where it would stay open: it asks before it lets the first one in."""
    with served(postgres_database, tmp_path) as server:
        client = Client(server)
        pair = client.login()
        assert client.logout().status_code == 200
    env = {"SESSIONS_MAX_AGE": "none", "DJWTO_SIGNING_KEY": server.signing_key}
    with served(postgres_database, tmp_path, **env) as server:
        for client in spread(server, 2):
            assert answer(client.view(pair["access"])) == CLOSED


@pytest.mark.long
def test_redis_that_stops_and_starts(
    postgres_database: str, redis_server: Redis, tmp_path: Path
) -> None:
    env = {"SESSIONS_URL": redis_server.url, "SESSIONS_INTERVAL": "3"}
    with served(postgres_database, tmp_path, **env) as server:
        here, there = spread(server, 2)

        def delay() -> float:
            there.pair = here.login()
            assert there.view().status_code == 200
            assert here.logout().status_code == 200
            ended = time.monotonic()
            until(lambda: answer(there.view()) == CLOSED)
            return time.monotonic() - ended

        delay()
        redis_server.stop()
        try:
            until(lambda: "Ended sessions still come from the database" in server.log_text())
            # News arrive all the same, by the database.
            assert delay() < 3 + 5
        finally:
            redis_server.start()
        # And at once again, after a while: several in a row that no look of 3 s explains.
        until(lambda: max(delay() for _ in range(3)) < 0.5)
        assert "Failed to publish ended sessions" in server.log_text()


def test_what_was_told_while_redis_was_away_is_heard_of_when_it_is_back(
    postgres_database: str, redis_server: Redis, tmp_path: Path
) -> None:
    # Once both have begun, the database is read once an hour: not in this test.
    env = {"SESSIONS_URL": redis_server.url, "SESSIONS_INTERVAL": "3600"}
    with served(postgres_database, tmp_path, **env) as server:
        here, there = spread(server, 2)

        def is_unheard() -> bool:
            there.pair = here.login()
            assert there.view().status_code == 200
            assert here.logout().status_code == 200
            return there.view().status_code == 200

        until(lambda: not is_unheard())
        redis_server.stop()
        try:
            # A look that was due before may still tell of one.
            until(lambda: all(is_unheard() for _ in range(10)))
        finally:
            redis_server.start()
        until(lambda: answer(there.view()) == CLOSED)


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    pages, file = tmp_path / "pages", tmp_path / "portal.sqlite3"
    env = {"SESSIONS_PAGES": str(pages)}
    with served(f"sqlite:///{file}", tmp_path, **env) as server:
        client = Client(server)
        client.login()
        assert client.renew().status_code == 200
        with sqlite3.connect(file) as database:
            # No page is left that a row could go to.
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("VACUUM")
        before = _rows(file)
        pages.write_text("1")
        seen = [answer(_login(client)) for _ in range(40)]
        assert set(seen) <= {(200, ""), GONE}
        assert seen[-1] == GONE
        # Of a login that was refused there is no row; what needs none goes on.
        assert len(_rows(file)) - len(before) == seen.count((200, ""))
        assert client.view().status_code == 200
        pages.write_text("1000000")
        assert client.renew().status_code == 200
        assert _login(client).status_code == 200
        assert client.logout().status_code == 200


def _login(client: Client) -> Any:
    data = {"username": "alice", "password": "pass"}
    return client.session.post(f"{client.base_url}/login/", data, timeout=60)


def _rows(file: Path) -> list[Any]:
    with sqlite3.connect(file) as database:
        return database.execute("SELECT id FROM djwto_session").fetchall()


def test_a_database_that_hangs_for_longer_than_the_grace(
    postgres_database: str, tmp_path: Path
) -> None:
    """Two tabs wait for a locked row: the wait does not make either of them late."""
    with (
        served(postgres_database, tmp_path, SESSIONS_GRACE="0.5") as server,
        psycopg.connect(postgres_database) as holder,
        psycopg.connect(postgres_database, autocommit=True) as watcher,
    ):
        clients = spread(server, 2)
        for name in ("refresh_access", "update_refresh"):
            token = clients[0].login()["refresh"]
            row = "SELECT FROM djwto_session WHERE id = %s FOR UPDATE"
            holder.execute(row, [claims_of(token)["sid"]])
            renewals = [partial(client.renew, token, name) for client in clients]
            release = partial(_release_when_two_have_waited, watcher, holder)
            *replies, _ = at_once([*renewals, release])
            assert [answer(reply) for reply in replies] == [(200, "")] * 2
            assert replies[0].text == replies[1].text


def _release_when_two_have_waited(watcher: Any, holder: Any) -> None:
    waiting = (
        "SELECT count(*) = 2 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND query LIKE 'UPDATE%' AND query_start < now() - interval '1 second'"
    )
    until(lambda: watcher.execute(waiting).fetchone()[0])
    holder.rollback()
