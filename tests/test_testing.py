"""`djwto.test`, and what a project's tests may do: every client, and travels in time."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import freezegun
import pytest
import requests
import time_machine
from django.contrib.auth import get_user_model
from django.test import AsyncClient, Client
from django.urls import get_resolver
from rest_framework.test import APIClient, RequestsClient

from djwto.models import Session
from djwto.test import alogin, login
from tests.conftest import MODES, REFRESH
from tests.test_docs import DOCS, ROOT, blocks

GUARDED = "/guarded/dispatch/"
pytestmark = pytest.mark.django_db


# --- clients ------------------------------------------------------------------------------------


@pytest.fixture
def bob(db: None) -> Any:
    return get_user_model().objects.create_user("bob", password="pass")


def test_a_user_who_is_not_saved_is_refused_with_a_sentence():
    with pytest.raises(ValueError, match="save the user first"):
        login(Client(), get_user_model()(username="bob"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", [Client, APIClient])
def test_clients_of_django_and_rest_framework(make, mode, alice, bob, settings):
    settings.DJWTO_MODE = mode
    client = make()
    assert client.get(GUARDED).status_code == 401
    for user in (alice, bob):  # a second login takes the place of the first
        login(client, user)
        assert client.get(GUARDED).json()["id"] == user.pk
        assert client.post(GUARDED).json()["id"] == user.pk
        if isinstance(client, APIClient):
            assert client.get("/guarded/rest_dispatch/").status_code == 200


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.django_db(transaction=True)
async def test_client_in_an_async_test(mode, settings):
    settings.DJWTO_MODE = mode
    user = await get_user_model().objects.acreate_user("dora")
    client = AsyncClient()
    await alogin(client, user)
    for send in (client.get, client.post):
        assert (await send("/guarded/async_dispatch/")).json()["id"] == user.pk


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("origin", ["http://testserver", "https://testserver"])
def test_requests_client(mode, origin, alice, bob, settings):
    settings.DJWTO_MODE = mode
    client = RequestsClient()
    assert client.get(origin + GUARDED).status_code == 401
    for user in (alice, bob):
        login(client, user)
        assert client.get(origin + GUARDED).json()["id"] == user.pk
        # Nothing switches the CSRF check of this client off.
        assert client.post(origin + GUARDED).json()["id"] == user.pk


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", MODES)
def test_requests_and_a_live_server(mode, live_server, settings):
    settings.DJWTO_MODE = mode
    user = get_user_model().objects.create_user("erin")
    with requests.Session() as client:
        client.trust_env = False
        login(client, user)
        assert client.get(live_server.url + GUARDED).json()["id"] == user.pk
        assert client.post(live_server.url + GUARDED).json()["id"] == user.pk


def test_credentials_of_rest_framework(alice, bob):
    client = APIClient()
    client.credentials(HTTP_X_KIND="test", HTTP_AUTHORIZATION="Bearer of.another.package")
    login(client, alice)
    assert client.get(GUARDED).json()["id"] == alice.pk
    assert client._credentials["HTTP_X_KIND"] == "test"
    client.credentials()
    assert client.get(GUARDED).status_code == 401
    login(client, bob)
    client.logout()
    assert client.get(GUARDED).status_code == 401


def test_csrf_tokens_in_the_session(alice, settings):
    settings.CSRF_USE_SESSIONS, settings.DJWTO_MODE = True, "TWO-COOKIES"
    for client in (Client(), APIClient()):
        login(client, alice)
        assert client.post(GUARDED).status_code == 200


def test_the_default_throttle_is_off_in_tests(alice, settings):
    fields = {"username": "alice", "password": "wrong"}

    def refusals() -> set[str]:
        return {Client().post("/login/", fields).json().get("code", "") for _ in range(12)}

    assert "login_throttled" not in refusals()
    settings.DJWTO_LOGIN_THROTTLE = {}
    assert "login_throttled" in refusals()


# --- travels in time ----------------------------------------------------------------------------

Travel = Callable[[datetime], Any]


@contextmanager
def frozen(moment: datetime) -> Iterator[Any]:
    with freezegun.freeze_time(moment) as clock:
        yield clock


@contextmanager
def travelled(moment: datetime) -> Iterator[Any]:
    with time_machine.travel(moment, tick=False) as clock:
        yield clock


@pytest.fixture(params=[frozen, travelled])
def travel(request) -> Travel:
    # Django imports URLs at the first request. Packages in C take a clock that is set amiss.
    get_resolver().url_patterns  # noqa: B018
    return request.param


@pytest.fixture(params=[2012, 2026, 2040])
def noon(request) -> datetime:
    """Before and after the time that the database has."""
    return datetime(request.param, 11, 26, 12, tzinfo=timezone.utc)


def test_a_token_expires_and_is_good_again(travel, noon, alice):
    client = Client()
    with travel(noon):
        login(client, alice)
        assert client.get(GUARDED).status_code == 200
    with travel(noon + timedelta(minutes=4, seconds=59)):
        assert client.get(GUARDED).status_code == 200
    with travel(noon + timedelta(minutes=5)):
        assert client.get(GUARDED).json()["code"] == "token_expired"
    with travel(noon):
        assert client.get(GUARDED).status_code == 200
    with travel(noon - timedelta(days=4000)):
        assert client.get(GUARDED).status_code == 200  # `iat` is not compared with the clock


def test_a_clock_that_is_set_within_the_test(alice):
    client = Client()
    login(client, alice)
    assert client.get(GUARDED).status_code == 200
    with freezegun.freeze_time() as clock:
        assert client.get(GUARDED).status_code == 200
        clock.tick(timedelta(minutes=6))
        assert client.get(GUARDED).json()["code"] == "token_expired"
    with time_machine.travel(0) as traveller:
        assert client.get(GUARDED).status_code == 200
        traveller.shift(timedelta(days=365 * 80))
        assert client.get(GUARDED).json()["code"] == "token_expired"
    assert client.get(GUARDED).status_code == 200


@pytest.fixture
def ask(db: None) -> Callable[..., Any]:
    def ask(path: str, token: str = "", **fields: str) -> Any:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return Client().post(path, fields, headers=headers, secure=True)

    return ask


def test_renewals(travel, noon, alice, ask, settings):
    settings.DJWTO_ROTATE_REFRESH = True
    with travel(noon):
        first = ask("/login/", username="alice", password="pass").json()
    with travel(noon + timedelta(hours=23)):
        second = ask(f"{REFRESH}/refresh_access/", first["refresh"]).json()
        assert Client().get(GUARDED, headers=bearer(second)).status_code == 200
        assert Client().get(GUARDED, headers=bearer(first)).json()["code"] == "token_expired"
    # Within the grace period the answer is the same, and after it the session ends.
    with travel(noon + timedelta(hours=23, seconds=9)):
        repeated = ask(f"{REFRESH}/refresh_access/", first["refresh"]).json()
        assert repeated["refresh"] == second["refresh"]
    with travel(noon + timedelta(hours=23, seconds=11)):
        again = ask(f"{REFRESH}/refresh_access/", first["refresh"]).json()
        assert again["code"] == "refresh_reused"
        assert ask(f"{REFRESH}/refresh_access/", second["refresh"]).status_code == 401
        assert Client().get(GUARDED, headers=bearer(second)).json()["code"] == "token_blacklisted"
    ended = Session.objects.get().revoked_at / 1e6
    assert ended == pytest.approx((noon + timedelta(hours=23, seconds=11)).timestamp(), abs=1)


def test_a_refresh_token_expires(travel, noon, alice, ask):
    with travel(noon):
        pair = ask("/login/", username="alice", password="pass").json()
    with travel(noon + timedelta(days=1)):
        reply = ask(f"{REFRESH}/refresh_access/", pair["refresh"])
        assert reply.json()["code"] == "token_expired"


def test_the_throttle(travel, noon, alice, ask, settings):
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 2}

    def guess() -> str:
        return ask("/login/", username="alice", password="wrong").json().get("code", "")

    with travel(noon):
        assert [guess() == "login_throttled" for _ in range(3)] == [False, False, True]
    with travel(noon + timedelta(minutes=6)):
        assert guess() != "login_throttled"
    assert guess() != "login_throttled"  # with the clock of now again


def bearer(pair: dict[str, str]) -> dict[str, str]:
    return {"authorization": f"Bearer {pair['access']}"}


# --- the page -----------------------------------------------------------------------------------


def test_the_fixture_of_the_page_runs_in_a_project(tmp_path: Path) -> None:
    for block in blocks(DOCS / "testing.md"):
        if block.title and "tests.py" not in block.title:
            file = tmp_path / block.title
            file.parent.mkdir(exist_ok=True)
            file.write_text(block.text)
    (tmp_path / "mysite" / "settings.py").write_text(
        "from tests.projects.plain.settings import *\nROOT_URLCONF = 'mysite.urls'\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:asyncio"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "DJANGO_SETTINGS_MODULE": "mysite.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout, done.stdout
