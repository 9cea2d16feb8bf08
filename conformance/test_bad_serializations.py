"""Tokens whose text or JSON is not as RFC 7515 and RFC 8259 want it, but well signed."""

import base64
import string

import pytest

from conformance import expect
from conformance.client import ACCOUNT, STATUS, VALIDATE_ACCESS
from conformance.forge import HEADER, Forge, seal

pytestmark = pytest.mark.only("carrier")

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


def opens_nothing(client, token: str) -> None:
    client.hold(access=token)
    expect.refused(client.get(ACCOUNT), 401)
    expect.refused(client.post(VALIDATE_ACCESS), 401)


# --- three parts, and each in base64url ---------------------------------------------------------


def of_parts(forge: Forge) -> dict[str, str]:
    """Give tokens that are not three parts."""
    token = forge.access()
    header, payload, signature = token.split(".")
    return {
        "one part": header,
        "two parts": f"{header}.{payload}",
        "four parts": f"{token}.x",
        "four parts, one empty": f"{token}.",
        "five parts": f"{token}.x.y",
        "a dot before": f".{token}",
        "no header": f".{payload}.{signature}",
        "no payload": f"{header}..{signature}",
        "no payload, signed": seal(forge.key, f"{header}."),
        "no header, signed": seal(forge.key, f".{payload}"),
        "no signature": f"{header}.{payload}.",
        "dots": "..",
        "a dot": ".",
        "many dots": "." * 5000,
        "detached and empty": seal(forge.key, "."),
        "twice": token + token,
    }


def of_alphabet(forge: Forge) -> dict[str, str]:
    """Give tokens whose base64 is not the one that RFC 7515 wants."""
    header, payload, signature = forge.access().split(".")
    # Its encoding holds both letters in which the two alphabets differ.
    odd = forge.payload(note="???>>>~~~")
    standard = base64.b64encode(odd).decode().rstrip("=")
    assert {"+", "/"} & set(standard)
    padded = {n: base64.urlsafe_b64encode(forge.payload(n="x" * n)).decode() for n in range(3)}
    wanting = next(text for text in padded.values() if text.endswith("="))
    padded_header = base64.urlsafe_b64encode(HEADER + b" ").decode()
    assert padded_header.endswith("=")
    return {
        "padded signature": f"{header}.{payload}.{signature}=",
        "over-padded signature": f"{header}.{payload}.{signature}====",
        "padded payload": seal(forge.key, f"{header}.{wanting}"),
        "padded header": seal(forge.key, f"{padded_header}.{payload}"),
        "standard alphabet": seal(forge.key, f"{header}.{standard}"),
        "a space in the signature": f"{header}.{payload}.{signature[:9]} {signature[9:]}",
        "a space in the payload": seal(forge.key, f"{header}.{payload[:8]} {payload[8:]}"),
        "a space in the header": seal(forge.key, f"{header[:8]} {header[8:]}.{payload}"),
        "a tab in the payload": seal(forge.key, f"{header}.{payload[:8]}\t{payload[8:]}"),
        "a space after a dot": f"{header}. {payload}.{signature}",
        "a letter outside": f"{header}.{payload}.{signature[:-1]}~",
        "a percent sign": f"{header}.{payload}.{signature[:-1]}%3D",
        "not ASCII": f"{header}.{payload}.{signature[:-1]}\xe9",
        "a length that cannot be": seal(
            forge.key, f"{header}.{payload + 'A' * (-len(payload) % 4 + 1)}"
        ),
        "signature not canonical": f"{header}.{payload}.{twisted(signature)}",
        "payload not canonical": seal(forge.key, f"{header}.{twisted(wanting.rstrip('='))}"),
    }


def twisted(text: str) -> str:
    """Change the bits of the last letter that stand for nothing."""
    assert len(text) % 4
    return text[:-1] + ALPHABET[ALPHABET.index(text[-1]) ^ 1]


@pytest.mark.parametrize("case", of_parts(Forge("k", {"access": {}})))
def test_parts(visitor, forge, case):
    opens_nothing(visitor, of_parts(forge)[case])


@pytest.mark.parametrize("case", of_alphabet(Forge("k", {"access": {}})))
def test_alphabet(visitor, forge, case):
    opens_nothing(visitor, of_alphabet(forge)[case])


# --- JSON ---------------------------------------------------------------------------------------

# What is put in place of an object, or done to one. ``{}`` stands for the members of a good one.
TEXTS = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[{{}}]",
    "a number": b"1",
    "a text": b'"x"',
    "true": b"true",
    "unclosed": b"{{}",
    "trailing letter": b"{{}}x",
    "trailing brace": b"{{}}}",
    "two objects": b"{{}}{{}}",
    "a trailing NUL": b"{{}}\x00",
    "a trailing comma": b"{{},}",
    "a comment": b"{{}/**/}",
    "single quotes": b"{{},'x':1}",
    "a name without quotes": b"{{},x:1}",
    "BOM": b"\xef\xbb\xbf{{}}",
    "not UTF-8": b'{{},"x":"\xff"}',
    "a lone byte of a surrogate": b'{{},"x":"\xed\xa0\x80"}',
    "overlong UTF-8": b'{{},"x":"\xc0\xaf"}',
    "NaN": b'{{},"x":NaN}',
    "Infinity": b'{{},"x":Infinity}',
    "a leading zero": b'{{},"x":01}',
    "a control character": b'{{},"x":"\n"}',
    "a bad escape": b'{{},"x":"\\q"}',
    "a lone surrogate": b'{{},"x":"\\ud800"}',
    "a name twice": b'{{},"x":1,"x":1}',
    "a name twice, once escaped": b'{{},"x":1,"\\u0078":1}',
    "a name twice, deeper": b'{{},"x":{"y":1,"y":2}}',
    "a name twice, in a list": b'{{},"x":[{"y":1,"y":2}]}',
}


def spoilt(text: bytes, good: bytes) -> bytes:
    return text.replace(b"{}", good[1:-1])


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_payload(visitor, forge, text):
    opens_nothing(visitor, forge.signed(spoilt(text, forge.payload())))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_header(visitor, forge, text):
    opens_nothing(visitor, forge.signed(forge.payload(), spoilt(text, HEADER)))


@pytest.mark.parametrize("name", ["iss", "exp", "type", "user", "jti"])
@pytest.mark.parametrize("first", [True, False])
def test_registered_claim_twice(visitor, forge, name, first):
    good, other = forge.payload(), b'"%s":"x"' % name.encode()
    members = [other, good[1:-1]] if first else [good[1:-1], other]
    opens_nothing(visitor, forge.signed(b"{" + b",".join(members) + b"}"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_other_encodings(visitor, forge, encoding):
    opens_nothing(visitor, forge.signed(forge.payload().decode().encode(encoding)))


def test_white_space_around_json_is_json(visitor, forge):
    # The one oddity here that RFC 8259 allows.
    payload = b" \r\n\t" + forge.payload().replace(b",", b" ,\n") + b"\n "
    assert visitor.hold(access=forge.signed(payload)).get(ACCOUNT).status_code == 200


# --- size ---------------------------------------------------------------------------------------

TOO_LONG = {400, 401, 413, 431}
"""A server in front may refuse such a header itself."""


@pytest.mark.parametrize("depth", [200, 5_000, 100_000])
@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
@pytest.mark.parametrize("part", ["payload", "header"])
def test_deep_nesting(visitor, forge, depth, bracket, part):
    deep = bracket * depth
    token = forge.signed(deep) if part == "payload" else forge.signed(forge.payload(), deep)
    assert status(visitor, token) in TOO_LONG


@pytest.mark.parametrize("depth", [5_000, 100_000])
def test_deep_nesting_that_closes(visitor, forge, depth):
    deep = b'"x":' + b"[" * depth + b"]" * depth
    payload = forge.payload()[:-1] + b"," + deep + b"}"
    assert status(visitor, forge.signed(payload)) in TOO_LONG


@pytest.mark.parametrize("letter", ["A", ".", "=", "\xe9"])
def test_a_megabyte(visitor, letter):
    assert status(visitor, letter * 1_000_000) in TOO_LONG


def test_a_megabyte_well_signed(visitor, forge):
    assert status(visitor, forge.access(note="x" * 1_000_000)) in TOO_LONG | {200}


def status(client, token: str) -> int:
    """Show a token that may be too long for the server, which must then be well afterwards."""
    client.hold(access=token)
    try:
        reply = client.get(ACCOUNT)
    except OSError:
        code = 413  # hung up in the middle of the header, which is an answer too
    else:
        code = reply.status_code
        if code == 401:
            expect.is_error(reply)
    assert client.get(STATUS, headers={"Authorization": None, "Cookie": None}).status_code == 200
    return code
