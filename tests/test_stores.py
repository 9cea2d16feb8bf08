"""What a database's failures mean, keys that are compared exactly, tables in any charset."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    transaction,
)
from django.test.utils import CaptureQueriesContext

from djwto import sessions, stores, times
from djwto.models import JWTBlacklist, Session
from tests.conftest import Visitor
from tests.rows import opened

AGENT = "Zoë's browser 🦊 (X11; Linux)"


class DriverError(Exception):
    """An error as psycopg and mysqlclient raise it."""

    def __init__(self, *args: Any, sqlstate: str | None = None) -> None:
        super().__init__(*args)
        self.sqlstate = sqlstate


def raised(kind: type[Exception], cause: Exception | None = None) -> Exception:
    error = kind(*(cause.args if cause else ()))
    error.__cause__ = cause
    return error


GONE = {
    "unreachable": raised(OperationalError),
    "closed": raised(InterfaceError),
    "read-only (PostgreSQL)": raised(InternalError, DriverError(sqlstate="25006")),
    "idle in a transaction": raised(InternalError, DriverError(sqlstate="25P03")),
    "shut down": raised(OperationalError, DriverError(sqlstate="57P01")),
    "too many connections": raised(OperationalError, DriverError(1040, "Too many connections")),
    "read-only (MariaDB)": raised(OperationalError, DriverError(1290, "--read-only")),
    "gone away": raised(OperationalError, DriverError(2006, "gone away")),
    "lock wait": raised(OperationalError, DriverError(1205, "Lock wait timeout")),
}
MISTAKES = {
    "in a failed transaction": raised(InternalError, DriverError(sqlstate="25P02")),
    "corrupted": raised(InternalError, DriverError(sqlstate="XX001")),
    "a double": raised(IntegrityError, DriverError(1062, "Duplicate entry")),
    "no row was saved": raised(DatabaseError),
    "no database's": raised(ValueError),
}
LOST = {
    "serialization": raised(OperationalError, DriverError(sqlstate="40001")),
    "deadlock": raised(OperationalError, DriverError(sqlstate="40P01")),
    "deadlock (MariaDB)": raised(OperationalError, DriverError(1213, "Deadlock found")),
    "a changed row": raised(OperationalError, DriverError(1020, "Record has changed")),
}


@pytest.mark.parametrize("name", [*GONE, *LOST])
def test_what_may_pass(name: str) -> None:
    assert stores.is_gone({**GONE, **LOST}[name])


@pytest.mark.parametrize("name", MISTAKES)
def test_what_will_not_pass(name: str) -> None:
    assert not stores.is_gone(MISTAKES[name])
    assert not stores.is_lost_race(MISTAKES[name])


def test_a_long_wait_for_a_lock_is_no_lost_race() -> None:
    assert all(map(stores.is_lost_race, LOST.values()))
    assert not any(map(stores.is_lost_race, GONE.values()))


@pytest.mark.django_db
@pytest.mark.parametrize("name", LOST)
def test_a_lost_race_is_run_again(name: str) -> None:
    failures = [LOST[name]] * 3

    def work() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert stores.retried(work, using="default") == "done"
    failures[:] = [LOST[name]] * 3
    with pytest.raises(OperationalError):
        stores.retried(work, using="default", attempts=3)


@pytest.mark.django_db(transaction=True)
def test_within_a_transaction_it_is_run_once() -> None:
    runs: list[int] = []

    def work() -> None:
        runs.append(1)
        raise LOST["deadlock"]

    with pytest.raises(OperationalError), transaction.atomic():
        stores.retried(work, using="default")
    assert len(runs) == 1


def row(user_id: str) -> Session:
    user = get_user_model()(pk=1, username="alice")
    session = opened(user, "JSON", times.now() / times.SECOND)
    session.pk, session.user_id = uuid.uuid4(), user_id
    session.insert()
    return session


@pytest.mark.django_db
@pytest.mark.parametrize("other", ["aB1", "Ab1 ", "Áb1"])
def test_users_whose_keys_a_collation_calls_equal_are_two(other: str) -> None:
    kept, ended = row(other), row("Ab1")
    user = get_user_model()(username="alice")
    user.pk = "Ab1"
    assert sessions.end_all(user) == 1
    assert list(Session.live().values_list("pk", flat=True)) == [kept.pk]
    assert [found.pk for found in sessions.own(other)] == [kept.pk]
    assert Session.rows().get(pk=ended.pk).revoked_at is not None


@pytest.mark.django_db
def test_ids_that_a_collation_calls_equal_are_two() -> None:
    assert JWTBlacklist.add({"jti": "Ab"})
    assert not JWTBlacklist.is_blacklisted("aB")
    assert JWTBlacklist.add({"jti": "aB"})
    assert not JWTBlacklist.add({"jti": "Ab"})


@pytest.mark.django_db
@pytest.mark.parametrize("jti", ["x" * 300, "null \0 byte", "🦊"])
def test_any_id_can_be_blacklisted(jti: str) -> None:
    assert JWTBlacklist.add({"jti": jti})
    assert JWTBlacklist.is_blacklisted(jti)
    assert not JWTBlacklist.is_blacklisted(jti[:-1])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("charset", ["latin1", "utf8mb3"])
def test_a_narrow_table_takes_any_user_agent(alice: Any, charset: str) -> None:
    if connection.vendor != "mysql":
        pytest.skip("only MySQL and MariaDB have tables that do not hold all of Unicode")
    with narrow(charset):
        visitor = login(AGENT)
        assert Session.objects.get().user_agent == "Zo?'s browser ? (X11; Linux)"
        # A renewal stores its own, in the same way.
        assert visitor.refresh("refresh_access").status_code == 200
        assert visitor.refresh("update_refresh").status_code == 200


@contextmanager
def narrow(charset: str) -> Iterator[None]:
    """Convert the table, as an administrator may have done."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE djwto_session CONVERT TO CHARACTER SET {charset}")
        try:
            yield
        finally:
            cursor.execute("ALTER TABLE djwto_session CONVERT TO CHARACTER SET utf8mb4")


def login(agent: str) -> Visitor:
    visitor = Visitor("JSON")
    visitor.client.defaults["HTTP_USER_AGENT"] = agent
    assert visitor.login().status_code == 200
    return visitor


@pytest.mark.django_db(transaction=True)
def test_every_transaction_writes_first(alice: Any) -> None:
    """SQLite lets no transaction write that has read before another one wrote."""
    with CaptureQueriesContext(connection) as seen:
        visitor = login("Firefox")
        for name in ("refresh_access", "update_refresh", "sessions", "logout_all"):
            visitor.refresh(name, "get" if name == "sessions" else "post")
        visitor = login("Firefox")
        assert visitor.refresh("logout").status_code == 200
    asked = [query["sql"] for query in seen.captured_queries]
    firsts = [after for sql, after in pairwise(asked) if sql.startswith("BEGIN")]
    assert len(firsts) >= 3
    assert {sql.split()[0] for sql in firsts} <= {"UPDATE", "INSERT", "DELETE"}


MISSING = {
    "SQLite": raised(OperationalError, DriverError("no such table: djwto_session")),
    "PostgreSQL": raised(DatabaseError, DriverError(sqlstate="42P01")),
    "MariaDB": raised(DatabaseError, DriverError(1146, "Table 'djwto_session' doesn't exist")),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_log_of_a_missing_table_says_to_migrate(name: str) -> None:
    assert "manage.py migrate" in stores.advice(MISSING[name])


@pytest.mark.parametrize("name", [*GONE, *MISTAKES])
def test_a_log_of_another_failure_does_not(name: str) -> None:
    assert stores.advice({**GONE, **MISTAKES}[name]) == ""


@pytest.mark.django_db(transaction=True)  # some databases commit with each change of a table
def test_a_login_without_the_tables_logs_it(
    visitor: Visitor, alice: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE djwto_session RENAME TO djwto_gone")
        try:
            visitor.login()
        finally:
            cursor.execute("ALTER TABLE djwto_gone RENAME TO djwto_session")
    assert "Run `manage.py migrate`." in caplog.text
