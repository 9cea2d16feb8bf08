"""Guessing passwords: what is counted, what is refused, and who is never kept out."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import caches
from django.core.checks import run_checks
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import OperationalError
from django.http import HttpRequest
from django.test import Client, override_settings

import djwto.authentication
import djwto.throttle
from djwto import conf, sessions, throttle
from djwto.models import REUSE
from tests.conftest import MODES, Visitor
from tests.logins import HERE, Clock, login, statuses

LOCMEM = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
SENTENCE = "Too many failed logins. Try again later."
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def throttled(settings: Any) -> None:
    """A project that sets a throttle has it in its tests too; without the setting it is off."""
    settings.DJWTO_LOGIN_THROTTLE = {}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names whose password was looked at."""
    seen: list[str] = []
    original = djwto.authentication.user_authenticate

    def user_authenticate(request: HttpRequest) -> Any:
        seen.append(request.POST["username"])
        return original(request)

    monkeypatch.setattr(djwto.authentication, "user_authenticate", user_authenticate)
    return seen


# --- the strict count ---------------------------------------------------------------------------


def test_the_sixth_failure_is_not_looked_at(alice: Any, checks: list[str]) -> None:
    assert statuses(5) == [401] * 5
    reply = login(password="pass")
    assert reply.status_code == 429
    assert reply.json() == {"error": SENTENCE, "code": "login_throttled"}
    assert 295 <= int(reply["Retry-After"]) <= 300
    assert reply["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in reply
    assert not reply.cookies
    assert checks == ["alice"] * 5


@pytest.mark.parametrize("mode", MODES)
def test_it_is_json_in_every_mode(alice: Any, settings: Any, mode: str) -> None:
    settings.DJWTO_MODE = mode
    visitor = Visitor(mode)
    assert [visitor.login(password="wrong").status_code for _ in range(5)] == [401] * 5
    assert visitor.login().json()["code"] == "login_throttled"


def test_other_accounts_and_other_addresses_are_other_counts(alice: Any, carol: Any) -> None:
    statuses(6)
    assert login("carol", "pass").status_code == 200
    assert login("alice", "pass", "203.0.113.2").status_code == 200
    assert login("alice", "pass").status_code == 429


def test_ipv6_is_counted_by_its_network(alice: Any) -> None:
    assert statuses(3, address="2001:db8::1") == [401] * 3
    assert statuses(3, address="2001:db8::ffff:1") == [401, 401, 429]
    assert login("alice", "pass", "2001:db8:0:1::1").status_code == 200


def test_an_account_that_does_not_exist_gets_the_same_replies(alice: Any, clock: Clock) -> None:
    seen = []
    for name in ("alice", "nobody"):
        replies = [login(name) for _ in range(6)]
        seen.append([(one.status_code, one.content, one.get("Retry-After")) for one in replies])
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "spelling",
    [
        "ALICE",
        " alice ",
        "\uff41lice",
        "al\u200bice",
        "àlicé",
        "\ufeffalice",
        "ali\u0301ce",
        "alice\u3000",
    ],
)
def test_no_spelling_of_a_name_gets_attempts_of_its_own(spelling: str) -> None:
    statuses(5)
    assert login(spelling).status_code == 429


def test_names_and_addresses_cannot_be_taken_for_one_another() -> None:
    statuses(5, username="1 alice", address="203.0.113.1")
    assert login("alice", address="203.0.113.11").status_code == 401


def test_a_success_clears_what_failed_before(alice: Any, checks: list[str]) -> None:
    for _ in range(4):
        assert statuses(4) == [401] * 4
        assert login(password="pass").status_code == 200
    assert len(checks) == 20


def test_a_success_clears_nothing_elsewhere(alice: Any) -> None:
    statuses(5, address="203.0.113.2")
    assert login(password="pass").status_code == 200
    assert login(address="203.0.113.2").status_code == 429


def test_being_logged_in_already_is_a_success(alice: Any) -> None:
    visitor = Visitor("JSON")
    visitor.login()
    for _ in range(8):
        assert visitor.login().json() == {"msg": "User already authenticated."}


def test_refusals_by_hooks_and_backends_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for refusal, status in ((ValidationError("No."), 401), (PermissionDenied(), 403)):

        def refuse(_request: HttpRequest, refusal: Exception = refusal) -> Any:
            raise refusal

        monkeypatch.setattr(djwto.authentication, "user_authenticate", refuse)
        assert statuses(6, username=str(status)) == [status] * 5 + [429]


def test_faults_of_the_server_do_not_count(
    alice: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for fault, status in ((RuntimeError("broken"), 500), (OperationalError("gone"), 503)):

        def fail(_request: HttpRequest, fault: Exception = fault) -> Any:
            raise fault

        with monkeypatch.context() as patched:
            patched.setattr(djwto.authentication, "user_authenticate", fail)
            assert statuses(20) == [status] * 20
    assert statuses(6) == [401] * 5 + [429]
    assert "broken" in caplog.text


def test_none_turns_it_off(alice: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DJWTO_LOGIN_THROTTLE = None
    monkeypatch.setattr(throttle, "caches", None)
    assert statuses(8) == [401] * 8


# --- time ---------------------------------------------------------------------------------------


def test_the_window_slides(alice: Any, clock: Clock) -> None:
    for _ in range(5):
        assert login().status_code == 401
        clock.now += 60
    # The first failure is five minutes old now, the others are not.
    assert statuses(2) == [401, 429]
    clock.now += 59
    assert login()["Retry-After"] == "1"
    clock.now += 1
    assert statuses(2) == [401, 429]
    clock.now += 300
    assert statuses(6) == [401] * 5 + [429]


def test_after_retry_after_there_is_a_try(alice: Any, clock: Clock) -> None:
    for pause in (0.3, 11.7, 0.0, 100.2, 7.9):
        clock.now += pause
        login()
    clock.now += int(login()["Retry-After"]) - 1
    assert login(password="pass").status_code == 429
    clock.now += 1
    assert login(password="pass").status_code == 200


def test_a_clock_that_is_set_back_keeps_retry_after_within_the_window(
    alice: Any, clock: Clock
) -> None:
    statuses(5)
    clock.now -= 3600
    assert login()["Retry-After"] == "300"
    clock.now += 7200
    assert login(password="pass").status_code == 200


def test_the_settings_say_how_many_and_how_long(alice: Any, settings: Any, clock: Clock) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 2, "window": timedelta(seconds=10)}
    assert statuses(3) == [401, 401, 429]
    assert login()["Retry-After"] == "10"
    clock.now += 10
    assert login(password="pass").status_code == 200


# --- the ceiling --------------------------------------------------------------------------------


@pytest.fixture
def besieged(alice: Any, settings: Any) -> Any:
    """An account at its ceiling, by failures from many addresses."""
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 3, "account_attempts": 10}
    seen = [login(address=f"198.51.100.{number}").status_code for number in range(12)]
    assert seen == [401] * 10 + [429] * 2
    return alice


def test_the_ceiling_holds_for_strangers(besieged: Any, checks: list[str]) -> None:
    assert login(password="pass").status_code == 429
    assert login("carol").status_code == 401
    assert checks == ["carol"]


@pytest.mark.parametrize(
    ("known", "near", "far"),
    [
        (HERE, HERE, "203.0.113.2"),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
    ],
)
def test_the_ceiling_spares_networks_that_the_account_has_logged_in_from(
    alice: Any, settings: Any, known: str, near: str, far: str
) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 4, "account_attempts": 8}
    assert login(password="pass", address=known).status_code == 200
    for number in range(2):
        assert statuses(4, address=f"198.51.100.{number}") == [401] * 4
    assert login(password="pass", address=far).status_code == 429
    assert login(password="pass", address=near).status_code == 200
    # It spares them the ceiling, and not the strict count.
    assert statuses(5, address=near) == [401, 401, 401, 401, 429]


@pytest.mark.parametrize(("reason", "is_known"), [("ended", True), (REUSE, False)])
def test_a_session_that_was_stolen_from_makes_no_network_known(
    alice: Any, *, reason: str, is_known: bool
) -> None:
    assert login(password="pass", address=HERE).status_code == 200
    assert sessions.is_known("alice", HERE)
    sessions.end_all(alice, reason=reason)
    assert sessions.is_known("alice", HERE) is is_known


def test_a_stranger_costs_as_many_queries_as_an_account(
    besieged: Any, django_assert_num_queries: Any
) -> None:
    for name in ("alice", "nobody"):
        with django_assert_num_queries(2):
            assert not sessions.is_known(name, HERE)


def test_below_the_ceiling_nobody_asks_who_is_known(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(sessions, "is_known")
    assert statuses(6) == [401] * 5 + [429]


def test_what_the_ceiling_refuses_counts_nowhere(
    besieged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert statuses(5) == [429] * 5
    monkeypatch.setattr(sessions, "is_known", lambda *_: True)
    assert statuses(3) == [401] * 3


def test_a_success_takes_back_only_its_own_from_the_ceiling(alice: Any, settings: Any) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 5, "account_attempts": 6}
    assert statuses(4) == [401] * 4
    for _ in range(5):
        assert login(password="pass").status_code == 200
    assert statuses(3, address="203.0.113.2") == [401, 401, 429]


def test_without_an_address_only_the_ceiling_counts(alice: Any, settings: Any) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 3, "account_attempts": 8}
    assert statuses(9, address="") == [401] * 8 + [429]


def test_without_a_name_only_the_address_counts(
    alice: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 2, "account_attempts": 3}
    monkeypatch.setattr(djwto.authentication, "user_account", lambda _request: "")
    for address in (HERE, "203.0.113.2", "203.0.113.3", ""):
        assert statuses(3, address=address) == [401, 401, 429]


def test_a_hook_says_whose_login_it_is(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(djwto.authentication, "user_account", lambda request: request.POST["email"])
    fields = {"username": "x", "password": "wrong", "email": "a@example.com"}
    for number in range(6):
        reply = Client().post("/login/", {**fields, "username": f"x{number}"}, secure=True)
    assert reply.status_code == 429


def test_proxies_that_are_listed_tell_clients_apart(alice: Any, settings: Any) -> None:
    def by(client: str) -> int:
        headers = {"x-forwarded-for": client}
        fields = {"username": "alice", "password": "wrong"}
        proxied = Client(REMOTE_ADDR="10.0.0.1", headers=headers)
        return int(proxied.post("/login/", fields, secure=True).status_code)

    settings.DJWTO_TRUSTED_PROXIES = ["10.0.0.1"]
    assert [by("203.0.113.1") for _ in range(6)] == [401] * 5 + [429]
    assert by("203.0.113.2") == 401
    settings.DJWTO_TRUSTED_PROXIES = []
    assert [by(f"203.0.113.{number}") for number in range(6)] == [401] * 5 + [429]


# --- the cache ----------------------------------------------------------------------------------


def test_the_cache_is_of_an_alias_of_its_own_choosing(alice: Any) -> None:
    both = {"default": LOCMEM, "logins": {**LOCMEM, "LOCATION": "logins"}}
    with override_settings(CACHES=both, DJWTO_LOGIN_THROTTLE={"cache": "logins"}):
        statuses(5)
        caches["default"].clear()
        assert login().status_code == 429
        caches["logins"].clear()
        assert login().status_code == 401


def test_nothing_that_can_be_read_goes_to_the_cache(alice: Any, tmp_path: Path) -> None:
    backend = "django.core.cache.backends.filebased.FileBasedCache"
    seen: list[str] = []

    def key_of(key: str, prefix: str, version: int) -> str:
        seen.append(key)
        return f"{prefix}:{version}:{key}"

    in_files = {"BACKEND": backend, "LOCATION": str(tmp_path), "KEY_FUNCTION": key_of}
    with override_settings(CACHES={"default": in_files}):
        login(address="2001:db8::1")
        stored = [caches["default"].get(key) for key in set(seen)]
    assert all(re.fullmatch(r"djwto\.login\.[0-9a-f]{64}\.\d+", key) for key in seen)
    # The network, the /48 around it, the pair, and the account in a window and in a day.
    assert len({key.rpartition(".")[0] for key in seen}) == 5
    marks = [value for value in stored if value is not None]
    assert len(marks) == 5
    assert all(re.fullmatch(r"\d+\.\d+ [0-9a-f]{16} (begun|failed)", mark) for mark in marks)


def test_another_secret_key_makes_other_counts(alice: Any, settings: Any) -> None:
    statuses(6)
    settings.SECRET_KEY = "another"
    assert login().status_code == 401


class Unreachable:
    """A cache whose operations fail from a certain one on."""

    def __init__(self, good: int) -> None:
        self.good = good
        self.inner = caches["default"]

    def __getitem__(self, _alias: str) -> Any:
        return self

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def operation(*args: Any) -> Any:
            self.good -= 1
            if self.good < 0:
                raise ConnectionError("no route to the cache")
            return getattr(self.inner, name)(*args)

        return operation


# A login takes a slot of the network, asks for those of the pair and takes one, takes two of the
# account, and gives all of them back.
@pytest.mark.parametrize("good", range(6))
def test_a_cache_that_fails_lets_nobody_in_and_says_so(
    alice: Any,
    good: int,
    checks: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(throttle, "caches", Unreachable(good))
    reply = login(password="pass")
    assert (reply.status_code, reply.json()["code"]) == (503, "store_unavailable")
    assert int(reply["Retry-After"]) > 0
    assert not reply.cookies
    assert len(checks) == (good >= 5)
    assert "The cache of DJWTO_LOGIN_THROTTLE failed" in caplog.text
    assert "no route to the cache" in caplog.text
    assert not get_user_model().objects.get().last_login


def test_a_database_that_fails_when_asked_who_is_known_leaves_nothing_counted(
    besieged: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(*_: Any) -> bool:
        raise OperationalError("gone")

    monkeypatch.setattr(sessions, "is_known", gone)
    assert statuses(5) == [503] * 5
    assert "The database failed" in caplog.text
    monkeypatch.setattr(sessions, "is_known", lambda *_: True)
    assert statuses(3) == [401] * 3


# --- settings -----------------------------------------------------------------------------------


def test_keys_that_are_missing_take_the_defaults() -> None:
    with override_settings(DJWTO_LOGIN_THROTTLE={"attempts": 7}):
        expected = conf.Throttle("default", 7, 50, timedelta(minutes=5), 200, 200, None)
        assert conf.current().throttle == expected


@pytest.mark.parametrize(
    ("backend", "ids"),
    [
        ("locmem.LocMemCache", ["djwto.E040"]),
        ("dummy.DummyCache", ["djwto.E040"]),
        ("filebased.FileBasedCache", ["djwto.E040"]),
        ("db.DatabaseCache", ["djwto.W031"]),
        ("redis.RedisCache", []),
    ],
)
def test_a_cache_that_forgets_or_miscounts_is_reported_for_deployment(
    backend: str, ids: list[str], tmp_path: Path
) -> None:
    one = {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": str(tmp_path)}
    with override_settings(CACHES={"default": one}):
        assert deployment_checks() == ids
        assert deployment_checks(deploy=False) == []
        with override_settings(DJWTO_LOGIN_THROTTLE=None):
            assert deployment_checks() == []


def test_a_table_with_room_is_fine() -> None:
    backend = "django.core.cache.backends.db.DatabaseCache"
    table = {"BACKEND": backend, "LOCATION": "t", "OPTIONS": {"MAX_ENTRIES": 100_000}}
    with override_settings(CACHES={"default": table}):
        assert deployment_checks() == []


def test_a_proxy_that_is_not_listed_is_reported_for_deployment(settings: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1",
        }
    }
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert deployment_checks() == ["djwto.W030"]
    settings.DJWTO_TRUSTED_PROXIES = ["10.0.0.1"]
    assert deployment_checks() == []


def deployment_checks(*, deploy: bool = True) -> list[str]:
    ids = [str(found.id) for found in run_checks(include_deployment_checks=deploy)]
    return [found for found in ids if found in ("djwto.E040", "djwto.W030", "djwto.W031")]
