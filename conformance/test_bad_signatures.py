"""Forged headers and signatures: the token says how it wants to be checked, and is not heard."""

import json

import pytest

from conformance import expect
from conformance import forge as forging
from conformance.client import ACCOUNT, VALIDATE_ACCESS
from conformance.forge import HEADER, b64, seal, sign

pytestmark = pytest.mark.only("carrier")


def opens_nothing(client, token: str, error: str | None = None) -> None:
    """Check that a token neither opens a view nor validates."""
    client.hold(access=token)
    expect.refused(client.get(ACCOUNT), 401, error)
    expect.refused(client.post(VALIDATE_ACCESS), 401, error)


def head(**members) -> bytes:
    return json.dumps(members).encode()


def test_the_forge_itself_makes_good_tokens(visitor, forge):
    # Else every case below would pass for the wrong reason.
    assert visitor.hold(access=forge.access()).get(ACCOUNT).status_code == 200


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "NONE", "", " none", "none ", "null"])
@pytest.mark.parametrize("signature", ["", "AAAA", "right"])
def test_alg_none(visitor, forge, alg, signature):
    text = f"{b64(head(alg=alg, typ='JWT'))}.{b64(forge.payload())}"
    token = seal(forge.key, text) if signature == "right" else f"{text}.{signature}"
    opens_nothing(visitor, token)


OTHERS = ["hs256", "Hs256", "HS384", "HS512", "HS257", "RS256", "PS256", "ES256", "ES256K", "EdDSA"]
OTHERS += [
    "Ed25519",
    "dir",
    "A128KW",
    "RSA-OAEP",
    "HS256é",
    "HS256 ",
    "\x00",
    "HS256\x00",
    "x" * 5000,
]


@pytest.mark.parametrize(
    "alg",
    OTHERS,
    ids=lambda alg: repr(alg)[:12],
)
def test_alg_that_is_not_the_keys(visitor, forge, alg):
    # The signature is right for HS256: only the header disagrees.
    opens_nothing(visitor, forge.signed(forge.payload(), head(alg=alg, typ="JWT")))


@pytest.mark.parametrize(("alg", "digest"), [("HS384", "sha384"), ("HS512", "sha512")])
def test_another_algorithm_with_the_right_key(visitor, forge, alg, digest):
    token = sign(forge.key, head(alg=alg, typ="JWT"), forge.payload(), digest)
    opens_nothing(visitor, token)


@pytest.mark.parametrize("alg", [None, 256, True, ["HS256"], {"alg": "HS256"}], ids=str)
def test_alg_of_a_wrong_type(visitor, forge, alg):
    opens_nothing(visitor, forge.signed(forge.payload(), head(alg=alg, typ="JWT")))


def test_no_alg(visitor, forge):
    opens_nothing(visitor, forge.signed(forge.payload(), b'{"typ":"JWT"}'))


WRONG = "Signature verification failed"


@pytest.mark.parametrize("key", ["", "x", "None", "null", "\x00"])
def test_key_that_can_be_guessed(visitor, forge, key):
    if key == forge.key:
        pytest.fail("the server's key can be guessed")
    opens_nothing(visitor, sign(key, HEADER, forge.payload()), WRONG)


def test_another_key(visitor, forge):
    opens_nothing(visitor, sign(forging.random_key(), HEADER, forge.payload()), WRONG)


@pytest.mark.parametrize("part", [0, 1])
def test_signed_part_changed(visitor, forge, part):
    parts = forge.access().split(".")
    parts[part] = b64(b'{"alg":"HS256"}') if part == 0 else b64(forge.payload(sub="other"))
    opens_nothing(visitor, ".".join(parts), WRONG)


@pytest.mark.parametrize("cut", [1, 4, 20, 42])
def test_signature_cut_short(visitor, forge, cut):
    opens_nothing(visitor, forge.access()[:-cut])


def test_signature_too_long(visitor, forge):
    opens_nothing(visitor, forge.access() + "AAAA")


def test_signature_of_another_token(visitor, forge):
    text, other = forge.access().rpartition(".")[0], forge.access().rpartition(".")[2]
    opens_nothing(visitor, f"{text}.{other}", WRONG)


# --- headers that name a key --------------------------------------------------------------------

ATTACKER = forging.random_key()
JWK = {"kty": "oct", "k": b64(ATTACKER.encode()), "alg": "HS256"}
NAMING = {
    "jwk": {"jwk": JWK},
    "jku": {"jku": "https://127.0.0.1:1/jwks.json"},
    "x5u": {"x5u": "https://127.0.0.1:1/cert.pem"},
    "x5c": {"x5c": ["MIIB"]},
    "kid of a file": {"kid": "../../../../dev/null"},
    "kid of a query": {"kid": "x' UNION SELECT 'key' --"},
    "kid of a command": {"kid": "|id"},
}


@pytest.mark.parametrize("members", NAMING.values(), ids=NAMING)
@pytest.mark.parametrize("key", [ATTACKER, "", "key"], ids=["attacker's", "empty", "guessed"])
def test_key_is_never_taken_from_the_token(visitor, forge, members, key):
    opens_nothing(visitor, sign(key, head(alg="HS256", **members), forge.payload()))


@pytest.mark.parametrize(
    "kid", [7, None, [], {}, "x" * 5000, "\x00"], ids=lambda kid: repr(kid)[:9]
)
def test_odd_kid(visitor, forge, kid):
    visitor.hold(access=forge.signed(forge.payload(), head(alg="HS256", kid=kid)))
    assert visitor.get(ACCOUNT).status_code in {200, 401}


@pytest.mark.parametrize(
    "members",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": False},
        {"crit": ["http://example.com/x"], "http://example.com/x": True},
        {"crit": ["x"]},
        {"crit": []},
        {"crit": "exp"},
        {"crit": None},
    ],
    ids=str,
)
def test_crit(visitor, forge, members):
    # RFC 7515 §4.1.11: what must be understood, and is not, refuses the token.
    opens_nothing(visitor, forge.signed(forge.payload(), head(alg="HS256", **members)))
