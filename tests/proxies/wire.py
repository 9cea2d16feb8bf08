"""A client that sends the bytes that a test wants: names doubled, misspelled or out of order."""

import json
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """A reply, whole."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for one, value in self.headers if one.lower() == name]

    def one(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) < 2, values
        return values[0] if values else None

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The slug of a refusal."""
        code: str = self.json()["code"]
        return code


def ask(
    port: int,
    target: str,
    headers: Headers = (),
    *,
    method: str = "GET",
    body: bytes = b"",
    host: str | None = "models.demo.localhost",
    tls: bool = True,
    source: str = "127.0.0.1",
) -> Answer:
    """Send one request and read its answer. ``host`` is sent with the port."""
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"Host: {host}:{port}"] if host else []
    lines += [f"{name}: {value}" for name, value in headers]
    sized = body or method in ("POST", "PUT", "PATCH")
    lines += [f"Content-Length: {len(body)}"] if sized else []
    head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")
    return send(port, head + body, method=method, tls=tls, source=source)


def send(
    port: int,
    raw: bytes,
    *,
    method: str = "GET",
    tls: bool = True,
    source: str = "127.0.0.1",
) -> Answer:
    """Send bytes and read one answer; status 0 where the connection ends without one."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0))
    with plain, _secured(plain) if tls else plain as connection:
        # One that is refused before the end of its body has an answer all the same.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(raw)
        with HTTPResponse(connection, method=method) as reply:
            try:
                reply.begin()
                return Answer(reply.status, reply.getheaders(), reply.read())
            except (ConnectionError, ssl.SSLError):
                return Answer(0, [], b"")


def _secured(plain: socket.socket) -> ssl.SSLSocket:
    # The names are not looked up, and the certificate is checked by the browser's tests.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname="models.demo.localhost")
