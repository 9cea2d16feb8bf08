"""Times that rules compare: whole microseconds of UTC, by the server's clock and the database's."""

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from djwto import times
from djwto.models import JWTBlacklist, Session

UTC = timezone.utc


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (0, 0),
        (1.5, 1_500_000),
        (1_793_000_000, 1_793_000_000_000_000),
        (-5, 0),
        (None, times.NEVER),
        (253_370_764_800, times.LATEST),
        (253_339_228_799, times.LATEST - times.SECOND),
        (10**400, times.LATEST),
        (-(10**400), 0),
        (1e300, times.LATEST),
        (float("inf"), times.LATEST),
        (float("-inf"), 0),
        (float("nan"), times.LATEST),
    ],
)
def test_seconds_become_microseconds(given: float | None, found: int) -> None:
    assert times.micros(given) == found
    assert times.seconds(found) == (None if found == times.NEVER else found / 1e6)


def test_a_time_is_shown_as_templates_expect_it() -> None:
    instant = times.micros(datetime(2026, 10, 25, 1, 30, tzinfo=UTC).timestamp())
    assert times.shown(None) is times.shown(times.NEVER) is None
    with override_settings(TIME_ZONE="Europe/Berlin", USE_TZ=True):
        assert times.shown(instant) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    with override_settings(TIME_ZONE="Europe/Berlin", USE_TZ=False):
        assert times.shown(instant) == datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001
    assert times.as_datetime(instant) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert times.shown(times.NEVER - 1) is not None


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Australia/Lord_Howe"])
@pytest.mark.parametrize("aware", [True, False])
def test_the_databases_clock_is_utc(zone: str, aware: Any) -> None:
    with override_settings(TIME_ZONE=zone, USE_TZ=aware):
        JWTBlacklist.objects.create(jti="one")
        before = times.now()
        rows = JWTBlacklist.objects.annotate(found=times.StoreNow())
        found = rows.get().found
        # SQLite's knows milliseconds.
        assert before - 1000 <= found <= times.now() + 1000
        assert rows.filter(found__gte=times.StoreNow() - times.SECOND).exists()
        assert not rows.filter(found__gte=times.StoreNow() + 3600 * times.SECOND).exists()


def hours(first: datetime) -> list[float]:
    """Every ten minutes of five hours, in seconds since 1970."""
    return [(first + timedelta(minutes=10 * n)).timestamp() for n in range(30)]


CHANGES = {
    "the end of summer time": ("Europe/Berlin", datetime(2026, 10, 24, 22, 0, tzinfo=UTC)),
    "its beginning": ("Europe/Berlin", datetime(2026, 3, 28, 23, 0, tzinfo=UTC)),
    "half an hour": ("Australia/Lord_Howe", datetime(2026, 4, 4, 13, 0, tzinfo=UTC)),
}


@pytest.mark.django_db
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("aware", [True, False])
def test_a_blacklisted_token_is_kept_until_it_has_expired(change: str, aware: Any) -> None:
    zone, first = CHANGES[change]
    instants = hours(first)
    with override_settings(TIME_ZONE=zone, USE_TZ=aware):
        for instant in instants:
            JWTBlacklist.add({"jti": str(instant), "exp": instant})
        JWTBlacklist.add({"jti": "never"})
        for instant in instants:
            gone = {
                float(jti) for jti in JWTBlacklist.expired(instant).values_list("jti", flat=True)
            }
            assert gone <= {other for other in instants if other < instant}
            # The hour that comes twice is kept an hour longer.
            assert gone >= {other for other in instants if other < instant - 3600}
        last = instants[-1] + 1
        assert JWTBlacklist.expired(last).count() == len(instants)


@pytest.mark.django_db
@pytest.mark.parametrize("aware", [True, False])
def test_delete_tokens_deletes_what_has_expired(aware: Any) -> None:
    with override_settings(TIME_ZONE="Europe/Berlin", USE_TZ=aware):
        JWTBlacklist.add({"jti": "old", "exp": time.time() - 10_900})
        JWTBlacklist.add({"jti": "young", "exp": time.time() + 60})
        call_command("delete_tokens", verbosity=0)
        assert JWTBlacklist.objects.get().jti == "young"


def test_every_time_of_a_session_is_an_integer() -> None:
    kinds = {field.get_internal_type() for field in Session._meta.fields}
    assert "DateTimeField" not in kinds
