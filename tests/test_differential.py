"""The engine beside PyJWT, on honest tokens and on broken ones: never laxer, and stricter only
where a row of `STRICTER` says why."""

import datetime as dt
import functools
import json
import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest import mock
from uuid import UUID

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from djwto.exceptions import JWTValidationError
from tests.test_pyjwt import public_key_of
from tests.test_vectors import KEY_OF, VERIFY, base64url, engine_of, key_file

NOW = VERIFY["now"]
# One of each family: the rules that are compared do not depend on the hash.
ALGORITHMS = ("HS256", "RS256", "PS384", "ES256", "EdDSA")
PARTIES = {"issuer": "iss", "subject": "sub", "audience": ["aud", "other"]}
BARE = VERIFY["policy"]
ENGINES = {
    (algorithm, wants): engine_of(algorithm, BARE | (PARTIES if wants else {}), ["JSON"])
    for algorithm in ALGORITHMS
    for wants in (False, True)
}
SIGNERS = jwt.algorithms.get_default_algorithms()


class Read(NamedTuple):
    """A token as a careless reader sees it; objects are lists of pairs, so that nothing is lost."""

    token: str
    texts: list[bytes]
    header: Any
    claims: Any


class Row(NamedTuple):
    """A kind of token that PyJWT takes and the engine refuses."""

    slug: str
    reason: str
    covers: Callable[[Read], bool]
    header: dict[str, Any]
    payload: str
    after: str = ""
    wants_parties: bool = False


GOOD = {"exp": NOW + 300, "iat": NOW, "jti": "j1", "type": "access", "user": {"id": 7}}
GOOD_PARTIES = GOOD | {"iss": "iss", "sub": "sub", "aud": "aud"}
HEADER = {"alg": "HS256", "typ": "JWT"}


def claims_with(**changes: Any) -> str:
    return json.dumps({**GOOD, **changes})


def claims_without(name: str) -> str:
    return json.dumps({key: value for key, value in GOOD.items() if key != name})


def payload_with(member: str) -> str:
    return json.dumps(GOOD)[:-1] + f", {member}}}"


def claim(read: Read, name: str) -> Any:
    return dict(read.claims).get(name)


def has_claim(read: Read, name: str) -> bool:
    return name in dict(read.claims)


def is_time(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and (isinstance(value, float) or -(2**63) <= value < 2**63)


def is_bad_id(value: Any) -> bool:
    odd = not isinstance(value, str) or not 0 < len(value.encode("utf-8", "replace")) <= 255
    return odd or any(ord(c) < 32 or 127 <= ord(c) < 160 for c in value)


def is_uuid(value: Any) -> bool:
    try:
        return str(UUID(value)) == value.lower()
    except (AttributeError, TypeError, ValueError):
        return False


def is_bad_user(value: Any) -> bool:
    number = dict(value).get("id") if is_object(value) else None
    return isinstance(number, bool) or not isinstance(number, (int, str)) or number == ""


def is_object(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, tuple) for item in value)


STRICTER = [
    Row(
        "token_too_large",
        "what no server of ours issues is not worth decoding",
        lambda read: len(read.token) > 16 * 1024,
        HEADER,
        claims_with(x="a" * 13_000),
    ),
    Row(
        "token_malformed",
        "a part has one spelling, which is the one without padding (RFC 7515 §2)",
        lambda read: "=" in read.token,
        HEADER,
        json.dumps(GOOD),
        after="=",
    ),
    Row(
        "token_malformed",
        "JSON is UTF-8 without a byte order mark (RFC 8725 §3.7)",
        lambda read: any(not is_plain_utf8(text) for text in read.texts),
        HEADER,
        "\ufeff" + json.dumps(GOOD),
    ),
    Row(
        "token_malformed",
        "of two members of one name, readers see different ones (RFC 7519 §4)",
        lambda read: any_of(read, lambda v: is_object(v) and len(v) > len(dict(v))),
        HEADER,
        payload_with('"exp": 1700000300'),
    ),
    Row(
        "token_malformed",
        "NaN, infinities and what overflows to them are no numbers of JSON (RFC 8259 §6)",
        lambda read: any_of(read, lambda v: isinstance(v, float) and not math.isfinite(v)),
        HEADER,
        payload_with('"x": [NaN, 1e999]'),
    ),
    Row(
        "token_malformed",
        "half a surrogate pair is no letter, and no database takes it (RFC 8259 §8.2)",
        lambda read: any_of(read, has_surrogate),
        HEADER,
        payload_with('"x": "\\ud800"'),
    ),
    Row(
        "token_malformed",
        "depth is bounded, and not by what is left of the caller's stack",
        lambda read: max(depth(read.header), depth(read.claims)) > 150,
        HEADER,
        payload_with('"x": ' + "[" * 300 + "]" * 300),
    ),
    Row(
        "token_malformed",
        "typ and cty are texts (RFC 7515 §4.1.9, §4.1.10)",
        lambda read: any(
            name in dict(read.header) and not isinstance(dict(read.header)[name], str)
            for name in ("typ", "cty")
        ),
        HEADER | {"typ": None},
        json.dumps(GOOD),
    ),
    Row(
        "token_malformed",
        "b64 is true or a token of RFC 7797, which signs other bytes",
        lambda read: dict(read.header).get("b64", True) is not True,
        HEADER | {"b64": "false"},
        json.dumps(GOOD),
    ),
    Row(
        "token_critical",
        "no extension is implemented, not even b64 (RFC 7515 §4.1.11)",
        lambda read: "crit" in dict(read.header),
        HEADER | {"crit": ["b64"], "b64": True},
        json.dumps(GOOD),
    ),
    Row(
        "key_unknown",
        "a kid names a key, and no other is tried in its place (RFC 7515 §4.1.4)",
        lambda read: "kid" in dict(read.header),
        HEADER | {"kid": "another"},
        json.dumps(GOOD),
    ),
    Row(
        "claim_invalid",
        "a time is a number (RFC 7519 §2), of 64 bits; a text or true only turns into one",
        lambda read: any(
            has_claim(read, name) and not is_time(claim(read, name))
            for name in ("exp", "nbf", "iat")
        ),
        HEADER,
        claims_with(exp=str(NOW + 300)),
    ),
    Row(
        "token_not_yet_valid",
        "nbf may have a fraction, and half a second early is early",
        lambda read: claim(read, "nbf") > NOW >= int(claim(read, "nbf")),
        HEADER,
        claims_with(nbf=NOW + 0.5),
    ),
    Row(
        "claim_invalid",
        "iss is a text, whether or not one is wanted (RFC 7519 §4.1.1)",
        lambda read: has_claim(read, "iss") and not isinstance(claim(read, "iss"), str),
        HEADER,
        claims_with(iss=1),
    ),
    Row(
        "claim_invalid",
        "aud is a text or a list of texts (RFC 7519 §4.1.3); null is not its absence",
        # An empty object is, as a list of pairs, an empty list.
        lambda read: (
            has_claim(read, "aud")
            and (claim(read, "aud") == [] or not isinstance(claim(read, "aud"), (str, list)))
        ),
        HEADER,
        claims_with(aud=None),
    ),
    Row(
        "audience_invalid",
        "a token with an audience, even an empty one, is for somebody else where none is wanted",
        lambda read: has_claim(read, "aud") and not claim(read, "aud"),
        HEADER,
        claims_with(aud=[]),
    ),
    Row(
        "claim_invalid",
        "jti and sid go into a column of a database: bounded, and of letters that it takes",
        lambda read: any(
            has_claim(read, name) and is_bad_id(claim(read, name)) for name in ("jti", "sid")
        ),
        HEADER,
        claims_with(jti="a\0b"),
    ),
    Row(
        "session_unknown",
        "the id of a session is a UUID: any other names none",
        lambda read: has_claim(read, "sid") and not is_uuid(claim(read, "sid")),
        HEADER,
        claims_with(sid="s1"),
    ),
    Row(
        "claim_invalid",
        "type is access or refresh (RFC 8725 §3.11)",
        lambda read: has_claim(read, "type") and claim(read, "type") not in ("access", "refresh"),
        HEADER,
        claims_with(type="Access"),
    ),
    Row(
        "claim_missing",
        "a token must say which kind it is (RFC 8725 §3.11)",
        lambda read: not has_claim(read, "type"),
        HEADER,
        claims_without("type"),
    ),
    Row(
        "type_invalid",
        "a refresh token opens no view (RFC 8725 §3.12)",
        lambda read: claim(read, "type") == "refresh",
        HEADER,
        claims_with(type="refresh"),
    ),
    Row(
        "user_missing",
        "a token must name its user",
        lambda read: is_bad_user(claim(read, "user")),
        HEADER,
        claims_without("user"),
    ),
    Row(
        "claim_missing",
        "a subject that is wanted must be there: PyJWT compares it only where it is",
        lambda read: not has_claim(read, "sub"),
        HEADER,
        json.dumps({k: v for k, v in GOOD_PARTIES.items() if k != "sub"}),
        wants_parties=True,
    ),
]
"""Every kind of token that PyJWT takes and we refuse. Each has its reason, and an example."""


LAXER = [
    (
        "servers' clocks differ, so iat is not compared with one (see the manual)",
        lambda read: claim(read, "iat") > NOW,
        HEADER,
        claims_with(iat=NOW + 60),
    ),
    (
        "EdDSA and Ed25519 are two names of one thing, and PyJWT knows the older (RFC 9864)",
        lambda read: dict(read.header)["alg"] == "Ed25519",
        {"alg": "Ed25519"},
        json.dumps(GOOD),
    ),
]
"""The two kinds of token that we take and PyJWT refuses."""


@pytest.mark.parametrize(("reason", "covers", "header", "payload"), LAXER)
def test_every_exception_is_true(reason, covers, header, payload):
    algorithm = "EdDSA" if header["alg"] == "Ed25519" else "HS256"
    token = signed(algorithm, json.dumps(header), payload.encode())
    assert theirs(token, algorithm, wants=False) is None
    assert ours(token, algorithm, wants=False) == json.loads(payload)
    assert covers(read(token))


@pytest.mark.parametrize("row", STRICTER, ids=lambda row: row.reason)
def test_every_row_is_true(row):
    token = signed("HS256", json.dumps(row.header), row.payload.encode()) + row.after
    assert theirs(token, "HS256", wants=row.wants_parties) is not None
    assert ours(token, "HS256", wants=row.wants_parties) == row.slug
    assert row.covers(read(token))


json_texts = st.sampled_from(
    [
        *("0", "-0", "1", "1.0", "1E0", "1700000300", "1.7000003e9", "17000003e2", "1700000299.9"),
        *("1700000000", "1700000000.5", "1700000001", "1699999999", "-1", "9223372036854775807"),
        *("9223372036854775808", "1e400", "-1e400", "1e308", "NaN", "Infinity", "01", "1.", "+1"),
        *("null", "true", "false", "[]", "{}", '""', '"1700000300"', '" 1700000300 "', '"1_7"'),
        *('"iss"', '"sub"', '"aud"', '["aud"]', '["x","other"]', '["aud",1]', '[["aud"]]', '"x"'),
        *('"\\u0061ud"', '"AUD"', '"aud\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\u00e9"'),
        *('"access"', '"refresh"', '"Access"', '"\\u0061ccess"', '{"id":7}', '{"id":7,"id":8}'),
        *(
            '{"id":true}',
            '{"id":1.0}',
            '{"id":""}',
            '{"id":"x"}',
            '{"\\u0069d":7}',
            '"' + "a" * 256 + '"',
        ),
        *("[" * 150 + "]" * 150, "[" * 260 + "]" * 260, "[" * 3000 + "]" * 3000),
        *('{"a":' * 260 + "1" + "}" * 260, "9" * 400, "9" * 4301, '"HS256"', '"none"', '"JWT"'),
        *('["b64"]', '["exp"]', "[null]", "'x'", "x", ""),
    ]
)
names = st.sampled_from(
    [
        *("exp", "nbf", "iat", "jti", "sid", "iss", "sub", "aud", "type", "user", "x", ""),
        *("\\u0065xp", "EXP", "exp ", "exp\\u0000", "\\ud800", "\\u00e9"),
    ]
)
parameters = st.sampled_from(
    ["alg", "typ", "cty", "kid", "crit", "b64", "jwk", "jku", "x5c", "zip", "\\u0061lg", "ALG", "x"]
)
algs = st.sampled_from([*SIGNERS, "hs256", "HS256 ", "None", "nOnE", "", "Ed25519", "HS1"])


@st.composite
def objects(draw, base: dict[str, Any], keys: Any) -> str:
    """Give the text of an object: the members of `base`, some dropped, changed, added, repeated."""
    members = [(json.dumps(name)[1:-1], json.dumps(value)) for name, value in base.items()]
    for _ in range(draw(st.integers(0, 3))):
        edit = draw(st.sampled_from(["add", "change", "drop", "again", "move"]))
        at = draw(st.integers(0, max(0, len(members) - 1)))
        if edit == "add" or not members:
            members.insert(at, (draw(keys), draw(json_texts)))
        elif edit == "change":
            members[at] = (members[at][0], draw(json_texts))
        elif edit == "drop":
            del members[at]
        elif edit == "again":
            members.append((members[at][0], draw(json_texts | st.just(members[at][1]))))
        else:
            members.append(members.pop(at))
    blank = draw(st.sampled_from(["", "", " ", "\n", "\t\r\n"]))
    text = f",{blank}".join(f'"{name}":{blank}{value}' for name, value in members)
    wrap = draw(
        st.sampled_from(["{%s}"] * 12 + [" {%s}\n", "[{%s}]", "{%s}{}", "{%s},", "{%s", "%s"])
    )
    return wrap.replace("%s", text)


encodings = st.sampled_from(["utf-8"] * 12 + ["utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
letters = st.sampled_from([*"AQgw09-_+/=.~ \n\t\0%", "é", "\u200b", "=="])


@st.composite
def changes(draw, token: str, other: str) -> str:
    """Change the text of a token, the way an attacker without the key can."""
    at = draw(st.integers(0, len(token) - 1))
    mine, others = token.split("."), other.split(".")
    place = draw(st.integers(0, len(mine) - 1))
    kind = draw(
        st.sampled_from(["flip", "case", "put", "cut", "swap", "part", "spare", "pad", "more"])
    )
    if kind == "flip":
        flipped = chr(ord(token[at]) ^ 1 << draw(st.integers(0, 7)))
        return token[:at] + flipped + token[at + 1 :]
    if kind == "case":
        return token[:at] + token[at].swapcase() + token[at + 1 :]
    if kind == "put":
        return token[:at] + draw(letters) + token[at:]
    if kind == "cut":
        return token[:at] + token[at + draw(st.integers(1, 40)) :]
    if kind == "swap":
        to = draw(st.integers(0, len(mine) - 1))
        mine[place], mine[to] = mine[to], mine[place]
    elif kind == "part":
        mine[place] = others[min(place, 2)]
    elif kind == "spare" and mine[place]:
        mine[place] = mine[place][:-1] + draw(st.sampled_from("ABCDEFGHQRSTghijwxyz0189-_"))
    elif kind == "pad":
        mine[place] += "=" * draw(st.integers(1, 3))
    elif kind == "more":
        mine.insert(place, draw(st.sampled_from(["", "e30", mine[place]])))
    return ".".join(mine)


@settings(
    max_examples=1500,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.data())
def test_the_engine_is_never_laxer_and_stricter_only_with_a_reason(data):
    algorithm = data.draw(st.sampled_from(ALGORITHMS))
    wants = data.draw(st.booleans())
    base = GOOD_PARTIES if wants else GOOD
    header = {"alg": data.draw(algs | st.just(algorithm) | st.just(algorithm)), "typ": "JWT"}
    kind = data.draw(st.sampled_from(["honest", "signed", "signed", "changed"]))
    if kind == "signed":
        payload = data.draw(objects(base, names)).encode(data.draw(encodings), "surrogatepass")
        text = data.draw(
            objects(header | {"alg": algorithm}, parameters) | st.just(json.dumps(header))
        )
        token = signed(algorithm, text, payload)
    else:
        text = json.dumps(header | ({"alg": algorithm} if kind == "honest" else {}))
        token = signed(algorithm, text, json.dumps(base).encode())
        if kind == "changed":
            other = signed(algorithm, json.dumps(HEADER), json.dumps(base | {"x": 1}).encode())
            for _ in range(data.draw(st.integers(1, 2))):
                token = data.draw(changes(token, other)) or "x"
    compare(token, algorithm, wants=wants)
    if kind == "honest":
        assert ours(token, algorithm, wants=wants) == base


def compare(token: str, algorithm: str, *, wants: bool) -> None:
    mine, peers = ours(token, algorithm, wants=wants), theirs(token, algorithm, wants=wants)
    if isinstance(mine, str):
        if peers is not None:
            seen = read(token)
            rows = [row for row in STRICTER if row.slug == mine and row.covers(seen)]
            assert rows, f"refused by us alone, and no row says why: {mine}"
    elif peers is None:
        seen = read(token)
        assert any(covers(seen) for _, covers, _, _ in LAXER), "accepted by us alone"
    else:
        assert mine == peers


def ours(token: str, algorithm: str, *, wants: bool) -> Any:
    """The claims, or the slug of the refusal."""
    try:
        return ENGINES[algorithm, wants].decode(token, "access", NOW)
    except JWTValidationError as refused:
        return refused.code


class Clock(dt.datetime):
    """PyJWT reads the time itself: let it be ours."""

    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, tz)


def theirs(token: str, algorithm: str, *, wants: bool) -> Any:
    """The claims, or None: any exception is a refusal."""
    options = {"require": ["exp", "iat", "jti"]}
    parties = PARTIES if wants else {}
    try:
        with mock.patch("jwt.api_jwt.datetime", Clock), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return jwt.decode(token, public_key(algorithm), [algorithm], options, **parties)
    except Exception:  # noqa: BLE001 - a RecursionError is a refusal too
        return None


def signed(algorithm: str, header: str, payload: bytes) -> str:
    message = f"{base64url(header.encode('utf-8', 'surrogatepass'))}.{base64url(payload)}"
    signature = SIGNERS[algorithm].sign(message.encode(), private_key(algorithm))
    return f"{message}.{base64url(signature)}"


@functools.cache
def private_key(algorithm: str) -> Any:
    return SIGNERS[algorithm].prepare_key(key_file(KEY_OF[algorithm]))


@functools.cache
def public_key(algorithm: str) -> Any:
    return SIGNERS[algorithm].prepare_key(public_key_of(algorithm))


def read(token: str) -> Read:
    """Take a token apart as PyJWT does."""
    seen = jwt.api_jws.PyJWS()._load(token)
    message, _, _ = token.rpartition(".")
    header = jwt.utils.base64url_decode(message.partition(".")[0])
    texts = [header, seen[0]]
    pairs = [json.loads(text, object_pairs_hook=list) for text in texts]
    return Read(token, texts, *pairs)


def is_plain_utf8(text: bytes) -> bool:
    try:
        return not text.decode().startswith("\ufeff") and b"\0" not in text
    except UnicodeDecodeError:
        return False


def any_of(seen: Read, test: Callable[[Any], bool]) -> bool:
    return any(test(value) for part in (seen.header, seen.claims) for value in inside(part))


def inside(value: Any) -> Any:
    """Give a value and all that it holds, with the names of its members."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        yield value
        if isinstance(value, list):
            waiting += [
                leaf for item in value for leaf in (item if isinstance(item, tuple) else [item])
            ]


def has_surrogate(value: Any) -> bool:
    return isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value)


def depth(value: Any) -> int:
    level, layer = 0, [value]
    while layer := [v for v in layer if isinstance(v, list)]:
        level += 1
        layer = [
            leaf
            for v in layer
            for item in v
            for leaf in (item if isinstance(item, tuple) else [item])
        ]
    return level
