"""A name that JSON has no type for is text in the tokens.

Run with `pytest --ds=tests.projects.phones.settings tests/projects/phones`.
"""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from djwto import sessions, tokens
from tests.conftest import Visitor
from tests.projects.phones.callers.models import PhoneNumber

PHONE = "+4712345678"


@pytest.fixture
def caller(db: None) -> Any:
    user = get_user_model().objects.create_user(PhoneNumber("+47 1234 5678"), password="pass")
    return get_user_model().objects.get(pk=user.pk)


def test_a_whole_visit(visitor: Visitor, caller: Any) -> None:
    assert visitor.login(PHONE).status_code == 200
    lean = {"phone": PHONE, "id": caller.pk}
    assert tokens.decode_token(visitor.token("access"))["user"] == lean | {"perms": []}
    assert tokens.decode_token(visitor.token("refresh"))["user"] == lean
    for name in ("refresh_access", "update_refresh"):
        assert visitor.refresh(name).status_code == 200, name
        assert tokens.decode_token(visitor.token("access"))["user"]["phone"] == PHONE


def test_the_functions_that_projects_call(caller: Any, rf: Any) -> None:
    request = rf.post("/", secure=True)
    assert sessions.login(request, caller).status_code == 200
    for kind in ("refresh", "access"):
        claims = tokens.process_claims(caller, request, kind)
        assert tokens.decode_token(tokens.encode_claims(claims), kind) == claims
        assert claims["user"]["phone"] == PHONE


def test_no_spelling_of_a_number_has_attempts_of_its_own(caller: Any, settings: Any) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 3}
    fields = [
        {"phone": "+47 1234 5678"},
        {"username": "+4712345678"},
        {"phone": " +47 12 34 56 78 ", "username": " +47 12 34 56 78 "},
    ]
    for one in fields:
        right = Client().post("/login/", {**one, "password": "pass"}, secure=True)
        assert right.status_code == 200, right.content
    wrong = [{**one, "password": "wrong"} for one in (*fields, fields[0])]
    replies = [Client().post("/login/", one, secure=True).status_code for one in wrong]
    assert replies == [401, 401, 401, 429]
