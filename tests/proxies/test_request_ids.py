"""One id for a request: in the proxy's log, in the guard's, and for the service."""

import json
import re
import secrets
import time
from pathlib import Path

import pytest

from tests import services
from tests.proxies import broken
from tests.proxies.conftest import Login, cookies
from tests.proxies.echo import Echo
from tests.proxies.stack import Stack
from tests.proxies.wire import ask

OUTCOMES = [
    ("passed", 200, "/open/", "alice", "cors"),
    ("passed", 200, "/static/", "", "cors"),
    ("cookie_missing", 401, "/open/", "", "cors"),
    ("cookie_missing", 303, "/open/", "", "navigate"),
    ("permissions_insufficient", 403, "/past/", "alice", "navigate"),
]
"""The code, the status, a folder, the user and the mode of the request."""

HEX, UUID = "0b9d6f0c7a1e4f1f9a50c6f3f0a3f1d2", "0b9d6f0c-7a1e-4f1f-9a50-c6f3f0a3f1d2"
CLIENTS: dict[str, list[tuple[str, str]]] = {
    "none": [],
    "hexadecimal": [("X-Request-Id", HEX)],
    "a UUID": [("X-Request-Id", UUID)],
    "two": [("X-Request-Id", HEX), ("x-request-id", UUID)],
    "other signs": [("X.Request.Id", HEX)],
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: f"{outcome[:3]}")
def test_one_id(
    stack: Stack, echo: Echo, login: Login, outcome: tuple[str, int, str, str, str], client: str
) -> None:
    """A client's own is worth nothing: it could choose that of another request."""
    code, status, folder, user, mode = outcome
    headers = [*CLIENTS[client], ("Sec-Fetch-Mode", mode), *(cookies(login, user) if user else [])]
    path = f"{folder}{secrets.token_hex(8)}"
    assert ask(stack.port, f"{path}?secret", headers).status == status
    line = json.loads(the_line(stack.access_log, path))
    assert re.fullmatch(r"[0-9a-f]{32}|[0-9a-f-]{36}", line["id"])
    assert line["id"] not in (HEX, UUID)
    said = the_line(stack.guard.log, f" id={line['id']} ")
    assert f'code="{code}" status={status}' in said
    assert line["status"] in (status, str(status))
    assert "secret" not in str(line)
    if status == 200:
        (got,) = echo.got
        assert got.all("x-request-id") == [line["id"]]
        assert HEX.encode() not in got.head
    else:
        assert not echo.got


@pytest.mark.parametrize("kind", ["envoy"], indirect=True, scope="session")
@pytest.mark.parametrize(
    "setting",
    [
        "preserve_external_request_id: true",
        "internal_address_config: { cidr_ranges: [{ address_prefix: 127.0.0.1, prefix_len: 8 }] }",
    ],
)
def test_envoy_with_clients_whose_ids_it_keeps(stack: Stack, echo: Echo, setting: str) -> None:
    """Older versions take each private address for one of their own."""
    port, before = services.free_port(), "use_remote_address: true\n"
    changes = {before: f"{before}{' ' * 16}{setting}\n"}
    with (
        broken.serve(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as guard,
        stack.proxy(port, guard=guard.port, changes=changes),
    ):
        assert ask(port, "/static/a", [("X-Request-Id", UUID)]).status == 200
    (asked,), (got,) = guard.got, echo.got
    assert UUID.encode() not in asked + got.head
    assert f"x-request-id: {got.one('x-request-id')}\r\n".encode() in asked


def the_line(log: Path, part: str) -> str:
    """Wait for the only line with this in it: a log is written after the answer is sent."""
    deadline = time.monotonic() + 30
    while not (lines := [line for line in services.text_of(log).splitlines() if part in line]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (line,) = lines
    return line
