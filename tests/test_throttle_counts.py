"""Each count of the throttle against the attack that it is for."""

from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.cache import caches
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.test import Client
from django.urls import path

import djwto.authentication
from djwto import sessions, throttle_rules, throttle_slots
from djwto.exceptions import JWTError
from djwto.urls import urlpatterns as djwto_urls
from djwto.views import PasswordChangeView
from tests.logins import HERE, Clock, login, statuses

urlpatterns = [*djwto_urls, path("password/", PasswordChangeView.as_view())]
FOREIGN = {"origin": "https://evil.example"}
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def throttled(settings: Any) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    return clock


@pytest.fixture(params=["a key for all slots", "a key for each slot"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache in memory, and what is done where processes share one."""
    if request.param == "a key for each slot":
        monkeypatch.setattr(throttle_slots, "_InProcess", throttle_slots._InCache)
        monkeypatch.setattr(caches["default"], "_max_entries", 100_000)


# --- a test run ---------------------------------------------------------------------------------


@pytest.mark.parametrize("password", ["wrong", "pass"])
def test_the_default_is_off_while_tests_run(alice: Any, settings: Any, password: str) -> None:
    del settings.DJWTO_LOGIN_THROTTLE
    assert statuses(8) == [401] * 8
    assert login(password="pass").status_code == 200


# --- names --------------------------------------------------------------------------------------


def test_a_success_clears_only_what_its_own_name_has_used(
    alice: Any, store: None, django_user_model: Any
) -> None:
    django_user_model.objects.create_user("Alice", password="own")
    seen = []
    for _ in range(3):
        seen += statuses(4)
        seen.append(login("Alice", "own").status_code)
    # Four guesses, then one more.
    assert seen.count(401) == 5
    assert login(password="pass").status_code == 429


def test_it_clears_failures_under_that_name_beside_those_of_another(
    alice: Any, store: None, django_user_model: Any
) -> None:
    django_user_model.objects.create_user("Alice", password="own")
    assert statuses(3, username="Alice") == [401] * 3
    assert statuses(1) == [401]
    assert login("Alice", "own").status_code == 200
    assert statuses(5) == [401] * 4 + [429]


@pytest.mark.parametrize("spelling", [" alice ", "\uff41lice"])
def test_a_name_is_read_as_the_form_reads_it(alice: Any, spelling: str) -> None:
    assert statuses(4, username=spelling) == [401] * 4
    assert login(password="pass").status_code == 200
    assert statuses(4, username=spelling) == [401] * 4


def test_a_success_clears_with_many_attempts_too(alice: Any, store: None, settings: Any) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 30, "account_attempts": 1000}
    for _ in range(3):
        assert statuses(29) == [401] * 29
        assert login(password="pass").status_code == 200
    assert statuses(31) == [401] * 30 + [429]


# --- the account over a day ---------------------------------------------------------------------


@pytest.fixture
def guessed(alice: Any, settings: Any) -> Any:
    """An account above its count of a day, whose user has logged in from here."""
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 100, "account_attempts": 500, "day_attempts": 12}
    assert login(password="pass").status_code == 200
    seen = [login(address=f"198.51.100.{number}").status_code for number in range(12)]
    assert seen == [401] * 12
    return alice


def test_above_the_day_each_other_network_has_one_try(
    store: None, guessed: Any, clock: Clock
) -> None:
    for address in ("192.0.2.1", "192.0.2.2"):
        assert statuses(2, address=address) == [401, 429]
    refused = login(password="pass", address="192.0.2.1")
    assert (refused.status_code, refused["Retry-After"]) == (429, "900")
    clock.now += 900
    assert login(password="pass", address="192.0.2.1").status_code == 200
    # It is known now.
    assert statuses(2, address="192.0.2.1") == [401, 401]


def test_above_the_day_a_known_network_has_twenty(guessed: Any, clock: Clock) -> None:
    assert statuses(21) == [401] * 20 + [429]
    assert login(password="pass")["Retry-After"] == "300"
    clock.now += 300
    assert login(password="pass").status_code == 200
    assert statuses(21) == [401] * 20 + [429]


def test_ten_networks_of_one_ipv6_site_have_a_try(guessed: Any) -> None:
    seen = [login(address=f"2001:db8:1:{number:x}::1").status_code for number in range(12)]
    assert seen == [401] * 10 + [429] * 2
    assert login(address="2001:db8:2::1").status_code == 401


def test_a_day_later_the_count_is_free_again(guessed: Any, clock: Clock) -> None:
    clock.now += 24 * 3600
    assert statuses(12, address="192.0.2.1") == [401] * 12
    assert statuses(2, address="192.0.2.1") == [401, 429]


def test_whatever_others_do_a_user_gets_in_from_a_new_network_within_a_quarter_of_an_hour(
    alice: Any, clock: Clock
) -> None:
    refused = 0
    for step in range(12):
        for number in range(60):
            login(address=f"198.51.{step % 3}.{number}")
        clock.now += 300
        refused = 0 if login(password="pass", address="192.0.2.1").status_code == 200 else 300
        sessions.Session.rows().delete()
        assert refused <= 300


def test_guesses_from_a_known_network_are_bounded(alice: Any, django_user_model: Any) -> None:
    """The owner of the account logs in beside them, which clears the pair each time."""
    seen = []
    for _ in range(50):
        seen += statuses(4)
        seen.append(login(password="pass").status_code)
    assert seen.count(401) == 50 + throttle_rules.KNOWN_ATTEMPTS
    assert seen[-1] == 429


def test_names_that_nobody_has_are_treated_alike(guessed: Any, settings: Any) -> None:
    seen = [login("nobody", address=f"198.51.100.{number}").status_code for number in range(12)]
    assert seen == [401] * 12
    for name in ("alice", "nobody"):
        assert statuses(2, username=name, address="192.0.2.1") == [401, 429]


# --- the network --------------------------------------------------------------------------------


def test_300_names_from_one_address_get_200_answers(alice: Any, store: None) -> None:
    seen = [login(f"name{number}").status_code for number in range(300)]
    assert seen == [401] * 200 + [429] * 100
    assert login(password="pass").status_code == 429
    assert login(password="pass", address="203.0.113.2").status_code == 200


def test_the_network_is_free_again_after_the_window(
    alice: Any, store: None, settings: Any, clock: Clock
) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"network_attempts": 25}
    for number in range(25):
        assert login(f"name{number}").status_code == 401
        clock.now += 2
    refused = login(password="pass")
    assert (refused.status_code, refused["Retry-After"]) == (429, "250")
    clock.now += 249
    assert login(password="pass").status_code == 429
    clock.now += 1
    assert login(password="pass").status_code == 200


def test_the_network_is_free_as_soon_as_the_window_has_passed(
    alice: Any, store: None, settings: Any, clock: Clock
) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"network_attempts": 25}
    assert login("name0").status_code == 401
    clock.now += 100
    for number in range(1, 25):
        assert login(f"name{number}").status_code == 401
    # One slot is about to be free.
    clock.now += 199.5
    assert login(password="pass").status_code == 429
    clock.now += 0.5
    assert login(password="pass").status_code == 200


def test_a_refusal_in_a_flood_asks_the_cache_twice(
    alice: Any, store: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"network_attempts": 25}
    assert [login(f"name{number}").status_code for number in range(26)] == [401] * 25 + [429]
    asked: list[str] = []
    for name in ("add", "get", "get_many", "set"):
        method = getattr(caches["default"], name)

        def spied(*args: Any, name: str = name, method: Any = method, **kwargs: Any) -> Any:
            asked.append(name)
            return method(*args, **kwargs)

        monkeypatch.setattr(caches["default"], name, spied)
    assert login("another").status_code == 429
    assert len(asked) == 2, asked


def test_an_ipv6_site_has_ten_times_as_many(store: None, settings: Any) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"network_attempts": 3}
    seen = [
        login(f"name{number}", address=f"2001:db8:1:{number // 4:x}::{number}").status_code
        for number in range(44)
    ]
    # Three of each four, until the site has used up thirty.
    assert seen == [401, 401, 401, 429] * 10 + [429] * 4
    assert login("name", address="2001:db8:2::1").status_code == 401


def test_500_users_behind_one_address_log_in_within_a_minute(
    alice: Any, django_user_model: Any, clock: Clock
) -> None:
    make = django_user_model.objects.create_user
    for number in range(500):
        make(f"user{number}", password="pass")
    seen = []
    for number in range(500):
        clock.now += 60 / 500
        if number % 20 in (0, 7, 14):
            seen.append(login(f"user{number}", "mistyped").status_code)
        seen.append(login(f"user{number}", "pass").status_code)
    assert seen.count(200) == 500
    assert seen.count(401) == 75
    assert 429 not in seen


# --- other origins ------------------------------------------------------------------------------


def no_cors(origin: dict[str, str], username: str = "alice", password: str = "wrong") -> Any:
    fields = {"username": username, "password": password, "mode": "JSON"}
    client = Client(REMOTE_ADDR=HERE, headers=origin, enforce_csrf_checks=True)
    return client.post("/login/", fields, secure=True)


@pytest.mark.parametrize(
    "origin",
    [FOREIGN, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
    ids=["origin", "null", "sec-fetch-site"],
)
def test_a_foreign_page_locks_its_visitor_out_of_nothing(
    alice: Any, settings: Any, origin: dict[str, str]
) -> None:
    settings.DJWTO_MODE = ("TWO-COOKIES", "JSON")
    assert [no_cors(origin).status_code for _ in range(6)] == [401] * 5 + [429]
    assert login(password="pass").status_code == 200
    assert statuses(6) == [401] * 5 + [429]


def test_all_foreign_origins_are_one_count(alice: Any) -> None:
    seen = [no_cors({"origin": f"https://evil{number}.example"}) for number in range(6)]
    assert [reply.status_code for reply in seen] == [401] * 5 + [429]


def test_a_trusted_origin_is_the_users_own(alice: Any, settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://app.example"]
    trusted = {"origin": "https://app.example", "sec-fetch-site": "cross-site"}
    assert [no_cors(trusted).status_code for _ in range(5)] == [401] * 5
    assert login(password="pass").status_code == 429


def test_foreign_pages_use_up_half_of_the_networks_count_at_most(alice: Any, settings: Any) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"network_attempts": 10}
    seen = [no_cors(FOREIGN, f"name{number}").status_code for number in range(8)]
    assert seen == [401] * 5 + [429] * 3
    seen = [login(f"other{number}").status_code for number in range(8)]
    # In all, an address has no more than it would have without the header.
    assert seen == [401] * 5 + [429] * 3


def test_a_foreign_page_takes_no_try_of_its_visitor_above_the_day(guessed: Any) -> None:
    assert login(address="192.0.2.1", origin="https://evil.example").status_code == 401
    assert login(address="192.0.2.1", origin="https://evil.example").status_code == 429
    assert login(password="pass", address="192.0.2.1").status_code == 200


# --- what fails ---------------------------------------------------------------------------------


@pytest.mark.own_errors
@pytest.mark.parametrize(("status", "seen"), [(403, [403] * 5 + [429]), (400, [400] * 5 + [429])])
def test_a_wrong_one_time_code_is_a_failed_login(
    alice: Any, monkeypatch: pytest.MonkeyPatch, status: int, seen: list[int]
) -> None:
    slug = {403: "login_denied", 400: "field_invalid"}[status]
    answers = []

    def ask_for_code(_request: HttpRequest) -> Any:
        answers.append(slug)
        raise JWTError("Enter the code.", slug)

    monkeypatch.setattr(djwto.authentication, "user_authenticate", ask_for_code)
    replies = [login(password="pass") for _ in range(60)]
    assert [reply.status_code for reply in replies[:6]] == seen
    assert {reply.status_code for reply in replies[5:]} == {429}
    assert len(answers) == 5


def test_a_hook_that_returns_no_user_is_a_failed_login(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def user_authenticate(request: HttpRequest) -> Any:
        fields = request.POST
        return authenticate(request, username=fields["username"], password=fields["password"])

    monkeypatch.setattr(djwto.authentication, "user_authenticate", user_authenticate)
    assert statuses(6) == [401] * 5 + [429]
    other = login(password="wrong", address="203.0.113.2").json()
    assert [one["code"] for one in other["errors"]["__all__"]] == ["invalid_login"]
    assert login(password="pass", address="203.0.113.3").status_code == 200


def test_a_failure_of_the_server_is_none(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_request: HttpRequest) -> Any:
        raise JWTError.of("store_unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(djwto.authentication, "user_authenticate", fail)
        assert statuses(20) == [503] * 20
    assert statuses(6) == [401] * 5 + [429]


@pytest.mark.urls(__name__)
class TestPasswordChange:
    """Guesses at the old password, by a holder of an access token."""

    NEW = "a good one 123"

    def change(self, old: str, new: str = NEW, again: str = NEW, address: str = HERE) -> Any:
        fields = {"old_password": old, "new_password1": new, "new_password2": again}
        client = Client(REMOTE_ADDR=address, headers={"authorization": f"Bearer {self.access}"})
        return client.post("/password/", fields, secure=True)

    @pytest.fixture(autouse=True)
    def logged_in(self, alice: Any, settings: Any) -> None:
        settings.DJWTO_MODE = "JSON"
        self.access = login(password="pass").json()["access"]

    def test_300_wrong_old_passwords_get_five_answers(self) -> None:
        seen = [self.change(f"guess {number}") for number in range(300)]
        assert [reply.status_code for reply in seen] == [400] * 5 + [429] * 295
        assert seen[5].json()["code"] == "login_throttled"
        assert 0 < int(seen[5]["Retry-After"]) <= 300
        assert self.change("pass").status_code == 429
        # The same password is guessed at by both doors.
        assert login(password="pass").status_code == 429
        assert login(password="pass", address="203.0.113.2").status_code == 200

    def test_a_right_one_clears(self) -> None:
        for old, new in (("pass", "the first 1!"), ("the first 1!", "the second 2!")):
            assert [self.change("guess").status_code for _ in range(4)] == [400] * 4
            assert self.change(old, new, new).status_code == 200
        assert login(password="the second 2!").status_code == 200

    def test_a_bad_new_password_is_no_guess(self) -> None:
        assert [self.change("pass", "a", "b").status_code for _ in range(8)] == [400] * 8
        assert self.change("pass").status_code == 200


# --- the hook -----------------------------------------------------------------------------------


def test_who_is_known_is_asked_by_the_name_as_the_form_reads_it(
    alice: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"account_attempts": 1}
    asked = []

    def is_known(account: str, address: str, _tenant: str) -> bool:
        asked.append((account, address))
        return True

    monkeypatch.setattr(sessions, "is_known", is_known)
    assert statuses(2, username=" \uff41lice ") == [401, 401]
    assert asked == [("alice", HERE)]


def test_a_refusal_leaves_nothing_counted_elsewhere(
    alice: Any, store: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that one count refuses takes no slot of the others."""
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 2, "network_attempts": 4, "day_attempts": 4}

    def refuse(_request: HttpRequest) -> Any:
        raise ValidationError("No.")

    monkeypatch.setattr(djwto.authentication, "user_authenticate", refuse)
    assert statuses(20) == [401] * 2 + [429] * 18
    assert statuses(3, username="carol") == [401] * 2 + [429]
    assert statuses(1, address="203.0.113.2") == [401]
