"""Users who were logged in before the move notice nothing after it, and attackers gain nothing.

Run with `pytest --ds=tests.projects.simplejwt.settings tests/projects/simplejwt`.
"""

import json
import os
import subprocess
import sys
import time
import traceback
import uuid
from datetime import date, datetime, timedelta, timezone
from functools import reduce
from io import StringIO
from types import ModuleType
from typing import Any
from unittest.mock import ANY

import jwt
import pytest
import time_machine
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection
from django.test import AsyncClient, Client
from django.urls import clear_url_caches
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework.views import exception_handler

from djwto import sessions, tokens
from djwto.contrib.simplejwt import config
from djwto.models import JWTBlacklist, Session
from djwto.test import login
from tests.projects.simplejwt.past import back, move_in
from tests.projects.simplejwt.shapes import SHAPES

pytestmark = pytest.mark.django_db
GUARDED = ("/me/", "/own/", "/guarded/", "/async/", "/tested/", "/rest/", "/optional/")


class App:
    """A mobile app that was written for simplejwt."""

    def __init__(self, shape: str, pair: dict[str, str]) -> None:
        self.client, self.pair = Client(), dict(pair)
        self.word = SHAPES[shape].get("AUTH_HEADER_TYPES", ("Bearer",))[0]

    def get(self, path: str = "/me/") -> Any:
        header = f"{self.word} {self.pair['access']}"
        return self.client.get(path, headers={"authorization": header})

    def refresh(self) -> Any:
        response = self.client.post("/api/token/refresh/", {"refresh": self.pair["refresh"]})
        if response.status_code == 200:
            self.pair |= response.json()
        return response

    def renewing(self, path: str = "/me/") -> Any:
        """Ask as such apps do: at a 401, renew once and ask again."""
        response = self.get(path)
        if response.status_code == 401 and self.refresh().status_code == 200:
            response = self.get(path)
        return response


@pytest.fixture
def moved(settings: Any) -> Any:
    return lambda shape="defaults": move_in(shape, settings)["tokens"]


@pytest.mark.parametrize("shape", SHAPES)
def test_who_was_logged_in_notices_nothing(shape: str, moved: Any) -> None:
    app = App(shape, moved(shape)["alice"])
    for path in GUARDED:
        assert app.get(path).json()["name"] == "alice", path
    started = time.time()
    lasts = config.value("REFRESH_TOKEN_LIFETIME").total_seconds()
    step = config.value("ACCESS_TOKEN_LIFETIME").total_seconds() * 1.1
    texts = set()
    for number in range(1, 4):
        with time_machine.travel(started + number * step, tick=False):
            assert app.get().status_code == 401
            assert app.renewing().json()["name"] == "alice"
            texts.add(app.pair["refresh"])
    rotates = config.rotates()
    assert len(texts) == (3 if rotates else 1)
    # One login, one session; the old token is the first of it.
    assert Session.objects.count() == 1
    with time_machine.travel(started + lasts + 60, tick=False):
        end = app.refresh()
        if rotates:
            assert end.status_code == 200
        else:
            assert (end.status_code, end.json()["detail"]) == (401, "Token is expired")
        # What they would do then, as before: log in again.
        form = {"username": "alice", "password": "pass"}
        app.pair = app.client.post("/api/token/", form).json()
        assert list(app.pair) == ["refresh", "access"]
        assert app.get().json()["name"] == "alice"


@pytest.mark.parametrize("shape", SHAPES)
def test_services_go_on_reading_their_claims(shape: str, moved: Any, settings: Any) -> None:
    app = App(shape, moved(shape)["alice"])
    before = read(app.pair["access"])
    app.refresh()
    renewed = read(app.pair["access"])
    app.pair = app.client.post("/api/token/", {"username": "alice", "password": "pass"}).json()
    anew = read(app.pair["access"])
    client = Client()
    login(client, get_user_model().objects.get(username="alice"))
    by_test = read(client.defaults["HTTP_AUTHORIZATION"].split()[1])
    names = [config.value(f"{name}_CLAIM") for name in ("USER_ID", "TOKEN_TYPE")]
    for claims in (renewed, anew, by_test):
        assert [claims[name] for name in names] == [before[name] for name in names]
        assert config.value("JTI_CLAIM") in claims
    assert read(app.pair["refresh"])[names[1]] == "refresh"
    inherited = tokens.get_access_claims_from_refresh(read(app.pair["refresh"]))
    assert [inherited[name] for name in names] == [before[name] for name in names]


def read(token: str) -> Any:
    """Verify as a service does, by PyJWT and simplejwt's settings."""
    algorithm = config.value("ALGORITHM")
    key = config.value("SIGNING_KEY" if algorithm == "HS256" else "VERIFYING_KEY")
    audience = (config.value("AUDIENCE") or [None])[0]
    return jwt.decode(token, key, [algorithm], audience=audience, issuer=config.value("ISSUER"))


# --- guards -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", GUARDED)
def test_a_guard_finds_the_user_by_one_query(
    path: str, moved: Any, django_assert_num_queries: Any
) -> None:
    app = App("by name", moved("by name")["1"])
    with django_assert_num_queries(1):
        assert app.get(path).json()["name"] == "1"


@pytest.fixture
def middleware(settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "djwto.middleware.JWTMiddleware"]


@pytest.mark.parametrize("path", [*GUARDED, "/plain/", "/plain-async/"])
def test_the_middleware_finds_the_user_by_the_same_query(
    path: str, moved: Any, middleware: None, django_assert_num_queries: Any
) -> None:
    app = App("jwt header", moved("jwt header")["alice"])
    with django_assert_num_queries(1):
        assert app.get(path).json()["name"] == "alice"
    get_user_model().objects.filter(username="alice").update(is_active=False)
    refused = app.get(path)
    if path == "/plain-async/":
        assert refused.json() == {"name": ""}
    else:
        assert refused.status_code == (302 if path == "/plain/" else 401)


@pytest.mark.parametrize("path", ["/guarded/", "/plain/", "/optional/"])
def test_a_user_made_of_claims_asks_the_database_for_permissions(
    path: str, moved: Any, settings: Any, middleware: None
) -> None:
    settings.DJWTO_USER = "token"
    assert App("defaults", moved()["alice"]).get(path).json()["name"] == "alice"


@pytest.mark.django_db(transaction=True)
async def test_the_async_middleware_does_not_block(moved: Any, middleware: None) -> None:
    pair = (await sync_to_async(moved)())["alice"]
    headers = {"authorization": f"Bearer {pair['access']}"}
    for path in ("/plain-async/", "/async/"):
        assert (await AsyncClient().get(path, headers=headers)).json() == {"name": "alice"}


@pytest.mark.django_db(transaction=True)
async def test_an_async_guard_does_not_block(moved: Any) -> None:
    pair = (await sync_to_async(moved)())["alice"]
    headers = {"authorization": f"Bearer {pair['access']}"}
    reply = await AsyncClient().get("/async/", headers=headers)
    assert reply.json() == {"name": "alice"}
    # A view that verifies for itself on the loop is refused, since the query would block it.
    refused = await AsyncClient().get("/unguarded/", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")


def test_permissions_come_from_the_database(moved: Any) -> None:
    app = App("defaults", moved()["alice"])
    assert app.get("/permitted/").json()["code"] == "permissions_insufficient"
    alice = get_user_model().objects.get(username="alice")
    alice.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert app.get("/permitted/").status_code == 200


def test_a_view_sees_the_claims_of_both(moved: Any) -> None:
    alice = get_user_model()
    shown = App("defaults", moved()["alice"]).get("/guarded/").json()["claims"]
    pk = alice.objects.get(username="alice").pk
    user = {"username": "alice", "id": pk, "perms": [], "perms_omitted": True}
    assert shown == {
        "type": "access", "token_type": "access", "user_id": str(pk), "user": user,
        "jti": ANY, "iat": ANY, "exp": ANY,
    }  # fmt: skip


def test_djwtos_own_endpoints_know_such_an_access_token(moved: Any) -> None:
    app = App("defaults", moved()["alice"])
    # Ended sessions stay known while a process lives, so not the token of other tests.
    app.pair = {"access": forged(jti=uuid.uuid4().hex)}
    headers = {"authorization": f"Bearer {app.pair['access']}"}
    assert app.client.post("/validate_access/", headers=headers).status_code == 200
    # A logout reaches it, although simplejwt knew no such thing.
    response = app.client.delete("/api/token/refresh/logout/", headers=headers)
    assert response.status_code == 204
    refused = app.get("/guarded/")
    assert (refused.status_code, refused.json()["code"]) == (401, "token_blacklisted")
    verified = app.client.post("/api/token/verify/", {"token": app.pair["access"]})
    assert verified.status_code == 400


def test_a_logout_with_an_old_access_token_leaves_no_row_for_good(moved: Any) -> None:
    moved()
    end = int(time.time()) + 300
    headers = {"authorization": f"Bearer {forged(jti=uuid.uuid4().hex, exp=end)}"}
    Client().delete("/api/token/refresh/logout/", headers=headers)
    assert (JWTBlacklist.objects.count(), Session.objects.count()) == (1, 1)
    with time_machine.travel(end + 3590, tick=False):
        call_command("delete_tokens", verbosity=0)
        assert (JWTBlacklist.objects.count(), Session.objects.count()) == (1, 1)
    with time_machine.travel(end + 4000, tick=False):
        call_command("delete_tokens", verbosity=0)
        assert (JWTBlacklist.objects.count(), Session.objects.count()) == (0, 0)


def test_a_refresh_token_of_old_opens_nothing_elsewhere(moved: Any) -> None:
    pair = moved()["alice"]
    headers = {"authorization": f"Bearer {pair['refresh']}"}
    for path in ("refresh_access", "update_refresh", "validate_refresh", "logout"):
        assert Client().post(f"/api/token/refresh/{path}/", headers=headers).status_code == 401
    assert Client().get("/guarded/", headers=headers).json()["code"] == "type_invalid"


# --- attacks ------------------------------------------------------------------------------------


def forged(change: Any = None, **claims: Any) -> str:
    """A token under simplejwt's key, in its shape or another."""
    now = int(time.time())
    alice = get_user_model().objects.get(username="alice")
    old = {"token_type": "access", "user_id": str(alice.pk), "jti": "f" * 32}
    made = {**old, "iat": now, "exp": now + 300, **claims}
    made = {name: value for name, value in made.items() if value is not None}
    # As JSON, since PyJWT would refuse some of these claims itself.
    payload = json.dumps(made).encode()
    return jwt.PyJWS().encode(payload, config.value("SIGNING_KEY"), algorithm="HS256")


def answer(token: str) -> Any:
    response = Client().get("/guarded/", headers={"authorization": f"Bearer {token}"})
    body = response.json()
    return body.get("name", body.get("code"))


@pytest.fixture
def apart(moved: Any, settings: Any) -> Any:
    """The project after the move, where djwto has its own key."""
    found = moved("services")
    settings.SIMPLE_JWT = {}
    settings.DJWTO_ISS_CLAIM = settings.DJWTO_AUD_CLAIM = None
    settings.DJWTO_SIGNING_KEY = "a key that simplejwt never had, of 32 bytes"
    return found


def test_the_key_of_old_makes_no_token_of_djwto(apart: Any, settings: Any) -> None:
    alice = get_user_model().objects.get(username="alice")
    user = {"username": "alice", "id": alice.pk, "perms": ["*"]}
    assert answer(forged()) == "alice"
    sid = "c6a4b1a8-9d0f-4e9f-8d70-0c8a1f0f7a11"
    for shaped in (
        {"type": "access", "user": user, "sid": sid},
        {"type": "access", "user": user},
        {"type": "access", "sid": sid},
        {"user": user, "sid": sid},
        {"type": "access", "user": user, "sid": sid, "token_type": None, "user_id": None},
        {"type": "refresh", "token_type": "refresh", "user": user, "sid": sid, "gen": 0},
    ):
        assert answer(forged(**shaped)) == "signature_invalid", shaped
        for path, name in (("refresh", "refresh"), ("verify", "token"), ("blacklist", "refresh")):
            response = Client().post(f"/api/token/{path}/", {name: forged(**shaped)})
            assert (response.status_code, response.json()["detail"]) == (401, "Token is invalid")
    assert Session.objects.count() == 0


def test_claims_of_djwto_in_an_old_token_mean_nothing(apart: Any) -> None:
    """`perms` or a generation that a project once put there grants nothing."""
    token = forged(user={"perms": ["*"]}, perms=["*"], gen=7, refresh_iat=1)
    response = Client().get("/permitted/", headers={"authorization": f"Bearer {token}"})
    assert response.json()["code"] == "permissions_insufficient"


def test_djwtos_tokens_do_not_pass_as_old_ones(moved: Any) -> None:
    """Under one key for both, an ended or expired token of djwto is not read once more."""
    app = App("odd claims", moved("odd claims")["alice"])
    app.pair = app.client.post("/api/token/", {"username": "alice", "password": "pass"}).json()
    started = time.time()
    # Beyond `exp`, and within simplejwt's LEEWAY of 30 seconds.
    with time_machine.travel(started + 300 + 10, tick=False):
        assert answer(app.pair["access"]) == "token_expired"
    sessions.end_where(Session.objects.all(), reason="test")
    assert answer(app.pair["access"]) == "token_blacklisted"
    refused = app.refresh()
    assert (refused.status_code, refused.json()["detail"]) == (401, "Token is blacklisted")


def test_a_user_named_1_is_not_the_user_with_the_key_1(moved: Any) -> None:
    pairs = moved("by name")
    users = {user.username: user.pk for user in get_user_model().objects.all()}
    assert users["alice"] == 1
    for name in ("1", "alice"):
        app = App("by name", pairs[name])
        for path in GUARDED:
            assert app.get(path).json()["name"] == name
        app.refresh()
        assert app.get().json() == {"name": name, "pk": users[name]}
        assert read(app.pair["access"])["user_id"] == name
        app.pair = app.client.post("/api/token/", {"username": name, "password": "pass"}).json()
        assert app.get().json() == {"name": name, "pk": users[name]}
    assert {row.user_id for row in Session.objects.all()} == {"1", str(users["1"])}


@pytest.mark.parametrize("value", ["1.0", "01", " 1", "\u0661", "1\0", "9" * 40, "", "x"])
def test_another_spelling_of_a_key_is_no_user(apart: Any, value: str) -> None:
    assert answer(forged(user_id=value)) == "user_missing"


@pytest.mark.parametrize("value", [True, 1.0, [1], {"id": 1}, None, 2**70, -1])
def test_what_is_no_key_is_no_user(apart: Any, value: Any, settings: Any) -> None:
    assert answer(forged(user_id=value)) == "user_missing"
    settings.SIMPLE_JWT = {"USER_ID_FIELD": "username"}
    assert answer(forged(user_id=value)) == "user_missing"


def test_a_number_is_a_key_too(apart: Any) -> None:
    """Simplejwt wrote the key as a number before 5.5."""
    assert answer(forged(user_id=get_user_model().objects.get(username="bob").pk)) == "bob"


def test_a_user_deactivated_by_a_query_is_refused_at_once(moved: Any) -> None:
    app = App("defaults", moved()["alice"])
    app.refresh()
    old = App("defaults", moved()["alice"])
    get_user_model().objects.filter(username="alice").update(is_active=False)
    for path in GUARDED:
        assert old.get(path).status_code == 401, path
        assert old.get(path).json()["code"] == "user_inactive", path
    assert (old.refresh().status_code, app.refresh().status_code) == (401, 401)
    assert old.refresh().json() == {"detail": "No active account found for the given token."}


def test_a_blacklisted_token_stays_so(moved: Any, settings: Any) -> None:
    """By simplejwt's own tables, and without them by the ids that were copied."""
    pairs = moved("services")
    app = App("services", pairs["out"])
    refused = {"detail": "Token is blacklisted", "code": "token_not_valid"}
    assert (app.refresh().status_code, app.refresh().json()) == (401, refused)
    call_command("djwto_import", "simplejwt", stdout=StringIO())
    settings.INSTALLED_APPS = without_tables(settings)
    assert (app.refresh().status_code, app.refresh().json()) == (401, refused)
    other = App("services", pairs["bob"])
    body = {"refresh": other.pair["refresh"]}
    assert other.client.post("/api/token/blacklist/", body).json() == {}
    assert (other.refresh().status_code, other.refresh().json()) == (401, refused)


def test_a_blacklisted_token_stays_so_within_the_leeway(apart: Any, settings: Any) -> None:
    settings.SIMPLE_JWT = {"LEEWAY": 3600}
    end = int(time.time()) + 100
    jti = uuid.uuid4().hex
    app = App("defaults", {"refresh": forged(token_type="refresh", exp=end, jti=jti)})
    JWTBlacklist.add({"jti": jti, "exp": end})  # as `djwto_import` copies it
    with time_machine.travel(end + 3590, tick=False):
        call_command("delete_tokens", verbosity=0)
        assert app.refresh().json()["detail"] == "Token is blacklisted"


def test_simplejwts_own_blacklist_learns_of_a_logout(moved: Any) -> None:
    """So that it holds on the way back."""
    app = App("services", moved("services")["bob"])
    app.client.post("/api/token/blacklist/", {"refresh": app.pair["refresh"]})
    claims = jwt.decode(app.pair["refresh"], options={"verify_signature": False})
    assert config.table("BlacklistedToken").filter(token__jti=claims["jti"]).exists()


def test_a_logout_that_failed_can_be_sent_again(
    moved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = App("services", moved("services")["bob"])
    body = {"refresh": app.pair["refresh"]}
    with monkeypatch.context() as patch:

        def fail(*_args: Any, **_kwargs: Any) -> Any:
            raise OperationalError("gone")

        patch.setattr("djwto.logouts.end_session", fail)
        assert app.client.post("/api/token/blacklist/", body).status_code == 503
    assert app.client.post("/api/token/blacklist/", body).json() == {}
    assert app.refresh().json()["detail"] == "Token is blacklisted"


def without_tables(settings: Any) -> list[str]:
    return [one for one in settings.INSTALLED_APPS if one != config.BLACKLIST_APP]


def test_a_changed_password_ends_what_simplejwt_ended(moved: Any) -> None:
    app = App("revoked by password", moved("revoked by password")["alice"])
    alice = get_user_model().objects.get(username="alice")
    alice.set_password("another")
    alice.save()
    refused = app.get()
    assert (refused.status_code, refused.json()["code"]) == (401, "password_changed")
    assert app.get("/guarded/").status_code == 401
    assert app.refresh().json()["code"] == "password_changed"


def test_a_hash_of_another_user_is_no_match(apart: Any, settings: Any) -> None:
    settings.SIMPLE_JWT = {"CHECK_REVOKE_TOKEN": True}
    for value in (None, "", "0" * 32, 7):
        assert answer(forged(hash_password=value)) == "token_blacklisted"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": 1}, "token_expired"),
        ({"exp": None}, "claim_missing"),
        ({"exp": "soon"}, "claim_invalid"),
        ({"exp": True}, "claim_invalid"),
        ({"exp": 1e300}, "claim_invalid"),
        ({"nbf": 2**40}, "token_not_yet_valid"),
        ({"iat": 2**40}, "token_not_yet_valid"),
        ({"jti": None}, "claim_missing"),
        ({"jti": 7}, "claim_missing"),
        ({"token_type": None}, "claim_missing"),
        ({"token_type": "refresh"}, "type_invalid"),
        ({"token_type": ["access"]}, "type_invalid"),
        ({"token_type": "sliding"}, "type_invalid"),
    ],
)
def test_what_an_old_token_must_have(apart: Any, claims: Any, code: str) -> None:
    assert answer(forged(**claims)) == code


def test_issuer_audience_and_leeway_are_simplejwts(apart: Any, settings: Any) -> None:
    settings.SIMPLE_JWT = {"ISSUER": "us", "AUDIENCE": "you", "LEEWAY": timedelta(minutes=1)}
    good = {"iss": "us", "aud": ["they", "you"], "exp": int(time.time()) - 30}
    assert answer(forged(**good)) == "alice"
    assert answer(forged(**{**good, "aud": "you"})) == "alice"
    assert answer(forged(**{**good, "exp": int(time.time()) - 61})) == "token_expired"
    assert answer(forged(**{**good, "iss": "them"})) == "issuer_invalid"
    assert answer(forged(**{**good, "iss": None})) == "issuer_invalid"
    for aud in (None, "they", ["they"], [], 7):
        assert answer(forged(**{**good, "aud": aud})) == "audience_invalid"
    # Djwto's own are not asked of an old token.
    settings.SIMPLE_JWT = {}
    settings.DJWTO_ISS_CLAIM, settings.DJWTO_AUD_CLAIM = "djwto", "djwto"
    assert answer(forged()) == "alice"


def test_the_date_switches_old_tokens_off_and_leaves_the_rest(moved: Any, settings: Any) -> None:
    app = App("jwt header", moved("jwt header")["alice"])
    new = App("jwt header", app.pair)
    new.pair = new.client.post("/api/token/", {"username": "alice", "password": "pass"}).json()
    today = datetime.now(tz=timezone.utc)
    for end in (today.date(), today - timedelta(seconds=1)):
        settings.DJWTO_SIMPLEJWT_UNTIL = end
        assert app.get("/guarded/").json()["code"] == "claim_missing"
        assert app.refresh().json()["detail"] == "Token is invalid"
        assert new.get().json()["name"] == "alice"
        assert new.refresh().status_code == 200
    for end in (today.date() + timedelta(days=1), today + timedelta(minutes=1), None):
        settings.DJWTO_SIMPLEJWT_UNTIL = end
        assert app.get("/guarded/").status_code == 200


def test_rotation_does_what_it_did(moved: Any) -> None:
    app = App("rotated", moved("rotated")["alice"])
    first = dict(app.pair)
    assert sorted(app.refresh().json()) == ["access", "refresh"]
    second = dict(app.pair)
    app.refresh()
    stolen = App("rotated", first)
    assert stolen.refresh().json()["detail"] == "Token is blacklisted"
    assert App("rotated", second).refresh().status_code == 200  # within the grace period
    kept = App("rotated, old ones kept", moved("rotated, old ones kept")["bob"])
    old = dict(kept.pair)
    for _ in range(3):
        kept.pair = dict(old)
        assert kept.refresh().status_code == 200
        assert kept.pair["refresh"] != old["refresh"]


def show_codes(exc: Any, context: Any) -> Any:
    response = exception_handler(exc, context)
    assert response is not None
    response.data = {"codes": exc.get_codes(), "detail": exc.detail}
    return response


def test_a_handler_of_the_project_sees_the_codes_it_saw(moved: Any, settings: Any) -> None:
    app = App("defaults", moved()["alice"])
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "EXCEPTION_HANDLER": "tests.projects.simplejwt.test_moving.show_codes",
    }
    path = "/api/token/"
    wrong = app.client.post(path, {"username": "alice", "password": "no"})
    assert wrong.json()["codes"] == "no_active_account"
    app.pair = {"access": "garbage", "refresh": "garbage"}
    not_valid = {"detail": "token_not_valid", "code": "token_not_valid"}
    assert app.refresh().json()["codes"] == not_valid
    parts = dict.fromkeys(("token_class", "token_type", "message"), "token_not_valid")
    assert app.get().json()["codes"] == {**not_valid, "messages": [parts]}
    gone = dict.fromkeys(("detail", "code"), "authentication_failed")
    app.pair = {"access": forged(user_id="987"), "refresh": forged(token_type="refresh")}
    assert app.get().json()["codes"] == gone
    get_user_model().objects.update(is_active=False)
    assert app.refresh().json()["codes"] == "no_active_account"


def test_guesses_are_counted(moved: Any, settings: Any) -> None:
    moved()
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 3}
    form = {"username": "alice", "password": "no"}
    replies = [Client().post("/api/token/", form) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [401, 401, 401, 429]
    assert replies[-1]["Retry-After"]
    assert replies[-1].json()["code"] == "login_throttled"


def test_a_deep_body_is_no_fault_of_the_server(moved: Any) -> None:
    moved()
    for path in ("", "refresh/", "verify/", "blacklist/"):
        body = "[" * 200_000
        response = Client().post(f"/api/token/{path}", body, content_type="application/json")
        assert response.status_code == 400, path


def test_tenants_keep_old_tokens_out(apart: Any, settings: Any) -> None:
    """The user 1 of one tenant would be the user 1 of another."""
    settings.DJWTO_TENANT = "tests.projects.simplejwt.after.tenant"
    assert answer(forged()) == "signature_invalid"
    app = App("defaults", apart["alice"])
    assert app.refresh().json()["detail"] == "Token is invalid"
    app.pair = app.client.post("/api/token/", {"username": "alice", "password": "pass"}).json()
    for headers, status in (({}, 200), ({"x-tenant": "south"}, 401)):
        bodies = {"verify": {"token": app.pair["access"]}, "refresh": app.pair}
        for path, body in {**bodies, "blacklist": app.pair}.items():
            if path != "blacklist" or status == 401:
                reply = app.client.post(f"/api/token/{path}/", body, headers=headers)
                assert reply.status_code == status, path


# What JSON can hold, and what a project of simplejwt could have put into its tokens.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [
        *("exp", "iat", "nbf", "jti", "token_type", "user_id", "iss", "aud", "sub"),
        *("sid", "gen", "type", "user", "refresh_iat", "name"),
    ]
)


@given(st.dictionaries(NAMES | st.text(max_size=5), VALUES, max_size=6))
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_claim_is_a_fault_of_the_server(apart: Any, claims: Any) -> None:
    claims = {name: value for name, value in claims.items() if value is not None}
    for kind, path in (("access", "verify"), ("refresh", "refresh"), ("refresh", "blacklist")):
        token = forged(**{"token_type": kind, "jti": uuid.uuid4().hex, **claims})
        found = Client().get("/guarded/", headers={"authorization": f"Bearer {token}"})
        assert found.status_code in (200, 401), claims
        body = {"token" if path == "verify" else "refresh": token}
        reply = Client().post(f"/api/token/{path}/", body, content_type="application/json")
        assert reply.status_code in (200, 400, 401), claims


@pytest.mark.parametrize(
    "claims",
    [
        {"name": "\ud800"},
        {"jti": "\ud800"},
        {"jti": "a\0b"},
        {"jti": "j" * 5000},
        {"user_id": "\ud800"},
        {"name": float("nan")},
        {"name": "a" * 9000},
        {"name": 10**300},
        {"name": reduce(lambda inner, _: [inner], range(500), [])},
    ],
    ids=str,
)
def test_odd_claims_are_no_fault_of_the_server(apart: Any, claims: Any) -> None:
    for path, name in (("verify", "token"), ("refresh", "refresh"), ("blacklist", "refresh")):
        token = forged(**{"token_type": "refresh", "jti": uuid.uuid4().hex, **claims})
        reply = Client().post(f"/api/token/{path}/", {name: token})
        assert reply.status_code in (200, 401), path
    access = forged(**{"jti": uuid.uuid4().hex, **claims})
    found = Client().get("/guarded/", headers={"authorization": f"Bearer {access}"})
    assert found.status_code in (200, 401)


@pytest.mark.parametrize(
    "path", ["/api/token/", "/api/token/refresh/", "/guarded/", "/me/", "/own/"]
)
@pytest.mark.parametrize("fault", [ValueError("a fault"), OperationalError("gone")], ids=repr)
def test_no_frame_holds_a_token(
    path: str, fault: Exception, moved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = moved()["alice"]

    def fail(*_args: Any, **_kwargs: Any) -> Any:
        seen.extend(
            repr(value)
            for frame, _ in traceback.walk_stack(sys._getframe())
            if f"{os.sep}djwto{os.sep}" in frame.f_code.co_filename
            for value in frame.f_locals.values()
        )
        raise fault

    seen: list[str] = []
    monkeypatch.setattr("djwto.user_rows._finder.find", fail)
    monkeypatch.setattr("djwto.tokens.process_user", fail)
    client = Client(raise_request_exception=False)
    if "/api/" in path:
        body = {"username": "alice", "password": "pass", "refresh": pair["refresh"]}
        reply = client.post(path, body, content_type="application/json")
    else:
        reply = client.get(path, headers={"authorization": f"Bearer {pair['access']}"})
    assert reply.status_code == (503 if isinstance(fault, OperationalError) else 500)
    assert len(seen) > 5
    assert [one for one in seen if "eyJ" in one or "'pass'" in one] == []


# --- the way back -------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["jwt header", "services", "odd claims"])
def test_simplejwt_reads_tokens_of_djwto(shape: str, moved: Any) -> None:
    old = moved(shape)["alice"]
    app = App(shape, old)
    app.pair = app.client.post("/api/token/", {"username": "alice", "password": "pass"}).json()
    users = get_user_model().objects.all()
    found = back(shape, users, {"new": app.pair, "old": old}, app.word)
    me = {"name": "alice", "pk": 1}
    assert [found[name]["me"] for name in ("new", "old")] == [me, me]
    assert [found[name]["refresh"][0] for name in ("new", "old")] == [200, 200]


def test_nothing_of_simplejwt_needs_to_be_installed() -> None:
    script = """
import sys
sys.modules["jwt"] = sys.modules["rest_framework_simplejwt"] = None
from django.conf import settings
from tests.projects.simplejwt import settings as ours
named = {name: getattr(ours, name) for name in dir(ours) if name.isupper()}
apps = [one for one in ours.INSTALLED_APPS if not one.startswith("rest_framework_simplejwt")]
settings.configure(**{**named, "INSTALLED_APPS": apps})
import django
django.setup()
import djwto.contrib.simplejwt.urls
from django.core.management import call_command
call_command("check")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# --- manage.py ----------------------------------------------------------------------------------


def run(*options: str) -> str:
    out = StringIO()
    call_command("djwto_import", "simplejwt", *options, stdout=out)
    return out.getvalue()


def test_the_command_copies_ids_and_no_token(moved: Any, settings: Any) -> None:
    pairs = moved("services")
    assert "1 blacklisted ids would be copied, 0 were there" in run("--dry-run")
    assert JWTBlacklist.objects.count() == 0
    assert "1 blacklisted ids copied, 0 were there already. Tokens are never copied." in run()
    assert "0 blacklisted ids copied, 1 were there" in run()
    row = JWTBlacklist.objects.get()
    claims = jwt.decode(pairs["out"]["refresh"], options={"verify_signature": False})
    assert row.jti == claims["jti"]
    assert int(row.expires.timestamp()) == claims["exp"]


def test_the_command_prints_settings_and_no_key(moved: Any, settings: Any) -> None:
    moved("services")
    settings.SIMPLE_JWT = {
        **settings.SIMPLE_JWT,
        "SIGNING_KEY": "hidden" * 8,
        "TOKEN_OBTAIN_SERIALIZER": "shop.serializers.Pair",
        "USER_AUTHENTICATION_RULE": "shop.rules.may",
    }
    found = run("--dry-run")
    assert "hidden" not in found
    lines = found.splitlines()
    for line in (
        "DJWTO_ALGORITHM = 'HS256'",
        'DJWTO_SIGNING_KEY = SIMPLE_JWT["SIGNING_KEY"]',
        "DJWTO_ACCESS_TOKEN_LIFETIME = timedelta(seconds=300)",
        "DJWTO_ROTATE_REFRESH = 'cookies'",
        "DJWTO_ISS_CLAIM = 'https://api.example.com'",
        "DJWTO_AUD_CLAIM = ['reports', 'mail']",
    ):
        assert line in lines
    names = "\n".join(line for line in lines if line.startswith("#   "))
    assert "TOKEN_OBTAIN_SERIALIZER: djwto does not call shop.serializers.Pair" in names
    assert "USER_AUTHENTICATION_RULE" in names


def test_the_command_prints_settings_before_any_migration(moved: Any) -> None:
    moved("services")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE djwto_jwtblacklist RENAME TO not_made_yet")
    found = run("--dry-run")
    assert "DJWTO_SIMPLEJWT_UNTIL = date(" in found
    assert "`manage.py migrate`" in found


def test_the_command_finds_serializers_of_the_project(moved: Any) -> None:
    from rest_framework_simplejwt.serializers import TokenObtainPairSerializer

    class ShopSerializer(TokenObtainPairSerializer):
        pass

    moved()
    assert "ShopSerializer: djwto does not call it" in run("--dry-run")


def test_the_command_tells_settings_that_cannot_be_used_in_a_sentence(
    moved: Any, settings: Any
) -> None:
    moved()
    # The URLs, which the command loads, need another package that is not set up.
    urls: Any = ModuleType("tests.urls_that_need_more")

    def fail(_name: str) -> Any:
        raise ImproperlyConfigured("SHOP_KEY: expected a key, found none.")

    urls.__getattr__ = fail
    settings.ROOT_URLCONF = urls
    clear_url_caches()
    with pytest.raises(CommandError, match=r"^SHOP_KEY: expected a key, found none\.$"):
        run("--dry-run")


def test_the_date_is_after_the_last_old_token(moved: Any, settings: Any) -> None:
    moved("kept token")
    end = settings.DJWTO_SIMPLEJWT_UNTIL
    assert timedelta(days=37) <= end - date.today() <= timedelta(days=39)  # noqa: DTZ011


@pytest.mark.parametrize(
    "simple_jwt",
    [
        {"ISSUER": ""},
        {"ISSUER": 5},
        {"AUDIENCE": []},
        {"AUDIENCE": ""},
        {"AUDIENCE": {"a"}},
        {"ACCESS_TOKEN_LIFETIME": timedelta(milliseconds=500)},
        {"REFRESH_TOKEN_LIFETIME": timedelta(days=3_650_000)},
        {"REFRESH_TOKEN_LIFETIME": timedelta.max},
        {"AUTH_TOKEN_CLASSES": None},
        {"AUTH_HEADER_TYPES": ()},
    ],
    ids=str,
)
def test_djwto_takes_the_lines_of_the_command(moved: Any, settings: Any, simple_jwt: Any) -> None:
    pair = moved()["alice"]
    settings.SIMPLE_JWT = simple_jwt
    found = run("--dry-run")
    names = {"SECRET_KEY": settings.SECRET_KEY, "SIMPLE_JWT": simple_jwt}
    exec(found, names)
    for name, value in names.items():
        if name.startswith("DJWTO_"):
            setattr(settings, name, value)
    assert [one for one in checks.run_checks() if one.level >= checks.ERROR] == []
    assert ("ISSUER:" in found) == ("ISSUER" in simple_jwt)
    assert App("defaults", {**pair, "access": "garbage"}).get().status_code == 401


def test_the_command_names_a_lifetime_that_is_none(moved: Any, settings: Any) -> None:
    moved()
    settings.SIMPLE_JWT = {"ACCESS_TOKEN_LIFETIME": None}
    with pytest.raises(CommandError, match="ACCESS_TOKEN_LIFETIME"):
        run()


def test_the_command_refuses_what_cannot_be_verified(moved: Any, settings: Any) -> None:
    moved()
    settings.SIMPLE_JWT = {"JWK_URL": "https://example.com/keys"}
    with pytest.raises(CommandError, match="JWK_URL"):
        run()


@pytest.mark.parametrize(
    ("simple_jwt", "own", "ids"),
    [
        ({}, {}, []),
        ({}, {"DJWTO_SIMPLEJWT_UNTIL": None}, ["djwto.W070"]),
        ({}, {"DJWTO_SIMPLEJWT_UNTIL": "2027-01-01"}, ["djwto.E070", "djwto.W070"]),
        ({"JWK_URL": "https://example.com/"}, {}, ["djwto.E071"]),
        ({"ALGORITHM": "RS256"}, {}, ["djwto.E071"]),
        ({"ALGORITHM": "none"}, {}, ["djwto.E071"]),
        ({"TOKEN_TYPE_CLAIM": None}, {}, ["djwto.E071"]),
        ({"CHECK_REVOKE_TOKEN": True, "REVOKE_TOKEN_CLAIM": None}, {}, ["djwto.E071"]),
        ({"CHECK_REVOKE_TOKEN": True, "REVOKE_TOKEN_CLAIM": ""}, {}, ["djwto.E071"]),
        ({"CHECK_REVOKE_TOKEN": False, "REVOKE_TOKEN_CLAIM": None}, {}, []),
        ({"LEEWAY": 3601}, {}, ["djwto.E071"]),
        ({"LEEWAY": timedelta(days=1)}, {}, ["djwto.E071"]),
        ({"LEEWAY": float("nan")}, {}, ["djwto.E071"]),
        ({"LEEWAY": float("inf")}, {}, ["djwto.E071"]),
        ({"LEEWAY": timedelta(hours=1)}, {}, []),
        ({}, {"DJWTO_MODE": "ONE-COOKIE"}, ["djwto.E072"]),
        ({}, {"DJWTO_ROTATE_REFRESH": True}, ["djwto.E073"]),
        ({"ROTATE_REFRESH_TOKENS": True}, {"DJWTO_ROTATE_REFRESH": True}, ["djwto.W071"]),
        (
            {"ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True},
            {},
            ["djwto.W071"],
        ),
        ({"AUTH_HEADER_NAME": "HTTP_X_TOKEN"}, {}, ["djwto.W072"]),
        ({"AUTH_HEADER_TYPES": ("J T",)}, {}, ["djwto.W072"]),
        ({"AUTH_TOKEN_CLASSES": ("x.SlidingToken",)}, {}, ["djwto.W072"]),
        ({}, {"DJWTO_TENANT": "tests.projects.simplejwt.after.tenant"}, ["djwto.E074"]),
        ({"USER_ID_CLAIM": "sub"}, {}, ["djwto.W073"]),
        ({"USER_ID_CLAIM": "sub"}, {"DJWTO_USER_AS_SUB": True}, []),
    ],
)
def test_checks(moved: Any, settings: Any, simple_jwt: Any, own: Any, ids: Any) -> None:
    moved()
    settings.SIMPLE_JWT = simple_jwt
    for name, value in own.items():
        setattr(settings, name, value)
    found = [one.id for one in checks.run_checks() if one.id[7:9] == "07"]
    assert sorted(found) == ids


def test_the_user_as_sub_is_where_services_look(moved: Any, settings: Any) -> None:
    pair = moved()["alice"]
    settings.SIMPLE_JWT = {"USER_ID_CLAIM": "sub"}
    settings.DJWTO_USER_AS_SUB = True
    app = App("defaults", pair)
    app.pair = app.client.post("/api/token/", {"username": "alice", "password": "pass"}).json()
    assert read(app.pair["access"])["sub"] == "1"
