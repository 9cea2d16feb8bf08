"""Passwords checked at once in one process, and logins that wait for each other."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest
from django.core.cache import caches
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.test import Client
from django.urls import path

from djwto import throttle, throttle_gate
from djwto.exceptions import JWTError
from djwto.throttle_gate import Gate
from djwto.urls import urlpatterns as djwto_urls
from djwto.views import PasswordChangeView
from tests.logins import HERE, login

urlpatterns = [*djwto_urls, path("password/", PasswordChangeView.as_view())]
SLOW = 10.0
"""How long a check takes, in seconds, as far as a gate is told."""
SOON = 30.0
"""More seconds than anything here takes; a test that fails waits as long."""


@pytest.fixture(autouse=True)
def throttled(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"password_hashes": 1}
    # What logins of other tests took, and how they ended, is not remembered.
    monkeypatch.setattr(throttle, "gate", Gate())


class Checks:
    """Stands for checks of passwords that go on until a test says how they end."""

    def __init__(self) -> None:
        self.running = threading.Semaphore(0)
        """Released by each check that begins."""
        self.ends = threading.Semaphore(0)
        self.most = self.now = self.number = 0
        self._lock = threading.Lock()

    def run(self, *, fails: bool) -> None:
        with self._lock:
            self.now += 1
            self.number += 1
            self.most = max(self.most, self.now)
        self.running.release()
        assert self.ends.acquire(timeout=SOON)
        with self._lock:
            self.now -= 1
        if fails:
            raise ValidationError("wrong")

    def login(self, name: str = "alice", *, address: str = HERE, fails: bool = False) -> str:
        request = HttpRequest()
        request.META["REMOTE_ADDR"] = address
        request.POST = QueryDict(mutable=True)
        request.POST["username"] = name
        try:
            with throttle.counted(request):
                self.run(fails=fails)
        except ValidationError:
            return "failed"
        except JWTError as error:
            return error.code
        return "done"


@pytest.fixture
def checks() -> Checks:
    return Checks()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as pool:
        yield pool


def waiting() -> int:
    return throttle.gate._waiting.total()


def until(condition: Any) -> None:
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.001)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_more_passwords_are_checked_at_once(
    checks: Checks, threads: ThreadPoolExecutor, settings: Any, size: int
) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"password_hashes": size}
    logins = [threads.submit(checks.login, f"name{number}") for number in range(8)]
    for _ in logins:
        checks.ends.release()
    assert [one.result(SOON) for one in logins] == ["done"] * 8
    assert checks.most <= size


def test_it_is_the_number_of_processors_by_default(
    checks: Checks,
    threads: ThreadPoolExecutor,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {}
    monkeypatch.setattr(throttle, "processors", lambda: 3)
    logins = [threads.submit(checks.login, f"name{number}") for number in range(8)]
    for _ in range(3):
        assert checks.running.acquire(timeout=SOON)
    until(lambda: waiting() == 5)
    assert checks.number == 3
    checks.ends.release(8)
    assert [one.result(SOON) for one in logins] == ["done"] * 8
    assert throttle_gate.processors() >= 1


@pytest.mark.parametrize("number", [12, 30])
def test_good_logins_of_one_account_at_the_same_instant_all_succeed(
    checks: Checks, threads: ThreadPoolExecutor, number: int
) -> None:
    logins = [threads.submit(checks.login) for _ in range(number)]
    assert checks.running.acquire(timeout=SOON)
    # All of them are under way before the first one ends: five have a slot, the others wait.
    until(lambda: waiting() == number - 1)
    checks.ends.release(number)
    assert [one.result(SOON) for one in logins] == ["done"] * number


def test_a_login_that_waits_is_refused_once_those_before_it_have_failed(
    checks: Checks, threads: ThreadPoolExecutor
) -> None:
    logins = [threads.submit(checks.login, fails=True) for _ in range(12)]
    assert checks.running.acquire(timeout=SOON)
    until(lambda: waiting() == 11)
    checks.ends.release(12)
    seen = sorted(one.result(SOON) for one in logins)
    assert seen == ["failed"] * 5 + ["login_throttled"] * 7


def test_a_wait_ends(
    checks: Checks, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "WAIT_SECONDS", 0.05)
    first = threads.submit(checks.login)
    assert checks.running.acquire(timeout=SOON)
    assert checks.login("carol") == "login_busy"
    checks.ends.release()
    assert first.result(SOON) == "done"
    # It held no slot: there is nothing to wait for, and all five are free.
    checks.ends.release(5)
    assert [checks.login("carol", fails=True) for _ in range(6)] == ["failed"] * 5 + [
        "login_throttled"
    ]


def test_a_bounded_number_waits(
    checks: Checks, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle_gate, "MOST_WAITING", 5)
    monkeypatch.setattr(throttle_gate, "MOST_WAITING_TOGETHER", 3)
    logins = [threads.submit(checks.login)]
    assert checks.running.acquire(timeout=SOON)
    logins += [threads.submit(checks.login) for _ in range(3)]
    until(lambda: waiting() == 3)
    assert checks.login() == "login_busy"
    logins += [threads.submit(checks.login, "carol") for _ in range(2)]
    until(lambda: waiting() == 5)
    assert checks.login("dora") == "login_busy"
    checks.ends.release(6)
    assert [one.result(SOON) for one in logins] == ["done"] * 6


def test_while_logins_fail_none_waits(checks: Checks, threads: ThreadPoolExecutor) -> None:
    logins = [threads.submit(checks.login, f"name{number}") for number in range(4)]
    assert checks.running.acquire(timeout=SOON)
    until(lambda: waiting() == 3)
    for _ in range(10):  # elsewhere in this process
        assert throttle.gate.enter("", 2, time.monotonic())
        throttle.gate.leave(SLOW, has_failed=True)
    # Those that wait are told too, and their threads are free.
    done, busy = wait(logins, SOON, return_when="FIRST_COMPLETED")
    until(lambda: waiting() == 0)
    assert checks.login("another") == "login_busy"
    checks.ends.release()
    assert sorted(one.result(SOON) for one in logins) == ["done"] + ["login_busy"] * 3
    assert len(done | busy) == 4


def test_logins_wait_again_when_some_succeed_or_after_a_rest() -> None:
    gate = Gate()

    def may_wait() -> bool:
        return gate.wait("", 0.001)

    assert may_wait()
    for _ in range(10):
        assert gate.enter("", 1, 0)
        gate.leave(SLOW, has_failed=True)
    assert not may_wait()
    for _ in range(5):
        assert gate.enter("", 1, 0)
        gate.leave(SLOW, has_failed=False)
    assert may_wait()
    for _ in range(10):
        assert gate.enter("", 1, 0)
        gate.leave(SLOW, has_failed=True)
    assert not may_wait()
    gate._ended -= 60
    assert may_wait()


def test_where_checks_are_quick_failures_do_not_matter() -> None:
    gate = Gate()
    for _ in range(30):
        assert gate.enter("", 1, 0)
        gate.leave(0.004, has_failed=True)
    assert gate.wait("", 0.001)


@pytest.mark.django_db
def test_a_reply_says_that_it_is_busy(
    alice: Any, checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "WAIT_SECONDS", 0)
    assert throttle.gate.enter("", 1, 0)
    reply = login(password="pass")
    assert (reply.status_code, reply["Retry-After"]) == (503, "1")
    assert reply.json() == {
        "error": "Too many logins at once. Try again later.",
        "code": "login_busy",
    }
    throttle.gate.leave(0, has_failed=False)
    assert login(password="pass").status_code == 200


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_a_change_of_password_is_one_of_them(
    alice: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_MODE = "JSON"
    access = login(password="pass").json()["access"]
    new = "a good one 123"
    fields = {"old_password": "pass", "new_password1": new, "new_password2": new}
    client = Client(REMOTE_ADDR=HERE, headers={"authorization": f"Bearer {access}"})
    with monkeypatch.context() as patched:
        patched.setattr(throttle, "WAIT_SECONDS", 0)
        assert throttle.gate.enter("", 1, 0)
        busy = client.post("/password/", fields, secure=True)
        assert (busy.status_code, busy.json()["code"]) == (503, "login_busy")
        throttle.gate.leave(0, has_failed=False)
    assert client.post("/password/", fields, secure=True).status_code == 200


def test_an_exception_lets_the_next_one_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "WAIT_SECONDS", 0)
    request = HttpRequest()
    request.META["REMOTE_ADDR"] = HERE
    request.POST = QueryDict("username=alice")
    for fault in (RuntimeError("broken"), SystemExit(1), ValidationError("wrong")):
        with pytest.raises(type(fault)), throttle.counted(request):
            raise fault
    assert throttle.gate.enter("", 1, 0)


def test_an_attempt_whose_process_died_is_not_waited_for(
    checks: Checks, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now)
    monkeypatch.setattr(throttle_gate.Gate, "leave", lambda *_, **__: None)
    for _ in range(5):
        request = HttpRequest()
        request.META["REMOTE_ADDR"] = HERE
        request.POST = QueryDict("username=alice")
        throttle._Attempt(request, throttle._limits(), None).begin()  # type: ignore[arg-type]
        throttle.gate._running = 0
    now += 31
    assert checks.login() == "login_throttled"
    caches["default"].clear()


def test_in_a_flood_the_cache_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(10):
        assert throttle.gate.enter("", 1, 0)
        throttle.gate.leave(SLOW, has_failed=True)
    assert throttle.gate.enter("", 1, 0)
    monkeypatch.setattr(throttle, "caches", {"default": None})
    assert Checks().login() == "login_busy"


@pytest.mark.django_db
def test_it_is_no_error_in_the_log(alice: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(throttle, "WAIT_SECONDS", 0)
        assert throttle.gate.enter("", 1, 0)
        assert login(password="pass").status_code == 503
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
