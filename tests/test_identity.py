"""The session of a token: guards, the database and the set of ended sessions mean the same one."""

import json
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from djwto import conf, sessions, tokens
from djwto._core import session_of
from djwto.exceptions import JWTValidationError
from djwto.models import Session
from tests.rows import opened
from tests.test_properties import identifiers, numbers, signed

SID = "6f1c7d0e-8c5b-4f2a-9d3e-2b1a0c9d8e7f"
LOOSE = "6f1c7d0e8c5b-4f2a9d3e2b1a0c9d8e7f"
"""A spelling that Python's `uuid.UUID` takes and RFC 9562 does not."""
REFRESH = "/api/token/refresh"
PARTIES = {"iss": "iss", "sub": "sub", "aud": "aud", "type": "access"}

spellings = [str, str.upper, lambda sid: f"{{{sid}}}", lambda sid: f"urn:uuid:{sid}"]
spellings += [lambda sid: sid.replace("-", ""), lambda sid: f"urn:{sid}", lambda sid: f"{sid}-"]
sids = st.builds(lambda spell, sid: spell(str(sid)), st.sampled_from(spellings), st.uuids())
NUMBERS = [-(2**63), -1, 0, 2**53 + 1, 2**63 - 1, -1e300, -(2.0**65), -0.5, 5e-324, 2.0**65, 1e300]
NO_TIMES = [-(2**63) - 1, 2**63, 2**64, 10**400, True, None, "9", [9]]
times = numbers | st.integers(0, 2**53) | st.sampled_from([*NUMBERS, *NO_TIMES])
times |= st.text(max_size=3)
users = st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
named = st.fixed_dictionaries(
    {"user": st.fixed_dictionaries({"id": users}, optional={"x": times})},
    optional={
        "sid": sids | identifiers,
        "jti": identifiers,
        "iat": times,
        "exp": times | st.just(2**40),
        "refresh_iat": times,
    },
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(claims=named)
@example(claims={"user": {"id": 7}})
@example(claims={"user": {"id": "7"}, "iat": 1, "exp": 2**40, "refresh_iat": "x"})
@example(claims={"user": {"id": 10**400}, "iat": -0.0})
@example(claims={"user": {"id": 7}, "iat": 1, "refresh_iat": 2**63})
@example(claims={"user": {"id": 7}, "refresh_iat": -(2**63) - 1})
@example(claims={"user": {"id": 7}, "sid": SID.upper()})
@example(claims={"user": {"id": 7}, "sid": LOOSE, "jti": "j"})
@example(claims={"user": {"id": 7}, "sid": "the login", "jti": "j"})
def test_a_guard_refuses_a_token_where_the_database_says_that_its_session_ended(
    db: None, any_claims_will_do: None, claims: dict[str, Any]
) -> None:
    conf.ended_sessions.forget_before(2**63 - 1)
    text = json.dumps(claims | PARTIES)
    header = f"Bearer {signed(text)}"
    try:
        seen = conf.engine().authenticate(header, None, "access", time.time())
    except JWTValidationError:
        assert is_refused(header)
        return
    key = sessions.session_id_of(seen.claims)
    assert seen.session == str(key) == session_of(seen.claims)
    Session.objects.update_or_create(
        pk=key, defaults=fields() | {"revoked_at": None, "generation": 1}
    )
    assert sessions.is_live(seen.claims)
    assert not is_refused(header)
    assert sessions.end(seen.session)
    assert not sessions.is_live(seen.claims)
    assert is_refused(header)


@pytest.mark.parametrize("name", ["iat", "refresh_iat", "exp"])
@pytest.mark.parametrize("value", [*NUMBERS, *NO_TIMES], ids=lambda value: str(value)[:24])
def test_what_is_a_time_for_a_guard_is_one_elsewhere(
    any_claims_will_do: None, name: str, value: Any
) -> None:
    header = f"Bearer {signed(json.dumps(PARTIES | {'user': {'id': 7}, name: value}))}"
    if value in NO_TIMES and name != "refresh_iat":
        with pytest.raises(JWTValidationError, match=f'"{name}" has the wrong type'):
            conf.engine().authenticate(header, None, "access", -1e308)
        return
    seen = conf.engine().authenticate(header, None, "access", -1e308)
    assert seen.session == session_of(seen.claims)
    has_no_time = seen.session == session_of({"user": {"id": 7}})
    assert has_no_time == (value in NO_TIMES)


@pytest.mark.parametrize(
    "key", [7, -(2**63) - 1, 2**63, 10**4299, "7", "é"], ids=lambda key: str(key)[:24]
)
def test_any_key_names_one_session(any_claims_will_do: None, key: Any) -> None:
    header = f"Bearer {signed(json.dumps(PARTIES | {'user': {'id': key}}))}"
    seen = conf.engine().authenticate(header, None, "access", 0.0)
    assert seen.session == session_of(seen.claims) is not None


def test_a_number_too_long_for_a_token_names_no_session() -> None:
    assert session_of({"user": {"id": 10**4300}}) is None
    assert session_of({"user": {"id": 7}, "iat": 10**4300}) == session_of({"user": {"id": 7}})


@pytest.mark.parametrize("sid", [LOOSE, "the login", f"urn:{SID}", "{" + SID])
def test_a_sid_that_names_no_session_opens_nothing(alice: Any, sid: str) -> None:
    client = Client()
    issued = client.post("/login/", {"username": "alice", "password": "pass"}, secure=True).json()
    claims = tokens.decode_token(issued["access"]) | {"sid": sid}
    header = f"Bearer {tokens.encode_claims(claims)}"
    assert session_of(claims) is None
    for path in ("/guarded/function/", "/validate_access/"):
        method = client.get if "guarded" in path else client.post
        reply = method(path, headers={"authorization": header}, secure=True)
        assert reply.json()["code"] == "session_unknown"


def test_logging_out_an_old_access_token_that_only_expires_ends_it(
    alice: Any, settings: Any
) -> None:
    settings.DJWTO_JTI_CLAIM = settings.DJWTO_IAT_CLAIM = False
    access = {"iss": "iss", "sub": "sub", "aud": "aud", "exp": int(time.time()) + 300}
    access |= {"type": "access", "user": {"username": "alice", "id": alice.pk}}
    path = f"{REFRESH}/logout/"
    assert not is_refused(bearer(access)["authorization"])
    assert Client().delete(path, headers=bearer(access), secure=True).status_code == 204
    assert is_refused(bearer(access)["authorization"])
    assert not sessions.own(alice.pk).exists()


@pytest.mark.parametrize("with_jti", [False, True])
def test_logging_out_an_old_access_token_ends_its_refresh_token(
    alice: Any, settings: Any, *, with_jti: bool
) -> None:
    settings.DJWTO_JTI_CLAIM = with_jti
    now = int(time.time())
    old = {"iss": "iss", "sub": "sub", "aud": "aud", "iat": now - 9, "exp": now + DAY}
    old |= {"type": "refresh", "user": {"username": "alice", "id": alice.pk}}
    old |= {"jti": "shared"} if with_jti else {}
    access = old | {"type": "access", "iat": now, "exp": now + 300, "refresh_iat": now - 9}
    assert session_of(old) == session_of(access)
    client, path = Client(), f"{REFRESH}/logout/"
    assert client.delete(path, headers=bearer(access), secure=True).status_code == 204
    for name in ("validate_refresh", "refresh_access", "update_refresh"):
        reply = client.post(f"{REFRESH}/{name}/", headers=bearer(old), secure=True)
        assert reply.json()["code"] == "token_blacklisted"
    reply = client.get("/guarded/function/", headers=bearer(access), secure=True)
    assert reply.json()["code"] == "token_blacklisted"


def test_an_old_access_token_outlives_the_renewal_of_its_refresh_token(
    alice: Any, settings: Any
) -> None:
    settings.DJWTO_ROTATE_REFRESH = True
    now = int(time.time())
    old = {"iss": "iss", "sub": "sub", "aud": "aud", "iat": now, "exp": now + DAY, "jti": "j"}
    old |= {"type": "refresh", "user": {"username": "alice", "id": alice.pk}}
    access = old | {"type": "access", "exp": now + 300}
    client = Client()
    path = f"{REFRESH}/refresh_access/"
    assert client.post(path, headers=bearer(old), secure=True).status_code == 200
    # The renewal blacklists its `jti`, and the session goes on.
    assert not is_refused(bearer(access)["authorization"])
    assert client.post("/validate_access/", headers=bearer(access), secure=True).status_code == 200
    sessions.end_all(alice)
    assert is_refused(bearer(access)["authorization"])
    assert client.post("/validate_access/", headers=bearer(access), secure=True).status_code == 401


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"user": None},
        {"user": {"id": True}},
        {"user": {"id": 1.5}},
        {"user": {"id": None}},
        {"sid": None, "jti": "j"},
        {"sid": 7, "jti": "j"},
        {"jti": 7, "user": {"id": 7}},
    ],
    ids=str,
)
def test_claims_of_no_session_have_no_name(claims: dict[str, Any]) -> None:
    assert session_of(claims) is None


def test_a_session_is_the_tokens_own_whatever_a_project_does_to_its_claims(alice: Any) -> None:
    client = Client()
    issued = client.post("/login/", {"username": "alice", "password": "pass"}, secure=True).json()
    seen = conf.engine().authenticate(f"Bearer {issued['access']}", None, "access", time.time())
    seen.claims["sid"] = str(uuid.uuid4())
    assert seen.session == str(Session.objects.get().pk)


DAY = 86_400


@pytest.fixture
def any_claims_will_do(settings: Any) -> None:
    settings.DJWTO_JTI_CLAIM = settings.DJWTO_IAT_CLAIM = False
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = settings.DJWTO_REFRESH_TOKEN_LIFETIME = None


def bearer(claims: dict[str, Any]) -> dict[str, str]:
    return {"authorization": f"Bearer {tokens.encode_claims(claims)}"}


def is_refused(header: str) -> bool:
    reply = Client().get("/guarded/function/", headers={"authorization": header}, secure=True)
    assert reply.status_code in (200, 401)
    return reply.status_code == 401


def fields() -> dict[str, Any]:
    row = opened(User(pk=7), "JSON", time.time(), timedelta(days=1))
    names = [field.name for field in Session._meta.fields if not field.primary_key]
    return {name: getattr(row, name) for name in names}
