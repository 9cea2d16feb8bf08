"""The two validate endpoints, `session/`, and what a missing token is told. Contract §4."""

import pytest

from conformance import expect
from conformance.client import (
    ACCOUNT,
    LOGOUT,
    REFRESH_ACCESS,
    SESSION,
    UPDATE_REFRESH,
    VALIDATE_ACCESS,
    VALIDATE_REFRESH,
)

VALID = "Token is valid"
WANTS_REFRESH = 'POST variable "jwt_type" must be equal to "refresh".'
NOT_REFRESH = "Refresh token was not sent in authorization header."
REFRESH_PATHS = [VALIDATE_REFRESH, REFRESH_ACCESS, UPDATE_REFRESH, LOGOUT]


def test_access(alice):
    expect.says(alice.post(VALIDATE_ACCESS), VALID)


def test_refresh(alice):
    expect.says(alice.post(VALIDATE_REFRESH), VALID)


@pytest.mark.only("cookies")
def test_type_may_come_as_json(alice):
    expect.says(alice.post(VALIDATE_REFRESH, json={"jwt_type": "refresh"}), VALID)


@pytest.mark.only("cookies")
def test_type_may_come_as_multipart(alice):
    expect.says(alice.post(VALIDATE_REFRESH, files={"jwt_type": (None, "refresh")}), VALID)


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/xml", "nonsense"])
def test_empty_body_is_fine_with_any_content_type(alice, content_type):
    reply = alice.post(VALIDATE_ACCESS, headers={"Content-Type": content_type})
    expect.says(reply, VALID)


@pytest.mark.only("cookies")
@pytest.mark.parametrize("path", REFRESH_PATHS)
def test_type_must_be_there(own, path):
    expect.refused(own().post(path, data={}), 400, WANTS_REFRESH)


@pytest.mark.only("cookies")
@pytest.mark.parametrize("path", REFRESH_PATHS)
def test_type_access_is_told_so(own, path):
    expect.refused(own().post(path, data={"jwt_type": "access"}), 400, WANTS_REFRESH)


@pytest.mark.only("cookies")
@pytest.mark.parametrize("path", REFRESH_PATHS)
@pytest.mark.parametrize("jwt_type", ["", "x", "Refresh", "refresh ", '"'])
def test_unknown_type(own, path, jwt_type):
    reply = own().post(path, data={"jwt_type": jwt_type})
    expect.refused(reply, 400)
    neither = (
        f'Input data "jwt_type" must be either "access" or "refresh". Got "{jwt_type}" instead.'
    )
    assert reply.json()["error"] in {neither, WANTS_REFRESH}


@pytest.mark.only("json")
@pytest.mark.parametrize("path", REFRESH_PATHS)
def test_bearer_must_be_a_refresh_token(own, path):
    expect.refused(own().post(path, token="access"), 401, NOT_REFRESH)


@pytest.mark.only("cookies")
@pytest.mark.parametrize("path", REFRESH_PATHS)
def test_access_token_in_the_refresh_cookie(own, path):
    client = own()
    client.hold(refresh=client.token("access"))
    expect.refused(client.post(path), 401)


@pytest.mark.parametrize("path", [VALIDATE_ACCESS, ACCOUNT])
def test_refresh_token_opens_nothing(own, path):
    client = own()
    client.hold(access=client.token("refresh"))
    method = "GET" if path == ACCOUNT else "POST"
    expect.refused(client.send(method, path), 401)


@pytest.mark.only("single", "json")
@pytest.mark.parametrize("path", [VALIDATE_ACCESS, *REFRESH_PATHS])
def test_no_bearer(visitor, path):
    expect.refused(visitor.post(path), 401, 'Token not found in "HTTP_AUTHORIZATION" header.')


@pytest.mark.only("single", "json")
def test_no_bearer_at_a_guard(visitor):
    expect.refused(visitor.get(ACCOUNT), 401, 'Token not found in "HTTP_AUTHORIZATION" header.')


@pytest.mark.only("cookies", "default")
@pytest.mark.parametrize("path", REFRESH_PATHS)
def test_no_refresh_cookie(visitor, path):
    visitor.hold(access="x").cookies.pop(visitor.cookie("access"))
    expect.refused(visitor.post(path), 401, 'Cookie "jwt_refresh" cannot be empty.')


@pytest.mark.only("cookies", "default")
@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("path", [VALIDATE_ACCESS, ACCOUNT])
def test_no_access_cookie(visitor, path, value):
    visitor.hold(access=value or "")
    if value is None:
        visitor.cookies.pop(visitor.cookie("access"))
    reply = visitor.send("GET" if path == ACCOUNT else "POST", path)
    expect.refused(reply, 401, f'Cookie "{visitor.cookie("access")}" cannot be empty.')


@pytest.mark.only("json")
@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "Bearer a b", "Bearer a.b.c d", "Bearera.b.c"]
)
def test_malformed_bearer(visitor, value):
    expect.refused(visitor.get(ACCOUNT, headers={"Authorization": value}), 401)


@pytest.mark.only("single", "json")
@pytest.mark.parametrize("scheme", ["Basic", "Token", "JWT", "Digest"])
def test_other_schemes(alice, scheme):
    header = {"Authorization": f"{scheme} {alice.token('access')}"}
    reply = alice.get(ACCOUNT, headers=header)
    expect.refused(reply, 401)
    assert "HTTP_AUTHORIZATION" in reply.json()["error"]


@pytest.mark.only("json")
@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_scheme_is_not_case_sensitive(alice, scheme):
    # RFC 9110 §11.1.
    header = {"Authorization": f"{scheme} {alice.token('access')}"}
    assert alice.get(ACCOUNT, headers=header).status_code == 200


# --- session/ -----------------------------------------------------------------------------------


def test_session_gives_the_claims(alice):
    reply = alice.get(SESSION)
    assert reply.status_code == 200
    assert "no-store" in reply.headers["Cache-Control"]
    assert reply.json() == {"claims": alice.claims("access")}
    expect.no_tokens(reply)


def test_session_wants_an_access_token(visitor):
    expect.refused(visitor.get(SESSION), 401)


def test_a_refresh_token_is_no_session(visitor, forge):
    expect.refused(visitor.hold(access=forge.refresh()).get(SESSION), 401)


def test_an_expired_token_is_no_session(visitor, forge):
    visitor.hold(access=forge.access(exp=1_000_000_000))
    assert expect.refused(visitor.get(SESSION), 401) == "token_expired"


def test_a_session_that_was_ended_is_none(own):
    client = own()
    expect.says(client.post(LOGOUT), "Token successfully blacklisted.")
    assert expect.refused(client.get(SESSION), 401) == "token_blacklisted"
