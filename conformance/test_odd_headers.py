"""Cookies and headers that no browser sends, some of them byte by byte."""

import pytest

from conformance import expect, wire
from conformance.client import ACCOUNT, STATUS, VALIDATE_REFRESH, Client, R
from conformance.sessions import shared

pytestmark = pytest.mark.only("carrier")

REFUSALS = {400, 401}
"""The server in front may find a header malformed before we do."""


def get(client: Client, *lines: bytes, path: str = ACCOUNT) -> wire.RawReply:
    """Ask for a path with exactly these header lines."""
    reply = wire.exchange(client.target, b"GET " + path.encode() + b" HTTP/1.1", *lines)
    assert client.get(STATUS, headers={"Authorization": None, "Cookie": None}).status_code == 200
    return reply


def shown(client: Client, token: bytes) -> bytes:
    """Give the header line that carries a token in this client's mode."""
    if client.by_cookie:
        return b"Cookie: " + client.cookie("access").encode() + b"=" + token
    return b"Authorization: Bearer " + token


# --- bytes --------------------------------------------------------------------------------------


def test_by_hand_and_good(alice):
    # Else the refusals below would prove nothing.
    assert get(alice, shown(alice, alice.token("access").encode())).status_code == 200


@pytest.mark.parametrize(
    "token",
    [b"\xff", b"\xff.\xfe.\xfd", b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x9f\x94\x92", b"\x80" * 100],
    ids=repr,
)
def test_bytes_that_are_not_ascii(visitor, token):
    assert get(visitor, shown(visitor, token)).status_code in REFUSALS


@pytest.mark.parametrize("where", ["before", "after", "inside"])
@pytest.mark.parametrize(
    "odd", [b"\xff", b"\xa0", b"\xe2\x80\x83", b"\xef\xbb\xbf", b"\xc2\xa0"], ids=repr
)
def test_good_token_with_odd_bytes(alice, odd, where):
    token = alice.token("access").encode()
    spoilt = {"before": odd + token, "after": token + odd, "inside": token[:9] + odd + token[9:]}
    assert get(alice, shown(alice, spoilt[where])).status_code in REFUSALS


@pytest.mark.parametrize("odd", [b"\x00", b"\x01", b"\x0b", b"\x7f", b"\n", b"\r"], ids=repr)
def test_control_characters(alice, odd):
    token = alice.token("access").encode()
    reply = get(alice, shown(alice, token[:9] + odd + token[9:]))
    assert reply.status_code in REFUSALS | {0}


@pytest.mark.only("json")
@pytest.mark.parametrize(
    "line", [b"Cookie: \xff\xfe=\xfd", b"Cookie: =", b'Cookie: ;;;,"\\', b"Cookie:"]
)
def test_odd_cookies_beside_a_good_bearer(alice, line):
    bearer = b"Authorization: Bearer " + alice.token("access").encode()
    assert get(alice, bearer, line).status_code in {200, 400}


@pytest.mark.only("cookies")
@pytest.mark.parametrize(
    "noise",
    [b"\xff\xfe=\xfd", b"=", b"===", b'"', b"a", b'b="x;y"', b"c=\\", b"", b"jwt_", b"d={\xe9}"],
    ids=repr,
)
@pytest.mark.parametrize("first", [True, False])
def test_other_cookies_do_not_spoil_ours(alice, noise, first):
    ours = alice.cookie("access").encode() + b"=" + alice.token("access").encode()
    pair = [noise, ours] if first else [ours, noise]
    reply = get(alice, b"Cookie: " + b"; ".join(pair))
    if not noise.isascii() and reply.status_code in REFUSALS:
        pytest.skip("the server in front drops a header that is not ASCII")
    assert reply.status_code == 200, reply.text


# --- twice --------------------------------------------------------------------------------------


@pytest.mark.only("cookies")
@pytest.mark.parametrize("other", ["the same", "carol's", "garbage", "empty"])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("lines", [1, 2])
def test_two_cookies_of_one_name(alice, target, other, first, lines):
    name, token = alice.cookie("access"), alice.token("access")
    second = {"the same": token, "garbage": "garbage", "empty": ""}.get(other)
    if second is None:
        second = shared(target, "carol")[0].token("access")
    pair = [f"{name}={value}".encode() for value in ((token, second) if first else (second, token))]
    cookies = [b"; ".join(pair)] if lines == 1 else pair
    reply = get(alice, *(b"Cookie: " + cookie for cookie in cookies))
    assert reply.status_code in ({401} if lines == 1 else REFUSALS)


@pytest.mark.only("cookies")
def test_two_refresh_cookies(own):
    client = own()
    twice = f"jwt_refresh={client.token('refresh')}"
    cookie = f"{twice}; {twice}; csrftoken={client.csrf}"
    reply = client.post(VALIDATE_REFRESH, headers={"Cookie": cookie})
    expect.refused(reply, 401)
    # A neighbour may have planted one of them, on any path that matches.
    cleared = [line for line in wire.set_cookies(reply) if line.deletes]
    assert {line.name for line in cleared} == {"jwt_refresh"}
    paths = {line.attributes["path"] for line in cleared}
    assert {
        "/",
        "/api",
        "/api/",
        R,
        f"{R}/",
        VALIDATE_REFRESH.rstrip("/"),
        VALIDATE_REFRESH,
    } <= paths
    assert "jwt_refresh" not in client.cookies


@pytest.mark.only("json")
@pytest.mark.parametrize("first", [True, False])
def test_two_bearers(alice, first):
    good, bad = shown(alice, alice.token("access").encode()), b"Authorization: Bearer x.y.z"
    reply = get(alice, *([good, bad] if first else [bad, good]))
    assert reply.status_code in REFUSALS


# --- look-alikes --------------------------------------------------------------------------------

SPACES = [
    b"\xa0",
    b"\x85",
    b"\x1c",
    b"\xc2\xa0",
    b"\xe2\x80\x83",
    b"\xe3\x80\x80",
    b"\x0b",
    b"\x0c",
]


@pytest.mark.only("cookies")
@pytest.mark.parametrize("space", SPACES, ids=repr)
@pytest.mark.parametrize("before", [True, False])
def test_name_with_a_space_of_another_kind(alice, space, before):
    # Python's strip() takes these for white space; RFC 6265 does not: it is another cookie.
    name, token = alice.cookie("access").encode(), alice.token("access").encode()
    alike = space + name if before else name + space
    reply = get(alice, b"Cookie: a=b; " + alike + b"=" + token)
    assert reply.status_code in REFUSALS | {0}


@pytest.mark.only("cookies")
@pytest.mark.parametrize("space", SPACES[:6], ids=repr)
@pytest.mark.parametrize("first", [True, False])
def test_look_alike_does_not_take_the_real_ones_place(alice, target, space, first):
    name, token = alice.cookie("access").encode(), alice.token("access").encode()
    other = shared(target, "carol")[0].token("access").encode()
    pair = [space + name + b"=" + other, name + b"=" + token]
    reply = get(alice, b"Cookie: a=b; " + b"; ".join(pair if first else pair[::-1]))
    assert reply.status_code in REFUSALS | {200, 0}
    assert b"carol" not in reply.content


@pytest.mark.only("cookies")
@pytest.mark.parametrize("change", [str.upper, str.title, lambda name: f'"{name}"'])
def test_name_in_other_letters(alice, change):
    cookie = f"{change(alice.cookie('access'))}={alice.token('access')}"
    expect.refused(alice.get(ACCOUNT, headers={"Cookie": cookie}), 401)


@pytest.mark.only("cookies")
def test_payload_cookie_is_never_read(alice):
    cookie = f"{alice.cookie('access')}={alice.token('access')}; jwt_access_payload=garbage"
    assert alice.get(ACCOUNT, headers={"Cookie": cookie}).status_code == 200
    cookie = f"jwt_access_payload={alice.token('access')}"
    expect.refused(alice.get(ACCOUNT, headers={"Cookie": cookie}), 401)


@pytest.mark.only("cookies")
def test_other_modes_cookie_is_never_read(alice):
    other = {"jwt_access", "jwt_access_token"} - {alice.cookie("access")}
    cookie = f"{other.pop()}={alice.token('access')}"
    expect.refused(alice.get(ACCOUNT, headers={"Cookie": cookie}), 401)


@pytest.mark.only("json", "single")
def test_cookies_are_never_read(alice):
    token = alice.token("access")
    cookie = f"jwt_access={token}; jwt_access_token={token}; jwt_refresh={token}"
    reply = alice.get(ACCOUNT, headers={"Authorization": None, "Cookie": cookie})
    expect.refused(reply, 401, 'Token not found in "HTTP_AUTHORIZATION" header.')


@pytest.mark.parametrize("name", ["access_token", "token", "jwt_access_token", "Authorization"])
def test_token_in_the_address_is_never_read(alice, visitor, name):
    # RFC 6750 §2.3 would allow it; addresses end up in logs.
    expect.refused(visitor.get(f"{ACCOUNT}?{name}={alice.token('access')}"), 401)


@pytest.mark.only("cookies")
def test_refresh_cookie_goes_only_to_its_path(alice):
    # The client keeps paths as a browser does; a view never sees the refresh token.
    assert alice.cookies["jwt_refresh"].path == R
    assert "jwt_refresh" not in alice.get(ACCOUNT).request.headers["Cookie"]
    assert "jwt_refresh" in alice.post(VALIDATE_REFRESH).request.headers["Cookie"]
