"""Changes of a user that end their sessions, for the tests of several projects."""

from typing import Any

import pytest

from tests.conftest import Visitor


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
