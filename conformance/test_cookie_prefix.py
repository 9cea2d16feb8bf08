"""`DJWTO_COOKIE_PREFIX`, with the one that browsers protect; where the suite starts the server."""

from collections.abc import Iterator

import pytest

from conformance import expect, forge, wire
from conformance.client import ACCOUNT, LOGIN, LOGOUT, REFRESH_ACCESS, VALIDATE_ACCESS, Client
from conformance.farm import Farm
from conformance.target import Target

PREFIX = "__Host-"
NAMES = {f"{PREFIX}jwt_{name}" for name in ("refresh", "access_token", "access_payload")}


@pytest.fixture(scope="module")
def server(farm: Farm):
    return farm.server("wsgi-sqlite", PORTAL_MODE="TWO-COOKIES", PORTAL_COOKIE_PREFIX=PREFIX)


@pytest.fixture(autouse=True)
def quiet(server):
    with expect.quiet(server.log_text):
        yield


@pytest.fixture
def client(server) -> Iterator[Client]:
    with Target.of(server, "TWO-COOKIES") as target:
        yield Client(target)


def ours(reply) -> dict[str, wire.SetCookie]:
    return {line.name: line for line in wire.set_cookies(reply) if "jwt_" in line.name}


def test_every_cookie_has_the_prefix_and_the_root_as_its_path(client):
    reply = client.login("alice")
    found = ours(reply)
    assert set(found) == NAMES
    for name, line in found.items():
        attributes = {"secure": None, "samesite": "Lax", "path": "/"}
        if not name.endswith("payload"):
            attributes["httponly"] = None
        assert line.lasting == attributes, name
    assert forge.read(found[f"{PREFIX}jwt_access_token"].value)["type"] == "access"

    assert client.get(ACCOUNT).status_code == 200
    assert client.post(VALIDATE_ACCESS).status_code == 200
    # The refresh cookie comes along everywhere, and opens the refresh endpoints alone.
    assert client.post(REFRESH_ACCESS).status_code == 200
    only = f"{PREFIX}jwt_refresh={client.cookies[f'{PREFIX}jwt_refresh'].value}"
    expect.refused(client.get(ACCOUNT, headers={"Cookie": only}), 401)

    deleted = ours(client.delete(LOGOUT))
    assert {name: line.lasting for name, line in deleted.items()} == {
        name: line.lasting for name, line in found.items()
    }
    assert all(line.deletes for line in deleted.values())


def test_a_name_without_the_prefix_is_no_name_of_ours(client):
    sentence = f'Cookie "{PREFIX}jwt_access_token" cannot be empty.'
    expect.refused(client.get(ACCOUNT), 401, sentence)
    client.login("alice")
    token = client.cookies[f"{PREFIX}jwt_access_token"].value
    bare = {"Cookie": f"jwt_access_token={token}"}
    expect.refused(client.get(ACCOUNT, headers=bare), 401, sentence)
    beside = {"Cookie": f"jwt_access_token=x; {PREFIX}jwt_access_token={token}; jwt_refresh=x"}
    assert client.get(ACCOUNT, headers=beside).status_code == 200


def test_a_doubled_name_is_refused_and_nothing_is_cleared(client):
    client.login("alice")
    name = f"{PREFIX}jwt_access_token"
    pair = f"{name}={client.cookies[name].value}"
    reply = client.get(ACCOUNT, headers={"Cookie": f"{pair}; {pair}"})
    expect.refused(reply, 401)
    assert ours(reply) == {}


@pytest.mark.parametrize("name", ["__host-jwt_access_token", "__HOST-jwt_access_token"])
@pytest.mark.parametrize("first", [True, False])
def test_a_name_in_other_letters_locks_nobody_out(client, name, first):
    client.login("alice")
    own = f"{PREFIX}jwt_access_token"
    pair = [f"{name}=x", f"{own}={client.cookies[own].value}"]
    header = "; ".join(pair if first else pair[::-1])
    assert client.get(ACCOUNT, headers={"Cookie": header}).status_code == 200


def test_the_page_learns_the_prefix_of_the_cookies(client):
    assert client.post(LOGIN, data={"username": "alice", "password": "pass"}).status_code == 200
    assert f'<meta name="cookie-prefix" content="{PREFIX}">' in client.get("/").text
