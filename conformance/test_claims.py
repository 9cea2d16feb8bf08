"""The claims of the two tokens. Contract §5."""

import time
import uuid

import pytest

from conformance import forge
from conformance.client import PREDICTIONS
from conformance.sessions import shared

COMMON = {"iss", "sub", "aud", "iat", "exp", "jti", "sid", "type", "user"}


@pytest.fixture(params=["access", "refresh"])
def kind(request):
    return request.param


def test_registered_claims(alice, kind):
    claims = alice.claims(kind)
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("iss", "sub", "aud")
    assert claims["type"] == kind
    assert isinstance(claims["jti"], str)
    assert str(uuid.UUID(claims["sid"])) == claims["sid"]
    assert uuid.UUID(claims["sid"]).version == 4


def test_no_other_claims(alice):
    assert set(alice.claims("refresh")) == COMMON | {"gen"}
    assert set(alice.claims("access")) == COMMON | {"refresh_iat"}


def test_lifetimes(alice, target, kind):
    claims = alice.claims(kind)
    seconds = {"access": target.access_seconds, "refresh": target.refresh_seconds}[kind]
    assert claims["exp"] - claims["iat"] == seconds
    assert abs(claims["iat"] - time.time()) < 300


def test_the_two_belong_together(alice):
    access, refresh = alice.claims("access"), alice.claims("refresh")
    assert access["sid"] == refresh["sid"]
    assert access["jti"] != refresh["jti"]
    assert access["refresh_iat"] == refresh["iat"]


@pytest.mark.parametrize(
    ("user", "perms"),
    [("alice", []), ("carol", ["predictions.view_prediction"]), ("admin", ["*"])],
)
def test_user_claim(target, user, perms):
    client, _ = shared(target, user)
    claim = client.claims("access")["user"]
    assert claim["username"] == user
    assert claim["perms"] == perms
    assert claim["id"] == client.claims("refresh")["user"]["id"]


def test_refresh_token_is_lean(target):
    client, _ = shared(target, "carol")
    assert set(client.claims("refresh")["user"]) == {"username", "id"}


@pytest.mark.parametrize(("user", "header"), [("some", True), ("many", False)])
def test_permissions_that_find_no_room(target, person, user, header):
    # A cookie holds 4,096 bytes with its name; a header is let grow to 7,000.
    person(user)
    client = shared(target, user)[0].copy()
    claim = client.claims("access")["user"]
    if header and not client.by_cookie:
        assert len(claim["perms"]) == 91
        assert claim["perms"] == sorted(claim["perms"])
        assert "perms_omitted" not in claim
    else:
        assert (claim["perms"], claim["perms_omitted"]) == ([], True)
    # With or without the list in the token, the right is there.
    assert client.get(PREDICTIONS).status_code == 200


def test_signature_and_algorithm(alice, target, kind):
    if target.signing_key is None:
        pytest.skip("needs --signing-key")
    token = alice.token(kind)
    assert forge.read_header(token)["alg"] == "HS256"
    assert forge.genuine(target.signing_key, token)
