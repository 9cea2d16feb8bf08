"""The admin's pages: who a session is of, what is searched, and how far rows are counted."""

import uuid
from datetime import datetime, timezone
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from djwto import admin, times
from djwto.models import JWTBlacklist, Session

PAGE = "/admin/djwto/session/"
NOW = times.now()


def session(user: Any, **values: Any) -> Session:
    """A row of a live session."""
    later = NOW + 3600 * times.SECOND
    times_of_it = {
        **dict.fromkeys(("created_at", "renewed_at", "issued_at", "authenticated_at"), NOW),
        **dict.fromkeys(("expires_at", "ends_at", "access_until"), later),
    }
    key = getattr(user, "pk", user)
    fixed = {"id": uuid.uuid4(), "user_id": str(key), "mode": "JSON", "generation": 0}
    return Session.objects.create(**{**fixed, **times_of_it, **values})


def shown(client: Client, query: str = "") -> str:
    reply = client.get(f"{PAGE}{query}")
    assert reply.status_code == 200
    return reply.content.decode()


def listed(client: Client, query: str) -> set[uuid.UUID]:
    return {row.pk for row in client.get(f"{PAGE}{query}").context["cl"].result_list}


def test_a_row_names_its_user_and_links_to_them(admin_client: Client, alice: Any) -> None:
    session(alice)
    session("99")
    page = shown(admin_client)
    assert f'<a href="/admin/auth/user/{alice.pk}/change/">alice</a>' in page
    assert "99 (gone)" in page


def test_names_cost_one_query_for_a_whole_page(
    admin_client: Client, alice: Any, carol: Any, django_user_model: Any
) -> None:
    session(alice)
    with CaptureQueriesContext(connection) as few:
        shown(admin_client)
    for number in range(20):
        session(django_user_model.objects.create(username=f"user {number}"))
    session(carol)
    with CaptureQueriesContext(connection) as many:
        page = shown(admin_client)
    assert len(many) == len(few)
    assert "user 19" in page


def test_a_name_is_no_markup(admin_client: Client, alice: Any) -> None:
    alice.username = "<b>alice"
    alice.save()
    session(alice)
    assert "<b>alice" not in shown(admin_client)


@pytest.mark.parametrize("term", ["alice", "ALI", "key", "id", "address", " alice "])
def test_sessions_are_searched_by_name_key_id_and_address(
    admin_client: Client, alice: Any, carol: Any, term: str
) -> None:
    mine = session(alice, address="192.0.2.7")
    session(carol, address="192.0.2.8")
    terms = {"key": str(alice.pk), "id": str(mine.pk), "address": "192.0.2.7"}
    assert listed(admin_client, f"?q={terms.get(term, term)}") == {mine.pk}
    assert listed(admin_client, "?q=nobody") == set()


def test_filters_are_by_state_mode_and_reason(admin_client: Client, alice: Any) -> None:
    live = session(alice)
    ended = session(alice, revoked_at=NOW, revoked_reason="logout", mode="ONE-COOKIE")
    expired = session(alice, expires_at=NOW - times.SECOND)
    assert listed(admin_client, "?state=live") == {live.pk}
    assert listed(admin_client, "?state=ended") == {ended.pk, expired.pk}
    assert listed(admin_client, "?revoked_reason=logout") == {ended.pk}
    assert listed(admin_client, "?mode=ONE-COOKIE") == {ended.pk}
    # No filter looks through the whole table for its choices.
    with CaptureQueriesContext(connection) as queries:
        shown(admin_client)
    assert not [query for query in queries if "DISTINCT" in query["sql"]]


def test_what_never_ends_says_so(admin_client: Client, alice: Any) -> None:
    row = session(alice, expires_at=times.NEVER, ends_at=times.NEVER)
    for page in (shown(admin_client), shown(admin_client, f"{row.pk}/change/")):
        assert "never" in page
        assert "9999" not in page
    JWTBlacklist.objects.create(jti="a")
    JWTBlacklist.objects.create(jti="b", expires=datetime(9999, 1, 1, tzinfo=timezone.utc))
    page = admin_client.get("/admin/djwto/jwtblacklist/").content.decode()
    assert page.count(">never<") == 2
    assert "9999" not in page


def test_labels_are_plain(admin_client: Client, alice: Any) -> None:
    row = session(alice)
    page = shown(admin_client, f"{row.pk}/change/")
    for label in ("sid", "amr", "auth_time", "generation"):
        assert f">{label}:<" not in page.lower()
    for label in ("Authenticated by", "Renewals", "Last access token until"):
        assert f"{label}:" in page


def test_no_more_rows_are_counted_than_are_shown(
    admin_client: Client, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "MOST_ROWS", 3)
    for number in range(5):
        session(alice, renewed_at=NOW - number)
    with CaptureQueriesContext(connection) as queries:
        reply = admin_client.get(PAGE)
    assert reply.context["cl"].paginator.count == 3
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert counts
    assert all("LIMIT 3" in sql for sql in counts if "djwto_session" in sql)


def test_the_blacklist_is_searched_by_a_whole_jti(admin_client: Client, db: None) -> None:
    JWTBlacklist.objects.create(jti="the-jti")
    page = "/admin/djwto/jwtblacklist/"
    assert b"the-jti" in admin_client.get(f"{page}?q=the-jti").content
    assert admin_client.get(f"{page}?q=the").context["cl"].result_count == 0
