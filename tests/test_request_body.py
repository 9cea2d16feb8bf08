"""Bodies: what is read, and what is refused without a 500."""

import io
import json
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest
from django.test import AsyncClient, Client, RequestFactory

import djwto.authentication
from djwto import request_body
from djwto.exceptions import JWTError

LOGIN = "/login/"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
ODD_CHARSETS = (
    *("utf-7", "utf-16", "utf-32", "utf-8-sig", "unicode_escape", "raw_unicode_escape", "idna"),
    *("punycode", "rot13", "zlib", "hex", "base64", "bz2", "uu", "quopri", "undefined", "cp037"),
    *("mbcs", "latin-1", "cp1252", "shift_jis", "hz", "utf-16-surrogatepass", "bogus", ""),
)
MULTIPART = (
    '--b\r\nContent-Disposition: form-data; name="username"\r\n\r\nalice\r\n--b\r\n'
    'Content-Disposition: form-data; name="password"\r\n\r\npass\r\n--b--\r\n'
)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("username=alice&password=pass", FORM),
        ('{"username": "alice", "password": "pass"}', JSON),
        ('{"username": "alice", "password": "pass", "mode": null}', f"{JSON}; charset=utf-8"),
        (MULTIPART, "multipart/form-data; boundary=b"),
    ],
)
def test_forms_and_json_objects_are_read(alice: Any, body: str, content_type: str) -> None:
    response = Client().post(LOGIN, body, content_type=content_type)
    assert response.status_code == 200, response.content


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        ("{", JSON, 400, "body_unreadable"),
        ("[1]", JSON, 400, "body_unreadable"),
        ("null", JSON, 400, "body_unreadable"),
        ('{"username": ["alice"]}', JSON, 400, "body_unreadable"),
        ('{"username": "\\ud800"}', JSON, 400, "body_unreadable"),
        ("[" * 100_000, JSON, 400, "body_unreadable"),
        ('{"username": ' + "9" * 5000 + "}", JSON, 400, "body_unreadable"),
        (b"\xff\xfe", JSON, 400, "body_unreadable"),
        ('{"username": "a\\u0000b", "password": "x"}', JSON, 400, "field_invalid"),
        ("username=a%00b&password=x", FORM, 400, "field_invalid"),
        ("username=alice&password=" + "x" * 1_000_000, FORM, 400, "field_invalid"),
        ("a=1&" * 1001, FORM, 400, "body_unreadable"),
        ("a=1&" * 180_000, FORM, 400, "body_unreadable"),
        ("username=alice", f"{FORM}; charset=latin-1", 400, "body_unreadable"),
        ("{}", f"{JSON}; charset=", 400, "body_unreadable"),
        ("{}", f"{JSON}; charset=utf-16", 400, "body_unreadable"),
        ("{}", f"{JSON}; charset=bogus", 400, "body_unreadable"),
        ("{}", f'{JSON}; charset="UTF8"; x; =; ;', 401, "credentials_invalid"),
        ("x", "multipart/form-data", 400, "body_unreadable"),
        ("x", "multipart/form-data; boundary=", 400, "body_unreadable"),
        *(
            (
                MULTIPART,
                f"multipart/form-data; boundary=b; charset={charset}",
                400,
                "body_unreadable",
            )
            for charset in ODD_CHARSETS
        ),
        ('{"\\ud800": "x"}', JSON, 400, "body_unreadable"),
        ("x" * 2_700_000, FORM, 413, "body_too_large"),
        ('{"a": "' + "x" * 2_700_000 + '"}', JSON, 413, "body_too_large"),
        ("x", "text/plain", 415, "media_type_unsupported"),
        ("<a/>", "application/xml", 415, "media_type_unsupported"),
        *(
            ("", content_type, 401, "credentials_invalid")
            for content_type in (
                "text/plain",
                JSON,
                FORM,
                f"{FORM}; charset=latin-1",
                "multipart/form-data",
                "",
            )
        ),
    ],
)
def test_bad_bodies_have_their_answers(
    alice: Any, body: Any, content_type: str, status: int, code: str
) -> None:
    # `post` would encode the body itself, with the charset that is on trial.
    # And it would drop the type of an empty one.
    response = Client().generic("POST", LOGIN, body, content_type, CONTENT_TYPE=content_type)
    assert (response.status_code, response.json()["code"]) == (status, code)


# --- text ---------------------------------------------------------------------------------------


def part(value: bytes, head: bytes = b'form-data; name="username"', *more: bytes) -> bytes:
    lines = [b"--b", b"Content-Disposition: " + head, *more, b"", value, b"--b--", b""]
    return b"\r\n".join(lines)


def post(body: bytes, content_type: str) -> Any:
    return Client().generic("POST", LOGIN, body, content_type, secure=True)


UTF7 = b"Content-Type: text/plain; charset=utf-7"
LATIN = b"Content-Type: text/plain; charset=ISO-8859-1"
BASE64 = b"Content-Transfer-Encoding: base64"

NOT_TEXT = {
    "utf-7": (part(b"+2AA-"), "; charset=utf-7"),
    "utf-16": (part(b"\x00\xd8"), "; charset=utf-16-le"),
    "escapes": (part(rb"\ud800"), "; charset=unicode_escape"),
    "EBCDIC": (part("alice".encode("cp037")), "; charset=cp037"),
    "a byte": (part(b"\xff"), ""),
    "an encoded surrogate": (part(b"\xed\xa0\x80"), ""),
    "Latin-1": (part("zoë".encode("latin-1")), ""),
    "a part's own charset": (part(b"+2AA-", b'form-data; name="username"', UTF7), ""),
    "a part's Latin-1": (part("zoë".encode(), b'form-data; name="username"', LATIN), ""),
    "base64": (part(b"/w==", b'form-data; name="username"', BASE64), ""),
    "broken base64": (part(b"/w=", b'form-data; name="username"', BASE64), ""),
    "a name": (part(b"x", b'form-data; name="\xff"'), ""),
    "an extended name": (part(b"x", b"form-data; name*=utf-7''+2AA-"), ""),
    "a name of no charset": (part(b"x", b"form-data; name*=bogus''x"), ""),
    "a file's field": (part(b"x", b"form-data; name*=utf-7''+2AA-; filename=x"), ""),
    "a file's name": (part(b"x", b"form-data; name=x; filename*=utf-7''+2AA-"), ""),
    "a file of no name": (part(b"x", b"form-data; name=x; filename=.."), ""),
}


@pytest.mark.parametrize(("body", "claim"), NOT_TEXT.values(), ids=NOT_TEXT)
def test_parts_that_are_no_text_are_refused(alice: Any, body: bytes, claim: str) -> None:
    response = post(body, f"multipart/form-data; boundary=b{claim}")
    assert (response.status_code, response.json()["code"]) == (400, "body_unreadable")


@pytest.mark.parametrize("charset", ODD_CHARSETS)
@pytest.mark.parametrize("kind", [FORM, JSON, "multipart/form-data; boundary=b"])
def test_no_charset_but_utf_8_is_read(alice: Any, kind: str, charset: str) -> None:
    for body in (b"username=alice", b'{"username": "alice"}', MULTIPART.encode()):
        response = post(body, f"{kind}; charset={charset}")
        assert (response.status_code, response.json()["code"]) == (400, "body_unreadable")


@pytest.mark.parametrize(
    "body", [b"username=%ff", b"username=\xff", b"%ff=x", b"username=%ed%a0%80", b"username=%c3"]
)
def test_forms_that_are_no_text_are_refused(alice: Any, body: bytes) -> None:
    response = post(body, FORM)
    assert (response.status_code, response.json()["code"]) == (400, "body_unreadable")


@pytest.mark.parametrize(
    "value", ["zo\u00eb", "\U0001f600", "\uffff", "+2AA-", "%", "%zz", "a+b c&d=e"]
)
@pytest.mark.parametrize(
    "charset", ["", "; charset=utf-8", '; charset="UTF8"', "; charset=us-ascii"]
)
def test_text_arrives_as_it_was_sent(alice: Any, told: Any, value: str, charset: str) -> None:
    fields = {"username": value, "password": "x"}
    post(json.dumps(fields).encode(), JSON + charset)
    post(json.dumps(fields, ensure_ascii=False).encode(), JSON + charset)
    post(urlencode(fields).encode(), FORM + charset)
    post(part(value.encode()), f"multipart/form-data; boundary=b{charset}")
    post(
        part(b64encode(value.encode()), b"form-data; name=username", BASE64),
        f"multipart/form-data; boundary=b{charset}",
    )
    assert [form["username"] for form in told] == [value] * 5


def test_a_part_may_claim_what_its_bytes_are_anyway(alice: Any, told: Any) -> None:
    # Some libraries put their default charset beside every field.
    post(part(b"alice", b"form-data; name=username", LATIN), "multipart/form-data; boundary=b")
    assert [form["username"] for form in told] == ["alice"]


def test_numbers_and_words_stand_as_they_are_written(alice: Any, told: Any) -> None:
    post(b'{"username": 1.50, "code": 007e0, "x": 1}', JSON)
    post(b'{"username": 1.50, "code": 12345678901234567890, "x": true, "y": null}', JSON)
    assert [dict(form.items()) for form in told] == [
        {"username": "1.50", "code": "12345678901234567890", "x": "true"}
    ]


def test_what_was_not_read_by_us_is_looked_at_too(alice: Any, rf: RequestFactory) -> None:
    # As where a middleware has touched the form before: it was decoded by its own charset.
    for head, code in (
        (b"form-data; name=username", "body_unreadable"),
        (b"form-data; name=mode", "body_unreadable"),
    ):
        body = part(b"+2AA-", head)
        request = rf.generic("POST", LOGIN, body, "multipart/form-data; boundary=b; charset=utf-7")
        assert "\ud800" in [*request.POST.values()]
        with pytest.raises(JWTError) as caught:
            request_body.read(request)
        assert caught.value.code == code
        assert not request.POST


def test_a_form_that_a_middleware_has_changed_stays(alice: Any, rf: RequestFactory) -> None:
    for content_type, body in (
        (FORM, b"username=x"),
        ("multipart/form-data; boundary=b", part(b"x")),
    ):
        request = rf.generic("POST", LOGIN, body, content_type)
        form = request.POST.copy()
        form["username"] = "alice"
        request.POST = form
        request_body.read(request)
        assert request.POST["username"] == "alice"


def test_the_query_string_never_counts(alice: Any) -> None:
    response = Client().post(f"{LOGIN}?username=alice&password=pass&mode=x", secure=True)
    assert (response.status_code, response.json()["code"]) == (401, "credentials_invalid")
    query = "&".join(f"f{number}=1" for number in range(2000))
    fields = {"username": "alice", "password": "pass"}
    assert Client().post(f"{LOGIN}?{query}&username=x", fields, secure=True).status_code == 200


def test_a_charset_without_a_body_decodes_nothing(alice: Any, rf: RequestFactory) -> None:
    request = rf.generic("POST", f"{LOGIN}?x=%2B2AA-", CONTENT_TYPE="x/y; charset=utf-7")
    request_body.read(request)
    assert request.GET["x"] == "+2AA-"


# --- names and numbers of fields ----------------------------------------------------------------

TWICE = [b"username", b"password", b"mode", b"jwt_type"]


@pytest.mark.parametrize("name", TWICE)
def test_fields_that_decide_are_there_once(alice: Any, name: bytes) -> None:
    fields = b"username=alice&password=pass&jwt_type=access&mode=JSON"
    for body, content_type in (
        (fields + b"&" + name + b"=alice", FORM),
        (fields + b"&%" + name[:1].hex().encode() + name[1:] + b"=", FORM),
        (part(b"x", b"form-data; name=" + name)[:-7] + part(b"x", b"form-data; name=" + name), "m"),
        (
            part(b"x", b"form-data; name=" + name)[:-7]
            + part(b"x", b"form-data; filename=f; name=" + name),
            "m",
        ),
    ):
        kind = "multipart/form-data; boundary=b" if content_type == "m" else content_type
        response = post(body, kind)
        assert (response.status_code, response.json()["code"]) == (400, "body_unreadable"), body
        assert name.decode() in response.json()["error"]
    assert post(fields, FORM).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        '{"username": "root", "username": "alice", "password": "pass"}',
        '{"username": "alice", "\\u0075sername": "alice", "password": "pass"}',
        '{"username": "alice", "password": "pass", "x": 1, "x": 1}',
        '{"username": "alice", "password": "pass", "x": null, "x": 1}',
        '{"username": "alice", "password": "pass", "x": NaN}',
        '{"username": "alice", "password": "pass", "x": -Infinity}',
        '{"username": "alice", "password": "pass", "x": 1e999}',
        '{"username": "alice", "password": "pass", "x": {}}',
        '{"username": "alice", "password": "pass", "x": "\\udc00"}',
    ],
)
def test_json_that_would_be_read_in_two_ways(alice: Any, body: str) -> None:
    response = post(body.encode(), JSON)
    assert (response.status_code, response.json()["code"]) == (400, "body_unreadable")


def fields_of(number: int) -> Iterator[tuple[bytes, str]]:
    names = ["username", "password", *(f"f{n}" for n in range(number - 2))]
    values = ["alice", "pass", *("1" for _ in range(number - 2))]
    yield json.dumps(dict(zip(names, values, strict=True))).encode(), JSON
    yield urlencode(list(zip(names, values, strict=True))).encode(), FORM
    parts = b"".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in zip(names, values, strict=True)
    )
    yield parts + b"--b--\r\n", "multipart/form-data; boundary=b"


def test_the_number_of_fields_is_bounded(alice: Any, settings: Any) -> None:
    for most, number, status in (
        (1000, 1000, 200),
        (1000, 1001, 400),
        (5, 6, 400),
        (None, 3000, 200),
    ):
        settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = most
        for body, content_type in fields_of(number):
            assert post(body, content_type).status_code == status, (most, number, content_type)


@pytest.mark.parametrize("most", [1000, None])
def test_many_fields_cost_little(alice: Any, settings: Any, most: int | None) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = most
    members = ",".join(f'"f{number}":1' for number in range(180_000))
    for body, content_type in ((f"{{{members}}}", JSON), ("a=1&" * 180_000, FORM)):
        begin = time.process_time()
        response = post(body.encode(), content_type)
        # About a second in a development build; what grows with the square would take minutes.
        assert time.process_time() - begin < 10
        assert response.status_code == (401 if most is None else 400)


def test_files_are_bounded_and_reach_hooks(
    alice: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 1
    seen = []

    def user_authenticate(request: HttpRequest) -> Any:
        file = request.FILES["photo"]
        seen.append((file.name, file.content_type, file.read()))
        return alice

    monkeypatch.setattr(djwto.authentication, "user_authenticate", user_authenticate)
    head = b'form-data; name="photo"; filename="c:\\\\x\\\\a.png"'
    one = part(b"\xff\x00", head, b"Content-Type: image/png")
    assert post(one, "multipart/form-data; boundary=b").status_code == 200
    assert seen == [("a.png", "image/png", b"\xff\x00")]
    assert post(one[:-7] + one, "multipart/form-data; boundary=b").status_code == 400


MALFORMED = {
    "not closed": MULTIPART[:-7],
    "no boundary": "username=alice",
    "a tail on the boundary": MULTIPART.replace("--b\r\n", "--bx\r\n"),
    "no head": "--b\r\n\r\nx\r\n--b--\r\n",
    "a head alone": '--b\r\nContent-Disposition: form-data; name="x"\r\n--b--\r\n',
    "no disposition": "--b\r\nX: y\r\n\r\nx\r\n--b--\r\n",
    "no name": "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
    "two dispositions": part(b"x", b"form-data; name=x", b"content-disposition: y").decode(),
    "no colon": part(b"x", b"form-data; name=x", b"nonsense").decode(),
    "a long head": part(b"x", b"form-data; name=x", b"X: " + b"x" * 5000).decode(),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed_multipart(alice: Any, body: str) -> None:
    response = post(body.encode(), "multipart/form-data; boundary=b")
    assert (response.status_code, response.json()["code"]) == (400, "body_unreadable")


@pytest.mark.parametrize(
    "body",
    [
        "preamble\r\n" + MULTIPART + "\r\nepilogue",
        MULTIPART.replace("--b\r\n", "--b \t\r\n"),
        MULTIPART.replace("Content-Disposition", "CONTENT-disposition"),
        MULTIPART.replace("--b--", '--b\r\nContent-Disposition: form-data; name="e"\r\n\r\n--b--'),
        MULTIPART.replace(
            "\r\n\r\nalice", "\r\nContent-Type: text/plain;charset=UTF-8\r\n\r\nalice"
        ),
    ],
)
def test_good_multipart(alice: Any, body: str) -> None:
    assert post(body.encode(), "multipart/form-data; boundary=b").status_code == 200


# --- lengths and chunks -------------------------------------------------------------------------

WHOLE = b"username=alice&password=pass"


@pytest.mark.parametrize(
    ("length", "status"),
    [
        *(("-1", 400), ("+28", 400), ("2_8", 400), ("28, 28", 400), ("28,28", 400), ("1e1", 400)),
        *(("0x1c", 400), ("\u0662\u0668", 400), ("28 ", 400), ("29", 400), ("9" * 5000, 413)),
        *(("28", 200), ("0028", 200), ("2621441", 413), ("2621440", 400), ("0", 401), ("", 401)),
    ],
)
def test_lengths(alice: Any, length: str, status: int) -> None:
    environ: dict[str, Any] = {"CONTENT_LENGTH": length, "wsgi.input": io.BytesIO(WHOLE)}
    response = Client().generic("POST", LOGIN, WHOLE, FORM, **environ)
    assert response.status_code == status, response.content


class Chunks(io.RawIOBase):
    """A body whose server gives it away in small pieces, and says how much of it was read."""

    def __init__(self, body: bytes) -> None:
        self.rest, self.taken = body, 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0
        piece, self.rest = self.rest[: min(size, 1000)], self.rest[min(size, 1000) :]
        self.taken += len(piece)
        return piece


def chunked(body: bytes, content_type: str = FORM, **environ: Any) -> tuple[Any, Chunks]:
    stream = Chunks(body)
    environ = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, **environ}
    environ |= {"CONTENT_LENGTH": environ.get("CONTENT_LENGTH", ""), "wsgi.input": stream}
    return Client().generic("POST", LOGIN, b"x", content_type, **environ), stream


@pytest.mark.parametrize("environ", [{}, {"HTTP_TRANSFER_ENCODING": ""}, {"CONTENT_LENGTH": "3"}])
def test_chunks_are_read_where_the_server_ends_the_stream(alice: Any, environ: Any) -> None:
    for body, content_type in (
        (WHOLE, FORM),
        (b'{"username": "alice", "password": "pass"}', JSON),
        (MULTIPART.encode(), "multipart/form-data; boundary=b"),
    ):
        response, _ = chunked(body, content_type, **environ)
        assert response.status_code == 200, response.content


def test_chunks_are_read_up_to_the_limit(alice: Any, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 5000
    response, stream = chunked(b"x" * 100_000)
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert stream.taken == 5001
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    response, stream = chunked(WHOLE + b"&x=" + b"x" * 4000)
    assert response.status_code == 200
    assert not stream.rest


def test_chunks_without_a_server_that_ends_them_are_411(alice: Any) -> None:
    response, stream = chunked(WHOLE, **{"wsgi.input_terminated": False})
    assert (response.status_code, response.json()["code"]) == (411, "length_required")
    assert stream.taken == 0
    response, _ = chunked(WHOLE, **{"wsgi.input_terminated": False, "CONTENT_LENGTH": "28"})
    assert response.status_code == 200


def test_the_server_of_development_says_so_too(alice: Any, live_server: Any) -> None:
    address = urlsplit(live_server.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        lines = [b"POST /login/ HTTP/1.1", b"Host: localhost", b"Transfer-Encoding: chunked"]
        connection.sendall(b"\r\n".join([*lines, b"", b"1c", WHOLE, b"0", b"", b""]))
        assert connection.recv(100).startswith(b"HTTP/1.1 411 ")


def test_a_stream_that_breaks_off_is_400(alice: Any) -> None:
    class Broken(Chunks):
        def read(self, size: int = -1) -> bytes:
            if self.taken:
                raise RuntimeError("the client is gone")
            return super().read(size)

    environ = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    stream = Broken(b"x" * 10_000)
    response = Client().generic(
        "POST", LOGIN, b"x", FORM, **{**environ, "CONTENT_LENGTH": "", "wsgi.input": stream}
    )
    assert (response.status_code, response.json()["code"]) == (400, "body_unreadable")


def test_a_hook_may_read_the_body_again(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def user_authenticate(request: HttpRequest) -> Any:
        seen.append((request.body, request.read(), request.POST["username"]))
        return alice

    monkeypatch.setattr(djwto.authentication, "user_authenticate", user_authenticate)
    assert chunked(WHOLE)[0].status_code == 200
    assert post(WHOLE, FORM).status_code == 200
    assert post(MULTIPART.encode(), "multipart/form-data; boundary=b").status_code == 200
    assert seen == [(body, body, "alice") for body in (WHOLE, WHOLE, MULTIPART.encode())]


@pytest.mark.django_db(transaction=True)
async def test_over_asgi_a_body_is_read_and_bounded_too(alice: Any, settings: Any) -> None:
    client = AsyncClient()
    assert (await client.post(LOGIN, WHOLE, content_type=FORM)).status_code == 200
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 20
    assert (await client.post(LOGIN, WHOLE, content_type=FORM)).status_code == 413


def test_no_frame_of_a_refusal_holds_a_password(alice: Any, rf: RequestFactory) -> None:
    secret = "correct horse battery staple"
    form = urlencode({"username": "alice", "password": secret})
    for body, content_type in (
        (json.dumps({"password": secret, "x": [1]}), JSON),
        (json.dumps({"password": secret, "x": "\ud800"}), JSON),
        (f"{form}&password=x", FORM),
        (f"{form}&x=%ff", FORM),
        (f"{form}&x=%00", FORM),
        (
            part(secret.encode(), b"form-data; name=password")[:-6].decode(),
            "multipart/form-data; boundary=b",
        ),
    ):
        with pytest.raises(JWTError) as caught:
            request_body.read(rf.generic("POST", LOGIN, body, content_type))
        assert caught.value.__context__ is None
        for entry in caught.traceback[1:]:
            values = [value for name, value in entry.frame.f_locals.items() if name != "request"]
            assert "horse" not in repr(values)


def test_a_file_is_not_written_to_disk(
    alice: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FILE_UPLOAD_HANDLERS = ["tests.test_request_body.NoUploads"]
    upload = (
        '--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n'
        "Content-Type: text/plain\r\n\r\nx\r\n--b--\r\n"
    )
    response = Client().post(LOGIN, upload, content_type="multipart/form-data; boundary=b")
    assert response.json()["code"] == "credentials_invalid"


@pytest.fixture
def told() -> Iterator[list[Any]]:
    """The forms of logins that failed."""
    seen: list[Any] = []

    def listen(request: HttpRequest, **_: Any) -> None:
        seen.append(request.POST)

    user_login_failed.connect(listen)
    yield seen
    user_login_failed.disconnect(listen)


class NoUploads:
    """The project's handlers are not for the endpoints."""

    def __init__(self, _request: Any) -> None:
        raise AssertionError


@pytest.mark.parametrize("path", ["/login/", "/validate_access/", "/api/token/refresh/logout/"])
def test_other_methods_are_405_as_json(path: str) -> None:
    response = Client().get(path)
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert "POST" in response.headers["Allow"]
    assert Client().options(path).status_code == 200


def test_a_length_that_is_no_number_is_no_fault(alice: Any) -> None:
    response = Client().post(LOGIN, "{}", content_type=JSON, CONTENT_LENGTH="abc")
    assert response.status_code == 400


def test_a_wrong_method_comes_before_a_wrong_body() -> None:
    assert Client().post("/csrf/", "x", content_type="text/plain").status_code == 405
