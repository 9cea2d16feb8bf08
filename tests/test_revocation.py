"""How a process learns of sessions that others have ended. Real servers do so in `served/`."""

import asyncio
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, router, transaction
from django.db.models import F
from django.test import RequestFactory, override_settings

from djwto import _core, conf, revocation, sessions, times, tokens
from djwto.conf import Revocation
from djwto.exceptions import JWTError
from djwto.models import Session
from djwto.revocation import ended_rows
from djwto.revocation.poller import RevocationPoller
from tests import guarded
from tests.conftest import Visitor

OFF = Revocation(interval=None, max_age=60.0, url=None)
RELOAD_SECONDS = 60
"""How often all ended sessions are read anew."""


@pytest.fixture
def elsewhere(alice: Any, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    """Alice, whose session another process is going to end: this one is not told."""
    program = Visitor("JSON")
    program.login()
    monkeypatch.setattr(revocation, "announce", lambda _ended: None)
    return program


def test_a_session_that_another_process_ended_is_heard_of(
    elsewhere: Visitor, django_assert_num_queries: Any
) -> None:
    feed = RevocationPoller(OFF)
    for _ in range(2):
        with django_assert_num_queries(1):
            feed._poll(time.monotonic())
    assert elsewhere.get("/guarded/function/").status_code == 200
    sessions.end_all(elsewhere_user())
    with django_assert_num_queries(0):
        assert elsewhere.get("/guarded/function/").status_code == 200
    feed._poll(time.monotonic())
    assert elsewhere.get("/guarded/function/").status_code == 401


@pytest.mark.parametrize(("late", "heard"), [(59, 401), (62, 200)])
def test_a_late_commit_is_heard_of(elsewhere: Visitor, late: int, heard: int) -> None:
    feed = RevocationPoller(OFF)
    feed._poll(time.monotonic())
    sessions.end_all(elsewhere_user())
    Session.objects.update(revoked_at=F("revoked_at") - late * times.SECOND)
    feed._poll(time.monotonic())
    assert elsewhere.get("/guarded/function/").status_code == heard
    # The full load that comes now and then hears of all.
    feed._poll(time.monotonic() + RELOAD_SECONDS)
    assert elsewhere.get("/guarded/function/").status_code == 401


@pytest.fixture
def many(db: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[bytes]]:
    """Makes sessions that have ended, at times of the test's choice; pages are short."""
    monkeypatch.setattr(ended_rows, "PAGE", 4)

    def make(*ends: int, until: int = 0) -> list[bytes]:
        begin = times.now()
        rows = [
            Session(
                pk=uuid.uuid4(), user_id="1", mode="JSON", created_at=begin, renewed_at=begin,
                issued_at=begin, expires_at=begin, ends_at=begin, authenticated_at=begin,
                generation=1, access_until=until or begin + number % 3, revoked_at=end,
            )
            for number, end in enumerate(ends)
        ]  # fmt: skip
        Session.objects.bulk_create(rows)
        return [row.pk.bytes for row in rows]

    return make


@pytest.mark.parametrize("spread", ["apart", "at one time", "and until one time", "mixed"])
def test_pages_hold_every_row_once_whatever_the_times(
    many: Callable[..., list[bytes]], monkeypatch: pytest.MonkeyPatch, spread: str
) -> None:
    pages, rows = [], ended_rows._rows
    monkeypatch.setattr(ended_rows, "_rows", lambda *page: pages.append(rows(*page)) or pages[-1])
    now = times.now()
    ends = [now + (number if spread == "apart" else 0) for number in range(30)]
    made = many(*ends, until=now if spread == "and until one time" else 0)
    if spread == "mixed":
        made += many(*(now + number // 7 for number in range(30)))
        made += many(*([now + 2] * 9), until=now)
    ended_rows.EndedRows().read(time.monotonic(), 1.0)
    read = [key.bytes for page in pages for _, _, key in page]
    assert sorted(read) == sorted(made)
    assert max(map(len, pages)) <= 4
    assert [row for page in pages for row in page] == sorted(
        (row for page in pages for row in page), key=lambda row: row[:2]
    )


def test_what_is_known_is_not_read_again(
    many: Callable[..., list[bytes]], django_assert_num_queries: Any
) -> None:
    feed, now = RevocationPoller(OFF), times.now()
    first = many(*(now - number * times.SECOND for number in range(3)))
    feed._poll(time.monotonic())
    assert all(key in conf.ended_sessions for key in first)
    # One query, which counts.
    with django_assert_num_queries(1):
        feed._poll(time.monotonic())
    # A late commit beside rows that are known, and one of now: each its own small range.
    late = many(now - 2 * times.SECOND, now)
    with django_assert_num_queries(3):
        feed._poll(time.monotonic())
    assert all(key in conf.ended_sessions for key in late)
    with django_assert_num_queries(1):
        feed._poll(time.monotonic())
    # Late commits all over the place.
    late = many(*(now - number * 2 * times.SECOND for number in range(20)))
    feed._poll(time.monotonic())
    assert all(key in conf.ended_sessions for key in late)


def answer_next(answers: Iterator[Callable[..., Any]], *page: Any) -> Any:
    return next(answers, raise_error)(*page)


def test_a_first_load_that_fails_midway_is_no_load(
    many: Callable[..., list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, rows = RevocationPoller(OFF), ended_rows._rows
    old = many(*([times.now() - 120 * times.SECOND] * 20))
    for _ in range(2):
        answers = iter([rows])
        monkeypatch.setattr(ended_rows, "_rows", partial(answer_next, answers))
        with pytest.raises(DatabaseError):
            feed._rows.read(time.monotonic(), 1.0)
    monkeypatch.setattr(ended_rows, "_rows", rows)
    feed._rows.read(time.monotonic(), 1.0)
    assert all(key in conf.ended_sessions for key in old)
    new = many(times.now())
    feed._rows.read(time.monotonic(), 1.0)
    assert new[0] in conf.ended_sessions


def test_a_reload_is_spread_over_looks_and_delays_nothing(
    many: Callable[..., list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ended_rows, "SHARE_SECONDS", 0)
    rows, begun = ended_rows.EndedRows(), time.monotonic()
    rows.read(begun, 1.0)
    # Ended beyond the overlap, as after a leap of the database's clock.
    hidden = many(*([times.now() - 120 * times.SECOND] * 20))
    begun += RELOAD_SECONDS
    looks = 0
    while not all(key in conf.ended_sessions for key in hidden):
        fresh = many(times.now())
        rows.read(begun, 1.0)
        assert all(key in conf.ended_sessions for key in fresh)
        looks += 1
        assert looks < 40
    assert looks > 2
    # Where looks are rare each is a whole reload.
    hidden = many(*([times.now() - 120 * times.SECOND] * 20))
    for _ in range(40):
        rows.read(begun, 1.0)
    rows.read(begun + RELOAD_SECONDS, 3600.0)
    assert all(key in conf.ended_sessions for key in hidden)


def test_the_set_forgets_an_hour_after_the_last_access_token(elsewhere: Visitor) -> None:
    key = sessions.own(elsewhere_user().pk).get().pk
    sessions.end(key)
    feed = RevocationPoller(OFF)
    for number, (minutes, is_remembered) in enumerate([(59, True), (2, False)], 1):
        Session.objects.update(access_until=F("access_until") - (5 + minutes) * 60 * times.SECOND)
        conf.ended_sessions.forget_before(2**40)
        feed._poll(time.monotonic() + number * 1e6)
        assert (key.bytes in conf.ended_sessions) is is_remembered


def test_what_is_rolled_back_was_not_ended(
    db: None, alice: Any, django_capture_on_commit_callbacks: Any
) -> None:
    connection = transaction.get_connection()
    program = Visitor("JSON")
    program.login()
    # As outside of a test, where a transaction may be rolled back.
    outer = connection.atomic_blocks[0]
    outer._from_testcase = False
    try:
        with django_capture_on_commit_callbacks() as callbacks:
            sessions.end_all(alice)
        assert program.get("/guarded/function/").status_code == 200
        for callback in callbacks:
            callback()
    finally:
        outer._from_testcase = True
    assert program.get("/guarded/function/").status_code == 401


def raise_error(*_: Any) -> None:
    raise DatabaseError("no such table")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As outside of a test, where a thread asks the database; and that fails."""

    monkeypatch.setattr(RevocationPoller, "_poll", raise_error)
    monkeypatch.setattr(conf, "is_test_run", lambda: False)
    monkeypatch.setattr(revocation, "_feed", None)
    yield
    if revocation._feed is not None:
        revocation._feed.stop()


class Answers:
    """Looks that take as long as the test wants, and then succeed."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.release = threading.Semaphore(0)

    def __call__(self, *_: Any) -> None:
        self.asked.release()
        assert self.release.acquire(timeout=60)

    def answer(self) -> None:
        """Let one look succeed, as soon as it has begun."""
        assert self.asked.acquire(timeout=60)
        self.release.release()


@pytest.fixture
def answers(failing: None, monkeypatch: pytest.MonkeyPatch) -> Answers:
    """As outside of a test, where a thread asks the database; and that answers when told to."""
    answers = Answers()
    monkeypatch.setattr(RevocationPoller, "_poll", answers)
    return answers


def too_old() -> _core.Freshness:
    """A set that was looked at before the process was frozen."""
    freshness, now = _core.Freshness(3600.0, 1.0), time.monotonic()
    freshness.succeeded(now - 3602, now - 3602)
    return freshness


class Waiting:
    """Guards that have begun to wait."""

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.begun = threading.Semaphore(0)


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    """Guards that have begun to wait since the test began."""
    waiting, wait = Waiting(), RevocationPoller.wait

    def tell(feed: RevocationPoller, ended: threading.Event, seconds: float) -> None:
        waiting.threads.append(threading.get_ident())
        waiting.begun.release()
        wait(feed, ended, seconds)

    monkeypatch.setattr(RevocationPoller, "wait", tell)
    return waiting


async def test_an_async_view_waits_for_a_look_in_a_thread(
    answers: Answers, waiting: Waiting, settings: Any
) -> None:
    settings.DJWTO_REVOCATION_INTERVAL = timedelta(hours=1)
    reply = asyncio.ensure_future(guarded.async_function(RequestFactory().get("/")))
    # The loop goes on meanwhile.
    assert await asyncio.to_thread(waiting.begun.acquire, timeout=60)
    answers.answer()
    # There is no token in the request; a look that failed would be 503.
    assert (await reply).status_code == 401
    # Once more, as after the process was frozen.
    feed = revocation._current(conf.current())
    feed.freshness = too_old()
    reply = asyncio.ensure_future(guarded.async_function(RequestFactory().get("/")))
    assert await asyncio.to_thread(waiting.begun.acquire, timeout=60)
    answers.answer()
    assert (await reply).status_code == 401
    assert threading.get_ident() not in waiting.threads


def test_what_became_too_old_unnoticed_is_looked_up_before_the_guard_refuses(
    answers: Answers,
) -> None:
    feed = RevocationPoller(Revocation(interval=3600.0, max_age=1.0, url=None))
    try:
        for _ in range(3):
            feed.freshness = too_old()
            answering = threading.Thread(target=answers.answer)
            answering.start()
            assert feed.is_fresh_soon()
            answering.join()
    finally:
        feed.stop()
        answers.release.release()


def test_after_a_look_that_failed_no_guard_waits(
    answers: Answers, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RevocationPoller, "_poll", raise_error)
    feed = RevocationPoller(Revocation(interval=3600.0, max_age=1.0, url=None))
    try:
        first = feed.look_ended
        assert not feed.is_fresh_soon()
        assert first.wait(60)
        waiting.threads.clear()
        assert not feed.is_fresh_soon()
        assert not feed.is_awaited
        assert waiting.threads == []
        # Frozen since: the failure says nothing of this moment.
        monkeypatch.setattr(RevocationPoller, "_poll", answers)
        assert answers.asked.acquire(timeout=60)
        feed.freshness = too_old()
        assert feed.is_awaited
        answers.release.release()
        assert feed.is_fresh_soon()
    finally:
        feed.stop()
        answers.release.release()


@pytest.mark.parametrize(("max_age", "status"), [(timedelta(seconds=1), 503), (None, 200)])
def test_before_the_first_load_nobody_is_let_in_unless_the_setting_says_so(
    failing: None,
    alice: Any,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    *,
    max_age: timedelta | None,
    status: int,
) -> None:
    settings.DJWTO_REVOCATION_MAX_AGE = max_age
    program = Visitor("JSON")
    # A login asks the database, and not the set.
    assert program.login().status_code == 200
    reply = program.get("/guarded/function/")
    assert reply.status_code == status
    if status == 503:
        assert reply.json()["code"] == "store_unavailable"
        assert reply.headers["Retry-After"]
        assert "guarded views are refused" in caplog.text
    # Who asks the database need not know more.
    assert program.post("/validate_access/").status_code == 200


def test_what_is_too_old_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = RevocationPoller(Revocation(interval=None, max_age=60.0, url=None))
    feed.freshness = too_old()
    monkeypatch.setattr(revocation, "_current", lambda _config: feed)
    with pytest.raises(JWTError, match="cannot be reached"):
        revocation.require(conf.current())


def test_a_feed_outlives_whatever_fails(failing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Router:
        def db_for_write(self, *_: Any, **__: Any) -> None:
            raise RuntimeError("a router with a fault")

    monkeypatch.setattr(router, "routers", [Router()])
    tried = threading.Semaphore(0)
    monkeypatch.setattr(RevocationPoller, "_poll", lambda *_: tried.release() or Session.rows())
    feed = RevocationPoller(Revocation(interval=0.01, max_age=1.0, url=None))
    try:
        for _ in range(3):
            assert tried.acquire(timeout=30)
    finally:
        feed.stop()


def test_an_interval_longer_than_the_age_is_no_outage(
    failing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RevocationPoller, "_poll", lambda *_: None)
    feed = RevocationPoller(Revocation(interval=3600.0, max_age=1.0, url=None))
    try:
        assert feed.is_fresh_soon()
        assert feed.freshness.fresh_until > time.monotonic() + 3000
    finally:
        feed.stop()


@pytest.mark.parametrize("url", ["redis://localhost:port", "redis://h/0?decode_responses=True"])
def test_an_address_that_redis_would_not_take_is_a_wrong_setting(url: str) -> None:
    with override_settings(DJWTO_REVOCATION_URL=url):
        (problem,) = conf.problems()
    assert problem.message.startswith("DJWTO_REVOCATION_URL: expected a URL")


def test_who_decodes_a_token_by_hand_is_told_too(alice: Any, failing: None) -> None:
    program = Visitor("JSON")
    program.login()
    with pytest.raises(JWTError, match="cannot be reached"):
        tokens.decode_token(program.token("access"))


def test_other_settings_start_another_feed_and_equal_ones_do_not() -> None:
    config = conf.current()
    first = revocation._current(config)
    with override_settings(DJWTO_ISS_CLAIM="another"):
        assert revocation._current(conf.current()) is first
    with override_settings(DJWTO_REVOCATION_INTERVAL=timedelta(seconds=9)):
        assert revocation._current(conf.current()) is not first
        assert first.is_stopped


def elsewhere_user() -> Any:
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get()


FORKS = """
import os, signal, threading
from djwto import _core

ended = _core.Revocations()
many = [(os.urandom(16), 2**33) for _ in range(100_000)]


def feed():
    while True:
        ended.extend(many)


threading.Thread(target=feed, daemon=True).start()
for _ in range(30):
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        os._exit(bytes(16) in ended)
    assert os.waitpid(child, 0)[1] == 0, "a child of a fork hangs"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_while_the_set_is_fed_leaves_no_child_locked_out() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKS], check=True, timeout=120)


HEARING = """
import os, signal, sys, time
import django
from django.conf import settings
from tests.projects.plain import settings as plain

values = {name: getattr(plain, name) for name in dir(plain) if name.isupper()}
values["DATABASES"] = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}}
settings.configure(**values)
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from django.test import RequestFactory
from djwto import conf, revocation, sessions

call_command("migrate", verbosity=0)
user = User.objects.create_user("alice")
sessions.login(RequestFactory().post("/login/"), user)
key = sessions.own(user.pk).get().pk
revocation.require(conf.current())
connections.close_all()
child = os.fork()
if child == 0:
    signal.alarm(30)
    while key.bytes not in conf.ended_sessions:
        revocation.require(conf.current())
        time.sleep(0.01)
    os._exit(0)
sessions.end(key)
assert os.waitpid(child, 0)[1] == 0, "a child of a fork hears of nothing"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_of_a_fork_hears_of_what_ends_later(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", HEARING, str(tmp_path / "db.sqlite3")]
    subprocess.run(command, check=True, timeout=120)


VERIFYING = """
import asyncio, sys, time
import django
from django.conf import settings

private, public = (open(f"{sys.argv[1]}/ed25519.{name}").read() for name in ("pem", "public.pem"))
settings.configure(
    DATABASES={},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djwto"],
    DJWTO_ALGORITHM="EdDSA",
    DJWTO_SIGNING_KEY=private,
)
django.setup()
from django.http import JsonResponse
from django.test import RequestFactory, override_settings
from djwto import authentication, tokens

claims = {"type": "access", "exp": int(time.time()) + 300, "iat": 1, "jti": "j", "sid": sys.argv[2]}
token = tokens.encode_claims({**claims, "user": {"id": 1, "perms": ["a.b"]}})


@authentication.jwt_login_required
@authentication.jwt_perm_required(["a.b"])
def view(request):
    return JsonResponse(request.payload["user"])


@authentication.jwt_login_required
async def async_view(request):
    return JsonResponse(request.payload["user"])


with override_settings(
    DJWTO_SIGNING_KEY=None, DJWTO_VERIFYING_KEY=public, DJWTO_REVOCATION_INTERVAL=None
):
    good = RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
    assert view(good).status_code == 200
    assert asyncio.run(async_view(good)).status_code == 200
    assert view(RequestFactory().get("/")).status_code == 401
"""


def test_a_service_that_only_verifies_needs_no_database() -> None:
    keys = Path(__file__).resolve().parent.parent / "vectors" / "keys"
    command = [sys.executable, "-W", "error", "-c", VERIFYING, str(keys), str(uuid.uuid4())]
    subprocess.run(command, check=True, timeout=120)
