"""Logging in where the name is a foreign key to a number.

Run with `pytest --ds=tests.projects.seats.settings tests/projects/seats`.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest
from django.test import Client
from django.urls import path

import djwto.authentication
from djwto import authentication, user_rows
from djwto.urls import urlpatterns as djwto_urls
from djwto.views import PasswordChangeView
from tests.projects.seats.theatre.models import Seat

urlpatterns = [*djwto_urls, path("password/", PasswordChangeView.as_view())]


@pytest.fixture
def guest(db: None) -> Any:
    seat = Seat.objects.create(number=5)
    return get_user_model().objects.create_user(seat, password="pass")


@pytest.fixture
def told() -> Iterator[list[Any]]:
    seen: list[Any] = []

    def listen(credentials: Any, **_: Any) -> None:
        seen.append(credentials["username"])

    user_login_failed.connect(listen)
    yield seen
    user_login_failed.disconnect(listen)


def login(password: str = "pass", **fields: Any) -> Any:
    return Client().post("/login/", {**fields, "password": password}, secure=True)


@pytest.mark.parametrize(
    "fields", [{"username": "5"}, {"seat": "5"}, {"username": "5", "seat": "5"}]
)
def test_the_name_comes_under_either_field(guest: Any, fields: Any) -> None:
    assert login(**fields).status_code == 200
    assert login("wrong", **fields).status_code == 401


def test_an_empty_field_is_none(guest: Any) -> None:
    assert login(username="", seat="5").status_code == 200
    assert login(username="5", seat="").status_code == 200
    empty = login(username="", seat="")
    assert (empty.status_code, empty.json()["errors"]["username"][0]["code"]) == (401, "required")


def test_two_names_are_refused(guest: Any) -> None:
    response = login(username="5", seat="6")
    assert (response.status_code, response.json()["code"]) == (400, "body_unreadable")
    again = Client().post(
        "/login/", "seat=5&seat=5&password=pass", "application/x-www-form-urlencoded"
    )
    assert (again.status_code, again.json()["code"]) == (400, "body_unreadable")


@pytest.mark.parametrize(
    "number", ["abc", "5.0", "9" * 30, "-" + "9" * 30, "5 5", "none", "\u0665x", "1e1"]
)
def test_what_no_seat_has_is_a_wrong_name(guest: Any, told: Any, number: str) -> None:
    response = login(username=number)
    assert response.status_code == 401
    assert [one["code"] for one in response.json()["errors"]["__all__"]] == ["invalid_login"]
    assert told == [number]
    assert user_rows.find_account(number) is None


def test_hooks_and_signals_see_the_name_under_both_fields(
    guest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def user_authenticate(request: HttpRequest) -> Any:
        seen.append((request.POST["username"], request.POST["seat"]))
        return guest

    monkeypatch.setattr(djwto.authentication, "user_authenticate", user_authenticate)
    login(username="5")
    login(seat="5")
    body = json.dumps({"seat": 5, "password": "pass"})
    Client().post("/login/", body, content_type="application/json", secure=True)
    assert seen == [("5", "5")] * 3


@pytest.mark.parametrize("spelling", ["5", " 5 ", "05", "+5", "\uff15", "\u0665"])
def test_no_spelling_of_a_number_has_attempts_of_its_own(
    guest: Any, settings: Any, spelling: str
) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 3}
    assert [login("wrong", username="5").status_code for _ in range(3)] == [401] * 3
    assert login("wrong", username=spelling).status_code == 429
    assert login("wrong", seat=spelling).status_code == 429
    settings.DJWTO_LOGIN_THROTTLE = None
    assert login(username=spelling).status_code == 200


def test_the_account_is_named_as_the_database_does(rf: Any) -> None:
    for name, expected in (("05", "5"), ("abc", "abc"), ("", ""), (" 7", "7")):
        request = rf.post("/", {"username": name})
        assert authentication.user_account(request) == expected


def test_a_fault_of_a_backend_stays_one(
    guest: Any, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AUTHENTICATION_BACKENDS = ["tests.projects.seats.test_seats.Faulty"]
    assert login(username="5").status_code == 500
    assert "a fault of the backend" in caplog.text


class Faulty:
    def authenticate(self, _request: Any, **_: Any) -> Any:
        raise ValueError("a fault of the backend")


def test_a_guess_at_a_change_of_the_password_counts_for_the_same_account(
    guest: Any, settings: Any
) -> None:
    settings.ROOT_URLCONF = __name__
    settings.DJWTO_MODE = "JSON"
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 3}
    access = login(username="05").json()["access"]
    new = dict.fromkeys(("new_password1", "new_password2"), "a good one 123")

    def change(old: str) -> int:
        client = Client(headers={"authorization": f"Bearer {access}"})
        return client.post("/password/", {"old_password": old, **new}, secure=True).status_code

    assert change("pass") == 200
    access = login("a good one 123", username="5").json()["access"]
    assert [change("guess") for _ in range(4)] == [400, 400, 400, 429]
    assert login("wrong", username="5").status_code == 429
