"""Other users, other keys, no CSRF middleware: the same library.

Run with `pytest --ds=tests.projects.uuid.settings tests/projects/uuid`.
"""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from djwto import tokens
from tests.conftest import Visitor

EMAIL = "ådne@example.com"


@pytest.fixture
def person(db: None) -> Any:
    return get_user_model().objects.create_user(EMAIL, password="pass")


def test_a_whole_visit(visitor: Visitor, person: Any) -> None:
    assert visitor.login(EMAIL).status_code == 200
    claims = tokens.decode_token(visitor.token("access"))
    assert claims["user"] == {"email": EMAIL, "id": str(person.pk), "perms": []}
    refresh = tokens.decode_token(visitor.token("refresh"))
    assert refresh["user"] == {"email": EMAIL, "id": str(person.pk)}
    assert visitor.get("/guarded/user_function/").json() == {"name": EMAIL}
    assert visitor.login(EMAIL).json()["msg"] == "User already authenticated."
    for name in ("refresh_access", "update_refresh", "validate_refresh", "logout"):
        assert visitor.refresh(name).status_code == 200, name
    assert visitor.refresh("refresh_access").status_code == 401


@pytest.mark.parametrize("how", ["application/x-www-form-urlencoded", "application/json"])
def test_the_name_comes_under_its_own_field_too(person: Any, settings: Any, how: str) -> None:
    settings.DJWTO_MODE = "JSON"

    def login(**fields: str) -> int:
        body = json.dumps(fields) if how.endswith("json") else urlencode(fields)
        return int(Client().post("/login/", body, content_type=how, secure=True).status_code)

    assert login(email=EMAIL, password="pass") == 200
    assert login(email=EMAIL, username=EMAIL, password="pass") == 200
    assert login(email=EMAIL, username="", password="pass") == 200
    assert login(email=EMAIL, password="wrong") == 401
    assert login(email=EMAIL, username="other@example.com", password="pass") == 400
    assert login(password="pass") == 401


def test_the_payload_cookie_is_ascii_json_with_sorted_keys(person: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    visitor = Visitor("TWO-COOKIES")
    visitor.login(EMAIL)
    morsel = visitor.client.cookies["jwt_access_payload"]
    assert morsel.coded_value == morsel.value
    text = base64.b64decode(morsel.value, validate=True).decode("ascii")
    claims = json.loads(text)
    assert text == json.dumps(claims, sort_keys=True, separators=(",", ":"))
    assert claims == tokens.decode_token(visitor.token("access"))


def test_tokens_are_signed_with_the_key_pair(visitor: Visitor, person: Any) -> None:
    visitor.login(EMAIL)
    header = visitor.token("access").split(".")[0]
    assert json.loads(base64.urlsafe_b64decode(header + "=="))["alg"] == "ES256"
