"""Sessions: renewals that are repeated, and the lists and ends of logins."""

import uuid

import pytest

from conformance import expect, left_out
from conformance.client import (
    ACCOUNT,
    LOGOUT,
    LOGOUT_ALL,
    REFRESH_ACCESS,
    SESSIONS,
    UPDATE_REFRESH,
    VALIDATE_ACCESS,
    VALIDATE_REFRESH,
    Client,
)

both = pytest.mark.parametrize("path", [REFRESH_ACCESS, UPDATE_REFRESH])


def listed(client: Client) -> dict[str, dict]:
    reply = client.get(SESSIONS)
    assert reply.status_code == 200, reply.text
    return {one["id"]: one for one in reply.json()["sessions"]}


def sid(client: Client) -> str:
    return client.claims("refresh")["sid"]


@both
@pytest.mark.only("cookies")
def test_a_lost_reply_costs_nothing(own, path):
    client = own()
    again = client.copy()
    assert client.post(path).status_code == again.post(path).status_code == 200
    assert client.token("refresh") == again.token("refresh")
    assert client.token("access") == again.token("access")
    assert client.post(REFRESH_ACCESS).status_code == 200


@pytest.mark.only("cookies")
def test_a_tab_that_is_late_ends_nothing(own):
    client = own()
    late = client.copy()
    client.post(REFRESH_ACCESS)
    client.post(REFRESH_ACCESS)
    reply = late.post(REFRESH_ACCESS)
    expect.refused(reply, 409)
    assert reply.json()["code"] == "refresh_superseded"
    expect.no_tokens(reply)
    assert client.post(REFRESH_ACCESS).status_code == 200


@pytest.mark.only("cookies")
def test_an_old_token_ends_the_session(own):
    client = own()
    thief = client.copy()
    for _ in range(3):
        client.post(REFRESH_ACCESS)
    reply = thief.post(UPDATE_REFRESH)
    expect.refused(reply, 401)
    assert reply.json()["code"] == "refresh_reused"
    expect.no_tokens(reply)
    for path in (REFRESH_ACCESS, VALIDATE_REFRESH, VALIDATE_ACCESS):
        expect.refused(client.post(path), 401)


@both
@pytest.mark.only("cookies")
def test_a_renewal_from_another_device_is_answered_and_shown(own, path):
    client, other = own(), {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
    again, at_home = client.copy(), client.copy()
    assert client.post(path).status_code == 200
    assert at_home.post(path).status_code == 200
    assert listed(client)[sid(client)]["renewed_elsewhere_at"] is None
    assert again.post(path, headers=other).status_code == 200
    assert again.token("refresh") == client.token("refresh")
    assert listed(client)[sid(client)]["renewed_elsewhere_at"] is not None
    assert client.get(ACCOUNT).status_code == 200


@both
def test_the_newest_token_goes_on_where_the_database_was_set_back(visitor, forge, path):
    newest = visitor.hold(refresh=forge.refresh(gen=7))
    expect.says(newest.post(VALIDATE_REFRESH), "Token is valid")
    used = newest.copy()
    assert newest.post(path).status_code == 200
    if newest.by_cookie:
        assert newest.claims("refresh")["gen"] == 8
        assert used.post(path).status_code == 200
        assert used.token("refresh") == newest.token("refresh")
    assert newest.post(REFRESH_ACCESS).status_code == 200


@pytest.mark.only("json")
def test_a_program_may_keep_its_refresh_token(own):
    client = own()
    token = client.token("refresh")
    for _ in range(3):
        assert client.post(REFRESH_ACCESS).status_code == 200
        assert client.token("refresh") == token


def test_each_login_is_listed(own):
    one, other = own(), own()
    rows = listed(one)
    assert rows[sid(one)]["current"] is True
    assert rows[sid(other)]["current"] is False
    assert set(rows[sid(one)]) == {
        *("id", "device", "address", "created_at", "last_used_at", "current"),
        "renewed_elsewhere_at",
    }


def test_one_ends_another(own):
    one, other = own(), own()
    expect.says(one.delete(f"{SESSIONS}{sid(other)}/"), "Session successfully ended.")
    assert sid(other) not in listed(one)
    expect.refused(other.post(REFRESH_ACCESS), 401)
    expect.refused(other.post(VALIDATE_ACCESS), 401)
    expect.refused(one.delete(f"{SESSIONS}{sid(other)}/"), 404)
    assert one.get(ACCOUNT).status_code == 200


def test_another_users_session_is_not_there(own):
    one, stranger = own(), own("carol")
    for key in (sid(stranger), uuid.uuid4()):
        expect.refused(one.delete(f"{SESSIONS}{key}/"), 404)
    assert sid(stranger) not in listed(one)
    expect.says(stranger.post(VALIDATE_REFRESH), "Token is valid")


def test_all_others_and_all(own, person):
    # Nobody's shared login must end here, so that it is a user whom no other case has.
    assert person("otto")
    one, other = own("otto"), own("otto")
    form = {"others": "true"} | ({"jwt_type": "refresh"} if one.by_cookie else {})
    reply = one.post(LOGOUT_ALL, data=form)
    assert reply.json() == {"msg": "Sessions successfully ended.", "ended": 1}
    expect.refused(other.post(VALIDATE_REFRESH), 401)
    before = one.copy()
    assert one.post(LOGOUT_ALL).json()["ended"] == 1
    expect.refused(before.post(VALIDATE_REFRESH), 401)
    expect.refused(before.post(LOGOUT), 409)


@pytest.mark.only("cookies")
@pytest.mark.parametrize("name", ["session", "all"])
def test_without_csrf_token_nothing_ends(own, name):
    client = own()
    headers = {"X-CSRFToken": None}
    if name == "all":
        reply = client.post(LOGOUT_ALL, headers=headers)
    else:
        reply = client.delete(f"{SESSIONS}{sid(client)}/", headers=headers)
    expect.refused(reply, 403)
    expect.says(client.post(VALIDATE_REFRESH), "Token is valid")


NUL = pytest.param("%00", marks=left_out.nginx)


@pytest.mark.parametrize("id_", ["x", "1", "00000000-0000-0000-0000-00000000000", NUL, "é"])
def test_an_odd_id_is_not_there(own, id_):
    assert own().delete(f"{SESSIONS}{id_}/").status_code == 404


@pytest.mark.only("carrier")
def test_an_access_token_sees_no_list(own):
    client = own()
    if client.by_cookie:
        client.cookies.pop("jwt_refresh")
        reply = client.get(SESSIONS)
    else:
        reply = client.get(SESSIONS, headers=client.bearer("access"))
    expect.refused(reply, 401)
