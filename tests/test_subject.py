"""`DJWTO_USER_AS_SUB`: the user's key in `sub`, of both tokens."""

import uuid
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory, override_settings

from djwto import conf, tokens
from djwto.exceptions import JWTValidationError
from tests.conftest import Visitor

REFRESH = "/api/token/refresh"
RENEWALS = ("refresh_access", "update_refresh")


@pytest.fixture(autouse=True)
def user_as_sub(settings: Any) -> None:
    settings.DJWTO_SUB_CLAIM = None
    settings.DJWTO_USER_AS_SUB = True


def test_both_tokens_name_the_user_at_login_and_at_renewals(visitor: Visitor, alice: Any) -> None:
    visitor.login()
    for name in (*RENEWALS, *RENEWALS):
        for kind in ("access", "refresh"):
            assert tokens.decode_token(visitor.token(kind), kind)["sub"] == str(alice.pk)
        assert visitor.refresh(name).status_code == 200
    assert visitor.get("/guarded/function/").status_code == 200


@pytest.mark.parametrize("key", ["seven", uuid.UUID(int=7), 10**30], ids=str)
def test_the_subject_is_what_the_hook_says(
    alice: Any, monkeypatch: pytest.MonkeyPatch, key: Any
) -> None:
    monkeypatch.setattr(tokens, "process_user", lambda _: {"username": "alice", "id": key})
    for kind in ("refresh", "access"):
        claims = tokens.process_claims(alice, RequestFactory().get("/"), kind)
        assert tokens.decode_token(tokens.encode_claims(claims), kind)["sub"] == str(key)
    access = tokens.get_access_claims_from_refresh(claims | {"type": "refresh"})
    assert access["sub"] == str(key)


def test_a_hook_of_claims_cannot_say_another(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    original = tokens.process_claims
    monkeypatch.setattr(tokens, "process_claims", lambda *a: original(*a) | {"sub": "another"})
    program = Visitor("JSON")
    assert program.login().status_code == 200
    for kind in ("access", "refresh"):
        assert tokens.decode_token(program.token(kind))["sub"] == str(alice.pk)


def test_a_token_of_before_is_good_until_it_expires(visitor: Visitor, alice: Any) -> None:
    with override_settings(DJWTO_USER_AS_SUB=False):
        visitor.login()
        assert "sub" not in tokens.decode_token(visitor.token("refresh"))
    assert visitor.get("/guarded/function/").status_code == 200
    assert visitor.refresh("refresh_access").status_code == 200
    assert tokens.decode_token(visitor.token("access"))["sub"] == str(alice.pk)


@pytest.mark.parametrize("sub", ["", "0", "{}0", " {}", "alice"])
def test_a_token_of_another_subject_is_refused(alice: Any, sub: str) -> None:
    program = Visitor("JSON")
    program.login()
    other = {"sub": sub.format(alice.pk)}
    access = tokens.encode_claims(tokens.decode_token(program.token("access")) | other)
    refresh = tokens.encode_claims(tokens.decode_token(program.token("refresh")) | other)
    with pytest.raises(JWTValidationError, match="Invalid subject"):
        tokens.decode_token(access)
    replies = [Client().get("/guarded/function/", headers=bearer(access), secure=True)]
    for name in (*RENEWALS, "validate_refresh"):
        path = f"{REFRESH}/{name}/"
        replies.append(Client().post(path, headers=bearer(refresh), secure=True))
    assert {reply.json()["code"] for reply in replies} == {"subject_invalid"}


def test_two_settings_that_say_what_sub_is_are_an_error(settings: Any) -> None:
    settings.DJWTO_SUB_CLAIM = "portal"
    assert "djwto.E041" in {message.id for message in run_checks()}
    with pytest.raises(ImproperlyConfigured, match="DJWTO_USER_AS_SUB: expected False, because"):
        conf.engine()


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
