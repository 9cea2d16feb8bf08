"""Settings that change what is seen from outside; only where the suite starts the server itself."""

import time
from collections.abc import Iterator

import pytest

from conformance import expect, wire
from conformance.client import ACCOUNT, LOGOUT, PREDICT, REFRESH_ACCESS, VALIDATE_ACCESS, Client, R
from conformance.farm import Farm
from conformance.target import Target

DOMAIN = "demo.localhost"
SECONDS = 2


@pytest.fixture(scope="module")
def server(farm: Farm):
    return farm.server(
        "wsgi-sqlite",
        PORTAL_MODE="TWO-COOKIES",
        PORTAL_DOMAIN=DOMAIN,
        PORTAL_SAME_SITE="Strict",
        PORTAL_CSRF="0",
        PORTAL_ACCESS_SECONDS=str(SECONDS),
    )


@pytest.fixture(autouse=True)
def quiet(server):
    with expect.quiet(server.log_text):
        yield


@pytest.fixture
def client(server) -> Iterator[Client]:
    with Target.of(server, "TWO-COOKIES") as target:
        yield Client(target)


def lasting(name: str, *, domain: bool) -> dict[str, str | None]:
    attributes: dict[str, str | None] = {"secure": None, "samesite": "Strict"}
    attributes["path"] = R if name == "jwt_refresh" else "/"
    if name != "jwt_access_payload":
        attributes["httponly"] = None
    return attributes | ({"domain": DOMAIN} if domain else {})


NAMES = ["jwt_refresh", "jwt_access_token", "jwt_access_payload"]


def test_login_sets_the_domain_and_clears_the_host_only_cookie(client):
    lines = wire.set_cookies(client.login("alice"))
    for name in NAMES:
        (line,) = [line for line in lines if line.name == name and not line.deletes]
        assert line.lasting == lasting(name, domain=True)
        cleared = [line.lasting for line in lines if line.name == name and line.deletes]
        assert cleared == [lasting(name, domain=False)]


def test_deletion_clears_both(client):
    client.login("alice")
    lines = wire.set_cookies(client.delete(LOGOUT))
    for name in NAMES:
        cleared = [line.lasting for line in lines if line.name == name and line.deletes]
        assert lasting(name, domain=True) in cleared
        assert lasting(name, domain=False) in cleared


def held(client: Client) -> Client:
    """Log in, and keep the cookies although the host is not of that domain."""
    values = {
        line.name: line.value
        for line in wire.set_cookies(client.login("alice"))
        if not line.deletes
    }
    return client.hold(access=values["jwt_access_token"], refresh=values["jwt_refresh"])


def test_csrf_can_be_switched_off(client):
    client = held(client)
    headers = {"X-CSRFToken": None, "Referer": None, "Origin": "https://evil.example"}
    assert client.post(ACCOUNT, headers=headers).status_code == 200
    expect.says(client.post(VALIDATE_ACCESS, headers=headers), "Token is valid")


def test_token_expires_and_is_renewed(client):
    client = held(client)
    assert client.get(ACCOUNT).status_code == 200
    deadline = time.monotonic() + SECONDS + 5
    while (reply := client.get(ACCOUNT)).status_code == 200:
        assert time.monotonic() < deadline, "the token never expired"
        time.sleep(0.1)
    expect.refused(reply, 401, "Signature has expired")
    expect.refused(client.get(PREDICT), 401, "Signature has expired")
    renewed = {line.name: line for line in wire.set_cookies(client.post(REFRESH_ACCESS))}
    assert 0 < int(renewed["jwt_access_token"].attributes["max-age"]) <= SECONDS
    client.hold(access=renewed["jwt_access_token"].value)
    assert client.get(ACCOUNT).status_code == 200
