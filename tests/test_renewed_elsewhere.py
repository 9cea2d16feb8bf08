"""Renewals within the grace period from another device or network: answered, marked, signalled."""

from typing import Any

import pytest

from djwto import sessions, signals, times
from djwto.models import Session
from tests.conftest import REFRESH, Visitor

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}) Gecko/20100101 Firefox/{0}"
CHROME = "Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/537.36"
RENEWALS = pytest.mark.parametrize("name", ["refresh_access", "update_refresh"])


@pytest.fixture
def told() -> Any:
    """The arguments of every `jwt_renewed_elsewhere`."""
    seen: list[Any] = []

    def receive(**kwargs: Any) -> None:
        seen.append(kwargs)

    signals.jwt_renewed_elsewhere.connect(receive)
    yield seen
    signals.jwt_renewed_elsewhere.disconnect(receive)


@pytest.fixture
def browser(settings: Any, alice: Any) -> Visitor:
    settings.DJWTO_MODE = "ONE-COOKIE"
    visitor = Visitor("ONE-COOKIE")
    as_client(visitor, FIREFOX.format(140))
    visitor.login()
    return visitor


def as_client(visitor: Visitor, agent: str, address: str = "192.0.2.1") -> None:
    visitor.client.defaults |= {"HTTP_USER_AGENT": agent, "REMOTE_ADDR": address}


def present(browser: Visitor, refresh: str, name: str = "refresh_access") -> Any:
    browser.client.cookies["jwt_refresh"] = refresh
    return browser.refresh(name)


@RENEWALS
@pytest.mark.parametrize(
    ("agent", "address"),
    [(CHROME, "192.0.2.1"), (FIREFOX.format(140), "198.51.100.7"), ("", "192.0.2.1")],
)
def test_it_is_marked_and_told_once_and_ends_nothing(
    browser: Visitor, told: list[Any], name: str, agent: str, address: str
) -> None:
    old = browser.token("refresh")
    assert present(browser, old, name).status_code == 200
    new = browser.token("refresh")
    as_client(browser, agent, address)
    for _ in range(3):
        assert present(browser, old, name).status_code == 200
        assert browser.token("refresh") == new
    assert len(told) == 1
    assert told[0]["sender"] in ("RefreshAccessView", "UpdateRefreshView")
    assert told[0]["refresh_claims"]["user"]["username"] == "alice"
    row = Session.objects.get()
    assert row.revoked_at is None
    assert abs(row.renewed_elsewhere_at - times.now()) < 60 * times.SECOND
    headers = browser.headers("refresh")
    reply = browser.client.get(f"{REFRESH}/sessions/", headers=headers, secure=True)
    assert reply.json()["sessions"][0]["renewed_elsewhere_at"] is not None
    # Later ones of the same session are not told again.
    latest = browser.token("refresh")
    assert present(browser, latest, name).status_code == 200
    as_client(browser, FIREFOX.format(140))
    assert present(browser, latest, name).status_code == 200
    assert len(told) == 1


def test_a_browsers_update_between_login_and_two_tabs_is_no_mark(
    browser: Visitor, told: list[Any]
) -> None:
    old = browser.token("refresh")
    as_client(browser, FIREFOX.format(141), "203.0.113.5")
    for _ in range(2):
        assert present(browser, old).status_code == 200
    # Nor while one tab has the new version already.
    as_client(browser, FIREFOX.format(142), "203.0.113.5")
    assert present(browser, old).status_code == 200
    assert not told
    assert Session.objects.get().renewed_elsewhere_at is None


def test_an_address_of_the_same_network_is_no_mark(browser: Visitor, told: list[Any]) -> None:
    old = browser.token("refresh")
    for address in ("2001:db8::1", "2001:db8::2"):
        as_client(browser, FIREFOX.format(140), address)
        assert present(browser, old).status_code == 200
    assert not told


def test_a_renewal_that_wins_stores_its_device_and_address(browser: Visitor) -> None:
    as_client(browser, CHROME, "198.51.100.7")
    assert browser.refresh("refresh_access").status_code == 200
    row = Session.objects.get()
    assert (row.device, row.user_agent) == ("Chrome on Windows", CHROME)
    assert row.address == "198.51.100.7"


@RENEWALS
def test_a_receiver_may_end_the_session(browser: Visitor, name: str) -> None:
    def end(refresh_claims: Any, **_: Any) -> None:
        sessions.end(refresh_claims["sid"], reason="renewed elsewhere")

    signals.jwt_renewed_elsewhere.connect(end)
    try:
        old = browser.token("refresh")
        present(browser, old, name)
        as_client(browser, CHROME)
        present(browser, old, name)
    finally:
        signals.jwt_renewed_elsewhere.disconnect(end)
    assert browser.get("/guarded/function/").status_code == 401
    assert browser.refresh("refresh_access").status_code == 401
