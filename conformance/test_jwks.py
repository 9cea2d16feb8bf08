"""The public keys, for those who verify tokens themselves. RFC 7517 §5 and §8.5.2."""

import pytest

from conformance import forge, wire
from conformance.client import JWKS

pytestmark = pytest.mark.only("carrier")

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def test_a_set_of_public_keys(visitor):
    reply = visitor.get(JWKS)
    assert reply.status_code == 200
    assert reply.headers["Content-Type"] == "application/jwk-set+json"
    assert list(reply.json()) == ["keys"]
    for key in reply.json()["keys"]:
        assert {"kty", "alg", "kid"} <= set(key)
        assert key["kty"] != "oct"
        assert not PRIVATE & set(key)
    assert not wire.set_cookies(reply)


def test_the_key_of_a_token_is_in_it(alice):
    header = forge.read_header(alice.token("access"))
    ids = {key["kid"]: key["alg"] for key in alice.get(JWKS).json()["keys"]}
    if header["alg"].startswith("HS"):
        assert ids == {}
    else:
        assert ids[header["kid"]] == header["alg"]


def test_caches_may_keep_it(visitor):
    reply = visitor.get(JWKS)
    directives = {word.strip() for word in reply.headers["Cache-Control"].split(",")}
    assert "public" in directives
    assert any(word.startswith("max-age=") and int(word[8:]) > 0 for word in directives)


def test_whoever_has_it_gets_304(visitor):
    tag = visitor.get(JWKS).headers["ETag"]
    for given in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = visitor.get(JWKS, headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b""), given
        assert again.headers["ETag"] == tag
    assert visitor.get(JWKS, headers={"If-None-Match": '"other"'}).status_code == 200


def test_head(visitor):
    get, head = visitor.get(JWKS), visitor.send("HEAD", JWKS)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Type", "Cache-Control", "ETag"):
        assert head.headers[name] == get.headers[name]


def test_a_token_that_is_no_good_does_not_matter(visitor):
    visitor.hold(access="garbage", refresh="garbage")
    assert visitor.get(JWKS).status_code == 200
