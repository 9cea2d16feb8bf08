"""Bodies that cannot be read, are too large, or say odd things. Contract §4."""

import json
from urllib.parse import urlencode

import pytest

from conformance import expect, left_out, wire
from conformance.client import LOGIN, REFRESH_ACCESS, VALIDATE_ACCESS, VALIDATE_REFRESH

pytestmark = pytest.mark.only("carrier")

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MULTIPART = "multipart/form-data"
LIMIT = 2_621_440
"""Django's ``DATA_UPLOAD_MAX_MEMORY_SIZE``, in bytes."""


OF_DJANGO = [
    pytest.param(p, marks=left_out.django) for p in (LOGIN, VALIDATE_REFRESH, REFRESH_ACCESS)
]
PATHS = [VALIDATE_ACCESS, *OF_DJANGO]


@pytest.fixture(params=PATHS)
def post(own, request):
    """Post a body as it is to an endpoint, by a client that is in order in all else."""
    client = own()

    def send(body: bytes, content_type: str | None):
        return client.post(request.param, data=body, headers={"Content-Type": content_type})

    return send


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "application/octet-stream", "nonsense", "application/jsonp"],
)
def test_other_types(post, content_type):
    expect.refused(post(b"username=alice&password=pass", content_type), 415)


def test_body_without_type(post):
    expect.refused(post(b"username=alice&password=pass", None), 415)


BROKEN = {
    "not JSON": b"{",
    "a list": b'["username", "alice"]',
    "a text": b'"alice"',
    "a number": b"1",
    "null": b"null",
    "NaN": b"NaN",
    "an array of arrays": b'{"username": [[[]]]}',
    "surrogates the wrong way round": rb'{"username": "\udc00\ud800"}',
    "trailing": b'{"username": "alice"} x',
    "not UTF-8": b'{"username": "\xff"}',
    "BOM": b'\xef\xbb\xbf{"username": "alice"}',
    "UTF-16": '{"username": "alice"}'.encode("utf-16"),
    "brackets": b"[" * 100_000,
    "braces": b'{"a":' * 100_000,
    "brackets that close": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "form fields": b"username=alice&password=pass",
    "a control character": b'{"username": "\n"}',
    "400,000 digits": b'{"username": ' + b"9" * 400_000 + b"}",
    "a single quote": b"{'username': 'alice'}",
    "white space": b"  ",
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_broken_json(post, body):
    expect.refused(post(body, JSON), 400)


CHARSETS = [
    *("utf-7", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp037", "unicode_escape", "punycode"),
    *("raw_unicode_escape", "idna", "rot13", "zlib", "base64", "bogus", "\xe9", ""),
]


@left_out.django
@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("kind", [JSON, FORM, f"{MULTIPART}; boundary=x"])
def test_no_charset_but_utf_8(visitor, kind, charset):
    # RFC 8259 §8.1, and the same of forms: half a character must not get in, under any charset.
    for value in (b"+2AA-", b"alice", b"\x00\xd8", rb"\ud800", b"\x81\x93\x89\x83\x85"):
        for body in (b'{"username": "%b"}' % value, b"username=%b" % value, field(value)):
            headers = {"Content-Type": f"{kind}; charset={charset}"}
            reply = visitor.post(LOGIN, data=body, headers=headers)
            # Granian hands on no header that is not ASCII: then the type is wanting.
            expect.refused(reply, 400 if charset.isascii() else reply.status_code)
            assert reply.status_code in {400, 415}


@left_out.django
@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8", "us-ascii"])
def test_utf_8_by_its_names(visitor, charset):
    fields = {"username": "alice", "password": "pass", **visitor.target.mode_field}
    for body, kind in (
        (json.dumps(fields), JSON),
        (urlencode(fields), FORM),
        (
            b"".join(field(v.encode(), k.encode())[:-7] for k, v in fields.items()) + b"--x--\r\n",
            PARTED,
        ),
    ):
        headers = {"Content-Type": f"{kind}; charset={charset}"}
        reply = visitor.post(LOGIN, data=body, headers=headers)
        assert reply.status_code == 200, reply.text


@pytest.mark.parametrize(
    "body", [b"username=%ff", b"username=\xff", b"%ff=x", b"username=%ED%A0%80"]
)
def test_form_that_is_not_utf_8(post, body):
    expect.refused(post(body, FORM), 400)


PARTS = b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\nalice\r\n'
PARTED = f"{MULTIPART}; boundary=x"


def field(value: bytes, name: bytes = b"username", *more: bytes) -> bytes:
    """Write a multipart body of one field."""
    head = b'Content-Disposition: form-data; name="' + name + b'"'
    return b"\r\n".join([b"--x", head, *more, b"", value, b"--x--", b""])


@pytest.mark.parametrize(
    "body",
    [
        field(b"\xff"),
        field(b"\xed\xa0\x80"),
        field(b"x", b"\xff"),
        field(b"+2AA-", b"username", b"Content-Type: text/plain; charset=utf-7"),
        field(b"x", b"y\"; filename*=utf-7''+2AA-; z=\""),
        field(b"x").replace(b'name="username"', b"name*=utf-7''+2AA-"),
        field(b"\0"),
        field(b"x", b"y\0"),
        field(b"x", b'y"; filename="z\0'),
        field(b"/w==", b"username", b"Content-Transfer-Encoding: base64"),
    ],
)
def test_multipart_that_is_not_text(post, body):
    expect.refused(post(body, PARTED), 400)


UNDECODABLE = PARTS.replace(b"\r\n\r\nalice", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n\xff!")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (PARTS + b"--x--\r\n", MULTIPART),
        (PARTS + b"--x--\r\n", f"{MULTIPART}; boundary="),
        (PARTS + b"--x--\r\n", f"{MULTIPART}; boundary={'x' * 300}"),
    ],
    ids=["no boundary", "empty boundary", "long boundary"],
)
def test_broken_multipart(post, body, content_type):
    expect.refused(post(body, content_type), 400)


@pytest.mark.parametrize("body", [PARTS, PARTS[:30], UNDECODABLE, b"garbage", b"\xff" * 1000])
def test_multipart_that_ends_early(post, body):
    expect.refused(post(body, PARTED), 400)


def test_too_many_fields(post):
    expect.refused(post(b"&".join(b"f%d=1" % n for n in range(2000)), FORM), 400)
    parts = b"".join(field(b"1", b"f%d" % n)[:-7] for n in range(1001))
    expect.refused(post(parts + b"--x--\r\n", PARTED), 400)
    for number in (1001, 180_000):
        members = ",".join(f'"f{n}":1' for n in range(number))
        expect.refused(post(f"{{{members}}}".encode(), JSON), 400)


@left_out.django
def test_as_many_fields_as_may_be(visitor):
    fields = {"username": "alice", "password": "pass", **visitor.target.mode_field}
    fields |= {f"f{n}": "1" for n in range(1000 - len(fields))}
    for how in ("json", "data"):
        assert visitor.post(LOGIN, **{how: fields}).status_code == 200


TWICE = [
    b'{"username": "root", "username": "alice", "password": "pass"}',
    b'{"username": "alice", "\\u0075sername": "alice", "password": "pass"}',
    b'{"username": "alice", "password": "pass", "x": 1, "x": 1}',
    b'{"username": "alice", "password": "pass", "x": null, "x": 1}',
]


@pytest.mark.parametrize("body", TWICE)
def test_json_that_names_a_field_twice(post, body):
    expect.refused(post(body, JSON), 400)


@pytest.mark.parametrize("name", ["username", "password", "mode", "jwt_type"])
def test_form_that_names_a_field_twice(post, name):
    fields = {"username": "alice", "password": "pass", name: "x"}
    again = f"{urlencode(fields)}&%{ord(name[0]):x}{name[1:]}=x"
    expect.refused(post(again.encode(), FORM), 400)
    one = field(b"x", name.encode())
    expect.refused(post(one[:-7] + one, PARTED), 400)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "01", "+1"])
def test_json_with_what_is_no_number(post, number):
    body = f'{{"username": "alice", "password": "pass", "x": {number}}}'
    expect.refused(post(body.encode(), JSON), 400)


@left_out.django
def test_the_query_string_never_counts(visitor):
    fields = {"username": "alice", "password": "pass", "mode": visitor.mode}
    expect.refused(visitor.post(f"{LOGIN}?{urlencode(fields)}"), 401)
    reply = visitor.post(f"{LOGIN}?username=root&mode=x", data={**fields})
    assert reply.status_code == 200, reply.text


LARGE = {
    FORM: b"password=" + b"x" * LIMIT,
    JSON: b'{"password": "' + b"x" * LIMIT + b'"}',
    f"{MULTIPART}; boundary=x": PARTS.replace(b"alice", b"x" * LIMIT) + b"--x--\r\n",
}


@pytest.mark.parametrize("content_type", LARGE)
@pytest.mark.parametrize("path", PATHS)
def test_too_large(own, path, content_type):
    client = own()
    headers = {**client.headers("POST", path), "Content-Type": content_type}
    lines = [f"{name}: {value}".encode() for name, value in headers.items()]
    # By hand, since a library goes on sending to a server that has answered and hung up.
    request = b"POST " + path.encode() + b" HTTP/1.1"
    reply = wire.exchange(client.target, request, *lines, body=LARGE[content_type])
    expect.refused(reply, 413)


@left_out.django
@pytest.mark.parametrize("content_type", LARGE)
def test_too_large_without_a_length(visitor, content_type):
    pieces = (LARGE[content_type][at : at + 65_536] for at in range(0, LIMIT + 9999, 65_536))
    try:
        reply = visitor.post(LOGIN, data=pieces, headers={"Content-Type": content_type})
    except OSError:
        return  # hung up while we were sending
    expect.refused(reply, 411 if reply.status_code == 411 else 413)


# --- chunks and lengths -------------------------------------------------------------------------

NEXT = [b"GET /api/status/ HTTP/1.1", b"Connection: close"]


@left_out.django
@pytest.mark.parametrize("slug", ["good", "wrong"])
def test_chunks(visitor, slug):
    password = "pass" if slug == "good" else "wrong"
    fields = {"username": "alice", "password": password, **visitor.target.mode_field}
    for body, kind in ((urlencode(fields), FORM), (json.dumps(fields), JSON)):
        first = wire.chunked(body.encode(), at=10)
        lines = [f"POST {LOGIN} HTTP/1.1".encode(), b"Transfer-Encoding: chunked"]
        request = [*lines, b"Content-Type: " + kind.encode()]
        replies = wire.pipeline(visitor.target, (request, first), (NEXT, b""))
        if replies[0].status_code == 411:
            assert expect.refused(replies[0], 411) == "length_required"
            continue
        assert replies[0].status_code == (200 if slug == "good" else 401), replies[0].text
        # What follows is a request of its own: nothing of the body was left over.
        assert [reply.status_code for reply in replies[1:]] == [200]


@left_out.django
def test_chunks_that_break_off(visitor):
    request = [
        f"POST {LOGIN} HTTP/1.1".encode(),
        b"Transfer-Encoding: chunked",
        b"Content-Type: " + FORM.encode(),
    ]
    replies = wire.pipeline(visitor.target, (request, b"zz\r\nusername\r\n0\r\n\r\n"), (NEXT, b""))
    # Some servers refuse it themselves, some hang up, some say that there is nothing.
    assert replies[0].status_code in {0, 400, 401, 411}
    assert all(reply.status_code in {0, 400} for reply in replies[1:])


LENGTHS = [[b"-5"], [b"abc"], [b"+5"], [b"5_0"], [b"5", b"28"], [b"5, 28"], [b"0x1c"], [b"9" * 40]]


@left_out.django
@pytest.mark.parametrize("lengths", LENGTHS, ids=repr)
def test_lengths_that_are_none(visitor, lengths):
    request = [
        f"POST {LOGIN} HTTP/1.1".encode(),
        b"Content-Type: " + FORM.encode(),
        *(b"Content-Length: " + length for length in lengths),
    ]
    body = b"username=alice&password=pass"
    replies = wire.pipeline(visitor.target, (request, body), (NEXT, b""))
    assert replies[0].status_code in {0, 400, 413}
    assert all(reply.status_code in {0, 400} for reply in replies[1:])


# --- odd credentials ----------------------------------------------------------------------------


def login(client, username, password="pass", *, how="json"):
    fields = {"username": username, "password": password, **client.target.mode_field}
    return client.post(LOGIN, **{how: fields})


@left_out.django
@pytest.mark.parametrize("how", ["data", "json"])
def test_megabyte_of_password(visitor, how):
    # A password that long only makes the server hash it.
    expect.refused(login(visitor, "alice", "x" * 1_000_000, how=how), 400)


@left_out.django
@pytest.mark.parametrize("how", ["data", "json"])
@pytest.mark.parametrize("username", ["\x00", "alice\x00", "\x00alice"], ids=repr)
def test_nul_in_the_username(visitor, username, how):
    expect.refused(login(visitor, username, how=how), 400)


@left_out.django
@pytest.mark.parametrize("how", ["data", "json"])
def test_nul_in_the_password(visitor, how):
    reply = login(visitor, "alice", "pass\x00", how=how)
    assert reply.status_code in {400, 401}
    expect.is_error(reply)


@left_out.django
@pytest.mark.parametrize(
    ("username", "password"),
    [
        (1, "pass"),
        ("alice", 1),
        (None, None),
        (True, "pass"),
        (["alice"], ["pass"]),
        ({"username": "alice"}, "pass"),
        ("alice", {"$ne": ""}),
        ("x" * 1000, "pass"),
        ("' OR 1=1 --", "pass"),
        ("  ", "  "),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_odd_values(visitor, username, password):
    reply = login(visitor, username, password)
    assert reply.status_code in {400, 401}, reply.text
    expect.is_error(reply)


@left_out.django
@pytest.mark.parametrize("name", ["username", "password", "mode", "jwt_type", "\ud800"], ids=repr)
def test_lone_surrogate(visitor, name):
    # JSON can write half a character, which no encoding can.
    fields = {"username": "alice", "password": "wrong", name: "\ud800"}
    expect.refused(visitor.post(LOGIN, json=fields), 400)


@left_out.django
def test_file_instead_of_a_field(visitor):
    files = {"username": ("a.txt", b"alice"), "password": ("b.txt", b"pass")}
    expect.refused(visitor.post(LOGIN, files=files), 401)
