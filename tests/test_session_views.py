"""Lists of sessions and their ends: the endpoints, the admin, the command, the clean-up."""

import json
import uuid
from datetime import datetime, timedelta, timezone
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client

from djwto import _core, sessions, times, tokens
from djwto.models import Session
from tests.conftest import REFRESH, Visitor, micros_of

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def listed(visitor: Visitor) -> list[dict[str, Any]]:
    headers = visitor.headers("refresh")
    reply = visitor.client.get(f"{REFRESH}/sessions/", headers=headers, secure=True)
    assert reply.status_code == 200, reply.content
    assert reply.headers["Cache-Control"] == "no-store"
    return reply.json()["sessions"]


def end(visitor: Visitor, key: object) -> Any:
    return visitor.client.delete(
        f"{REFRESH}/sessions/{key}/", headers=visitor.headers("refresh"), secure=True
    )


def end_all(visitor: Visitor, **fields: str) -> Any:
    fields |= {} if visitor.mode == "JSON" else {"jwt_type": "refresh"}
    headers = visitor.headers("refresh")
    return visitor.client.post(f"{REFRESH}/logout_all/", fields, headers=headers, secure=True)


def test_a_user_sees_his_sessions_and_ends_them(visitor: Visitor, alice: Any, carol: Any) -> None:
    other, stranger = Visitor(visitor.mode), Visitor(visitor.mode)
    other.client.defaults["HTTP_USER_AGENT"] = FIREFOX
    other.login()
    visitor.login()
    stranger.login("carol")
    mine, others = listed(visitor)
    assert (mine["current"], others["current"]) == (True, False)
    assert others["device"] == "Firefox on Linux"
    assert others["address"] == "127.0.0.1"
    fields = {"id", "device", "address", "created_at", "last_used_at", "current"}
    assert set(mine) == fields | {"renewed_elsewhere_at"}
    assert mine["renewed_elsewhere_at"] is None
    assert end(visitor, listed(stranger)[0]["id"]).status_code == 404
    assert end(visitor, uuid.uuid4()).json()["code"] == "session_not_found"
    assert end(visitor, others["id"]).json() == {"msg": "Session successfully ended."}
    assert end(visitor, others["id"]).status_code == 404
    assert other.get("/guarded/function/").status_code == 401
    assert [one["id"] for one in listed(visitor)] == [mine["id"]]
    assert stranger.get("/guarded/function/").status_code == 200


def test_all_others_end_or_all(visitor: Visitor, alice: Any) -> None:
    others = [Visitor(visitor.mode) for _ in range(2)]
    for one in (*others, visitor):
        one.login()
    reply = end_all(visitor, others="true")
    assert reply.json() == {"msg": "Sessions successfully ended.", "ended": 2}
    assert [one.get("/guarded/function/").status_code for one in others] == [401, 401]
    assert visitor.get("/guarded/function/").status_code == 200
    reply = end_all(visitor)
    assert reply.json()["ended"] == 1
    assert all(reply.cookies[name]["max-age"] == 0 for name in reply.cookies)
    assert bool(reply.cookies) is (visitor.mode != "JSON")
    assert not Session.live().exists()


def test_only_the_latest_refresh_token_of_a_live_session_sees_the_list(
    visitor: Visitor, alice: Any
) -> None:
    path = f"{REFRESH}/sessions/"
    assert visitor.client.get(path, secure=True).status_code == 401
    visitor.login()
    if visitor.mode == "JSON":
        bearer = {"authorization": f"Bearer {visitor.token('access')}"}
        assert visitor.client.get(path, headers=bearer, secure=True).status_code == 401
    sessions.end_all(alice)
    headers = visitor.headers("refresh")
    assert visitor.client.get(path, headers=headers, secure=True).status_code == 401


def test_a_page_is_told_its_claims(visitor: Visitor, alice: Any) -> None:
    # As they were signed: what a hook gives is no JSON before.
    def process_claims(*args: Any, **kwargs: Any) -> dict[str, Any]:
        return {**original(*args, **kwargs), "since": datetime(2026, 1, 1, tzinfo=timezone.utc)}

    original = tokens.process_claims
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "process_claims", process_claims)
        first, again, renewed = visitor.login(), visitor.login(), visitor.refresh("refresh_access")
    present = visitor.get("/session/")
    claims = present.json()["claims"]
    assert claims["since"] == "2026-01-01T00:00:00Z"
    assert (claims["type"], claims["user"]["username"]) == ("access", "alice")
    if visitor.mode == "JSON":
        assert "claims" not in {**first.json(), **again.json(), **renewed.json()}
        return
    assert again.json()["msg"] == "User already authenticated."
    assert again.json()["claims"] == first.json()["claims"]
    assert renewed.json()["claims"] == claims
    sessions.end_all(alice)
    assert visitor.get("/session/").json()["code"] == "token_blacklisted"
    visitor.client.cookies.clear()
    assert visitor.get("/session/").json()["code"] == "cookie_missing"


@pytest.mark.parametrize("method", ["delete", "post"])
def test_another_sites_page_ends_nothing(alice: Any, settings: Any, method: str) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    browser = Visitor("TWO-COOKIES")
    browser.login()
    key = listed(browser)[0]["id"]
    browser.csrf = ""
    reply = end(browser, key) if method == "delete" else end_all(browser)
    assert (reply.status_code, reply.json()["code"]) == (403, "csrf_failed")
    assert Session.live().count() == 1


def test_reading_ones_sessions_makes_three_queries(
    alice: Any, django_assert_num_queries: Any
) -> None:
    for _ in range(5):
        program = Visitor("JSON")
        program.login()
    # The session, its user as the database has them now, and the list.
    with django_assert_num_queries(3):
        assert len(listed(program)) == 5


@pytest.mark.parametrize(
    ("agent", "label"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/537.36", "Chrome on Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/537.36 Edg/150.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; like Mac OS X) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/150.0 Mobile Safari/537.36", "Chrome on Android"),
        ("python-requests/2.32.0", "python-requests"),
        ("", ""),
        ("x" * 1000, "x" * 100),
    ],
)  # fmt: skip
def test_devices_have_names(agent: str, label: str) -> None:
    assert _core.device(agent)[0] == label


@pytest.mark.parametrize("agent", ["\x00\x1b[31m" + "y" * 2000, "é" * 600, "\ud800", "\U0001f98a"])
def test_any_user_agent_can_log_in(alice: Any, agent: str) -> None:
    program = Visitor("JSON")
    program.client.defaults["HTTP_USER_AGENT"] = agent
    assert program.login().status_code == 200
    stored = Session.objects.get().user_agent
    assert stored.isprintable()
    assert stored.isascii()


# --- admin --------------------------------------------------------------------------------------


def test_an_admin_sees_sessions_and_ends_them(admin_client: Client, alice: Any, carol: Any) -> None:
    people = [Visitor("JSON") for _ in range(3)]
    for one, name in zip(people, ("alice", "alice", "carol"), strict=True):
        one.login(name)
    page = "/admin/djwto/session/"
    first = sessions.own(alice.pk).last()
    assert first is not None
    assert str(first.pk).encode() in admin_client.get(page).content
    for action, left in (("end_selected", [401, 200, 200]), ("end_all_of_users", [401, 401, 200])):
        fields = {"action": action, "_selected_action": [str(first.pk)]}
        assert admin_client.post(page, fields).status_code == 302
        assert b"Sessions ended: 1." in admin_client.get(page).content
        assert [one.get("/guarded/function/").status_code for one in people] == left
    assert b"ended by an admin" in admin_client.get(f"{page}?state=ended").content
    assert str(first.pk).encode() not in admin_client.get(f"{page}?state=live").content
    assert admin_client.get(f"{page}add/").status_code == 403
    assert admin_client.get(f"{page}{first.pk}/change/").status_code == 200
    assert admin_client.get(f"{page}{first.pk}/delete/").status_code == 403


# --- the command and the clean-up ---------------------------------------------------------------


def command(*words: str) -> str:
    out = StringIO()
    call_command("djwto_sessions", *words, stdout=out)
    return out.getvalue()


def test_the_command_lists_and_ends(alice: Any, carol: Any) -> None:
    for name in ("alice", "alice", "carol"):
        Visitor("JSON").login(name)
    heading, *lines = command("list").splitlines()
    assert heading.split()[:3] == ["session", "user", "key"]
    assert sorted(line.split()[1] for line in lines) == ["alice", "alice", "carol"]
    assert len(command("list", "alice").splitlines()) == 3
    key = str(sessions.own(carol.pk).get().pk)
    assert key in command("list", "carol")
    assert command("end", key) == "Sessions ended: 1.\n"
    assert command("end_all", "alice") == "Sessions ended: 2.\n"
    assert len(command("list").splitlines()) == 1
    for words in (("end", key), ("end", "x"), ("end_all", "nobody"), ("list", "nobody")):
        with pytest.raises(CommandError):
            command(*words)


def test_the_command_takes_a_username_that_looks_like_an_option(alice: Any) -> None:
    alice.username = "-alice"
    alice.save()
    Visitor("JSON").login("-alice")
    assert len(command("list", "--", "-alice").splitlines()) == 2
    assert command("end_all", "--", "-alice") == "Sessions ended: 1.\n"


def test_the_command_lists_as_json(alice: Any, carol: Any) -> None:
    for name in ("alice", "carol"):
        Visitor("JSON").login(name)
    carol.delete()
    Session.objects.filter(user_id=str(alice.pk)).update(ends_at=times.NEVER)
    listed = json.loads(command("list", "--json"))
    (one,) = [row for row in listed if row["user_id"] == str(alice.pk)]
    assert (one["username"], one["mode"], one["ends_at"]) == ("alice", "JSON", None)
    assert datetime.fromisoformat(one["renewed_at"]).utcoffset() == timedelta()
    assert json.loads(command("list", "--json", "alice")) == [one]


def test_names_of_users_that_are_gone_or_odd_do_no_harm(alice: Any) -> None:
    Visitor("JSON").login("alice")
    row = Session.objects.get()
    for user_id in ("999", "9" * 40, "x", ""):
        row.pk, row.user_id = uuid.uuid4(), user_id
        row.save(force_insert=True)
    alice.username = "al\x1b[31mice"
    alice.save()
    lines = command("list").splitlines()[1:]
    assert sorted(line.split()[1] for line in lines) == ["-", "-", "-", "-", "al?[31mice"]
    assert len(json.loads(command("list", "--json"))) == 5


def test_everyone_is_logged_out_by_one_update(
    alice: Any, carol: Any, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    visitors = [Visitor("JSON") for _ in range(3)]
    for visitor, name in zip(visitors, ("alice", "alice", "carol"), strict=True):
        visitor.login(name)
    for answer in ("", "no"):
        monkeypatch.setattr("builtins.input", lambda _question, answer=answer: answer)
        with pytest.raises(CommandError, match="No session was ended"):
            command("end", "--everyone")
    monkeypatch.setattr("builtins.input", lambda _question: "yes")
    with django_assert_num_queries(2):
        assert command("end", "--everyone") == "Sessions ended: 3.\n"
    for visitor in visitors:
        assert visitor.get("/guarded/function/").status_code == 401
    assert command("end", "--everyone", "--no-input") == "Sessions ended: 0.\n"
    for words in (("end",), ("end", str(uuid.uuid4()), "--everyone")):
        with pytest.raises(CommandError, match="Expected the id of a session, or --everyone"):
            command(*words)


@pytest.mark.parametrize("name", ["delete_tokens", "djwto_delete_tokens"])
@pytest.mark.parametrize("size", [0, -1, "0", "-1", "x", "1.5", 1.5, True, None])
def test_a_wrong_batch_size_is_named(name: str, size: Any) -> None:
    with pytest.raises(CommandError, match="expected a whole number of at least 1"):
        call_command(name, batch_size=size)
    if isinstance(size, str):
        with pytest.raises(CommandError, match="expected a whole number of at least 1"):
            call_command(name, f"--batch-size={size}")


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_expired_sessions_are_removed_and_no_others(alice: Any, size: int) -> None:
    for _ in range(4):
        Visitor("JSON").login()
    gone = [str(key) for key in Session.objects.values_list("pk", flat=True)]
    past = micros_of(timedelta(days=1, hours=2))
    Session.objects.update(expires_at=F("expires_at") - past, access_until=F("access_until") - past)
    # Not yet: an access token of it is good for longer than its refresh token.
    Session.objects.filter(pk=gone.pop()).update(access_until=F("access_until") + past)
    Visitor("JSON").login()
    out = StringIO()
    call_command("delete_tokens", batch_size=size, stdout=out)
    assert out.getvalue() == "Deleted 0 expired rows of the blacklist and 3 expired sessions.\n"
    assert Session.objects.count() == 2
    assert not Session.objects.filter(pk__in=gone).exists()
