"""return/: a navigation renews the tokens and goes back. Contract §4."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from conformance import expect, wire
from conformance.client import (
    ACCOUNT,
    LOGOUT,
    REFRESH_ACCESS,
    RETURN,
    VALIDATE_ACCESS,
    Client,
)
from conformance.farm import Farm
from conformance.forge import Forge
from conformance.sessions import shared
from conformance.target import Target

NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
SCRIPT = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}


@pytest.fixture
def here(target: Target) -> str:
    """A page of the server, which needs no setting to be gone back to."""
    return f"{target.base_url}{ACCOUNT}?a=1&b=%20#c"


def navigate(client: Client, *nexts: str, headers: dict[str, str | None] | None = None):
    return client.get(RETURN, params={"next": nexts}, headers={**NAVIGATION, **(headers or {})})


def goes_to_login(reply, *nexts: str) -> None:
    """Check the redirect to another page, which gets `next`, without tokens."""
    assert reply.status_code == 303, reply.text
    assert reply.content == b""
    assert "no-store" in reply.headers["Cache-Control"]
    assert parse_qs(urlsplit(reply.headers["Location"]).query).get("next", []) == [*nexts]
    assert not {line.name for line in wire.set_cookies(reply) if not line.deletes}


def is_invalid(reply) -> None:
    assert expect.refused(reply, 400) == "next_invalid"
    assert "Location" not in reply.headers
    expect.no_tokens(reply)


# --- renewals -----------------------------------------------------------------------------------


@pytest.mark.only("cookies")
def test_it_renews_and_goes_back(own, here):
    client = own()
    access, refresh = client.claims("access"), client.claims("refresh")
    reply = navigate(client, here)
    assert (reply.status_code, reply.headers["Location"]) == (303, here)
    assert reply.content == b""
    assert "no-store" in reply.headers["Cache-Control"]
    names = {line.name for line in wire.set_cookies(reply) if not line.deletes}
    _, login = shared(client.target, "alice")
    of_login = {line.name for line in wire.set_cookies(login) if not line.deletes}
    assert names == of_login - {"csrftoken"}
    assert client.claims("access")["jti"] != access["jti"]
    for claim in ("iat", "exp", "sid", "user"):
        assert client.claims("refresh")[claim] == refresh[claim]
    assert client.get(ACCOUNT).status_code == 200
    assert client.post(REFRESH_ACCESS).status_code == 200


@pytest.mark.only("cookies")
def test_the_refresh_cookie_alone_suffices(own, here):
    held = own()
    client = Client(held.target)
    client.cookies = {"jwt_refresh": held.cookies["jwt_refresh"]}
    assert navigate(client, here).headers["Location"] == here
    assert client.get(ACCOUNT, headers={"X-CSRFToken": None}).status_code == 200


@pytest.mark.only("cookies")
def test_a_lost_reply_costs_nothing(own, here):
    client = own()
    again = client.copy()
    assert navigate(client, here).headers["Location"] == here
    assert navigate(again, here).headers["Location"] == here
    assert client.token("access") == again.token("access")


@pytest.mark.only("cookies")
def test_a_late_tab_goes_back_without_new_cookies(own, here):
    client = own()
    late = client.copy()
    navigate(client, here)
    navigate(client, here)
    reply = navigate(late, here)
    assert (reply.status_code, reply.headers["Location"]) == (303, here)
    expect.no_tokens(reply)
    assert client.post(REFRESH_ACCESS).status_code == 200


@pytest.mark.only("cookies")
def test_an_older_token_ends_the_session(own, here):
    client = own()
    old = client.copy()
    for _ in range(3):
        assert navigate(client, here).headers["Location"] == here
    goes_to_login(navigate(old, here), here)
    assert expect.refused(client.post(REFRESH_ACCESS), 401) == "token_blacklisted"
    expect.refused(client.post(VALIDATE_ACCESS), 401)


# --- without a session --------------------------------------------------------------------------


def test_without_a_token_the_login_page_gets_next(visitor, here):
    goes_to_login(navigate(visitor, here), here)
    goes_to_login(navigate(visitor))


def test_after_a_logout_too(own, here):
    client = own()
    client.post(LOGOUT)
    goes_to_login(navigate(client, here), here)


@pytest.mark.only("cookies")
@pytest.mark.parametrize("change", [{"exp": 1_000_000_000}, {"iss": "x"}, {"type": "x"}], ids=str)
def test_with_a_bad_token_too(visitor: Client, forge: Forge, here, change):
    goes_to_login(navigate(visitor.hold(refresh=forge.refresh(**change)), here), here)


@pytest.mark.only("cookies")
def test_an_inactive_user_too(visitor: Client, forge: Forge, person, here):
    user = {"username": "gone", "id": person("gone")}
    goes_to_login(navigate(visitor.hold(refresh=forge.refresh(user=user)), here), here)


@pytest.mark.only("cookies")
def test_two_refresh_cookies_are_cleared(own, here):
    client = own()
    pair = f"jwt_refresh={client.token('refresh')}"
    reply = navigate(client, here, headers={"Cookie": f"{pair}; {pair}"})
    goes_to_login(reply, here)
    assert "jwt_refresh" in {line.name for line in wire.set_cookies(reply) if line.deletes}


@pytest.mark.only("json")
def test_a_program_is_not_renewed(own, here):
    client = own()
    before = client.token("refresh")
    goes_to_login(navigate(client, here), here)
    assert client.token("refresh") == before
    assert client.post(REFRESH_ACCESS).status_code == 200


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.only("carrier")
@pytest.mark.parametrize(
    "other",
    [
        "https://evil.example/",
        "//{host}/",
        "/",
        "",
        "http://{host}/",
        "javascript:alert(1)",
        "https://{host}@evil.example/",
        "https://alice@{host}/",
        "https://{host}.evil.example/",
        "https://{host}\\@evil.example/",
        "https:\\\\{host}/",
        "https:///{host}/",
        "https://{host}/\n",
        "\thttps://{host}/",
        "https://{host}/\x00",
        "https://{name}:1/",
        "https://{name}./",
        "https://l\u00f6calhost/",
        "https://{host}/\u00e9",
        "https://{host}/" + "a" * 2048,
    ],
)
def test_another_next(own, target: Target, other):
    address = urlsplit(target.base_url)
    is_invalid(navigate(own(), other.format(host=address.netloc, name=address.hostname)))


@pytest.mark.only("carrier")
def test_two_next(own, here):
    is_invalid(navigate(own(), here, here))
    is_invalid(navigate(own(), "https://evil.example/", here))


@pytest.mark.only("carrier")
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Mode": None, "Sec-Fetch-Dest": None},
        SCRIPT,
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
    ],
    ids=str,
)
def test_anything_but_a_navigation(own, here, headers):
    client = own()
    reply = navigate(client, here, headers=headers)
    assert expect.refused(reply, 403) == "navigation_required"
    assert "Location" not in reply.headers
    expect.no_tokens(reply)


# --- other hosts --------------------------------------------------------------------------------

DOMAIN = "demo.localhost"
MODELS = f"https://models.{DOMAIN}:9443/runs/7?page=2"


@pytest.fixture(scope="module")
def guarded(farm: Farm):
    return farm.server(
        "asgi-sqlite",
        PORTAL_MODE="TWO-COOKIES",
        PORTAL_DOMAIN=DOMAIN,
        PORTAL_RETURN_HOSTS=f"models.{DOMAIN}:9443,plots.{DOMAIN}",
    )


@pytest.fixture
def elsewhere(guarded) -> Iterator[Client]:
    with Target.of(guarded, "TWO-COOKIES") as target, expect.quiet(guarded.log_text):
        yield Client(target)


def test_hosts_of_the_setting(elsewhere):
    values = {
        line.name: line.value
        for line in wire.set_cookies(elsewhere.login("alice"))
        if not line.deletes
    }
    elsewhere.hold(access=values["jwt_access_token"], refresh=values["jwt_refresh"])
    reply = navigate(elsewhere, MODELS)
    assert (reply.status_code, reply.headers["Location"]) == (303, MODELS)
    renewed = {line.name: line for line in wire.set_cookies(reply) if not line.deletes}
    assert {line.attributes["domain"] for line in renewed.values()} == {DOMAIN}

    elsewhere.hold(refresh=renewed["jwt_refresh"].value)
    plots = f"https://plots.{DOMAIN}:443/"
    assert navigate(elsewhere, plots).headers["Location"] == plots
    for other in (DOMAIN, f"models.{DOMAIN}", f"plots.{DOMAIN}:9443", f"x.plots.{DOMAIN}"):
        is_invalid(navigate(elsewhere, f"https://{other}/"))
