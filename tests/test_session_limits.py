"""`DJWTO_MAX_SESSIONS`: how many sessions of one user live, and which end beyond that."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from djwto import sessions, times
from djwto.models import Session
from tests.conftest import Visitor
from tests.rows import opened


@pytest.fixture(autouse=True)
def modes(settings: Any) -> None:
    settings.DJWTO_MODE = ("ONE-COOKIE", "JSON")


def logged_in(mode: str = "ONE-COOKIE", name: str = "alice") -> Visitor:
    visitor = Visitor(mode)
    assert visitor.login(name, mode=mode).status_code == 200
    return visitor


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/guarded/function/").status_code == 200


def test_the_one_renewed_longest_ago_ends(alice: Any, carol: Any, settings: Any) -> None:
    settings.DJWTO_MAX_SESSIONS = 2
    other = logged_in(name="carol")
    first, second = logged_in(), logged_in()
    first.refresh("refresh_access")
    third = logged_in()
    assert [is_in(one) for one in (first, second, third, other)] == [True, False, True, True]
    assert Session.objects.exclude(revoked_at=None).get().revoked_reason == "too many sessions"


def test_those_of_programs_end_before_those_of_browsers(alice: Any, settings: Any) -> None:
    settings.DJWTO_MAX_SESSIONS = 3
    browser, programs = logged_in(), [logged_in("JSON") for _ in range(4)]
    assert [is_in(one) for one in (browser, *programs)] == [True, False, False, True, True]
    for _ in range(3):
        logged_in("JSON")
    assert is_in(browser)
    assert browser.refresh("refresh_access").status_code == 200


def test_ended_and_expired_sessions_do_not_count(alice: Any, settings: Any) -> None:
    settings.DJWTO_MAX_SESSIONS = 2
    kept = logged_in()
    logged_in().refresh("logout")
    logged_in()
    latest = Session.live().order_by("-created_at").values_list("pk", flat=True)[0]
    Session.objects.filter(pk=latest).update(expires_at=times.now())
    logged_in()
    assert is_in(kept)


def test_sessions_that_others_end_at_the_same_time_are_left_to_them(
    alice: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_MAX_SESSIONS = 1
    logged_in()
    asked = []

    # As in a transaction of REPEATABLE READ, which sees them live, and finds none to end.
    def end_rows(_rows: Any, reason: str) -> int:
        asked.append(reason)
        assert len(asked) < 3
        return 0

    monkeypatch.setattr(sessions, "end_rows", end_rows)
    logged_in()
    assert asked == ["too many sessions"]


@pytest.mark.parametrize("most", [None, 5])
def test_a_robots_logins_end_its_own_alone(alice: Any, settings: Any, most: int | None) -> None:
    settings.DJWTO_MAX_SESSIONS = most
    browser = logged_in()
    for _ in range(20):
        logged_in("JSON")
    assert Session.live().count() == (most or 21)
    assert browser.refresh("refresh_access").status_code == 200


def test_two_thousand_logins_of_a_program_leave_the_browser_in(alice: Any, settings: Any) -> None:
    browser = logged_in()
    model = Session.objects.get()
    rows = []
    for _ in range(1999):
        row = opened(alice, "JSON", 0)
        row.pk, row.generation = uuid.uuid4(), 1
        row.expires_at = row.ends_at = times.NEVER
        row.auth_hash = model.auth_hash
        rows.append(row)
    Session.objects.bulk_create(rows)
    logged_in("JSON")
    assert Session.live().count() == 1000
    assert browser.refresh("refresh_access").status_code == 200


def test_many_sessions_end_by_one_update_and_one_select(alice: Any) -> None:
    for _ in range(30):
        logged_in()
    with CaptureQueriesContext(connection) as queries:
        assert sessions.end_all(alice) == 30
    assert [one["sql"].split()[0] for one in queries] == ["UPDATE", "SELECT"]
