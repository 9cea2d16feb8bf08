"""Bodies without a length, through real servers: what is answered, and what comes after."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from conformance import wire
from conformance.target import Target
from tests import services

LIMIT = 2_621_440
"""Django's `DATA_UPLOAD_MAX_MEMORY_SIZE`, in bytes."""
FIELDS = {"username": "alice", "password": "pass"}
FORM = b"Content-Type: application/x-www-form-urlencoded"
LOGIN = [b"POST /login/ HTTP/1.1", b"Transfer-Encoding: chunked"]
NEXT: wire.Request = ([b"GET /api/status/ HTTP/1.1", b"Connection: close"], b"")


@pytest.fixture(scope="module", params=["gunicorn", "granian", "uvicorn"])
def target(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("chunked")
    env = {"PORTAL_MODE": "JSON"}
    with services.serve(request.param, env=env, folder=folder) as server:
        yield Target(server.base_url, ("JSON",), "JSON", str(server.certificate))
        assert "Traceback" not in server.log_text()


@pytest.mark.parametrize("at", [1, 10, 27])
def test_a_login_in_chunks(target: Target, at: int) -> None:
    for body, kind in (
        (urlencode(FIELDS), FORM),
        (json.dumps(FIELDS), b"Content-Type: application/json"),
    ):
        chunks = wire.chunked(body.encode(), at=at)
        replies = wire.pipeline(target, ([*LOGIN, kind], chunks), NEXT)
        assert [reply.status_code for reply in replies] == [200, 200]
        assert set(replies[0].json()) == {"access", "refresh"}


def test_a_body_without_a_type_or_a_byte(target: Target) -> None:
    replies = wire.pipeline(target, (LOGIN, b"0\r\n\r\n"), NEXT)
    assert [reply.status_code for reply in replies] == [401, 200]
    replies = wire.pipeline(target, (LOGIN, wire.chunked(b"username=alice", at=5)), NEXT)
    assert [reply.status_code for reply in replies] == [415, 200]


def test_more_than_the_limit(target: Target) -> None:
    body = wire.chunked(b"x" * (LIMIT + 1), at=LIMIT)
    replies = wire.pipeline(target, ([*LOGIN, FORM], body), NEXT)
    assert (replies[0].status_code, replies[0].json()["code"]) == (413, "body_too_large")
    # What follows is another request, or the server hangs up: nothing else is taken for one.
    assert [reply.status_code for reply in replies[1:]] in ([200], [0])


@pytest.mark.parametrize("broken", [b"zz\r\nusername", b"-1\r\nx", b"5\r\nabcdefgh"])
def test_chunks_that_are_none(target: Target, broken: bytes) -> None:
    replies = wire.pipeline(target, ([*LOGIN, FORM], broken + b"\r\n0\r\n\r\n"), NEXT)
    # Some servers refuse it themselves; Granian hands on what there was.
    assert replies[0].status_code in {0, 400, 401}
    assert all(reply.status_code in {0, 400} for reply in replies[1:])
