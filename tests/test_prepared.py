"""Prepared statements: compiled once for a connection, and with the values of each run."""

import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import UserManager
from django.db import IntegrityError, connection, transaction
from django.db.models.signals import post_save, pre_save
from django.db.models.sql.compiler import SQLCompiler, SQLInsertCompiler, SQLUpdateCompiler
from django.test.utils import CaptureQueriesContext

from djwto import _core, renewal, sessions, statements, times, user_rows
from djwto.models import JWTBlacklist, Session
from tests.conftest import Visitor
from tests.rows import opened

COMPILERS = (SQLCompiler, SQLInsertCompiler, SQLUpdateCompiler)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables of all SQL that Django has made since."""
    tables: list[str] = []
    for compiler in COMPILERS:
        original = compiler.as_sql

        def as_sql(self: Any, *args: Any, original: Any = original, **kwargs: Any) -> Any:
            tables.append(self.query.get_meta().db_table)
            return original(self, *args, **kwargs)

        monkeypatch.setattr(compiler, "as_sql", as_sql)
    return tables


def written(user: Any, **values: Any) -> Session:
    session = opened(user, "JSON", time.time())
    for name, value in values.items():
        setattr(session, name, value)
    session.insert()
    return session


@pytest.mark.django_db
def test_after_the_first_time_no_sql_is_made_for_a_session(alice: Any, compiled: list[str]) -> None:
    visitor = Visitor("JSON")
    for _ in range(2):
        compiled.clear()
        assert visitor.login().status_code == 200
        assert visitor.refresh("update_refresh").status_code == 200
        assert visitor.refresh("logout").status_code == 200
        visitor.tokens = {}
    # What is left is Django's: it finds the user by their name, and writes `last_login`.
    assert compiled == ["auth_user", "auth_user"]


@pytest.mark.django_db
def test_each_run_has_its_values(alice: Any, carol: Any) -> None:
    mine = written(alice, address="2001:db8::1", lifetime=timedelta(days=2), user_agent="Zoë 🦊")
    theirs = written(carol, address=None, lifetime=None)
    for user, session in ((alice, mine), (carol, theirs)):
        found = Session.objects.get(pk=session.pk)
        for field in Session._meta.concrete_fields:
            assert getattr(found, field.attname) == getattr(session, field.attname), field
        assert user_rows.find_user(user.pk, fresh=True).username == user.username
    assert sessions.end(theirs.pk, reason="mine goes on")
    mine.refresh_from_db()
    theirs.refresh_from_db()
    assert (mine.revoked_at, theirs.revoked_reason) == (None, "mine goes on")
    assert theirs.revoked_at is not None
    assert not sessions.end(theirs.pk)


@pytest.mark.django_db
def test_a_written_session_can_be_saved_again(alice: Any) -> None:
    session = written(alice)
    assert (session._state.db, session._state.adding) == ("default", False)
    session.device = "another"
    session.save()
    assert Session.objects.get().device == "another"


@pytest.mark.django_db
def test_a_user_is_read_with_all_their_columns(carol: Any) -> None:
    found = user_rows.find_user(carol.pk)
    expected = get_user_model().objects.get(pk=carol.pk)
    for field in expected._meta.concrete_fields:
        assert getattr(found, field.attname) == getattr(expected, field.attname), field
    assert (found._state.db, found._state.adding) == ("default", False)
    found.first_name = "Carol"
    found.save()
    expected.refresh_from_db()
    assert expected.first_name == "Carol"


@pytest.mark.django_db
@pytest.mark.parametrize("pk", [2**63, -(2**63) - 1, 2**80, 0, -1, None, "x", ""])
def test_a_key_that_no_user_can_have_is_of_none(alice: Any, pk: Any) -> None:
    with transaction.atomic():
        assert user_rows.find_user(pk, fresh=True) is None
        assert user_rows.find_user(alice.pk) == alice


@pytest.mark.django_db
@pytest.mark.parametrize("pk", [2**63, -(2**63) - 1, 2**80])
def test_the_database_is_not_asked_for_a_number_that_no_column_holds(pk: int) -> None:
    asked: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        assert user_rows.find_user(pk) is None
    assert not asked


@pytest.mark.django_db
def test_a_manager_that_leaves_users_out_is_heard(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert user_rows.find_user(alice.pk) == alice
    original = UserManager.get_queryset
    monkeypatch.setattr(
        UserManager, "get_queryset", lambda self: original(self).filter(is_staff=True)
    )
    assert user_rows.find_user(alice.pk) is None
    assert Visitor("JSON").login().status_code == 401


@pytest.mark.django_db
def test_listeners_of_the_rows_are_told(alice: Any) -> None:
    told: list[Any] = []

    def listen(sender: Any, instance: Any, **kwargs: Any) -> None:
        told.append((sender, instance.pk is not None or "jti", kwargs.get("created")))

    for signal in (pre_save, post_save):
        for model in (Session, JWTBlacklist):
            signal.connect(listen, sender=model)
    try:
        visitor = Visitor("JSON")
        visitor.login()
        visitor.refresh("logout")
    finally:
        for signal in (pre_save, post_save):
            for model in (Session, JWTBlacklist):
                signal.disconnect(listen, sender=model)
    assert told == [
        (Session, True, None),
        (Session, True, True),
        (JWTBlacklist, "jti", None),
        (JWTBlacklist, True, True),
    ]


@pytest.mark.django_db
def test_an_error_spoils_the_transaction_around_it_as_always(alice: Any) -> None:
    session = written(alice)
    with transaction.atomic():
        with pytest.raises(IntegrityError):
            session.insert()
        assert connection.needs_rollback
    assert Session.objects.count() == 1


@pytest.mark.django_db
def test_one_of_none_touches_no_row_and_asks_nothing(alice: Any) -> None:
    session = written(alice)
    update = ([("auth_hash", "one_of", [])], [("device", "value", "x")])
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert statements.apply_to(session.pk, update) == 0
        assert not queries.captured_queries


@pytest.mark.django_db
def test_the_databases_clock_goes_on(alice: Any) -> None:
    def ended() -> int | None:
        session = written(alice)
        assert statements.apply_to(session.pk, _core.end_statement("over")) == 1
        return Session.objects.get(pk=session.pk).revoked_at

    first, until = ended(), time.monotonic() + 10
    while ended() == first:
        assert time.monotonic() < until


@pytest.mark.django_db
def test_a_database_without_a_clock_of_ours_has_its_sql_made_each_time(
    alice: Any, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Any = SimpleNamespace(session=str(written(alice).pk))
    monkeypatch.setattr(connection, "vendor", "other")
    seen = []
    for _ in range(2):
        compiled.clear()
        seen.append(renewal._row(asked).now)
        assert compiled == ["djwto_session"]
    assert times.now() >= seen[1] > seen[0]
