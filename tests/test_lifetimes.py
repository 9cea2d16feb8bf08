"""Lifetimes at the end of time: refused as settings, cut in hooks; no token lacks its `exp`."""

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory, override_settings
from hypothesis import example, given
from hypothesis import strategies as st

from djwto import conf, sessions, times, tokens
from djwto.checks import SETTING_IDS
from djwto.exceptions import JWTIssueError
from djwto.models import Session
from djwto.settings import DEFAULT_THROTTLE
from tests.conftest import Visitor
from tests.rows import opened

LATEST = times.LATEST // times.SECOND
TO_YEAR_9998 = datetime(9998, 1, 2, tzinfo=timezone.utc) - datetime.now(timezone.utc)
TOO_LONG = (timedelta.max, timedelta(days=365 * 8000), TO_YEAR_9998)
LIFETIMES = ("ACCESS_TOKEN_LIFETIME", "REFRESH_TOKEN_LIFETIME", "SESSION_LIFETIME", "NBF_LIFETIME")
DELAYS = ("REFRESH_GRACE", "REVOCATION_INTERVAL", "REVOCATION_MAX_AGE")


@pytest.mark.parametrize("value", TOO_LONG, ids=str)
@pytest.mark.parametrize("name", [*LIFETIMES, *DELAYS, "LOGIN_THROTTLE"])
def test_a_setting_that_reaches_the_end_of_time_is_refused(name: str, value: timedelta) -> None:
    wrong = {"window": value} if name == "LOGIN_THROTTLE" else value
    with override_settings(**{f"DJWTO_{name}": wrong}):
        assert SETTING_IDS[name] in {message.id for message in run_checks()}
        with pytest.raises(ImproperlyConfigured, match=rf"DJWTO_{name}: expected .*timedelta"):
            conf.engine()


@pytest.mark.parametrize("name", ["ACCESS_TOKEN_LIFETIME", "REFRESH_TOKEN_LIFETIME"])
def test_a_long_lifetime_is_a_lifetime(visitor: Visitor, alice: Any, name: str) -> None:
    with override_settings(**{f"DJWTO_{name}": TO_YEAR_9998 - timedelta(days=9)}):
        visits(visitor)


@pytest.mark.parametrize("lifetime", [*TOO_LONG, timedelta(days=365 * 7000)], ids=str)
def test_a_login_ends_with_time(
    visitor: Visitor, alice: Any, monkeypatch: pytest.MonkeyPatch, lifetime: timedelta
) -> None:
    monkeypatch.setattr(tokens, "process_lifetime", lambda *_: lifetime)
    visits(visitor)
    expected = min(time.time() + lifetime.total_seconds(), LATEST)
    assert abs(expected - tokens.decode_token(visitor.token("refresh"))["exp"]) < 60
    row = Session.objects.get()
    assert row.ends_at < times.NEVER
    assert row.expires_at < times.NEVER


def test_a_login_of_the_function_ends_with_time(alice: Any) -> None:
    request = RequestFactory().post("/", secure=True)
    assert sessions.login(request, alice, lifetime=timedelta.max).status_code == 200
    assert Session.objects.get().ends_at == times.LATEST


@pytest.mark.parametrize(
    "lifetime", [300, "1 day", timedelta(seconds=-1), timedelta(microseconds=1)]
)
def test_what_is_no_lifetime_is_named(
    alice: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    lifetime: Any,
) -> None:
    request = RequestFactory().post("/", secure=True)
    with pytest.raises(JWTIssueError, match="the lifetime of a login must be a timedelta"):
        sessions.login(request, alice, lifetime=lifetime)
    monkeypatch.setattr(tokens, "process_lifetime", lambda *_: lifetime)
    reply = Visitor("JSON").login()
    assert (reply.status_code, reply.json()["code"]) == (500, "processing_failed")
    assert "the lifetime of a login must be a timedelta" in caplog.text
    assert not Session.objects.exists()


@pytest.mark.parametrize("exp", [10**12, 2**63 - 1, 10**18, 1e18, 1e300, LATEST, LATEST + 10**6])
def test_an_exp_of_the_hook_of_claims_ends_with_time(
    visitor: Visitor, alice: Any, monkeypatch: pytest.MonkeyPatch, exp: float
) -> None:
    original = tokens.process_claims
    monkeypatch.setattr(tokens, "process_claims", lambda *a: original(*a) | {"exp": exp})
    visitor.login()
    assert tokens.decode_token(visitor.token("refresh"))["exp"] == LATEST
    visits(visitor)


def test_a_hook_that_leaves_exp_out_leaves_it_to_the_settings(
    visitor: Visitor, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = tokens.process_claims

    def without(*args: Any) -> Any:
        return {name: value for name, value in original(*args).items() if name != "exp"}

    monkeypatch.setattr(tokens, "process_claims", without)
    visits(visitor)
    left = tokens.decode_token(visitor.token("refresh"))["exp"] - time.time()
    assert abs(left - 86_400) < 60


@pytest.mark.parametrize("name", ["exp", "iat"])
@pytest.mark.parametrize("value", [None, "soon", datetime(2030, 1, 1, tzinfo=timezone.utc), []])
def test_a_time_of_the_hook_that_is_none_is_named(
    alice: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    original = tokens.process_claims
    monkeypatch.setattr(tokens, "process_claims", lambda *a: original(*a) | {name: value})
    with pytest.raises(JWTIssueError, match=f'the claim "{name}"'):
        sessions.login(RequestFactory().post("/", secure=True), alice)
    assert Visitor("JSON").login().status_code == 500


@pytest.mark.parametrize("value", ["alice", None, ["alice"]])
def test_a_user_of_the_hook_that_is_no_dict_is_named(
    alice: Any, monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    original = tokens.process_claims
    monkeypatch.setattr(tokens, "process_claims", lambda *a: original(*a) | {"user": value})
    with pytest.raises(JWTIssueError, match='expected a dict as the claim "user"'):
        sessions.login(RequestFactory().post("/", secure=True), alice)
    assert Visitor("JSON").login().status_code == 500


@pytest.mark.parametrize("exp", [10**12, 2**63 - 1, 1e300])
@pytest.mark.parametrize("lifetime", [None, timedelta(minutes=5)])
def test_the_successor_of_an_old_token_without_end_has_one(
    visitor: Visitor, alice: Any, settings: Any, exp: float, lifetime: timedelta | None
) -> None:
    settings.DJWTO_ROTATE_REFRESH = True
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = lifetime
    visitor.login()
    old = tokens.decode_token(visitor.token("refresh")) | {"exp": exp, "jti": f"{exp} {lifetime}"}
    del old["sid"], old["gen"]
    text = tokens.encode_claims(old)
    if visitor.mode == "JSON":
        visitor.tokens["refresh"] = text
    else:
        visitor.client.cookies["jwt_refresh"] = text
    assert visitor.refresh("refresh_access").status_code == 200
    assert tokens.decode_token(visitor.token("refresh"))["exp"] == LATEST
    assert visitor.get("/guarded/function/").status_code == 200
    assert visitor.refresh("update_refresh").status_code == 200


def test_a_grace_longer_than_an_access_token_lives_is_warned_of(settings: Any) -> None:
    settings.DJWTO_REFRESH_GRACE = settings.DJWTO_ACCESS_TOKEN_LIFETIME
    assert "djwto.W032" not in {message.id for message in run_checks()}
    settings.DJWTO_REFRESH_GRACE += timedelta(seconds=1)
    assert "djwto.W032" in {message.id for message in run_checks()}
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = None
    assert "djwto.W032" not in {message.id for message in run_checks()}


@pytest.mark.parametrize(
    ("iss", "aud", "is_warned"),
    [(None, None, True), ("iss", None, False), (None, "aud", False), ("iss", ["aud"], False)],
)
def test_tokens_of_nowhere_for_anything_are_warned_of_in_production(
    settings: Any, iss: Any, aud: Any, *, is_warned: bool
) -> None:
    settings.DJWTO_ISS_CLAIM, settings.DJWTO_AUD_CLAIM = iss, aud
    assert "djwto.W033" not in {message.id for message in run_checks()}
    found = {message.id for message in run_checks(include_deployment_checks=True)}
    assert ("djwto.W033" in found) is is_warned


def test_the_default_window_is_a_lifetime() -> None:
    assert times.is_bounded(DEFAULT_THROTTLE["window"])


def visits(visitor: Visitor) -> None:
    assert visitor.login().status_code == 200
    for name in ("refresh_access", "update_refresh", "validate_refresh"):
        assert visitor.refresh(name).status_code == 200, name
        for kind in ("access", "refresh"):
            assert tokens.decode_token(visitor.token(kind), kind)["exp"] <= LATEST
        assert visitor.get("/guarded/function/").status_code == 200


@given(st.floats(1e9, 4e9))
@example(1795842049.0975187)
@example(1796402110.1199794)
def test_a_lifetime_that_is_cut_ends_when_time_does(now: float) -> None:
    row = opened(User(pk=7), "JSON", now, timedelta.max)
    assert row.lifetime is not None
    assert times.micros(now) + row.lifetime // timedelta(microseconds=1) == times.LATEST
    assert row.ends_at == times.LATEST
