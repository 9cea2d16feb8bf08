"""The thread that reads ended sessions borrows a connection, and replaces one that was closed."""

import time
from pathlib import Path

import psycopg
import pytest

from tests.served.sessions.clients import Client, answer, served, spread, until
from tests.served.sessions.conftest import new_database
from tests.services import Postgres

CLOSED = (401, "token_blacklisted")
INTERVAL = 0.5
CLOSE_IDLE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle'
        AND state_change < now() - interval '250 milliseconds'
"""


def _is_known_elsewhere(here: Client, there: Client) -> None:
    """A session that ends at one process is refused by the other."""
    there.pair = here.login()
    assert there.view().status_code == 200
    assert here.logout().status_code == 200
    until(lambda: answer(there.view()) == CLOSED)


def test_the_thread_leaves_the_only_connection_of_a_pool(cluster: Postgres, tmp_path: Path) -> None:
    env = {"SESSIONS_POOL": "1", "SESSIONS_INTERVAL": f"{INTERVAL}"}
    with served(new_database(cluster), tmp_path, **env) as server:
        clients = spread(server, 4)
        for client in clients:
            for _ in range(5):
                client.login()
                assert client.view().status_code == 200
                assert client.renew().status_code == 200
        for _ in range(3):
            _is_known_elsewhere(*clients[:2])
        assert "PoolTimeout" not in server.log_text()


@pytest.mark.parametrize(("age", "kept"), [("0", 0), ("600", 2)])
def test_no_connection_is_kept_between_looks_unless_the_settings_say_so(
    cluster: Postgres, tmp_path: Path, age: str, kept: int
) -> None:
    count = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    database = new_database(cluster)
    env = {"SESSIONS_CONN_MAX_AGE": age, "SESSIONS_INTERVAL": "3600"}
    with (
        served(database, tmp_path, **env) as server,
        psycopg.connect(database, autocommit=True) as watcher,
    ):
        for client in spread(server, 2):
            # The first look is over when a guard answers.
            assert client.view("none").status_code == 401
        until(lambda: watcher.execute(count).fetchone()[0] == kept)


@pytest.mark.long
@pytest.mark.parametrize(
    "env", [{"SESSIONS_CONN_MAX_AGE": "600"}, {"SESSIONS_POOL": "4"}], ids=["kept", "pool"]
)
def test_a_connection_that_the_server_has_closed_is_replaced_at_once(
    cluster: Postgres, tmp_path: Path, env: dict[str, str]
) -> None:
    database = new_database(cluster)
    env = {"SESSIONS_INTERVAL": f"{INTERVAL}", "SESSIONS_MAX_AGE": "1", **env}
    with (
        served(database, tmp_path, **env) as server,
        psycopg.connect(database, autocommit=True) as admin,
    ):
        client = Client(server)
        client.login()
        end, seen = time.monotonic() + 12 * INTERVAL, set()

        def is_over() -> bool:
            # As `idle_session_timeout` does. Each look finds closed what was kept.
            admin.execute(CLOSE_IDLE)
            seen.add(answer(client.view()))
            return time.monotonic() > end

        until(is_over)
        assert seen == {(200, "")}
        assert "Cannot read ended sessions" not in server.log_text()
