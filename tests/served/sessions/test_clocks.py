"""Clocks that are set an hour back and forth: no replay gets in, no user is locked out for long.

libfaketime sets them, by a file: the server's, which is also SQLite's, and PostgreSQL's.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import psycopg
import pytest

from tests.served.sessions.clients import REFRESH, Client, answer, claims_of, served, until
from tests.served.sessions.conftest import new_database
from tests.services import Postgres, Server, postgres

HOUR = 3600
STEPS = (-HOUR, 0, HOUR, 0)
CLOSED = (401, "token_blacklisted")
SUPERSEDED = (409, "refresh_superseded")
REUSED = (401, "refresh_reused")


class Clock:
    """The offset of a process's clock, in seconds."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set(0)

    def set(self, seconds: int) -> None:
        # All at once: a file that is read half written would be another time.
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}")
        new.chmod(0o644)
        new.replace(self.file)

    @property
    def env(self) -> dict[str, str]:
        found = sorted(Path("/usr/lib").glob("**/faketime/libfaketimeMT.so.1"))
        if not found:
            pytest.skip("libfaketime was not found. On Debian or Ubuntu: apt-get install faketime")
        return {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


@pytest.mark.long
def test_the_servers_clock(database: str, tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    env = {"SESSIONS_GRACE": "60", "PORTAL_ACCESS_SECONDS": "600", **clock.env}
    # Not gunicorn, which sleeps in a way that this version of libfaketime cannot fake.
    with served(database, tmp_path, server="granian", **env) as server:
        # PostgreSQL's clock goes on, and that one counts.
        _is_stepped(server, clock, is_the_databases="sqlite" in database)


@pytest.mark.long
def test_postgresqls_clock(tmp_path: Path) -> None:
    with _postgres_with_a_clock(tmp_path) as (cluster, clock):
        database = new_database(cluster)
        env = {"SESSIONS_GRACE": "60", "PORTAL_ACCESS_SECONDS": "600"}
        with served(database, tmp_path / "site", **env) as server:
            with psycopg.connect(database, autocommit=True) as connection:
                clock.set(-HOUR)
                ask = "SELECT extract(epoch FROM clock_timestamp())"
                shown = connection.execute(ask).fetchone()
                clock.set(0)
                again = connection.execute(ask).fetchone()
            assert shown is not None
            assert again is not None
            assert again[0] - shown[0] > HOUR / 2
            _is_stepped(server, clock, is_the_databases=True)


@pytest.mark.parametrize("use_tz", ["yes", "no"])
def test_renewals_around_a_change_of_summer_time(tmp_path: Path, use_tz: str) -> None:
    clock = Clock(tmp_path / "clock")
    env = {"SESSIONS_TIME_ZONE": "Europe/Berlin", "SESSIONS_USE_TZ": use_tz}
    env |= {"SESSIONS_GRACE": "60", "PORTAL_ACCESS_SECONDS": "600", **clock.env}
    database = f"sqlite:///{tmp_path / 'portal.sqlite3'}"
    with served(database, tmp_path, server="granian", **env) as server:
        # Half past two in Berlin, twice; and before and after the hour that is left out.
        for day in ((2026, 10, 25), (2027, 3, 28)):
            _is_renewed_as_ever(server, clock, datetime(*day, tzinfo=timezone.utc).timestamp())


def _is_renewed_as_ever(server: Server, clock: Clock, midnight: float) -> None:
    """Renew at 00:30 and 01:30 UTC, and again before and after the grace period's end."""

    def at(hours: float) -> float:
        clock.set(round(midnight + hours * HOUR - time.time()))
        return midnight + hours * HOUR

    begun = at(0.3)
    client, other = Client(server), Client(server)
    login = claims_of(client.login()["refresh"])
    assert login["exp"] - login["iat"] == 24 * HOUR
    for hours in (0.5, 1.5):
        renewed, used = at(hours), client.pair["refresh"]
        assert client.renew().status_code == 200
        refresh, access = (claims_of(client.pair[kind]) for kind in ("refresh", "access"))
        assert (refresh["iat"], refresh["exp"]) == (login["iat"], login["exp"])
        assert access["exp"] - access["iat"] == 600
        assert abs(access["iat"] - renewed) < 30
        at(hours + 30 / HOUR)
        assert client.renew(used).json() == client.pair
        assert client.view().status_code == 200
    assert abs(login["iat"] - begun) < 30

    other.login()
    moved, used = at(1.6), other.pair["refresh"]
    assert other.renew(name="update_refresh").status_code == 200
    refresh = claims_of(other.pair["refresh"])
    assert abs(refresh["iat"] - moved) < 30
    assert refresh["exp"] - refresh["iat"] == 24 * HOUR
    assert other.renew().status_code == 200
    at(1.7)
    assert answer(other.renew(used)) == REUSED

    at(24.2)
    assert client.renew().status_code == 200
    at(24.4)
    assert answer(client.renew()) == (401, "token_expired")


def _is_stepped(server: Server, clock: Clock, *, is_the_databases: bool) -> None:
    """Sessions live through each step, old tokens open nothing, and nothing ended comes back."""
    client, ended = Client(server), Client(server)
    ended.login()
    assert ended.logout().status_code == 200
    client.login()
    shown = 0
    for seconds in STEPS:
        used = client.pair["refresh"]
        assert client.renew().status_code == 200
        clock.set(seconds)
        given = client.renew(used)
        if not is_the_databases:
            # The same successor. By the server's clock the first access token may have expired:
            # then another comes with it.
            assert given.json()["refresh"] == client.pair["refresh"]
            client.pair = given.json()
            assert client.view().status_code == 200
        elif seconds < shown:
            # It is not known how long ago that was: refused, and the session goes on.
            assert answer(given) == SUPERSEDED
        else:
            # An hour later, for all that anybody knows.
            assert answer(given) == REUSED
            assert answer(client.renew()) == CLOSED
            client.login()
        shown = seconds
        assert client.renew().status_code == 200
        assert client.view().status_code == 200
        _nothing_ended_is_back(ended)
        _an_older_generation_is_a_replay(server)
    assert client.post(f"{REFRESH}/validate_refresh/", client.pair["refresh"]).status_code == 200
    assert "Traceback" not in server.log_text()


def _an_older_generation_is_a_replay(server: Server) -> None:
    client = Client(server)
    first = client.login()["refresh"]
    for _ in range(3):
        assert client.renew().status_code == 200
    assert answer(client.renew(first)) == REUSED
    assert answer(client.renew()) == CLOSED


def _nothing_ended_is_back(ended: Client) -> None:
    assert answer(ended.renew())[0] == 401
    until(lambda: ended.view().status_code == 401, 5)


@contextmanager
def _postgres_with_a_clock(tmp_path: Path) -> Iterator[tuple[Postgres, Clock]]:
    clock = Clock(tmp_path / "clock")
    kept = dict(os.environ)
    os.environ.update(clock.env)
    # The server's account must be able to read the file.
    for folder in (tmp_path, *tmp_path.parents):
        if folder.name.startswith(("pytest", "test")):
            folder.chmod(0o755)
    try:
        with postgres(tmp_path / "cluster") as cluster:
            os.environ.clear()
            os.environ.update(kept)
            yield cluster, clock
    finally:
        os.environ.clear()
        os.environ.update(kept)


@pytest.mark.long
def test_shorter_lifetimes_bring_nothing_back(database: str, tmp_path: Path) -> None:
    """A session that was ended under long lifetimes, seen by servers with short ones; also after
    `delete_tokens`, which may remove only what no token can ask for any more."""
    with served(database, tmp_path) as server:
        client, live = Client(server), Client(server)
        client.login()
        live.login()
        assert client.logout().status_code == 200
    env = {
        "DJWTO_SIGNING_KEY": server.signing_key,
        # Django's session auth hash is made with it.
        "PORTAL_SECRET_KEY": server.env["PORTAL_SECRET_KEY"],
        "PORTAL_ACCESS_SECONDS": "1",
        "SESSIONS_REFRESH": "1",
        "SESSIONS_LIFETIME": "1",
    }
    with served(database, tmp_path, **env) as server:
        client.base_url = live.base_url = server.base_url
        for _ in range(2):
            assert answer(client.view()) == CLOSED
            assert answer(client.renew()) == CLOSED
            assert answer(live.view()) == (200, "")
            server.manage("delete_tokens")
        assert live.renew().status_code == 200
