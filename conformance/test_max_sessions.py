"""`DJWTO_MAX_SESSIONS`: what ends where a user logs in too often. Contract §3."""

from contextlib import ExitStack

import pytest

from conformance import expect
from conformance.client import ACCOUNT, REFRESH_ACCESS, VALIDATE_REFRESH, Client
from conformance.farm import SERVERS, Farm
from conformance.target import Target

MOST = 3


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, farm: Farm):
    limit = {"CONFORMANCE_MAX_SESSIONS": str(MOST)}
    # A database of its own: what other cases log in would end here.
    return farm.server(f"{request.param}-capped", PORTAL_MODE="TWO-COOKIES,JSON", **limit)


@pytest.fixture(autouse=True)
def quiet(server):
    with expect.quiet(server.log_text):
        yield


@pytest.fixture
def clients(server):
    """Make clients of a mode, each logged in by itself."""
    modes = ("TWO-COOKIES", "JSON")
    with ExitStack() as running:
        targets = {m: running.enter_context(Target.of(server, *modes, mode=m)) for m in modes}

        def logged_in(mode: str) -> Client:
            client = Client(targets[mode])
            assert client.login("alice").status_code == 200
            return client

        yield logged_in


def test_programs_end_before_browsers_and_the_oldest_first(clients):
    browser = clients("TWO-COOKIES")
    programs = [clients("JSON") for _ in range(MOST + 2)]
    expect.says(browser.post(VALIDATE_REFRESH), "Token is valid")
    assert browser.post(REFRESH_ACCESS).status_code == 200
    assert browser.get(ACCOUNT).status_code == 200
    ended, live = programs[: -(MOST - 1)], programs[-(MOST - 1) :]
    for program in ended:
        expect.refused(program.post(VALIDATE_REFRESH), 401)
    for program in live:
        expect.says(program.post(VALIDATE_REFRESH), "Token is valid")
    # Browsers, too, end in the order in which they were renewed.
    others = [clients("TWO-COOKIES") for _ in range(MOST)]
    expect.refused(browser.post(VALIDATE_REFRESH), 401)
    for other in others:
        expect.says(other.post(VALIDATE_REFRESH), "Token is valid")
