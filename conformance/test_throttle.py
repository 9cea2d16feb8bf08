"""Too many failed logins: 429, and the password is not looked at. Contract §4."""

import pytest

from conformance import expect
from conformance.client import Client
from conformance.farm import SERVERS, Farm
from conformance.target import Target

ATTEMPTS = 3


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, farm: Farm):
    attempts = {"CONFORMANCE_ATTEMPTS": str(ATTEMPTS)}
    return farm.server(request.param, PORTAL_MODE="JSON", **attempts)


@pytest.fixture(autouse=True)
def quiet():
    """Refusals are in the log of this server."""


@pytest.fixture
def client(server):
    with Target.of(server, "JSON") as target:
        yield Client(target)


@pytest.mark.parametrize("name", ["alice", "no such user"])
def test_login(client, name):
    for _ in range(ATTEMPTS):
        expect.refused(client.login(name, "wrong"), 401)
    reply = client.login(name, "pass")
    slug = expect.refused(reply, 429, "Too many failed logins. Try again later.")
    assert slug == "login_throttled"
    assert 0 < int(reply.headers["Retry-After"]) <= 300
    expect.no_tokens(reply)


def test_another_account_is_not_kept_out(client):
    assert client.login("carol").status_code == 200


@pytest.mark.parametrize("origin", [{"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_a_foreign_page_locks_nobody_out(client, origin):
    """Logins that pages of other origins send, without CORS, are counted apart."""
    name = f"visitor of {origin['Origin']}"
    for _ in range(ATTEMPTS):
        expect.refused(client.login(name, "wrong", headers=origin), 401)
    for _ in range(ATTEMPTS):
        assert expect.refused(client.login(name, "wrong", headers=origin), 429) == "login_throttled"
    for _ in range(ATTEMPTS):
        expect.refused(client.login(name, "wrong"), 401)
    expect.refused(client.login(name, "wrong"), 429)
