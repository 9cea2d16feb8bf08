"""Users who change in a transaction, or while a login or a renewal is in flight."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from djwto import receivers
from djwto.models import Session
from tests.conftest import Visitor


@pytest.fixture
def user(transactional_db: None) -> Any:
    return get_user_model().objects.create_user("alice", password="pass")


def deactivate(user: Any) -> None:
    user.is_active = False
    user.save()


def change_password(user: Any) -> None:
    user.set_password("another")
    user.save()


def delete(user: Any) -> None:
    user.delete()


CHANGES = pytest.mark.parametrize("change", [deactivate, change_password, delete])


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/guarded/function/").status_code == 200


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
