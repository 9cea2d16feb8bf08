"""Bodies that cannot be read, are too large, or say odd things. Contract §4."""

import pytest

from conformance import expect, wire
from conformance.client import LOGIN, REFRESH_ACCESS, VALIDATE_ACCESS, VALIDATE_REFRESH

pytestmark = pytest.mark.only("carrier")

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MULTIPART = "multipart/form-data"
LIMIT = 2_621_440
"""Django's ``DATA_UPLOAD_MAX_MEMORY_SIZE``, in bytes."""


@pytest.fixture(params=[LOGIN, VALIDATE_ACCESS, VALIDATE_REFRESH, REFRESH_ACCESS])
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


@pytest.mark.parametrize("charset", ["utf-16", "bogus", "latin-1", "utf-7", "base64", "\xe9", ""])
def test_json_of_another_charset(post, charset):
    # RFC 8259 §8.1: UTF-8, whatever the parameter says; or a plain refusal.
    reply = post(b'{"username": "alice"}', f"{JSON}; charset={charset}")
    assert reply.status_code in {200, 400, 401, 415}, reply.text


@pytest.mark.parametrize("charset", ["utf-16", "bogus", "base64", "idna", ""])
def test_form_of_another_charset(post, charset):
    reply = post(b"username=alice&password=%ff", f"{FORM}; charset={charset}")
    assert reply.status_code in {200, 400, 401, 415}, reply.text


PARTS = b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\nalice\r\n'
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
    # Django reads what there is; then the fields are wanting, which is said instead.
    reply = post(body, f"{MULTIPART}; boundary=x")
    assert reply.status_code in {200, 400, 401}, reply.text


def test_too_many_fields(post):
    expect.refused(post(b"&".join(b"f%d=1" % n for n in range(2000)), FORM), 400)


LARGE = {
    FORM: b"password=" + b"x" * LIMIT,
    JSON: b'{"password": "' + b"x" * LIMIT + b'"}',
    f"{MULTIPART}; boundary=x": PARTS.replace(b"alice", b"x" * LIMIT) + b"--x--\r\n",
}


@pytest.mark.parametrize("content_type", LARGE)
@pytest.mark.parametrize("path", [LOGIN, VALIDATE_ACCESS, VALIDATE_REFRESH, REFRESH_ACCESS])
def test_too_large(own, path, content_type):
    client = own()
    headers = {**client.headers("POST", path), "Content-Type": content_type}
    lines = [f"{name}: {value}".encode() for name, value in headers.items()]
    # By hand, since a library goes on sending to a server that has answered and hung up.
    request = b"POST " + path.encode() + b" HTTP/1.1"
    reply = wire.exchange(client.target, request, *lines, body=LARGE[content_type])
    expect.refused(reply, 413)


@pytest.mark.parametrize("content_type", LARGE)
def test_too_large_without_a_length(visitor, content_type):
    pieces = (LARGE[content_type][at : at + 65_536] for at in range(0, LIMIT, 65_536))
    try:
        reply = visitor.post(LOGIN, data=pieces, headers={"Content-Type": content_type})
    except OSError:
        return  # hung up while we were sending
    assert reply.status_code in {400, 401, 411, 413}, reply.text


# --- odd credentials ----------------------------------------------------------------------------


def login(client, username, password="pass", *, how="json"):
    fields = {"username": username, "password": password, **client.target.mode_field}
    return client.post(LOGIN, **{how: fields})


@pytest.mark.parametrize("how", ["data", "json"])
def test_megabyte_of_password(visitor, how):
    # A password that long only makes the server hash it.
    expect.refused(login(visitor, "alice", "x" * 1_000_000, how=how), 400)


@pytest.mark.parametrize("how", ["data", "json"])
@pytest.mark.parametrize("username", ["\x00", "alice\x00", "\x00alice"], ids=repr)
def test_nul_in_the_username(visitor, username, how):
    expect.refused(login(visitor, username, how=how), 400)


@pytest.mark.parametrize("how", ["data", "json"])
def test_nul_in_the_password(visitor, how):
    reply = login(visitor, "alice", "pass\x00", how=how)
    assert reply.status_code in {400, 401}
    expect.is_error(reply)


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


@pytest.mark.parametrize("field", ["username", "password", "mode", "jwt_type", "\ud800"], ids=repr)
def test_lone_surrogate(visitor, field):
    # JSON can write half a character, which no encoding can.
    fields = {"username": "alice", "password": "wrong", field: "\ud800"}
    reply = visitor.post(LOGIN, json=fields)
    assert reply.status_code in {400, 401}, reply.text
    expect.is_error(reply)


def test_field_twice(visitor):
    reply = visitor.post(
        LOGIN, data=[("username", "alice"), ("username", "x"), ("password", "pass")]
    )
    assert reply.status_code in {400, 401}
    expect.is_error(reply)


def test_file_instead_of_a_field(visitor):
    files = {"username": ("a.txt", b"alice"), "password": ("b.txt", b"pass")}
    expect.refused(visitor.post(LOGIN, files=files), 401)
