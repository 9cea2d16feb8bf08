"""The tables in `djwto_export`, and where another program can answer as Django does."""

from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission
from django.db import connection

from djwto import export, export_tables, sessions, tokens
from djwto.test import login
from tests import exported as reader
from tests.exporting import exported

# --- the database -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_names_read_what_django_reads(carol: Any) -> None:
    every = list(Permission.objects.order_by("pk")[:6])
    group = Group.objects.create(name="a")
    group.permissions.set(every[3:])
    carol.groups.add(group)
    found = exported("--allow-shared-secret")
    assert found["database"]["vendor"] == connection.vendor

    expected = set(tokens.process_perms(type(carol).objects.get(pk=carol.pk)))
    assert len(expected) >= 5
    assert reader.permissions_of(found, connection, carol.pk) == expected
    for field, perms in (("is_superuser", {"*"}), ("is_active", set())):
        type(carol).objects.filter(pk=carol.pk).update(**{field: field == "is_superuser"})
        assert reader.permissions_of(found, connection, carol.pk) == perms
    assert reader.permissions_of(found, connection, 0) == set()


@pytest.mark.django_db
def test_the_names_read_which_sessions_have_ended(alice: Any, client: Any, settings: Any) -> None:
    login(client, alice)
    session = sessions.own(alice.pk, "").get()
    found = exported("--allow-shared-secret")
    assert reader.ended(found, connection) == []
    sessions.end(session.pk, reason="logout")
    session.refresh_from_db()
    ((revoked_at, access_until, tenant, key),) = reader.ended(found, connection)
    assert (revoked_at, access_until, tenant) == (session.revoked_at, session.access_until, "")
    assert str(key).replace("-", "") == session.pk.hex


def test_a_name_is_split_as_django_quotes_it() -> None:
    for name, parts in (
        ("auth_user", "auth_user"),
        ('"auth_user"', "auth_user"),
        ('crm"."users', ["crm", "users"]),
        ('"crm"."users"', ["crm", "users"]),
        ("crm.users", "crm.users"),
    ):
        model = type("Model", (), {"_meta": type("Meta", (), {"db_table": name})})
        assert export_tables._table(model) == parts
        assert reader.table({"table": parts}, Quoting) == Quoting.ops.quote_name(name)


class Quoting:
    """How SQLite and PostgreSQL quote, in Django."""

    class ops:  # noqa: N801 (Django's name)
        @staticmethod
        def quote_name(name: str) -> str:
            return name if name.startswith('"') and name.endswith('"') else f'"{name}"'


# --- capabilities -------------------------------------------------------------------------------


def capability() -> Any:
    found = export.document(allow_shared_secret=True)
    assert (found["database"]["permissions"] is None) == (
        found["capabilities"]["permissions"] is not True
    )
    return found["capabilities"]["permissions"]


class Narrowing(ModelBackend):
    """One that takes some away."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()


class Silent:
    """One that knows no permissions."""


MODELS = "django.contrib.auth.backends.ModelBackend"


def test_other_backends_that_give_permissions(settings: Any) -> None:
    assert capability() is True
    settings.AUTHENTICATION_BACKENDS = [MODELS, "tests.test_export_tables.Silent"]
    assert capability() is True
    settings.AUTHENTICATION_BACKENDS = [MODELS, "tests.exporting.Granting"]
    assert capability() == (
        "AUTHENTICATION_BACKENDS: tests.exporting.Granting gives permissions in its own way."
    )
    settings.AUTHENTICATION_BACKENDS = ["tests.test_export_tables.Narrowing"]
    assert capability().startswith(
        "AUTHENTICATION_BACKENDS: tests.test_export_tables.Narrowing gives "
    )
    settings.AUTHENTICATION_BACKENDS = ["tests.test_export_tables.Silent"]
    assert capability() == "AUTHENTICATION_BACKENDS: no backend gives permissions."


def test_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    # `user.id` is always the key by which Django finds the user.
    monkeypatch.setattr(tokens, "process_user", lambda user: {"id": user.pk})
    assert capability() is True
    monkeypatch.setattr(tokens, "process_perms", lambda user: [])
    assert capability() == "tokens.process_perms is replaced."


@pytest.mark.parametrize("method", ["has_perm", "has_perms", "get_all_permissions"])
def test_a_model_that_answers_by_itself(
    django_user_model: Any, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(django_user_model, method, lambda *_: None)
    assert capability().startswith(f"User has its own {method}")


class UsersElsewhere:
    """Reads and writes users in another database."""

    def db_for_read(self, model: Any, **_: Any) -> str | None:
        return "other" if model._meta.app_label == "auth" else None

    db_for_write = db_for_read


class Replica:
    """Reads from a copy of the database."""

    def db_for_read(self, model: Any, **_: Any) -> str | None:
        return "other"

    def db_for_write(self, model: Any, **_: Any) -> str | None:
        return "default"


def test_users_in_another_database(settings: Any) -> None:
    settings.DATABASE_ROUTERS = [UsersElsewhere()]
    assert capability() == "auth.User is in another database than djwto's sessions."
    settings.DATABASE_ROUTERS = [Replica()]
    assert capability() is True


def test_users_of_each_tenant(settings: Any) -> None:
    settings.DJWTO_TENANT = "tests.exporting.tenant"
    assert capability() is True
    settings.DATABASE_ROUTERS = [Replica()]
    assert capability() == "DATABASE_ROUTERS may give each tenant another database."
    settings.DATABASE_ROUTERS = []
    settings.TENANT_APPS = ["django.contrib.auth"]
    assert capability() == "Each tenant has a table auth_user."


def test_csrf_tokens_that_only_django_can_check(settings: Any) -> None:
    def found() -> Any:
        return export.document(allow_shared_secret=True)["capabilities"]["csrf_token"]

    assert found() is True
    settings.CSRF_HEADER_NAME = "X-CSRFToken"
    assert found().startswith("CSRF_HEADER_NAME: ")
    settings.CSRF_USE_SESSIONS = True
    assert found().startswith("CSRF_USE_SESSIONS: ")
