"""Users who change in a transaction, or while a login or a renewal is in flight."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.test import RequestFactory

from djwto import receivers, sessions
from djwto.exceptions import JWTError
from djwto.models import Session
from tests.changes import CHANGES, change_password, deactivate, delete, is_in
from tests.conftest import REFRESH, Visitor


@pytest.fixture
def user(transactional_db: None) -> Any:
    return get_user_model().objects.create_user("alice", password="pass")


@CHANGES
def test_a_change_that_is_rolled_back_ends_nothing(
    visitor: Visitor, user: Any, change: Any
) -> None:
    visitor.login()
    with transaction.atomic():
        change(user)
        transaction.set_rollback(True)
    assert is_in(visitor)
    assert visitor.refresh("refresh_access").status_code == 200


@CHANGES
def test_a_session_that_was_written_before_the_commit_ends_with_it(
    visitor: Visitor, user: Any, change: Any
) -> None:
    visitor.login()
    with transaction.atomic():
        change(user)
        # As if a login, which still sees the user as they were, wrote its row only now.
        Session.objects.update(revoked_at=None, revoked_reason="")
    assert not is_in(visitor)
    assert visitor.refresh("refresh_access").status_code == 401


def test_a_kept_session_goes_on_after_the_commit(visitor: Visitor, user: Any) -> None:
    visitor.login()
    with transaction.atomic():
        receivers.keep_session(user, Session.objects.get().pk)
        change_password(user)
    assert is_in(visitor)
    assert visitor.refresh("refresh_access").status_code == 200


# --- logins in flight ---------------------------------------------------------------------------


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Let something happen in a login, once: after the password was looked at."""
    receivers_: list[Any] = []

    def arrange(happen: Callable[[], None]) -> None:
        def receive(**_: Any) -> None:
            user_logged_in.disconnect(receive)
            happen()

        receivers_.append(receive)
        user_logged_in.connect(receive, weak=False)

    yield arrange
    for receive in receivers_:
        user_logged_in.disconnect(receive)


def another() -> Any:
    return get_user_model().objects.get(username="alice")


def by_query(**values: Any) -> Callable[[], None]:
    """A change that bypasses `save()`, so that no receiver sees it."""
    return lambda: get_user_model().objects.update(**values)


IN_FLIGHT = pytest.mark.parametrize(
    "change",
    [
        lambda: deactivate(another()),
        lambda: change_password(another()),
        lambda: delete(another()),
        by_query(is_active=False),
        by_query(password=make_password("another")),
    ],
    ids=["deactivated", "password", "deleted", "deactivated by a query", "password by a query"],
)


@IN_FLIGHT
def test_a_login_in_flight_is_refused_and_its_session_ends(
    visitor: Visitor, user: Any, meanwhile: Any, change: Any
) -> None:
    meanwhile(change)
    reply = visitor.login()
    assert (reply.status_code, reply.json()["code"]) == (401, "credentials_invalid")
    assert not reply.cookies.get("jwt_refresh")
    assert not Session.live().exists()


@IN_FLIGHT
def test_a_login_by_a_function_is_told(user: Any, meanwhile: Any, change: Any) -> None:
    meanwhile(change)
    with pytest.raises(JWTError) as raised:
        sessions.login(RequestFactory().post("/sso/"), another())
    assert (raised.value.code, raised.value.status) == ("user_changed", 409)
    assert not Session.live().exists()


def test_a_password_that_is_only_hashed_anew_refuses_no_login(
    visitor: Visitor, user: Any, meanwhile: Any
) -> None:
    meanwhile(by_query(password=make_password("pass")))
    assert visitor.login().status_code == 200
    assert visitor.refresh("refresh_access").status_code == 200


def test_a_login_in_a_transaction_is_looked_at_after_its_commit(user: Any) -> None:
    with transaction.atomic():
        sessions.login(RequestFactory().post("/sso/"), user)
        # As another transaction would, which does not see the row yet.
        by_query(is_active=False)()
        assert Session.live().exists()
    assert not Session.live().exists()


# --- users who changed without `save()` ---------------------------------------------------------

UNNOTICED = pytest.mark.parametrize(
    "change",
    [
        by_query(is_active=False),
        by_query(password=make_password("another")),
        lambda: get_user_model().objects.all()._raw_delete("default"),
    ],
    ids=["deactivated", "password", "deleted"],
)


def each_endpoint(visitor: Visitor) -> dict[str, int]:
    """The answers of the endpoints that judge a token without renewing it."""
    refresh = {"headers": visitor.headers("refresh"), "secure": True}
    return {
        "validate_access": visitor.post("/validate_access/").status_code,
        "validate_refresh": visitor.refresh("validate_refresh").status_code,
        "sessions": visitor.client.get(f"{REFRESH}/sessions/", **refresh).status_code,
        "logout_all": visitor.refresh("logout_all").status_code,
    }


def test_the_endpoints_that_judge_tokens_take_good_ones(visitor: Visitor, user: Any) -> None:
    visitor.login()
    assert set(each_endpoint(visitor).values()) == {200}


@UNNOTICED
def test_the_endpoints_judge_the_user_as_a_renewal_does(
    visitor: Visitor, user: Any, change: Any
) -> None:
    visitor.login()
    change()
    assert set(each_endpoint(visitor).values()) == {401}


def test_a_new_secret_key_refuses_as_at_a_renewal(
    visitor: Visitor, user: Any, settings: Any
) -> None:
    visitor.login()
    settings.SECRET_KEY = "another"
    assert set(each_endpoint(visitor).values()) == {401}


def test_another_user_under_the_same_key_is_not_the_user(visitor: Visitor, user: Any) -> None:
    visitor.login()
    # As after a restore, when the database gives the key away again.
    by_query(username="bob", password=make_password("pass"))()
    bob = Visitor(visitor.mode)
    assert bob.login("bob").status_code == 200
    assert set(each_endpoint(visitor).values()) == {401}
    assert bob.refresh("refresh_access").status_code == 200
    # A login of bob's is no "already authenticated" by the old token.
    reply = visitor.login("bob")
    assert reply.json().get("msg") != "User already authenticated."
    assert visitor.refresh("refresh_access").status_code == 200
