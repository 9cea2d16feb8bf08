"""CSRF concerns a token that came in a cookie, and nothing else. Contract §4 and §6."""

import pytest

from conformance import expect, wire
from conformance.client import (
    ACCOUNT,
    CSRF,
    HOUSE,
    LOGIN,
    LOGOUT,
    PREDICT,
    REFRESH_ACCESS,
    UPDATE_REFRESH,
    VALIDATE_ACCESS,
    VALIDATE_REFRESH,
    Client,
)
from conformance.sessions import shared

FOREIGN = "https://evil.example"
UNSAFE = [
    ("POST", VALIDATE_ACCESS),
    ("POST", VALIDATE_REFRESH),
    ("POST", REFRESH_ACCESS),
    ("POST", UPDATE_REFRESH),
    ("POST", LOGOUT),
    ("DELETE", LOGOUT),
    ("POST", ACCOUNT),
    ("POST", PREDICT),
]
unsafe = pytest.mark.parametrize(("method", "path"), UNSAFE, ids=lambda word: word.strip("/"))


def send(client: Client, method: str, path: str, **options):
    """Send what the endpoint wants, so that CSRF alone decides."""
    if path == PREDICT:
        options["json"] = HOUSE
    return client.post(path, **options) if method == "POST" else client.delete(path, **options)


@pytest.mark.only("cookies")
@unsafe
def test_good(own, method, path):
    assert send(own(), method, path).status_code == 200


REFUSED = {
    "no token": {"X-CSRFToken": None},
    "wrong token": {"X-CSRFToken": "x" * 32},
    "token of a wrong length": {"X-CSRFToken": "abc"},
    "empty token": {"X-CSRFToken": ""},
    "token not ASCII": {"X-CSRFToken": "\xe9" * 32},
    "null origin": {"Origin": "null"},
    "foreign origin": {"Origin": FOREIGN},
    "origin without tls": {"Origin": "http://localhost"},
    "foreign referer": {"Referer": f"{FOREIGN}/page"},
    "no referer, no origin": {"Referer": None},
    "malformed referer": {"Referer": "https://["},
}


@pytest.mark.only("cookies")
@unsafe
@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED)
def test_refused(own, method, path, headers):
    reply = send(own(), method, path, headers=headers)
    expect.refused(reply, 403)
    expect.no_tokens(reply)


@pytest.mark.only("cookies")
@unsafe
def test_token_without_its_cookie(own, method, path):
    client = own()
    client.cookies.pop("csrftoken")
    expect.refused(send(client, method, path), 403)


@pytest.mark.only("cookies")
@unsafe
def test_own_origin_is_fine(own, method, path):
    client = own()
    headers = {"Origin": client.target.base_url, "Referer": None}
    assert send(client, method, path, headers=headers).status_code == 200


@pytest.mark.only("cookies")
@unsafe
def test_trusted_origin_is_fine(own, method, path):
    client = own()
    headers = {"Origin": trusted(client), "Referer": None}
    assert send(client, method, path, headers=headers).status_code == 200


@pytest.mark.only("cookies")
def test_token_may_come_as_form_field(own):
    client = own()
    fields = {"jwt_type": "refresh", "csrfmiddlewaretoken": client.csrf}
    reply = client.post(VALIDATE_REFRESH, data=fields, headers={"X-CSRFToken": None})
    expect.says(reply, "Token is valid")


@pytest.mark.only("cookies")
def test_reading_needs_none(own):
    headers = {"Origin": FOREIGN, "Referer": None, "X-CSRFToken": None}
    assert own().get(ACCOUNT, headers=headers).status_code == 200


@pytest.mark.only("cookies")
def test_refusal_comes_with_a_bad_token_too(visitor):
    visitor.hold(access="garbage", refresh="garbage")
    reply = visitor.post(VALIDATE_ACCESS, headers={"X-CSRFToken": None})
    assert reply.status_code in {401, 403}
    expect.is_error(reply)


@pytest.mark.only("json")
@pytest.mark.parametrize("headers", [{}, {"Origin": FOREIGN}, {"Origin": "null"}], ids=str)
@unsafe
def test_bearer_never_needs_one(own, method, path, headers):
    assert send(own(), method, path, headers=headers).status_code in {200, 204}


# --- csrf/ --------------------------------------------------------------------------------------


def test_endpoint(visitor):
    reply = visitor.get(CSRF)
    assert reply.status_code == 200
    assert set(reply.json()) == {"csrf_token"}
    assert "csrftoken" in {line.name for line in wire.set_cookies(reply)}


@pytest.mark.only("cookies")
def test_endpoints_token_is_taken(own):
    client = own()
    token = client.get(CSRF).json()["csrf_token"]
    assert client.post(ACCOUNT, headers={"X-CSRFToken": token}).status_code == 200


# --- login --------------------------------------------------------------------------------------


@pytest.mark.only("cookies")
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": FOREIGN},
        {"Origin": "null"},
        {"Origin": "https://localhost.evil.example"},
        {"Origin": "nonsense"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": FOREIGN},
        {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    ],
    ids=str,
)
def test_login_from_elsewhere(visitor, headers):
    reply = visitor.login("alice", headers=headers)
    expect.refused(reply, 403)
    expect.no_tokens(reply)


@pytest.mark.only("cookies")
def test_login_from_here_without_tls(visitor):
    headers = {"Origin": visitor.target.base_url.replace("https:", "http:")}
    expect.refused(visitor.login("alice", headers=headers), 403)


@pytest.mark.only("cookies")
@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_login_from_here(alice, site):
    # While logged in already: what counts is that the door is open.
    headers = {"Origin": alice.target.base_url, "Sec-Fetch-Site": site}
    expect.says(alice.login("alice", headers=headers), "User already authenticated.")


@pytest.mark.only("cookies")
def test_login_from_a_trusted_origin(alice):
    headers = {"Origin": trusted(alice), "Sec-Fetch-Site": "cross-site"}
    expect.says(alice.login("alice", headers=headers), "User already authenticated.")


@pytest.mark.only("cookies")
def test_login_needs_no_token(visitor):
    # Neither cookie nor header: nobody has either before the first visit.
    assert "Cookie" not in visitor.post(LOGIN, data={}).request.headers
    assert shared(visitor.target, "alice")[1].request.headers.get("X-CSRFToken") is None


def trusted(client: Client) -> str:
    """Give an origin that the server trusts."""
    if client.target.trusted_origin is None:
        pytest.skip("needs --trusted-origin")
    return client.target.trusted_origin
