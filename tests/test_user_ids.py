"""A token names a user by `user.id`: what is none is refused, and breaks nothing."""

import json
from typing import Any

import pytest
from django.test import Client

from djwto import tokens
from tests.test_properties import access_claims, signed

PATHS = [
    ("get", "/guarded/function/", "access"),
    ("get", "/guarded/user_function/", "access"),
    ("post", "/validate_access/", "access"),
    ("post", "/api/token/refresh/validate_refresh/", "refresh"),
    ("post", "/api/token/refresh/refresh_access/", "refresh"),
    ("post", "/api/token/refresh/update_refresh/", "refresh"),
    ("post", "/api/token/refresh/logout/", "refresh"),
]
GONE = object()


def answers(user: Any, kind: str, *, sid: bool = True) -> list[Any]:
    claims = access_claims() | {"type": kind, "user": user, "jti": str(user)[:99]}
    if user is GONE:
        del claims["user"]
    if not sid:
        del claims["sid"]
    text = json.dumps(claims)
    header = {"authorization": f"Bearer {signed(text)}"}
    return [
        getattr(Client(), method)(path, headers=header, secure=True)
        for method, path, wanted in PATHS
        if wanted == kind
    ]


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize(
    "user",
    [
        *(GONE, None, "alice", 7, True, [], [{"id": 1}], {}, {"username": "alice"}, {"ID": 1}),
        *(
            {"id": id_}
            for id_ in (None, True, False, 1.0, 1.5, -0.0, 1e300, "", [], [1], {}, {"id": 1})
        ),
    ],
    ids=str,
)
def test_a_token_without_a_users_id_is_refused(db: None, user: Any, kind: str) -> None:
    for reply in answers(user, kind):
        assert reply.status_code == 401
        assert reply.json() == {"error": "Failed to validate token.", "code": "user_missing"}


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("sid", [True, False])
@pytest.mark.parametrize(
    "user",
    [0, -1, 2**63, -(2**63) - 1, 10**400, " ", "\0", "x" * 3000, "é", "1 OR 1=1", "None", "\u0667"],
    ids=lambda user: str(user)[:20],
)
def test_an_id_of_no_user_finds_none(db: None, user: Any, kind: str, *, sid: bool) -> None:
    for reply in answers({"id": user, "username": "x"}, kind, sid=sid):
        assert reply.status_code in {200, 401, 403}, reply.content


def test_a_number_of_more_digits_than_python_reads_is_no_fault(db: None) -> None:
    text = json.dumps(access_claims()).replace(": 7", ": " + "9" * 5000)
    assert "9" * 5000 in text
    for path in ("/guarded/function/", "/guarded/user_function/"):
        header = {"authorization": f"Bearer {signed(text)}"}
        assert Client().get(path, headers=header, secure=True).status_code in {200, 401}


@pytest.mark.parametrize("id_", [7, "7", 2**70, "é"])
def test_an_id_is_read_as_it_was_written(db: None, id_: Any) -> None:
    claims = access_claims() | {"user": {"id": id_, "username": "x"}}
    assert tokens.decode_token(tokens.encode_claims(claims))["user"]["id"] == id_
