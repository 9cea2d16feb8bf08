"""A server with a wrong setting: it says why in its log, and nowhere else. Contract §3."""

import pytest

from conformance import expect
from conformance.client import ACCOUNT, STATUS, Client
from conformance.farm import Farm
from conformance.target import Target


@pytest.fixture(scope="module")
def server(farm: Farm):
    return farm.server("wsgi-sqlite", PORTAL_MODE="THREE-COOKIES")


@pytest.fixture(autouse=True)
def quiet():
    """This server has something to say."""


@pytest.fixture
def client(server):
    with Target.of(server, "JSON") as target:
        yield Client(target)


def test_login(client, server):
    reply = client.login("alice")
    expect.refused(reply, 500, "Failed to process request.")
    assert "DJWTO_MODE" not in reply.text
    assert "DJWTO_MODE" in server.log_text()
    assert "THREE-COOKIES" in server.log_text()


def test_guard_stays_shut(client):
    reply = client.get(ACCOUNT, headers={"Authorization": "Bearer x.y.z", "Cookie": "jwt_access=x"})
    assert reply.status_code in {401, 500}
    assert "DJWTO_MODE" not in reply.text


def test_open_view_still_answers(client):
    assert client.get(STATUS).status_code == 200
