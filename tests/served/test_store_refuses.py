"""A database that takes no writes, or has no connection left: 503, nothing half done, and back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.mariadb import MariaDB
from tests.served.sessions.clients import Client, answer, served, until
from tests.served.sessions.conftest import new_database
from tests.services import Postgres

GONE = (503, "store_unavailable")


@pytest.fixture(params=["postgres", pytest.param("mariadb", marks=pytest.mark.long)])
def store(request: pytest.FixtureRequest) -> Any:
    """A server of databases."""
    name = "cluster" if request.param == "postgres" else "mariadb_server"
    return request.getfixturevalue(name)


def test_a_database_that_is_read_only_for_a_while(store: Any, tmp_path: Path) -> None:
    """As during a failover: connections stay open, and writes are refused."""
    with served(new_database(store), tmp_path) as server:
        client, other = Client(server), Client(server)
        client.login()
        other.login()
        with read_only(store):
            _all_is_refused_and_nothing_done(client)
        _all_is_well(client)
        assert other.logout().status_code == 200
        assert client.pair["refresh"] not in server.log_text()


def test_a_server_that_has_no_connection_left(store: Any, tmp_path: Path) -> None:
    with served(new_database(store), tmp_path) as server:
        client = Client(server)
        client.login()
        with exhausted(store):
            _all_is_refused_and_nothing_done(client)
        _all_is_well(client)


def _all_is_refused_and_nothing_done(client: Client) -> None:
    data = {"username": "alice", "password": "pass"}
    login = client.session.post(f"{client.base_url}/login/", data, timeout=60)
    replies = [
        login,
        client.post("/api/token/refresh/refresh_access/", client.pair["refresh"]),
        client.post("/api/token/refresh/update_refresh/", client.pair["refresh"]),
        client.post("/api/token/refresh/logout_all/", client.pair["refresh"]),
        client.logout(),
    ]
    assert [answer(reply) for reply in replies] == [GONE] * len(replies)
    assert all(int(reply.headers["Retry-After"]) > 0 for reply in replies)


def _all_is_well(client: Client) -> None:
    assert client.renew().status_code == 200
    assert client.logout().status_code == 200


@contextmanager
def read_only(store: Any) -> Iterator[None]:
    """Let the server refuse writes of ordinary users."""
    yield from _switched(partial(_set_read_only, store))


def _switched(switch: Callable[[bool], None]) -> Iterator[None]:
    switch(True)
    try:
        yield
    finally:
        switch(False)


def _set_read_only(store: Any, value: bool) -> None:  # noqa: FBT001
    if isinstance(store, MariaDB):
        store.run(f"SET GLOBAL read_only = {int(value)}")
        return
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(
            f"ALTER SYSTEM SET default_transaction_read_only = {'on' if value else 'off'}"
        )
        connection.execute("SELECT pg_reload_conf()")
    # New connections are told; sessions that are open hear of it before their next statement.
    while _is_read_only(store) is not value:
        pass


def _is_read_only(store: Postgres) -> bool:
    with psycopg.connect(store.url) as connection:
        found = connection.execute("SHOW default_transaction_read_only").fetchone()
    return found == ("on",)


@contextmanager
def exhausted(store: Any) -> Iterator[None]:
    """Leave no connection to the portal's user."""
    if isinstance(store, MariaDB):
        hosts = ("127.0.0.1", "localhost")
        limit = "ALTER USER djwto@'{}' WITH MAX_USER_CONNECTIONS {};"
        store.run("".join(limit.format(host, 1) for host in hosts))
        try:
            # The one that is left is the test's.
            with _connected(store):
                yield
        finally:
            store.run("".join(limit.format(host, 0) for host in hosts))
        return
    with psycopg.connect(store.url, autocommit=True) as connection:
        names = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'sessions_%'"
        ).fetchall()
        # A superuser is not counted; so no connection is allowed at all.
        for (name,) in names:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            yield
        finally:
            for (name,) in names:
                connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@contextmanager
def _connected(store: MariaDB) -> Iterator[None]:
    import MySQLdb

    def connect() -> Any:
        with suppress(MySQLdb.OperationalError):
            return MySQLdb.connect(host="127.0.0.1", port=store.port, user="djwto")

    # The portal's threads take it now and then, to look for ended sessions.
    connection = until(connect)
    try:
        yield
    finally:
        connection.close()
