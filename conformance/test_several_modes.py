"""A server with several modes: who decides how a token travels. Contract §2."""

import pytest

from conformance import expect, wire
from conformance.client import (
    ACCOUNT,
    LOGIN,
    LOGOUT,
    PREDICTIONS,
    REFRESH_ACCESS,
    UPDATE_REFRESH,
    VALIDATE_ACCESS,
    VALIDATE_REFRESH,
    Client,
)
from conformance.forge import GONE
from conformance.sessions import forger, shared

pytestmark = pytest.mark.only("several", "default", "cookies")

CREATED = "Tokens successfully created."
ALICE = {"username": "alice", "password": "pass"}
renewal = pytest.mark.parametrize("path", [REFRESH_ACCESS, UPDATE_REFRESH])


@pytest.fixture
def bearer(target) -> dict[str, str]:
    """A program's header with a good access token of carol's."""
    if "JSON" not in target.modes:
        pytest.skip("this server does not speak JSON mode")
    return {"Authorization": f"Bearer {forger(target, 'carol').access()}"}


@pytest.fixture
def refresh_bearer(target, forge) -> dict[str, str]:
    """A program's header with a good refresh token of alice's."""
    if "JSON" not in target.modes:
        pytest.skip("this server does not speak JSON mode")
    return {"Authorization": f"Bearer {forge.refresh()}"}


def in_body(reply) -> None:
    """Check that the tokens came as text and only so."""
    assert reply.status_code == 200, reply.text
    assert set(reply.json()) == {"access", "refresh"}
    assert not expect.TOKEN_COOKIES & {line.name for line in wire.set_cookies(reply)}


# --- login --------------------------------------------------------------------------------------


def test_first_mode_is_the_default(target):
    client, reply = shared(target, "alice")
    expect.issued(client, reply, CREATED)


@pytest.mark.parametrize("body", ["data", "json"])
def test_login_may_ask_for_another(visitor, body):
    in_body(visitor.post(LOGIN, **{body: {**ALICE, "mode": "JSON"}}))


@pytest.mark.parametrize("mode", ["ONE-COOKIE", "x", "json", "TWO-COOKIES,JSON", "\x00"])
def test_login_cannot_ask_for_what_is_not_served(visitor, mode):
    if mode in visitor.target.modes:
        pytest.skip("this server serves it")
    reply = visitor.post(LOGIN, data={**ALICE, "mode": mode})
    expect.refused(reply, 400)
    expect.no_tokens(reply)


def test_cookies_do_not_count_as_login_in_json(alice):
    in_body(alice.post(LOGIN, data={**ALICE, "mode": "JSON"}))


# --- where the token is looked for --------------------------------------------------------------


def test_bearer_decides_alone(alice, bearer):
    assert alice.get(ACCOUNT, headers=bearer).json()["user"]["username"] == "carol"
    assert alice.get(PREDICTIONS, headers=bearer).status_code == 200


BAD_BEARERS = ["Bearer x", "Bearer a.b.c", "Bearer ", "Bearer", "bearer x", "Basic x,Bearer y"]


@pytest.mark.parametrize("value", BAD_BEARERS)
def test_no_falling_back_to_cookies(alice, value):
    expect.refused(alice.get(ACCOUNT, headers={"Authorization": value}), 401)


@pytest.mark.parametrize("value", ["Basic YTpi", "Digest x", "Negotiate", "Token x", "BearerX y"])
def test_other_schemes_are_ignored(alice, value):
    reply = alice.get(ACCOUNT, headers={"Authorization": value})
    assert reply.status_code == 200, reply.text
    assert reply.json()["user"]["username"] == "alice"


def test_garbage_cookies_do_not_spoil_a_bearer(visitor, bearer):
    visitor.hold(access="garbage", refresh="garbage")
    assert visitor.get(ACCOUNT, headers=bearer).status_code == 200


# --- CSRF and jwt_type follow where the token was found -----------------------------------------


def test_bearer_needs_no_csrf_token(alice, bearer):
    headers = {**bearer, "X-CSRFToken": None, "Origin": "https://evil.example"}
    for path in (ACCOUNT, VALIDATE_ACCESS):
        assert alice.post(path, headers=headers).status_code == 200


def test_cookies_need_a_csrf_token(alice):
    for value in (None, "Basic YTpi"):
        headers = {"Authorization": value, "X-CSRFToken": None}
        expect.refused(alice.post(ACCOUNT, headers=headers), 403)


def test_bearer_needs_no_type(visitor, refresh_bearer):
    reply = visitor.post(VALIDATE_REFRESH, data={}, headers=refresh_bearer)
    expect.says(reply, "Token is valid")


def test_bearer_access_token_is_no_refresh_token(alice, bearer):
    # The cookie beside it holds a good one, and the field asks for it.
    expect.refused(alice.post(VALIDATE_REFRESH, headers=bearer), 401)


def test_cookies_need_a_type(alice):
    expect.refused(alice.post(VALIDATE_REFRESH, data={}), 400)


# --- a renewal answers where its token came from ------------------------------------------------


@renewal
def test_no_script_can_turn_a_cookie_into_text(own, path):
    client: Client = own()
    reply = client.post(path, data={"jwt_type": "refresh", "mode": "JSON"})
    assert set(reply.json()) == {"msg", "claims"}
    assert client.cookie("access") in {line.name for line in wire.set_cookies(reply)}
    for kind in ("access", "refresh"):
        assert client.token(kind) not in reply.text


@renewal
def test_bearer_is_answered_in_the_body(visitor, refresh_bearer, path):
    in_body(visitor.post(path, data={"mode": "TWO-COOKIES"}, headers=refresh_bearer))


@renewal
def test_bearer_beside_cookies_is_answered_in_the_body(alice, refresh_bearer, path):
    in_body(alice.post(path, headers=refresh_bearer))


# --- logout -------------------------------------------------------------------------------------


def test_delete_with_a_bearer(visitor, refresh_bearer):
    reply = visitor.delete(LOGOUT, headers=refresh_bearer)
    assert (reply.status_code, reply.content) == (204, b"")
    expect.refused(visitor.post(VALIDATE_REFRESH, data={}, headers=refresh_bearer), 401)


def test_delete_with_cookies(own):
    client = own()
    expect.says(client.delete(LOGOUT), "Tokens successfully deleted.")
    assert not expect.TOKEN_COOKIES & set(client.cookies)


# --- tokens of 0.0.4 ----------------------------------------------------------------------------


@renewal
@pytest.mark.parametrize("is_stolen_first", [True, False])
def test_an_old_cookie_that_comes_as_bearer_too_ends_the_session(
    target, visitor, forge, path, is_stolen_first
):
    if "JSON" not in target.modes:
        pytest.skip("this server does not speak JSON mode")
    visitor.hold(refresh=forge.refresh(sid=GONE, gen=GONE))
    header = visitor.bearer("refresh")
    program = Client(target)

    def own():
        return visitor.post(path)

    def stolen():
        return program.post(path, headers=header)

    first, second = (stolen, own) if is_stolen_first else (own, stolen)
    assert first().status_code == 200
    reply = second()
    expect.refused(reply, 401)
    assert reply.json()["code"] == "refresh_reused"
    expect.no_tokens(reply)
