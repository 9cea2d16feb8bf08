"""The cookies that leave the server: names, every attribute, values. Contract §2."""

import base64
import json
import re
import time

import pytest

from conformance import expect, forge, wire
from conformance.client import COOKIES, LOGOUT, PAYLOAD, REFRESH_ACCESS, UPDATE_REFRESH, Client, R
from conformance.sessions import after_the_second, shared

pytestmark = pytest.mark.only("cookies")


def names(client: Client) -> dict[str, str]:
    """Give each token cookie of the mode, and the kind of token whose time it shares."""
    cookies = {name: kind for kind, name in COOKIES[client.mode].items()}
    return cookies | ({PAYLOAD: "access"} if client.mode == "TWO-COOKIES" else {})


def lines(reply) -> dict[str, wire.SetCookie]:
    """Give the Set-Cookie lines that set a token cookie; each name once."""
    found = [
        line
        for line in wire.set_cookies(reply)
        if line.name in expect.TOKEN_COOKIES and not line.deletes
    ]
    assert len({line.name for line in found}) == len(found)
    return {line.name: line for line in found}


def lasting(name: str) -> dict[str, str | None]:
    """Give the attributes a token cookie must have, time aside."""
    attributes: dict[str, str | None] = {"secure": None, "samesite": "Lax"}
    attributes["path"] = R if name == "jwt_refresh" else "/"
    if name != PAYLOAD:
        attributes["httponly"] = None
    return attributes


def test_names(target):
    client, reply = shared(target, "alice")
    assert set(lines(reply)) == set(names(client))


def test_attributes(target):
    _, reply = shared(target, "alice")
    for name, line in lines(reply).items():
        assert line.lasting == lasting(name), name


def test_max_age_is_what_the_token_has_left(target):
    client, reply = shared(target, "alice")
    lifetime = {"access": target.access_seconds, "refresh": target.refresh_seconds}
    for name, line in lines(reply).items():
        left = lifetime[names(client)[name]]
        assert left - 2 <= int(line.attributes["max-age"]) <= left, name


def test_csrf_cookie_can_be_read_by_the_page(target):
    _, reply = shared(target, "alice")
    line = next(line for line in wire.set_cookies(reply) if line.name == "csrftoken")
    assert "httponly" not in line.attributes


def test_renewed_access_cookie_has_the_same_attributes(own):
    client = own()
    reply = client.post(REFRESH_ACCESS)
    expect.issued(client, reply, "Access token successfully refreshed.")
    found = lines(reply)
    assert set(found) >= set(names(client)) - {"jwt_refresh"}
    for name, line in found.items():
        assert line.lasting == lasting(name), name


def test_renewed_refresh_cookie_has_the_same_attributes(own, target):
    client = own()
    reply = client.post(UPDATE_REFRESH)
    expect.issued(client, reply, "Refresh token successfully updated.")
    found = lines(reply)
    for name, line in found.items():
        assert line.lasting == lasting(name), name
    left = target.refresh_seconds
    assert left - 2 <= int(found["jwt_refresh"].attributes["max-age"]) <= left


def test_max_age_is_the_time_that_the_token_has_left(own):
    client = own()
    after_the_second(client.claims("refresh")["iat"])
    # The refresh token's end does not move, so it has less than its lifetime left.
    found = lines(client.post(REFRESH_ACCESS))
    for name, kind in ((client.cookie("refresh"), "refresh"), (client.cookie("access"), "access")):
        left = client.claims(kind)["exp"] - time.time()
        assert left - 1 <= int(found[name].attributes["max-age"]) <= left + 2


def test_deletion_repeats_the_attributes(visitor):
    reply = visitor.hold(access="x", refresh="y").delete(LOGOUT)
    deleted = {line.name: line for line in wire.set_cookies(reply) if line.deletes}
    assert set(names(visitor)) <= set(deleted)
    for name in names(visitor):
        assert deleted[name].lasting == lasting(name), name
        assert deleted[name].value in {"", '""'}


# --- jwt_access_payload -------------------------------------------------------------------------


def payload_of(line: wire.SetCookie) -> dict:
    """Decode a payload cookie exactly as ``atob`` and ``JSON.parse`` would."""
    assert re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", line.value), line.value
    assert len(line.value) % 4 == 0
    text = base64.b64decode(line.value, validate=True)
    assert text.isascii()

    def in_order(pairs: list[tuple[str, object]]) -> dict[str, object]:
        keys = [key for key, _ in pairs]
        assert keys == sorted(keys)
        assert len(set(keys)) == len(keys)
        return dict(pairs)

    return json.loads(text, object_pairs_hook=in_order)


@pytest.mark.only("TWO-COOKIES")
@pytest.mark.parametrize("user", ["alice", "carol", "admin"])
def test_payload_is_the_access_claims(target, user):
    _, reply = shared(target, user)
    found = lines(reply)
    assert payload_of(found[PAYLOAD]) == forge.read(found["jwt_access_token"].value)


@pytest.mark.only("TWO-COOKIES")
def test_payload_is_padded_and_unquoted(target, person):
    # Names of three lengths: whatever else is in the claims, one needs "=" and another "==".
    endings = set()
    for user in ("mia", "mias", "miasm"):
        person(user)
        _, reply = shared(target, user)
        line = lines(reply)[PAYLOAD]
        assert payload_of(line)["user"]["username"] == user
        endings.add(line.value[-2:].replace("A", "").count("="))
    assert endings == {0, 1, 2}


@pytest.mark.only("TWO-COOKIES")
def test_payload_escapes_what_is_not_ascii(target, person):
    person("zoë")
    _, reply = shared(target, "zoë")
    found = lines(reply)
    claims = payload_of(found[PAYLOAD])
    assert claims["user"]["username"] == "zoë"
    assert claims == forge.read(found["jwt_access_token"].value)


@pytest.mark.only("TWO-COOKIES")
def test_payload_follows_each_renewal(own):
    client = own()
    for path in (REFRESH_ACCESS, UPDATE_REFRESH):
        found = lines(client.post(path))
        assert payload_of(found[PAYLOAD]) == forge.read(found["jwt_access_token"].value)
