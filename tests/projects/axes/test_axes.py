"""django-axes beside djwto: it sees what fails and what succeeds, and its lockouts are JSON."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from axes.models import AccessAttempt, AccessLog
from axes.utils import reset
from django.contrib.auth.signals import user_login_failed
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import AsyncClient, Client

from djwto import signals
from tests.conftest import MODES, Visitor

HERE = "203.0.113.1"
LOCKED = {"error": "Too many failed logins. Try again later.", "code": "login_throttled"}
pytestmark = pytest.mark.django_db


def login(username: str = "alice", password: str = "wrong", **extra: Any) -> Any:
    fields = {"username": username, "password": password}
    return Client(REMOTE_ADDR=HERE, **extra).post("/login/", fields, secure=True)


def test_the_checks_of_both_are_content() -> None:
    # The guarded views of the tests earn these warnings.
    ids = {found.id for found in run_checks() if found.id.startswith(("axes", "djwto"))}
    assert ids <= {"djwto.W004", "djwto.W055"}


def test_no_migrations_are_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_it_is_told_who_failed_and_from_where(alice: Any) -> None:
    told = []

    def listen(credentials: Any, request: Any, **_: Any) -> None:
        told.append((credentials, request.path))

    user_login_failed.connect(listen)
    try:
        assert login().status_code == 401
    finally:
        user_login_failed.disconnect(listen)
    assert told == [({"username": "alice", "password": "*" * 20}, "/login/")]
    attempt = AccessAttempt.objects.get()
    assert (attempt.username, attempt.ip_address) == ("alice", HERE)
    assert "wrong" not in attempt.post_data


@pytest.mark.parametrize("mode", MODES)
def test_it_locks_out_in_json(alice: Any, settings: Any, mode: str) -> None:
    settings.DJWTO_MODE = mode
    visitor = Visitor(mode)
    replies = [visitor.login(password="wrong") for _ in range(4)] + [visitor.login()]
    assert [reply.status_code for reply in replies] == [401, 401, 429, 429, 429]
    for reply in replies[2:]:
        assert reply.json() == LOCKED
        assert reply["Retry-After"] == "600"
        assert not reply.cookies
    other = Visitor(mode)
    other.client.defaults["REMOTE_ADDR"] = "203.0.113.2"
    assert other.login().status_code == 200


def test_it_locks_out_in_json_over_asgi(alice: Any) -> None:
    fields = {"username": "alice", "password": "wrong"}
    post = async_to_sync(AsyncClient().post)
    replies = [post("/login/", fields) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [401, 401, 429, 429]
    assert replies[-1].json() == LOCKED


def test_a_script_of_a_page_gets_the_same(alice: Any) -> None:
    ajax = {"headers": {"x-requested-with": "XMLHttpRequest"}}
    assert [login(**ajax).status_code for _ in range(4)][-1] == 429
    assert login(**ajax).json() == LOCKED


def test_without_its_middleware_a_lockout_looks_like_a_wrong_password(
    alice: Any, settings: Any
) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "axes" not in name]
    replies = [login() for _ in range(4)] + [login(password="pass")]
    assert [reply.status_code for reply in replies] == [401] * 5
    assert {reply.json()["code"] for reply in replies} == {"credentials_invalid"}


def test_it_alone_locks_out_and_lets_in_again(alice: Any, settings: Any) -> None:
    settings.DJWTO_LOGIN_THROTTLE = None
    assert [login().status_code for _ in range(8)] == [401, 401] + [429] * 6
    reset(username="alice")
    assert login(password="pass").status_code == 200


def test_what_the_throttle_refuses_it_does_not_see(alice: Any, settings: Any) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 1}
    assert [login().status_code for _ in range(5)] == [401] + [429] * 4
    assert AccessAttempt.objects.get().failures_since_start == 1


def test_it_sees_logins_and_logouts(alice: Any) -> None:
    visitor = Visitor("JSON")
    visitor.login()
    log = AccessLog.objects.get()
    assert (log.username, log.logout_time) == ("alice", None)
    visitor.refresh("logout")
    assert AccessLog.objects.get().logout_time is not None


def test_it_sees_clients_behind_a_proxy_that_is_listed(alice: Any, settings: Any) -> None:
    settings.DJWTO_TRUSTED_PROXIES = [HERE]
    login(headers={"x-forwarded-for": "198.51.100.7"})
    assert AccessAttempt.objects.get().ip_address == "198.51.100.7"


def test_djwtos_own_signal_is_sent_too(alice: Any) -> None:
    told = []

    def listen(error: str, **_: Any) -> None:
        told.append(error)

    signals.jwt_login_fail.connect(listen)
    try:
        login()
    finally:
        signals.jwt_login_fail.disconnect(listen)
    assert len(told) == 1
