"""Sessions in a database of their own end when the database of the users commits, not before."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from djwto.models import Session
from tests.changes import CHANGES, is_in
from tests.conftest import Visitor
from tests.exporting import exported

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sessions"])


@pytest.fixture
def user() -> Any:
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
def test_a_savepoint_that_is_rolled_back_ends_nothing(
    visitor: Visitor, user: Any, change: Any
) -> None:
    visitor.login()
    with transaction.atomic(), transaction.atomic():
        change(user)
        transaction.set_rollback(True)
    assert is_in(visitor)


@CHANGES
def test_a_change_ends_sessions_when_it_is_committed(
    visitor: Visitor, user: Any, change: Any
) -> None:
    visitor.login()
    with transaction.atomic():
        change(user)
        assert Session.objects.get().revoked_at is None
    assert not is_in(visitor)
    assert visitor.refresh("refresh_access").status_code == 401


@CHANGES
def test_without_a_transaction_they_end_at_once(visitor: Visitor, user: Any, change: Any) -> None:
    visitor.login()
    change(user)
    assert not is_in(visitor)


def test_the_export_has_no_permissions() -> None:
    found = exported("--allow-shared-secret")
    assert found["capabilities"]["permissions"] == (
        "auth.User is in another database than djwto's sessions."
    )
