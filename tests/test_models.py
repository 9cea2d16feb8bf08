"""The blacklist, its admin page and its clean-up."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from djwto.models import JWTBlacklist


@pytest.mark.django_db
def test_is_blacklisted() -> None:
    JWTBlacklist.objects.create(jti="a")
    assert JWTBlacklist.is_blacklisted("a")
    assert not JWTBlacklist.is_blacklisted("b")


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_delete_tokens_removes_expired_rows_and_no_others(size: int) -> None:
    now = timezone.now()
    for number in range(7):
        JWTBlacklist.objects.create(jti=f"old {number}", expires=now - timedelta(minutes=61))
    # Kept for an hour, in case the clock is set back.
    JWTBlacklist.objects.create(jti="margin", expires=now - timedelta(minutes=59))
    JWTBlacklist.objects.create(jti="young", expires=now + timedelta(minutes=1))
    JWTBlacklist.objects.create(jti="never", expires=None)
    out = StringIO()
    call_command("delete_tokens", batch_size=size, stdout=out)
    assert out.getvalue() == "Deleted 7 expired rows of the blacklist and 0 expired sessions.\n"
    assert set(JWTBlacklist.objects.values_list("jti", flat=True)) == {"margin", "young", "never"}


@pytest.mark.django_db
@pytest.mark.parametrize("expires", [None, 1e300, 253402300800])
def test_times_beyond_the_calendar_are_no_fault(expires: float | None) -> None:
    claims = {"jti": "a"} | ({"exp": expires} if expires else {})
    assert JWTBlacklist.add(claims)
    assert not JWTBlacklist.add(claims)
    assert JWTBlacklist.objects.get().expires is None


def test_the_admin_page_shows_and_changes_nothing(admin_client: Client) -> None:
    JWTBlacklist.objects.create(jti="the-jti")
    page = admin_client.get("/admin/djwto/jwtblacklist/")
    assert b"the-jti" in page.content
    assert admin_client.get("/admin/djwto/jwtblacklist/add/").status_code == 403
