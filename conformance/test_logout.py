"""POST and DELETE of logout/. Contract §4."""

import pytest

from conformance import expect, wire
from conformance.client import (
    ACCOUNT,
    LOGOUT,
    REFRESH_ACCESS,
    UPDATE_REFRESH,
    VALIDATE_ACCESS,
    VALIDATE_REFRESH,
    Client,
)

BLACKLISTED = "Token successfully blacklisted."
DELETED = "Tokens successfully deleted."
REFRESH_PATHS = [VALIDATE_REFRESH, REFRESH_ACCESS, UPDATE_REFRESH]


def ended(client: Client) -> None:
    """Check that the refresh token buys nothing any more."""
    for path in REFRESH_PATHS:
        reply = client.post(path)
        expect.refused(reply, 401)
        expect.no_tokens(reply)


def deleted(client: Client, reply) -> None:
    """Check the answer to DELETE, and that the cookies are gone."""
    if not client.by_cookie:
        assert (reply.status_code, reply.content) == (204, b"")
        return
    expect.says(reply, DELETED)
    assert not expect.TOKEN_COOKIES & set(client.cookies)


def test_post(own):
    client = own()
    reply = client.post(LOGOUT)
    expect.says(reply, BLACKLISTED)
    expect.no_tokens(reply)
    ended(client)


def test_post_twice(own):
    client = own()
    client.post(LOGOUT)
    expect.refused(client.post(LOGOUT), 409, "Input jti token is already blacklisted.")


def test_post_ends_the_access_token_for_validate(own):
    client = own()
    client.post(LOGOUT)
    expect.refused(client.post(VALIDATE_ACCESS), 401)


def test_post_leaves_other_sessions_alone(own):
    one, other = own(), own()
    one.post(LOGOUT)
    expect.says(other.post(VALIDATE_REFRESH), "Token is valid")
    expect.says(other.post(VALIDATE_ACCESS), "Token is valid")


def test_post_needs_a_good_token(visitor, forge):
    visitor.hold(refresh=forge.refresh(exp=1_000_000_000))
    expect.refused(visitor.post(LOGOUT), 401, "Signature has expired")


@pytest.mark.parametrize(
    "jti",
    ["", "x" * 10_000, "\x00", "' OR 1=1 --", "\U0001f512", "é"],
    ids=lambda jti: repr(jti)[:12],
)
def test_odd_jti(visitor, forge, jti):
    reply = visitor.hold(refresh=forge.refresh(jti=jti)).post(LOGOUT)
    assert reply.status_code in {200, 401, 403, 409}, reply.text


def test_delete(own):
    client = own()
    before = client.copy()
    deleted(client, client.delete(LOGOUT))
    ended(before)


@pytest.mark.only("json")
def test_delete_with_the_access_token_ends_the_session(own):
    client = own()
    deleted(client, client.delete(LOGOUT, token="access"))
    ended(client)


@pytest.mark.only("cookies")
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("is_good", [True, False])
def test_delete_beside_a_planted_cookie_ends_the_users_own_session(own, is_first, is_good):
    client, planter = own(), own("carol")
    witness = client.copy()
    planted = planter.token("refresh") if is_good else "x.y.z"
    client.cookies.pop(client.cookie("access"))
    cookies = [str(client.headers("DELETE", LOGOUT)["Cookie"])]
    cookies.insert(0 if is_first else 1, f"jwt_refresh={planted}")
    reply = client.delete(LOGOUT, headers={"Cookie": "; ".join(cookies)})
    expect.says(reply, "Tokens successfully deleted.")
    for path in (VALIDATE_REFRESH, VALIDATE_ACCESS):
        expect.refused(witness.post(path), 401)


def test_delete_twice(own):
    client = own()
    again = client.copy()
    deleted(client, client.delete(LOGOUT))
    deleted(again, again.delete(LOGOUT))


def test_delete_after_post(own):
    client = own()
    client.post(LOGOUT)
    deleted(client, client.delete(LOGOUT))


def test_delete_with_expired_tokens(visitor, forge):
    past = 1_000_000_000
    visitor.hold(access=forge.access(exp=past), refresh=forge.refresh(exp=past))
    deleted(visitor, visitor.delete(LOGOUT))


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "%ff"])
def test_delete_with_garbage(visitor, token):
    visitor.hold(access=token, refresh=token)
    deleted(visitor, visitor.delete(LOGOUT))


@pytest.mark.only("single")
def test_delete_with_no_token(visitor):
    if visitor.by_cookie:
        visitor.hold(access="x").cookies.pop(visitor.cookie("access"))
    deleted(visitor, visitor.delete(LOGOUT))


@pytest.mark.only("cookies")
def test_after_delete_the_browser_is_nobody(own):
    client = own()
    client.delete(LOGOUT)
    expect.refused(client.get(ACCOUNT), 401)


@pytest.mark.only("cookies")
def test_delete_without_csrf_token_deletes_nothing(own):
    client = own()
    reply = client.delete(LOGOUT, headers={"X-CSRFToken": None})
    expect.refused(reply, 403)
    assert not [line for line in wire.set_cookies(reply) if line.deletes]
    expect.says(client.post(VALIDATE_REFRESH), "Token is valid")
