"""Round trips with PyJWT, in both directions, for every algorithm."""

import time
from datetime import timedelta

import jwt
import pytest
from django.test import override_settings

from djwto import _core, tokens
from djwto.exceptions import JWTValidationError
from tests.test_vectors import KEY_OF, VERIFY, engine_of, key_file

NOW = VERIFY["now"]

# PyJWT knows Ed25519 by its older name alone.
PYJWTS_NAME = {"Ed25519": "EdDSA"}

PARTIES = {"iss": "iss", "sub": "sub", "aud": ["aud", "another"]}

EXTRA = {
    "name": 'Ælfgifu 😀 \u2028 "quoted" \\ / <b>',
    "numbers": [0, -1, 2**63 - 1, 2**64, 10**40, 1.5, -2.5e-300, 1e308],
    "nested": {"": [], "a": {"b": [{"c": None}, True, False]}},
}

every_algorithm = pytest.mark.parametrize("algorithm", KEY_OF)


def test_every_algorithm_is_here():
    assert list(KEY_OF) == _core.algorithms()


@every_algorithm
def test_pyjwt_reads_what_the_engine_signs(algorithm):
    claims = access_claims(now=NOW)
    token = engine_of(algorithm, VERIFY["policy"], ["JSON"]).sign(json_of(claims)).text
    if algorithm == "Ed25519":
        # PyJWT checks the header's name; the signature is the same under either.
        assert jwt.get_unverified_header(token)["alg"] == "Ed25519"
        return
    assert decoded_by_pyjwt(token, algorithm, verify_exp=False) == claims
    header = jwt.get_unverified_header(token)
    # The kid of a key pair is its thumbprint; a secret has none (RFC 7638 §7).
    assert ("kid" in header) != algorithm.startswith("HS")
    assert header == {
        "alg": algorithm,
        "typ": "JWT",
        **{k: header[k] for k in header if k == "kid"},
    }


@every_algorithm
def test_the_engine_reads_what_pyjwt_signs(algorithm):
    claims = access_claims(now=NOW)
    token = encoded_by_pyjwt(claims, algorithm)
    engine = engine_of(algorithm, VERIFY["policy"], ["JSON"])
    assert engine.decode(token, "access", NOW) == claims
    seen = engine.authenticate(f"Bearer {token}", None, "access", NOW)
    assert (seen.claims, seen.token, seen.mode) == (claims, token, "JSON")


@every_algorithm
@pytest.mark.parametrize("public_key", ["derived", "given"])
def test_both_ways_under_settings(algorithm, public_key):
    claims = access_claims(now=int(time.time())) | PARTIES
    with settings_of(algorithm, with_public_key=public_key == "given"):
        own = tokens.encode_claims(claims)
        assert tokens.decode_token(own) == claims
        assert tokens.decode_token(encoded_by_pyjwt(claims, algorithm)) == claims
    if algorithm != "Ed25519":
        assert decoded_by_pyjwt(own, algorithm, issuer="iss", audience="aud") == claims


@pytest.mark.parametrize("algorithm", [name for name in KEY_OF if not name.startswith("HS")])
def test_a_server_with_the_public_key_alone_verifies(algorithm):
    claims = access_claims(now=int(time.time()))
    token = encoded_by_pyjwt(claims, algorithm)
    public = public_key_of(algorithm)
    with override_settings(**settings(algorithm, None, public, parties=False)):
        assert tokens.decode_token(token) == claims


@every_algorithm
def test_the_two_refuse_the_same_changed_tokens(algorithm):
    token = encoded_by_pyjwt(access_claims(now=NOW), algorithm)
    engine = engine_of(algorithm, VERIFY["policy"], ["JSON"])
    head, _, signature = token.rpartition(".")
    other = "A" if signature[0] != "A" else "B"
    for changed in (f"{head}.{other}{signature[1:]}", f"{head}x.{signature}", f"x{token}"):
        with pytest.raises(JWTValidationError):
            engine.decode(changed, None, NOW)
        with pytest.raises(jwt.InvalidTokenError):
            decoded_by_pyjwt(changed, algorithm, verify_exp=False)


@pytest.mark.parametrize(
    ("change", "theirs", "ours"),
    [
        ({"exp": 1}, jwt.ExpiredSignatureError, "token_expired"),
        ({"nbf": 2**40}, jwt.ImmatureSignatureError, "token_not_yet_valid"),
        ({"iss": "x"}, jwt.InvalidIssuerError, "issuer_invalid"),
        ({"sub": "x"}, jwt.exceptions.InvalidSubjectError, "subject_invalid"),
        ({"aud": "x"}, jwt.InvalidAudienceError, "audience_invalid"),
        ({"iss": None}, jwt.InvalidIssuerError, "claim_invalid"),
        ({"jti": 1}, jwt.exceptions.InvalidJTIError, "claim_invalid"),
    ],
)
def test_the_two_refuse_the_same_claims(change, theirs, ours):
    claims = access_claims(now=int(time.time())) | PARTIES | change
    # PyJWT will not sign an issuer that is no text.
    token = jwt.PyJWS().encode(json_of(claims).encode(), key_file("hmac.txt"), "HS256")
    with settings_of("HS256"), pytest.raises(JWTValidationError) as refused:
        tokens.decode_token(token)
    assert refused.value.code == ours
    with pytest.raises(theirs):
        decoded_by_pyjwt(token, "HS256", issuer="iss", audience="aud", subject="sub")


def access_claims(now):
    own = {"exp": now + 300, "iat": now, "jti": "j1", "type": "access", "user": {"id": 7}}
    return own | EXTRA


def encoded_by_pyjwt(claims, algorithm):
    name = PYJWTS_NAME.get(algorithm, algorithm)
    return jwt.encode(claims, key_file(KEY_OF[algorithm]), name)


def decoded_by_pyjwt(token, algorithm, *, verify_exp=True, **wanted):
    name = PYJWTS_NAME.get(algorithm, algorithm)
    options = {"verify_exp": verify_exp}
    return jwt.decode(token, public_key_of(algorithm), [name], options=options, **wanted)


def public_key_of(algorithm):
    name = KEY_OF[algorithm]
    return key_file(name if name == "hmac.txt" else name.replace(".pem", ".public.pem"))


def settings_of(algorithm, *, with_public_key=False):
    asymmetric = KEY_OF[algorithm] != "hmac.txt"
    public = public_key_of(algorithm) if with_public_key and asymmetric else None
    return override_settings(**settings(algorithm, key_file(KEY_OF[algorithm]), public))


def settings(algorithm, signing_key, verifying_key, *, parties=True):
    return {
        "DJWTO_ALGORITHM": algorithm,
        "DJWTO_SIGNING_KEY": signing_key,
        "DJWTO_VERIFYING_KEY": verifying_key,
        "DJWTO_ISS_CLAIM": "iss" if parties else None,
        "DJWTO_SUB_CLAIM": "sub" if parties else None,
        "DJWTO_AUD_CLAIM": "aud" if parties else None,
        "DJWTO_ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    }


def json_of(claims):
    return tokens._ENCODER.encode(claims)
