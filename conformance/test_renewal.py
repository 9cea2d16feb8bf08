"""refresh_access/ and update_refresh/. Contract §4 and §5."""

import pytest

from conformance import expect
from conformance.client import (
    ACCOUNT,
    PREDICTIONS,
    REFRESH_ACCESS,
    UPDATE_REFRESH,
    VALIDATE_ACCESS,
    VALIDATE_REFRESH,
    Client,
)
from conformance.forge import GONE, Raw
from conformance.sessions import after_the_second

REFRESHED = "Access token successfully refreshed."
UPDATED = "Refresh token successfully updated."
CANNOT = {
    REFRESH_ACCESS: "Can't update access token.",
    UPDATE_REFRESH: "Can't update refresh token.",
}
both = pytest.mark.parametrize("path", [REFRESH_ACCESS, UPDATE_REFRESH])


def test_access_is_new_and_refresh_does_not_move(own):
    client = own()
    access, refresh = client.claims("access"), client.claims("refresh")
    after_the_second(access["iat"])
    expect.issued(client, client.post(REFRESH_ACCESS), REFRESHED)
    renewed = client.claims("access")
    assert renewed["jti"] != access["jti"]
    assert renewed["iat"] > access["iat"]
    assert renewed["exp"] > access["exp"]
    assert renewed["refresh_iat"] == refresh["iat"]
    for claim in ("iat", "exp", "sid", "user"):
        assert client.claims("refresh")[claim] == refresh[claim]


def test_renewed_access_token_is_good(own):
    client = own()
    client.post(REFRESH_ACCESS)
    expect.says(client.post(VALIDATE_ACCESS), "Token is valid")
    assert client.get(ACCOUNT).status_code == 200


def test_refresh_moves(own, target):
    client = own()
    before = client.claims("refresh")
    after_the_second(before["iat"])
    expect.issued(client, client.post(UPDATE_REFRESH), UPDATED)
    after, access = client.claims("refresh"), client.claims("access")
    assert after["iat"] > before["iat"]
    assert after["exp"] == after["iat"] + target.refresh_seconds
    assert after["sid"] == before["sid"] == access["sid"]
    assert after["jti"] not in {before["jti"], access["jti"]}
    assert access["refresh_iat"] == after["iat"]
    assert after["type"] == "refresh"
    assert set(after["user"]) == {"username", "id"}


def test_updated_refresh_token_is_good(own):
    client = own()
    client.post(UPDATE_REFRESH)
    expect.says(client.post(VALIDATE_REFRESH), "Token is valid")
    expect.issued(client, client.post(REFRESH_ACCESS), REFRESHED)


@both
def test_renewal_needs_no_access_token(own, path):
    held = own()
    client = Client(held.target).hold(refresh=held.token("refresh"))
    assert client.post(path).status_code == 200
    assert client.get(ACCOUNT).status_code == 200


@both
def test_user_and_permissions_are_read_again(visitor, forge, path):
    # What the refresh token says of the user is not believed, but for the id.
    user = {"username": "mallory", "id": forge.model["refresh"]["user"]["id"], "perms": ["*"]}
    visitor.hold(refresh=forge.refresh(user=user))
    assert visitor.post(path).status_code == 200
    assert visitor.claims("access")["user"]["username"] == "alice"
    assert visitor.claims("access")["user"]["perms"] == []
    expect.refused(visitor.get(PREDICTIONS), 403)


@both
def test_other_claims_are_copied(visitor, forge, path):
    visitor.hold(refresh=forge.refresh(tenant={"name": "bücher", "floor": [1, 2]}))
    assert visitor.post(path).status_code == 200
    assert visitor.claims("access")["tenant"] == {"name": "bücher", "floor": [1, 2]}


@both
def test_of_an_old_user_the_name_and_id_alone_are_carried_on(visitor, forge, path):
    claim = forge.model["refresh"]["user"]
    user = claim | {"is_staff": True, "perms": ["portal.delete_prediction"]}
    old = forge.refresh(sid=GONE, gen=GONE, user=user)
    reply = visitor.hold(refresh=old).post(path)
    assert reply.status_code == 200, reply.text
    access = visitor.claims("access")["user"]
    assert "is_staff" not in access
    assert "portal.delete_prediction" not in access["perms"]
    if path == UPDATE_REFRESH:
        assert visitor.claims("refresh")["user"] == claim


@both
def test_user_who_is_no_more(visitor, forge, path):
    user = {"username": "nobody", "id": 2_000_000_000}
    reply = visitor.hold(refresh=forge.refresh(user=user)).post(path)
    assert reply.status_code in {401, 403}
    expect.is_error(reply, CANNOT[path])
    expect.no_tokens(reply)


def test_inactive_user_gets_no_access_token(visitor, forge, person):
    user = {"username": "gone", "id": person("gone")}
    reply = visitor.hold(refresh=forge.refresh(user=user)).post(REFRESH_ACCESS)
    assert reply.status_code in {401, 403}
    expect.is_error(reply)
    expect.no_tokens(reply)


def test_inactive_user_gets_no_refresh_token(visitor, forge, person):
    user = {"username": "gone", "id": person("gone")}
    reply = visitor.hold(refresh=forge.refresh(user=user)).post(UPDATE_REFRESH)
    expect.refused(reply, 403, "User is inactive.")
    expect.no_tokens(reply)


@both
@pytest.mark.parametrize("change", [{"exp": 1_000_000_000}, {"iss": "x"}, {"type": "x"}], ids=str)
def test_bad_refresh_token(visitor, forge, path, change):
    reply = visitor.hold(refresh=forge.refresh(**change)).post(path)
    expect.refused(reply, 401)
    expect.no_tokens(reply)


@both
@pytest.mark.parametrize(
    "id_",
    ["x", "", "nul\x00", "\U0001f512" * 100, -1, 10**30, -(10**30), 1.5, [], {}, {"pk": 1}],
    ids=lambda id_: repr(id_)[:20],
)
def test_id_that_no_user_can_have(visitor, forge, path, id_):
    reply = visitor.hold(refresh=forge.refresh(user={"username": "alice", "id": id_})).post(path)
    assert reply.status_code in {401, 403}, reply.text
    expect.is_error(reply)
    expect.no_tokens(reply)


@both
@pytest.mark.parametrize(
    "change",
    [
        {"exp": 10**15},
        {"exp": Raw("1e308")},
        {"exp": 2**63},
        {"iat": -1},
        {"iat": 10**15},
        {"iat": Raw("1e308")},
        {"iat": Raw("-1e308")},
        {"iat": 0.5},
        {"sid": 7},
        {"sid": ["x"]},
        {"sid": "x" * 1000},
        {"jti": "x" * 1000},
        {"jti": "\x00"},
        {"jti": ""},
        {"refresh_iat": "x"},
        {"perms": 7},
    ],
    ids=lambda change: str(change)[:30],
)
def test_odd_but_signed_claims_do_not_break_a_renewal(visitor, forge, path, change):
    reply = visitor.hold(refresh=forge.refresh(**change)).post(path)
    assert reply.status_code in {200, 401}, reply.text
    if reply.status_code == 401:
        expect.is_error(reply)
