"""Users who are deactivated, deleted, or get another password: what ends, and what goes on."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.core import serializers
from django.urls import include, path
from django.utils import timezone

from djwto import receivers, sessions, views
from djwto.models import JWTBlacklist, Session
from tests.conftest import Visitor

OLD = "django.contrib.auth.hashers.PBKDF2PasswordHasher"
NEW = "django.contrib.auth.hashers.MD5PasswordHasher"

urlpatterns = [
    path("", include("tests.projects.plain.urls")),
    path("password/", views.PasswordChangeView.as_view()),
]


def is_in(visitor: Visitor) -> bool:
    status = visitor.get("/guarded/function/").status_code
    assert status in (200, 401)
    return status == 200


def test_a_deactivated_user_is_out_at_once(visitor: Visitor, alice: Any, carol: Any) -> None:
    other = Visitor(visitor.mode)
    visitor.login()
    other.login("carol")
    alice.is_active = False
    alice.save(update_fields=["is_active"])
    assert not is_in(visitor)
    assert is_in(other)


def test_a_deleted_user_is_out_at_once_and_stays_on_record(visitor: Visitor, alice: Any) -> None:
    visitor.login()
    key = str(alice.pk)
    alice.delete()
    assert not is_in(visitor)
    row = Session.objects.get(user_id=key)
    assert (row.revoked_reason, row.revoked_at is not None) == ("user deleted", True)


@pytest.mark.parametrize("fields", [None, ["password"]])
def test_another_password_ends_every_session(
    visitor: Visitor, alice: Any, fields: list[str] | None
) -> None:
    visitor.login()
    alice.set_password("another")
    alice.save(update_fields=fields)
    assert not is_in(visitor)
    assert visitor.refresh("refresh_access").status_code == 401


@pytest.mark.parametrize("fields", [None, ["password"]])
def test_a_password_that_was_put_in_as_a_hash_too(
    visitor: Visitor, alice: Any, fields: list[str] | None
) -> None:
    visitor.login()
    alice.password = make_password("another")
    alice.save(update_fields=fields)
    assert not is_in(visitor)


def test_other_changes_end_nothing(
    visitor: Visitor, alice: Any, django_assert_num_queries: Any
) -> None:
    visitor.login()
    alice.refresh_from_db()
    alice.first_name = "Alice"
    alice.save()
    with django_assert_num_queries(1):
        alice.last_login = timezone.now()
        alice.save(update_fields=["last_login"])
    assert is_in(visitor)
    assert visitor.refresh("refresh_access").status_code == 200


def test_a_mere_rehash_ends_nothing(visitor: Visitor, alice: Any, settings: Any) -> None:
    settings.PASSWORD_HASHERS = [OLD, NEW]
    alice.set_password("pass")
    alice.save()
    visitor.login()
    settings.PASSWORD_HASHERS = [NEW, OLD]
    before = type(alice).objects.get().password
    assert authenticate(username="alice", password="pass")
    assert type(alice).objects.get().password != before
    assert is_in(visitor)
    assert visitor.refresh("refresh_access").status_code == 200


def test_two_logins_that_rehash_at_once_end_nothing(
    visitor: Visitor, alice: Any, settings: Any
) -> None:
    settings.PASSWORD_HASHERS = [OLD, NEW]
    alice.set_password("pass")
    alice.save()
    settings.PASSWORD_HASHERS = [NEW, OLD]
    # Another process has read the older hash, and brings it up to date after this one did.
    late = type(alice).objects.get()
    visitor.login()
    with receivers.authenticating():
        assert late.check_password("pass")
    assert is_in(visitor)
    assert visitor.refresh("refresh_access").status_code == 200


def test_a_rehash_brings_no_session_back_whose_password_was_changed(
    visitor: Visitor, alice: Any, settings: Any
) -> None:
    settings.PASSWORD_HASHERS = [OLD, NEW]
    visitor.login()
    # Without `save()`, so that no receiver is called.
    type(alice).objects.update(password=make_password("another"))
    settings.PASSWORD_HASHERS = [NEW, OLD]
    assert authenticate(username="alice", password="another")
    assert visitor.refresh("refresh_access").status_code == 401


@pytest.mark.urls("tests.test_receivers")
def test_changing_ones_password_keeps_the_present_session(visitor: Visitor, alice: Any) -> None:
    other = Visitor(visitor.mode)
    visitor.login()
    other.login()
    fields = {
        "old_password": "pass",
        "new_password1": "w4t3r-m3l0n",
        "new_password2": "w4t3r-m3l0n",
    }
    refused = visitor.post("/password/", {**fields, "old_password": "guess"})
    assert (refused.status_code, refused.json()["code"]) == (400, "password_refused")
    assert is_in(other)
    assert visitor.post("/password/", fields).json() == {"msg": "Password successfully changed."}
    assert is_in(visitor)
    assert visitor.refresh("refresh_access").status_code == 200
    assert not is_in(other)
    assert Visitor(visitor.mode).login(password="w4t3r-m3l0n").status_code == 200


@pytest.mark.urls("tests.test_receivers")
def test_a_stranger_changes_no_password(visitor: Visitor, alice: Any) -> None:
    assert visitor.post("/password/", {"old_password": "pass"}).status_code == 401


def test_a_fixture_is_loaded_as_it_is_and_the_next_renewal_tells(
    visitor: Visitor, alice: Any
) -> None:
    visitor.login()
    alice.set_password("another")
    fixture = serializers.serialize("json", [alice])
    for loaded in serializers.deserialize("json", fixture):
        loaded.save()
    # Django forbids to touch other rows then: they may come from the same fixture.
    assert is_in(visitor)
    assert visitor.refresh("refresh_access").status_code == 401


def test_a_proxy_of_the_user_counts_and_no_other_model_is_slowed_down(
    alice: Any, django_assert_num_queries: Any
) -> None:
    class Proxy(type(alice)):  # type: ignore[misc]
        class Meta:
            proxy = True
            app_label = "auth"

    try:
        receivers.connect()
        program = Visitor("JSON")
        program.login()
        Proxy.objects.get().delete()
        assert not is_in(program)
    finally:
        del apps.all_models["auth"]["proxy"]
        apps.clear_cache()
    # One statement: Django reads no row, because there is no receiver.
    Session.objects.all().delete()
    with django_assert_num_queries(1):
        JWTBlacklist.objects.all().delete()


def test_end_all_keeps_what_a_request_shows(alice: Any, rf: Any) -> None:
    first, second = Visitor("JSON"), Visitor("JSON")
    first.login()
    second.login()
    request = rf.get("/", headers={"authorization": f"Bearer {first.token('access')}"})
    from djwto.authentication import jwt_authenticate

    jwt_authenticate(request)
    assert sessions.end_all(alice, keep=request) == 1
    assert is_in(first)
    assert not is_in(second)
    assert sessions.end_all(alice) == 1
    assert not is_in(first)
