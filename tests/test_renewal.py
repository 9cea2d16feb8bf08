"""Renewals under rotation: retries, replays, limits, changed users, tokens of 0.0.4."""

import base64
import json
import time
import uuid
from datetime import timedelta
from functools import partial
from typing import Any

import jwt
import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import router
from django.db.models import F
from django.test import Client

from djwto import receivers, sessions, signals, times, tokens
from djwto.models import JWTBlacklist, Session
from tests.conftest import Visitor, micros_of

RENEWALS = ("refresh_access", "update_refresh")
DAY = 86_400


@pytest.fixture
def browser(settings: Any, alice: Any) -> Visitor:
    """Alice in a browser."""
    settings.DJWTO_MODE = "ONE-COOKIE"
    visitor = Visitor("ONE-COOKIE")
    visitor.login()
    return visitor


@pytest.fixture
def reused() -> Any:
    """The arguments of every `jwt_reuse_detected`."""
    seen: list[Any] = []

    def receive(**kwargs: Any) -> None:
        seen.append(kwargs)

    signals.jwt_reuse_detected.connect(receive)
    yield seen
    signals.jwt_reuse_detected.disconnect(receive)


def present(browser: Visitor, refresh: str, name: str = "refresh_access") -> Any:
    """Send this refresh token instead of that of the browser."""
    browser.client.cookies["jwt_refresh"] = refresh
    return browser.refresh(name)


def pass_by(**by: float) -> None:
    """Let time pass in the database: what happened, happened earlier."""
    back = micros_of(timedelta(**by))
    Session.objects.update(
        rotated_at=F("rotated_at") - back, previously_rotated_at=F("previously_rotated_at") - back
    )


def claims(token: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


@pytest.mark.parametrize("name", RENEWALS)
def test_who_comes_again_late_gets_an_access_token_with_time_left(
    browser: Visitor, settings: Any, name: str
) -> None:
    settings.DJWTO_REFRESH_GRACE = timedelta(hours=1)
    old = browser.token("refresh")
    assert present(browser, old, name).status_code == 200
    refresh, access = browser.token("refresh"), claims(browser.token("access"))
    late = timedelta(minutes=20)
    Session.objects.update(
        renewed_at=F("renewed_at") - micros_of(late),
        access_until=F("access_until") - micros_of(late),
    )
    pass_by(minutes=20)
    assert present(browser, old, name).status_code == 200
    again = claims(browser.token("access"))
    assert 295 <= again["exp"] - time.time() <= 300
    assert again["jti"] != access["jti"]
    assert browser.get("/guarded/function/").status_code == 200
    # An end of the session reaches it.
    row = Session.objects.get()
    assert row.access_until == again["exp"] * times.SECOND
    if name == "refresh_access":
        assert browser.token("refresh") == refresh
    assert present(browser, browser.token("refresh")).status_code == 200


@pytest.mark.parametrize("first", RENEWALS)
@pytest.mark.parametrize("again", RENEWALS)
def test_whoever_comes_again_gets_the_same_successor(
    browser: Visitor, first: str, again: str
) -> None:
    old = browser.token("refresh")
    assert present(browser, old, first).status_code == 200
    pair = browser.token("refresh"), browser.token("access")
    pass_by(seconds=9)
    assert present(browser, old, again).status_code == 200
    assert (browser.token("refresh"), browser.token("access")) == pair
    assert present(browser, pair[0]).status_code == 200


def test_refresh_access_keeps_the_times_and_update_refresh_moves_them(
    browser: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = micros_of(timedelta(hours=1))
    Session.objects.update(issued_at=F("issued_at") - hour, expires_at=F("expires_at") - hour)
    row = Session.objects.get()
    browser.refresh("refresh_access")
    kept = claims(browser.token("refresh"))
    assert (kept["iat"], kept["gen"]) == (row.issued_at // times.SECOND, 2)
    assert kept["exp"] == row.expires_at // times.SECOND
    browser.refresh("update_refresh")
    moved = claims(browser.token("refresh"))
    assert moved["iat"] >= kept["iat"] + 3600
    assert moved["exp"] - moved["iat"] == DAY
    assert moved["gen"] == 3


@pytest.mark.parametrize("name", RENEWALS)
def test_a_replay_ends_the_session(browser: Visitor, reused: list[Any], name: str) -> None:
    old = browser.token("refresh")
    browser.refresh("refresh_access")
    new, access = browser.token("refresh"), browser.token("access")
    pass_by(seconds=10)
    reply = present(browser, old, name)
    assert (reply.status_code, reply.json()["code"]) == (401, "refresh_reused")
    assert not reply.cookies
    assert reused[0]["sender"] in ("RefreshAccessView", "UpdateRefreshView")
    assert reused[0]["refresh_claims"]["jti"] == claims(old)["jti"]
    assert Session.objects.get().revoked_reason == "reuse"
    assert browser.get("/guarded/function/").json()["code"] == "token_blacklisted"
    assert present(browser, new).json()["code"] == "token_blacklisted"
    assert access


def test_a_late_tab_is_told_and_nothing_is_ended(browser: Visitor, reused: list[Any]) -> None:
    old = browser.token("refresh")
    browser.refresh("refresh_access")
    browser.refresh("refresh_access")
    latest = browser.token("refresh")
    reply = present(browser, old)
    assert (reply.status_code, reply.json()["code"]) == (409, "refresh_superseded")
    assert not reply.cookies
    assert not reused
    assert present(browser, latest).status_code == 200
    # Nor after the grace of the second renewal, while that of the first is what counts.
    pass_by(seconds=10)
    assert present(browser, old).json()["code"] == "refresh_reused"


def test_an_older_generation_is_reuse_however_soon(browser: Visitor) -> None:
    old = browser.token("refresh")
    for _ in range(3):
        browser.refresh("refresh_access")
    assert present(browser, old).json()["code"] == "refresh_reused"


def test_without_a_grace_every_second_time_is_reuse(browser: Visitor, settings: Any) -> None:
    settings.DJWTO_REFRESH_GRACE = None
    old = browser.token("refresh")
    browser.refresh("refresh_access")
    assert present(browser, old).json()["code"] == "refresh_reused"


def test_a_clock_that_was_set_back_ends_nothing(browser: Visitor) -> None:
    old = browser.token("refresh")
    browser.refresh("refresh_access")
    latest = browser.token("refresh")
    pass_by(hours=-1)
    assert present(browser, old).json()["code"] == "refresh_superseded"
    assert present(browser, latest).status_code == 200


def test_validate_tells_and_ends_nothing(browser: Visitor) -> None:
    old = browser.token("refresh")
    browser.refresh("refresh_access")
    new = browser.token("refresh")
    assert present(browser, old, "validate_refresh").status_code == 200
    present(browser, new)
    latest = browser.token("refresh")
    for seconds in (0, 10):
        pass_by(seconds=seconds)
        reply = present(browser, old, "validate_refresh")
        assert (reply.status_code, reply.json()["code"]) == (401, "refresh_reused")
    assert present(browser, latest, "validate_refresh").status_code == 200


def test_logout_takes_any_generation(browser: Visitor) -> None:
    old = browser.token("refresh")
    for _ in range(3):
        browser.refresh("refresh_access")
    assert present(browser, old, "logout").status_code == 200
    assert JWTBlacklist.is_blacklisted(claims(old)["jti"])
    assert not Session.live().exists()


def test_a_cookies_token_is_rotated_in_a_header_too(browser: Visitor, settings: Any) -> None:
    settings.DJWTO_MODE = ("ONE-COOKIE", "JSON")
    stolen = {"authorization": f"Bearer {browser.token('refresh')}"}
    reply = Client().post("/api/token/refresh/refresh_access/", headers=stolen, secure=True)
    assert claims(reply.json()["refresh"])["gen"] == 2
    pass_by(seconds=10)
    assert browser.refresh("refresh_access").json()["code"] == "refresh_reused"


def test_a_program_keeps_its_refresh_token_unless_told_otherwise(alice: Any, settings: Any) -> None:
    program = Visitor("JSON")
    program.login()
    old = program.token("refresh")
    accesses = set()
    for _ in range(3):
        assert program.refresh("refresh_access").status_code == 200
        assert program.token("refresh") == old
        accesses.add(claims(program.token("access"))["jti"])
    assert len(accesses) == 3
    settings.DJWTO_ROTATE_REFRESH = True
    program.refresh("refresh_access")
    assert program.token("refresh") != old
    settings.DJWTO_ROTATE_REFRESH = False
    settings.DJWTO_MODE = "ONE-COOKIE"
    browser = Visitor("ONE-COOKIE")
    browser.login()
    old = browser.token("refresh")
    browser.refresh("refresh_access")
    assert browser.token("refresh") == old


def test_a_renewal_whose_tokens_cannot_be_made_is_undone(
    browser: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = browser.token("refresh")
    with monkeypatch.context() as context:
        context.setattr(tokens, "process_user", lambda _user: {"id": None})
        assert browser.refresh("refresh_access").status_code == 500
    pass_by(minutes=1)
    assert Session.objects.get().generation == 1
    assert present(browser, old).status_code == 200


def test_a_session_that_ends_during_its_renewal_gets_no_tokens(
    alice: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_MODE = "JSON"
    program = Visitor("JSON")
    program.login()
    make = tokens.process_user

    def end_meanwhile(user: Any) -> Any:
        # As another client may: where nothing is rotated, the renewal has no hold of the row yet.
        Session.objects.update(revoked_at=times.now())
        return make(user)

    monkeypatch.setattr(tokens, "process_user", end_meanwhile)
    reply = program.refresh("refresh_access")
    assert (reply.status_code, reply.json()["code"]) == (401, "token_blacklisted")


@pytest.mark.parametrize("seconds", [60, 7200])
def test_what_is_given_again_may_live_longer_and_the_session_knows(
    browser: Visitor, settings: Any, seconds: int
) -> None:
    old = browser.token("refresh")
    browser.refresh("refresh_access")
    before = Session.objects.get().access_until
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = timedelta(seconds=seconds)
    assert present(browser, old).status_code == 200
    until = Session.objects.get().access_until
    assert until / times.SECOND >= claims(browser.token("access"))["exp"]
    assert until >= before


# --- limits -------------------------------------------------------------------------------------


def test_no_renewal_moves_the_absolute_end(settings: Any, alice: Any) -> None:
    settings.DJWTO_MODE, settings.DJWTO_SESSION_LIFETIME = "ONE-COOKIE", timedelta(seconds=100)
    browser = Visitor("ONE-COOKIE")
    browser.login()
    end = claims(browser.token("refresh"))["exp"]
    assert end == Session.objects.get().ends_at // times.SECOND
    # What the settings say later is for later logins.
    settings.DJWTO_SESSION_LIFETIME = None
    browser.refresh("update_refresh")
    assert claims(browser.token("refresh"))["exp"] == end
    assert claims(browser.token("access"))["exp"] == end
    assert browser.client.cookies["jwt_refresh"]["max-age"] <= 100


def test_remember_me(settings: Any, alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    month = timedelta(days=30)

    def process_lifetime(_user: Any, request: Any) -> timedelta | None:
        return month if "remember" in request.POST else None

    monkeypatch.setattr(tokens, "process_lifetime", process_lifetime)
    settings.DJWTO_MODE = "ONE-COOKIE"
    for fields, seconds in (({"remember": "on"}, 30 * DAY), ({}, DAY)):
        browser = Visitor("ONE-COOKIE")
        browser.login(**fields)
        first = claims(browser.token("refresh"))
        assert first["exp"] - first["iat"] == seconds
        browser.refresh("update_refresh")
        later = claims(browser.token("refresh"))
        assert 0 <= later["exp"] - first["exp"] <= (0 if fields else 60)


def test_shorter_lifetimes_bring_no_ended_session_back(settings: Any, alice: Any) -> None:
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=30)
    program = Visitor("JSON")
    program.login()
    old = program.token("refresh")
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=1)
    program.refresh("update_refresh")
    program.refresh("logout")
    past = micros_of(timedelta(days=2))
    Session.objects.update(
        created_at=F("created_at") - past, expires_at=F("expires_at") - past,
        access_until=F("access_until") - past,
    )  # fmt: skip
    call_command("delete_tokens", verbosity=0)
    assert Session.objects.exists()
    program.tokens["refresh"] = old
    assert program.refresh("refresh_access").status_code == 401
    Session.objects.all().delete()
    assert program.refresh("refresh_access").status_code == 401


# --- users --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"is_active": False}, "access_refresh_failed"),
        ({"password": "md5$x$y"}, "access_refresh_failed"),
    ],
    ids=["deactivated", "password"],
)
def test_what_goes_around_save_is_seen_at_the_next_renewal(
    browser: Visitor, values: dict[str, Any], code: str
) -> None:
    get_user_model().objects.update(**values)
    assert browser.get("/guarded/function/").status_code == 200
    assert browser.refresh("refresh_access").json()["code"] == code
    assert browser.get("/guarded/function/").status_code == 401
    assert Session.objects.get().revoked_reason in ("user deactivated", "password changed")


def test_secrets_of_django_may_rotate(browser: Visitor, settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one"
    assert browser.refresh("refresh_access").status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert browser.refresh("refresh_access").status_code == 200


# --- tokens of 0.0.4 ----------------------------------------------------------------------------


@pytest.fixture
def legacy(alice: Any, settings: Any) -> str:
    """A refresh token of 0.0.4, whose access token has the same `jti`."""
    now = int(time.time())
    user = {"username": "alice", "id": alice.pk, "perms": []}
    old = {"iss": "iss", "sub": "sub", "aud": "aud", "iat": now - 60, "exp": now + 3600}
    # What one test ends, this process remembers.
    old |= {"jti": str(uuid.uuid4()), "type": "refresh", "user": user}
    return jwt.encode(old, settings.DJWTO_SIGNING_KEY, algorithm="HS256")


def renewed(token: str, name: str = "refresh_access") -> Any:
    bearer = {"authorization": f"Bearer {token}"}
    return Client().post(f"/api/token/refresh/{name}/", headers=bearer, secure=True)


def test_an_old_token_opens_a_session_when_it_is_renewed(legacy: str, settings: Any) -> None:
    settings.DJWTO_ROTATE_REFRESH = True
    first, again = renewed(legacy), renewed(legacy)
    assert first.json() == again.json()
    successor = claims(first.json()["refresh"])
    assert successor["gen"] == 1
    assert (successor["iat"], successor["exp"]) == tuple(claims(legacy)[n] for n in ("iat", "exp"))
    assert JWTBlacklist.is_blacklisted(claims(legacy)["jti"])
    assert Session.objects.count() == 1
    pass_by(seconds=10)
    assert renewed(legacy).json()["code"] == "refresh_reused"
    assert renewed(first.json()["refresh"]).json()["code"] == "token_blacklisted"


def test_where_nothing_is_rotated_an_old_token_goes_on(legacy: str) -> None:
    for _ in range(2):
        reply = renewed(legacy)
        assert reply.json()["refresh"] == legacy
    assert tokens.decode_token(reply.json()["access"])["sid"] == str(Session.objects.get().pk)
    assert not JWTBlacklist.objects.exists()
    updated = renewed(legacy, "update_refresh").json()["refresh"]
    assert JWTBlacklist.is_blacklisted(claims(legacy)["jti"])
    assert renewed(legacy).json()["code"] == "token_blacklisted"
    assert renewed(updated).status_code == 200


def test_the_old_blacklist_holds(legacy: str) -> None:
    JWTBlacklist.objects.create(jti=claims(legacy)["jti"])
    for name in (*RENEWALS, "validate_refresh"):
        assert renewed(legacy, name).json()["code"] == "token_blacklisted"
    assert renewed(legacy, "logout").status_code == 409


@pytest.mark.parametrize("rotates", [True, False])
def test_an_old_token_is_logged_out_with_its_access_token(
    legacy: str, settings: Any, alice: Any, *, rotates: bool
) -> None:
    settings.DJWTO_ROTATE_REFRESH = rotates
    access = {**claims(legacy), "type": "access", "user": {"id": alice.pk}}
    bearer = {"authorization": f"Bearer {tokens.encode_claims(access)}"}
    assert Client().get("/guarded/function/", headers=bearer).status_code == 200
    assert renewed(legacy, "logout").status_code == 200
    assert renewed(legacy, "logout").status_code == 409
    assert Client().get("/guarded/function/", headers=bearer).status_code == 401
    assert renewed(legacy).json()["code"] == "token_blacklisted"


@pytest.mark.parametrize(
    ("change", "update"),
    [
        ("inactive", (403, "User is inactive.")),
        ("deleted", (401, "Can't update refresh token.")),
    ],
)
def test_an_old_token_of_a_user_who_is_gone_renews_nothing(
    legacy: str, alice: Any, change: str, update: Any
) -> None:
    rows = get_user_model().objects.filter(pk=alice.pk)
    if change == "inactive":
        rows.update(is_active=False)
    else:
        rows.delete()
    expected = {"refresh_access": (401, "Can't update access token."), "update_refresh": update}
    for name in RENEWALS:
        reply = renewed(legacy, name)
        assert (reply.status_code, reply.json()["error"]) == expected[name]


@pytest.mark.parametrize("change", ["inactive", "deleted"])
@pytest.mark.parametrize("way", ["post", "delete by refresh", "delete by access"])
def test_an_old_token_is_logged_out_though_its_user_is_gone(
    legacy: str, alice: Any, change: str, way: str
) -> None:
    access = tokens.encode_claims({**claims(legacy), "type": "access"})
    bearer = {"authorization": f"Bearer {access}"}
    if change == "inactive":
        get_user_model().objects.filter(pk=alice.pk).update(is_active=False)
    else:
        get_user_model().objects.filter(pk=alice.pk).delete()
    assert Client().get("/guarded/function/", headers=bearer).status_code == 200
    if way == "post":
        assert renewed(legacy, "logout").status_code == 200
        assert renewed(legacy, "logout").status_code == 409
    else:
        own = {"authorization": f"Bearer {legacy if way.endswith('refresh') else access}"}
        path = "/api/token/refresh/logout/"
        assert Client().delete(path, headers=own, secure=True).status_code == 204
    assert Client().get("/guarded/function/", headers=bearer).status_code == 401
    assert not Session.live().exists()


def test_one_day_old_tokens_are_refused(legacy: str, settings: Any) -> None:
    settings.DJWTO_ACCEPT_LEGACY = False
    assert renewed(legacy).json()["error"] == 'Token is missing the "sid" claim'


@pytest.mark.parametrize("rotate", [True, False])
@pytest.mark.parametrize("name", RENEWALS)
def test_of_an_old_user_the_name_and_id_alone_are_carried_on(
    legacy: str, alice: Any, settings: Any, name: str, *, rotate: bool
) -> None:
    settings.DJWTO_ROTATE_REFRESH = rotate
    old = claims(legacy)
    old["user"] |= {"is_staff": True, "perms": ["auth.add_user"], "email": "a@example.com"}
    old["tenant"] = "north"
    reply = renewed(tokens.encode_claims(old), name).json()
    lean = {"username": "alice", "id": alice.pk}
    assert claims(reply["access"])["user"] == lean | {"perms": []}
    assert claims(reply["access"])["tenant"] == "north"
    if rotate or name == "update_refresh":
        assert claims(reply["refresh"])["user"] == lean


def test_what_the_hook_of_users_adds_comes_from_it_at_each_renewal(
    legacy: str, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = tokens.process_user
    for value in ("one", "two"):
        extra = {"team": value}
        monkeypatch.setattr(tokens, "process_user", lambda user, e=extra: original(user) | e)
        assert claims(renewed(legacy).json()["access"])["user"]["team"] == value


@pytest.mark.parametrize("sid", ["the login", "6f1c7d0e-8c5b-4f2a-9d3e-2b1a0c9d8e7f"])
@pytest.mark.parametrize("gen", [None, 1])
def test_a_session_that_is_not_on_record_is_unknown(
    legacy: str, alice: Any, sid: str, gen: int | None
) -> None:
    token = claims(legacy) | {"sid": sid} | ({} if gen is None else {"gen": gen})
    for name in (*RENEWALS, "validate_refresh"):
        assert renewed(tokens.encode_claims(token), name).json()["code"] == "session_unknown"


def test_the_hook_of_claims_may_leave_the_session_to_us(
    alice: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = int(time.time())
    bare = {"iss": "iss", "sub": "sub", "aud": "aud", "iat": now, "exp": now + 60, "jti": "mine"}
    mine = bare | {"type": "refresh", "user": {"username": "alice", "id": alice.pk}}
    monkeypatch.setattr(tokens, "process_claims", lambda *_: mine)
    program = Visitor("JSON")
    assert program.login().status_code == 200
    assert program.refresh("refresh_access").status_code == 200
    assert Session.objects.get().expires_at // times.SECOND == now + 60
    assert sessions.own(alice.pk).count() == 1
    mine["sid"] = "no uuid"
    assert Visitor("JSON").login().status_code == 500
    assert "not a UUID" in caplog.text


def test_an_old_token_is_good_for_no_longer_than_a_session(legacy: str, settings: Any) -> None:
    settings.DJWTO_ROTATE_REFRESH = True
    settings.DJWTO_SESSION_LIFETIME = timedelta(minutes=10)
    successor = renewed(legacy).json()["refresh"]
    end = Session.objects.get().ends_at
    assert claims(successor)["exp"] <= end / times.SECOND
    Session.objects.update(ends_at=end - micros_of(timedelta(minutes=20)))
    assert renewed(successor).json()["code"] == "token_expired"


def test_an_old_access_token_ends_its_refresh_token_for_good(legacy: str) -> None:
    soon = int(time.time()) + 300
    access = tokens.encode_claims({**claims(legacy), "type": "access", "exp": soon})
    bearer = {"authorization": f"Bearer {access}"}
    path = "/api/token/refresh/logout/"
    assert Client().delete(path, headers=bearer, secure=True).status_code == 204
    past = timedelta(hours=2)
    JWTBlacklist.objects.update(expires=F("expires") - past)
    Session.objects.update(
        expires_at=F("expires_at") - micros_of(past),
        access_until=F("access_until") - micros_of(past),
    )
    call_command("delete_tokens", verbosity=0)
    assert renewed(legacy).json()["code"] == "token_blacklisted"


def test_all_includes_the_old_token_that_asks(legacy: str) -> None:
    assert renewed(legacy, "logout_all").status_code == 200
    assert renewed(legacy).json()["code"] == "token_blacklisted"


def test_an_old_token_may_have_a_gen_of_its_own(legacy: str) -> None:
    token = tokens.encode_claims(claims(legacy) | {"gen": 5})
    for name in ("validate_refresh", *RENEWALS):
        assert renewed(token, name).status_code == 200


def test_an_old_token_without_jti_is_renewed_too(alice: Any, settings: Any) -> None:
    settings.DJWTO_JTI_CLAIM = False
    now = int(time.time())
    old = {"iss": "iss", "sub": "sub", "aud": "aud", "iat": now - 60, "exp": now + 3600}
    old |= {"type": "refresh", "user": {"username": "alice", "id": alice.pk}}
    token = jwt.encode(old, settings.DJWTO_SIGNING_KEY, algorithm="HS256")
    for name in ("validate_refresh", "refresh_access"):
        assert renewed(token, name).status_code == 200
    assert Session.objects.count() == 1


@pytest.mark.parametrize("name", ["refresh_access", "update_refresh", "validate_refresh"])
@pytest.mark.parametrize("earlier", RENEWALS)
@pytest.mark.parametrize("is_stolen_first", [True, False])
def test_an_old_cookie_that_comes_as_bearer_too_is_reuse(
    legacy: str, settings: Any, name: str, earlier: str, *, is_stolen_first: bool
) -> None:
    settings.DJWTO_MODE = ("ONE-COOKIE", "JSON")
    browser = Visitor("ONE-COOKIE")
    browser.csrf = browser.client.get("/csrf/", secure=True).json()["csrf_token"]
    owner = partial(present, browser, legacy)
    thief = partial(renewed, legacy)
    first, second = (thief, owner) if is_stolen_first else (owner, thief)
    assert first(earlier).status_code == 200
    # Even within the grace period.
    reply = second(name)
    assert (reply.status_code, reply.json()["code"]) == (401, "refresh_reused")
    is_ended = name != "validate_refresh"
    assert (Session.objects.get().revoked_reason == "reuse") is is_ended
    if is_ended:
        assert first("refresh_access").json()["code"] == "token_blacklisted"


# --- a database that was set back -----------------------------------------------------------------


@pytest.mark.parametrize("name", RENEWALS)
@pytest.mark.parametrize("by", [1, 2])
def test_the_newest_token_moves_a_row_on_that_was_set_back(
    browser: Visitor, reused: list[Any], name: str, by: int
) -> None:
    used = browser.token("refresh")
    for _ in range(2):
        before, used = used, browser.token("refresh")
        browser.refresh("refresh_access")
    newest = browser.token("refresh")
    Session.objects.update(generation=F("generation") - by)
    assert present(browser, newest, "validate_refresh").status_code == 200
    assert present(browser, newest, name).status_code == 200
    assert claims(browser.token("refresh"))["gen"] == claims(newest)["gen"] + 1
    latest = browser.token("refresh")
    # Two tabs agree there, too; and what was used before is as used as ever.
    assert present(browser, newest, name).status_code == 200
    assert browser.token("refresh") == latest
    assert not reused
    pass_by(seconds=11)
    assert present(browser, before).json()["code"] == "refresh_reused"


def test_a_row_that_was_set_back_and_is_not_rotated_goes_on(alice: Any) -> None:
    program = Visitor("JSON")
    program.login()
    Session.objects.update(generation=0)
    for name in ("validate_refresh", *RENEWALS):
        assert program.refresh(name).status_code == 200
    assert Session.objects.get().generation == claims(program.token("refresh"))["gen"] == 1


# --- databases ----------------------------------------------------------------------------------


def test_the_database_that_is_written_says_who_the_user_is(
    browser: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Router:
        def db_for_read(self, model: Any, **_: Any) -> None:
            assert model not in (get_user_model(), Session), "a replica was asked"

    monkeypatch.setattr(router, "routers", [Router()])
    assert browser.refresh("refresh_access").status_code == 200


def test_a_renewal_does_not_undo_a_change_of_the_password_that_keeps_its_session(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Visitor("JSON")
    program.login()
    issue = tokens.issue

    def change_meanwhile(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(tokens, "issue", issue)
        user = get_user_model().objects.get()
        receivers.keep_session(user, Session.objects.get().pk)
        user.set_password("new")
        user.save()
        return issue(*args, **kwargs)

    monkeypatch.setattr(tokens, "issue", change_meanwhile)
    for _ in range(2):
        assert program.refresh("refresh_access").status_code == 200


def test_sessions_work_without_time_zones(alice: Any, settings: Any) -> None:
    settings.USE_TZ = False
    settings.DJWTO_SESSION_LIFETIME = timedelta(days=2)
    for mode in ("JSON", "ONE-COOKIE"):
        settings.DJWTO_MODE = mode
        visitor = Visitor(mode)
        assert visitor.login().status_code == 200
        issued = claims(visitor.token("refresh"))["iat"]
        assert abs(issued - time.time()) < 60
        for name in RENEWALS:
            assert visitor.refresh(name).status_code == 200
        assert 0 <= claims(visitor.token("refresh"))["exp"] - issued - DAY < 60
        assert visitor.refresh("logout").status_code == 200


@pytest.mark.parametrize(
    "spelling",
    ["{6F1C7D0E-8C5B-4F2A-9D3E-2B1A0C9D8E70}", "urn:uuid:6f1c7d0e8c5b4f2a9d3e2b1a0c9d8e71"],
)
def test_a_hooks_sid_is_spelled_as_the_engine_knows_it(
    alice: Any, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    original = tokens.process_claims
    monkeypatch.setattr(tokens, "process_claims", lambda *a: original(*a) | {"sid": spelling})
    program = Visitor("JSON")
    program.login()
    assert program.get("/guarded/function/").status_code == 200
    sessions.end_all(alice)
    assert program.get("/guarded/function/").status_code == 401
