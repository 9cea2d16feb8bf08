"""A name that is a foreign key is text in the tokens, and so is a key that is one.

Run with `pytest --ds=tests.projects.badges.settings tests/projects/badges`.
"""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from djwto import tokens
from tests.conftest import Visitor
from tests.projects.badges.staff.models import Badge, Employment


@pytest.fixture
def member(db: None) -> Any:
    badge = Badge.objects.create(code="B-7")
    employment = Employment.objects.create(number=1234)
    create = get_user_model().objects.create_user
    member = create(badge, password="pass", employment=employment)
    return get_user_model().objects.get(pk=member.pk)


def test_a_whole_visit(visitor: Visitor, member: Any) -> None:
    assert visitor.login("B-7").status_code == 200
    lean = {"badge": "B-7", "id": "1234"}
    for name in ("refresh_access", "update_refresh"):
        access = tokens.decode_token(visitor.token("access"), "access")
        refresh = tokens.decode_token(visitor.token("refresh"), "refresh")
        assert (access["user"], refresh["user"]) == (lean | {"perms": []}, lean)
        assert access["sub"] == refresh["sub"] == "1234"
        assert visitor.refresh(name).status_code == 200, name
    assert visitor.get("/guarded/function/").status_code == 200


def test_the_name_comes_under_its_own_field_too(member: Any) -> None:
    for name, status in (("B-7", 200), ("B-8", 401), ("", 401), ("x" * 300, 401)):
        fields = {"badge": name, "password": "pass"}
        assert Client().post("/login/", fields, secure=True).status_code == status, name
