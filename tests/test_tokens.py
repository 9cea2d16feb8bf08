"""Claims and hooks."""

import subprocess
import sys
import time
from datetime import timedelta
from math import inf, nan
from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings
from django.http import HttpRequest

from djwto import conf, tokens
from djwto.exceptions import JWTIssueError, JWTValidationError

REQUEST = HttpRequest()


def test_a_refresh_token_is_lean(carol: Any) -> None:
    claims = tokens.process_claims(carol, REQUEST)
    assert claims["type"] == "refresh"
    assert claims["user"] == {"username": "carol", "id": carol.pk}
    assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "jti", "sid", "gen", "type", "user"}
    assert claims["exp"] - claims["iat"] == 86400


def test_an_access_token_goes_with_its_refresh_token(carol: Any) -> None:
    refresh = tokens.process_claims(carol, REQUEST)
    access = tokens.access_claims_of(carol, refresh)
    assert access["type"] == "access"
    assert access["sid"] == refresh["sid"]
    assert access["jti"] != refresh["jti"]
    assert access["refresh_iat"] == refresh["iat"]
    assert access["exp"] - access["iat"] == 300
    assert access["user"]["perms"] == ["auth.add_user", "auth.view_user"]


def test_each_login_has_its_own_sid(alice: Any) -> None:
    first, second = (tokens.process_claims(alice, REQUEST) for _ in range(2))
    assert first["sid"] != second["sid"]
    assert first["jti"] != second["jti"]


def test_without_an_access_lifetime_the_refresh_tokens_expiry_is_taken(
    alice: Any, settings: Any
) -> None:
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = None
    refresh = tokens.process_claims(alice, REQUEST)
    assert tokens.get_access_claims_from_refresh(refresh)["exp"] == refresh["exp"]


def test_without_lifetimes_there_is_no_exp(alice: Any, settings: Any) -> None:
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = settings.DJWTO_REFRESH_TOKEN_LIFETIME = None
    refresh = tokens.process_claims(alice, REQUEST)
    access = tokens.access_claims_of(alice, refresh)
    assert "exp" not in refresh
    assert "exp" not in access
    assert tokens.decode_token(tokens.encode_claims(access)) == access


def test_nbf_counts_from_the_issue(alice: Any, settings: Any) -> None:
    settings.DJWTO_NBF_LIFETIME = timedelta(minutes=1)
    claims = tokens.process_claims(alice, REQUEST)
    assert claims["nbf"] == claims["iat"] + 60
    with pytest.raises(JWTValidationError, match="not yet valid") as error:
        tokens.decode_token(tokens.encode_claims(claims))
    assert error.value.code == "token_not_yet_valid"


def test_switched_off_claims_are_absent_and_not_required(alice: Any, settings: Any) -> None:
    settings.DJWTO_IAT_CLAIM = settings.DJWTO_JTI_CLAIM = False
    refresh = tokens.process_claims(alice, REQUEST)
    access = tokens.access_claims_of(alice, refresh)
    assert not {"iat", "jti", "refresh_iat"} & (set(refresh) | set(access))
    assert tokens.decode_token(tokens.encode_claims(access)) == access


@pytest.mark.parametrize(
    ("claim", "setting"),
    [
        ("iss", "ISS_CLAIM"),
        ("sub", "SUB_CLAIM"),
        ("aud", "AUD_CLAIM"),
        ("exp", None),
        ("jti", None),
    ],
)
def test_a_missing_claim_is_named(alice: Any, claim: str, setting: str | None) -> None:
    claims = tokens.process_claims(alice, REQUEST)
    del claims[claim]
    with pytest.raises(JWTValidationError, match=f'Token is missing the "{claim}" claim'):
        tokens.decode_token(tokens.encode_claims(claims))


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [("iss", "Invalid issuer"), ("sub", "Invalid subject"), ("aud", "Audience doesn't match")],
)
def test_a_foreign_claim_is_refused(alice: Any, claim: str, sentence: str) -> None:
    claims = {**tokens.process_claims(alice, REQUEST), claim: "foreign"}
    with pytest.raises(JWTValidationError, match=sentence):
        tokens.decode_token(tokens.encode_claims(claims))


def test_one_shared_audience_is_enough(alice: Any, settings: Any) -> None:
    settings.DJWTO_AUD_CLAIM = ["b", "c"]
    claims = {**tokens.process_claims(alice, REQUEST), "aud": ["a", "b"]}
    assert tokens.decode_token(tokens.encode_claims(claims))["aud"] == ["a", "b"]


def test_a_future_iat_is_no_fault(alice: Any) -> None:
    claims = {**tokens.process_claims(alice, REQUEST), "iat": int(time.time()) + 3600}
    assert tokens.decode_token(tokens.encode_claims(claims)) == claims


def test_a_token_without_a_user_is_refused(alice: Any, settings: Any) -> None:
    claims = {**tokens.process_claims(alice, REQUEST), "user": {"username": "alice"}}
    with pytest.raises(JWTIssueError, match=r'there is no "user\.id"'):
        tokens.encode_claims(claims)
    foreign = jwt.encode(claims, settings.DJWTO_SIGNING_KEY, "HS256")
    with pytest.raises(JWTValidationError, match=r"Failed to validate token\."):
        tokens.decode_token(foreign)


def test_an_active_superuser_has_the_star(alice: Any) -> None:
    alice.is_superuser = True
    assert tokens.process_perms(alice) == ["*"]
    alice.is_active = False
    assert tokens.process_perms(alice) == []


@pytest.mark.parametrize("value", [object(), float("nan"), float("inf"), "\ud800"])
def test_claims_that_could_not_be_read_back_are_not_signed(alice: Any, value: object) -> None:
    with pytest.raises(JWTIssueError) as error:
        tokens.encode_claims({**tokens.process_claims(alice, REQUEST), "x": value})
    assert "eyJ" not in str(error.value)


def test_permissions_that_do_not_fit_are_left_out(alice: Any) -> None:
    refresh = tokens.process_claims(alice, REQUEST)
    access = tokens.access_claims_of(alice, refresh)
    access["user"]["perms"] = [f"app.permission_{number}" for number in range(300)]
    issued = tokens.issue(refresh, access, "TWO-COOKIES")
    assert issued.access_claims["user"]["perms"] == []
    assert issued.access_claims["user"]["perms_omitted"] is True
    assert len(access["user"]["perms"]) == 300


def test_a_token_that_never_fits_names_the_largest_claim(alice: Any) -> None:
    refresh = tokens.process_claims(alice, REQUEST)
    access = tokens.access_claims_of(alice, refresh)
    access["user"]["biography"] = "x" * 4000
    with pytest.raises(JWTIssueError, match=r'"user\.biography"'):
        tokens.issue(refresh, access, "ONE-COOKIE")
    assert tokens.issue(refresh, access, "JSON")


def test_a_token_is_read_as_the_kind_that_is_wanted(alice: Any) -> None:
    claims = tokens.process_claims(alice, REQUEST)
    text = tokens.encode_claims(claims)
    assert tokens.decode_token(text) == tokens.decode_token(text, "refresh") == claims
    assert tokens.decode_token(text, kind="refresh") == tokens.decode_token(text, kind=None)
    with pytest.raises(JWTValidationError) as caught:
        tokens.decode_token(text, kind="access")
    assert caught.value.code == "type_invalid"
    with pytest.raises(ValueError, match="access"):
        tokens.decode_token(text, "Access")


@pytest.mark.parametrize("now", [inf, -inf, nan])
def test_a_time_that_is_none_is_refused(alice: Any, now: float) -> None:
    text = tokens.encode_claims(tokens.process_claims(alice, REQUEST))
    engine = conf.engine()
    for ask in (
        lambda: engine.decode(text, None, now),
        lambda: engine.authenticate(f"Bearer {text}", None, "refresh", now),
        lambda: engine.login_claims(now),
        lambda: engine.access_claims(now),
        lambda: engine.access_claims(0, ends=now),
    ):
        with pytest.raises(ValueError, match="finite"):
            ask()


@pytest.mark.parametrize("now", [1e30, -1e30, 2.0**63, -(2.0**63), 2.0**64, 1.7e308])
def test_any_other_time_is_answered(alice: Any, now: float) -> None:
    text = tokens.encode_claims(tokens.process_claims(alice, REQUEST))
    engine = conf.engine()
    for _ in range(4):
        if now < 0:
            assert engine.decode(text, None, now)
            continue
        with pytest.raises(JWTValidationError, match="expired"):
            engine.decode(text, None, now)
    assert isinstance(engine.login_claims(now)["iat"], int)


def test_a_service_that_only_verifies_needs_no_database(alice: Any) -> None:
    text = tokens.encode_claims(tokens.process_claims(alice, REQUEST))
    script = """
import sys
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djwto"],
    DJWTO_SIGNING_KEY=sys.argv[1],
    DJWTO_ISS_CLAIM="iss", DJWTO_SUB_CLAIM="sub", DJWTO_AUD_CLAIM="aud",
    DJWTO_REVOCATION_INTERVAL=None,
)
import django
django.setup()
from djwto import tokens
print(tokens.decode_token(sys.argv[2], kind="refresh")["user"]["username"])
"""
    arguments = [script, django_settings.DJWTO_SIGNING_KEY, text]
    done = subprocess.run(
        [sys.executable, "-c", *arguments], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("alice\n", "")


def test_the_legacy_token_of_004_without_sid_is_read(alice: Any) -> None:
    claims = tokens.process_claims(alice, REQUEST)
    del claims["sid"]
    assert tokens.decode_token(tokens.encode_claims(claims)) == claims
