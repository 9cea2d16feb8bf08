"""Bodies: what is read, and what is refused without a 500."""

from typing import Any

import pytest
from django.test import Client

LOGIN = "/login/"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
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
        ("username=alice", f"{FORM}; charset=latin-1", 400, "body_unreadable"),
        ("x", "multipart/form-data", 400, "body_unreadable"),
        ("x", "multipart/form-data; boundary=", 400, "body_unreadable"),
        *(
            (
                MULTIPART,
                f"multipart/form-data; boundary=b; charset={charset}",
                400,
                "body_unreadable",
            )
            for charset in ("hex", "base64", "idna", "zlib", "undefined")
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


def test_a_file_is_not_written_to_disk(
    alice: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FILE_UPLOAD_HANDLERS = ["tests.test_bodies.NoUploads"]
    upload = (
        '--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n'
        "Content-Type: text/plain\r\n\r\nx\r\n--b--\r\n"
    )
    response = Client().post(LOGIN, upload, content_type="multipart/form-data; boundary=b")
    assert response.json()["code"] == "credentials_invalid"


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
    assert response.status_code in (400, 401)


def test_a_wrong_method_comes_before_a_wrong_body() -> None:
    assert Client().post("/csrf/", "x", content_type="text/plain").status_code == 405
