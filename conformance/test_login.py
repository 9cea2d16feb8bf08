"""POST /login/: contract §2 and §4."""

import json

import pytest

from conformance import expect, wire
from conformance.client import ACCOUNT, LOGIN, LOGOUT, PAYLOAD, Client
from conformance.sessions import shared

CREATED = "Tokens successfully created."
ALREADY = "User already authenticated."
WRONG = "Please enter a correct username and password. Note that both fields may be case-sensitive."


def test_reply(target):
    client, reply = shared(target, "alice")
    expect.issued(client, reply, CREATED)


@pytest.mark.only("cookies")
def test_body_brings_the_csrf_token(target):
    body = shared(target, "alice")[1].json()
    assert set(body) == {"msg", "csrf_token", "claims"}
    assert body["csrf_token"]


@pytest.mark.only("cookies")
def test_csrf_token_in_the_body_is_taken(alice, target):
    token = shared(target, "alice")[1].json()["csrf_token"]
    assert alice.post(ACCOUNT, headers={"X-CSRFToken": token}).status_code == 200


def test_json_body(visitor):
    fields = {"username": "alice", "password": "pass", **visitor.target.mode_field}
    expect.issued(visitor, visitor.post(LOGIN, json=fields), CREATED)


def test_multipart_body(visitor):
    fields = {"username": "alice", "password": "pass", **visitor.target.mode_field}
    parts = {name: (None, value) for name, value in fields.items()}
    expect.issued(visitor, visitor.post(LOGIN, files=parts), CREATED)


def test_wrong_password(visitor):
    reply = visitor.login("alice", "wrong")
    expect.refused(reply, 401)
    assert json.loads(reply.json()["error"]) == {"__all__": [WRONG]}
    assert reply.json()["errors"] == {"__all__": [{"message": WRONG, "code": "invalid_login"}]}
    expect.no_tokens(reply)


def test_missing_fields_are_named(visitor):
    reply = visitor.post(LOGIN, data=visitor.target.mode_field)
    expect.refused(reply, 401)
    errors = reply.json()["errors"]
    assert {name: [one["code"] for one in found] for name, found in errors.items()} == {
        "username": ["required"],
        "password": ["required"],
    }


def test_unknown_user_is_not_told_apart(visitor):
    reply = visitor.login("nobody", "pass")
    expect.refused(reply, 401)
    assert json.loads(reply.json()["error"]) == {"__all__": [WRONG]}


def test_user_who_is_not_active(visitor, person):
    person("gone")
    expect.refused(visitor.login("gone"), 401)


def test_empty_form(visitor):
    reply = visitor.post(LOGIN, data=visitor.target.mode_field)
    expect.refused(reply, 401)
    assert set(json.loads(reply.json()["error"])) == {"username", "password"}


def test_already_authenticated(visitor, alice):
    reply = alice.login("alice")
    expect.says(reply, ALREADY)
    expect.no_tokens(reply)
    assert reply.json().get("claims") == (alice.claims("access") if alice.by_cookie else None)


def test_wrong_password_while_logged_in(alice):
    reply = alice.login("alice", "wrong")
    expect.refused(reply, 401)
    expect.no_tokens(reply)


def test_another_user_takes_over(alice):
    expect.issued(alice, alice.login("carol"), CREATED)
    assert alice.claims("access")["user"]["username"] == "carol"


def test_token_of_the_same_name_but_another_key_value_is_another_user(visitor, forge):
    # "of that very user (by primary key)": a name can be given to somebody else.
    user = forge.model["access"]["user"]
    visitor.hold(access=forge.access(user={**user, "id": user["id"] + 1000}))
    expect.issued(visitor, visitor.login("alice"), CREATED)


def test_expired_token_does_not_keep_one_out(visitor, forge):
    visitor.hold(access=forge.access(exp=1_000_000_000))
    expect.issued(visitor, visitor.login("alice"), CREATED)


def test_garbage_does_not_keep_one_out(visitor):
    visitor.hold(access="not.a.token")
    expect.issued(visitor, visitor.login("alice"), CREATED)


def test_refresh_token_shown_as_access_is_no_login(visitor, forge):
    visitor.hold(access=forge.refresh())
    expect.issued(visitor, visitor.login("alice"), CREATED)


def test_session_that_was_ended_is_no_login(own):
    client = own()
    expect.says(client.post(LOGOUT), "Token successfully blacklisted.")
    expect.issued(client, client.login("alice"), CREATED)


@pytest.mark.only("cookies")
def test_other_cookie_modes_cookies_are_cleared(visitor):
    stale = {"jwt_access", "jwt_access_token", PAYLOAD} - {visitor.cookie("access")}
    if visitor.mode == "TWO-COOKIES":
        stale.remove(PAYLOAD)
    header = "; ".join(f"{name}=stale" for name in sorted(stale))
    reply = visitor.login("alice", headers={"Cookie": header})
    expect.issued(visitor, reply, CREATED)
    assert stale <= {line.name for line in wire.set_cookies(reply) if line.deletes}


@pytest.mark.only("cookies")
def test_csrf_cookie_is_set_and_rotated(alice):
    before = alice.cookies["csrftoken"].value
    reply = alice.login("carol")
    assert "csrftoken" in {line.name for line in wire.set_cookies(reply)}
    assert alice.cookies["csrftoken"].value != before


def test_two_logins_are_two_sessions(target, visitor):
    visitor.login("carol")
    other: Client = shared(target, "carol")[0]
    assert visitor.claims("access")["sid"] != other.claims("access")["sid"]
