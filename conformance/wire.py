"""What crosses the wire, byte by byte: Set-Cookie lines, and requests no library would send."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedIOBase
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict

from conformance.target import Target


@dataclass(frozen=True)
class SetCookie:
    """One Set-Cookie line: names of attributes in lower case, a flag's value is ``None``."""

    name: str
    value: str
    attributes: dict[str, str | None]

    @property
    def deletes(self) -> bool:
        """Whether the line removes the cookie."""
        return self.attributes.get("max-age") == "0"

    @property
    def lasting(self) -> dict[str, str | None]:
        """The attributes that do not speak of time: a deletion must repeat them exactly."""
        timed = ("max-age", "expires")
        return {name: value for name, value in self.attributes.items() if name not in timed}


def set_cookies(reply: requests.Response) -> list[SetCookie]:
    """Read every Set-Cookie line as it came; libraries join them, or unquote values."""
    return [_parse(line) for line in reply.raw.headers.getlist("Set-Cookie")]


def _parse(line: str) -> SetCookie:
    pair, *words = line.split(";")
    name, _, value = pair.partition("=")
    attributes: dict[str, str | None] = {}
    for word in words:
        key, equals, text = word.strip().partition("=")
        assert key.lower() not in attributes, f"{key} stands twice in {line!r}"
        attributes[key.lower()] = text if equals else None
    return SetCookie(name.strip(), value.strip(), attributes)


@dataclass(frozen=True)
class RawReply:
    """A reply to a hand-made request; ``status_code`` is 0 where the server only hung up."""

    status_code: int
    headers: CaseInsensitiveDict[str] = field(default_factory=CaseInsensitiveDict)
    content: bytes = b""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode(errors="replace")

    def json(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.content)


def exchange(target: Target, *lines: bytes, body: bytes = b"") -> RawReply:
    """Send a request line and header lines exactly as given, and read the reply.

    ``Host`` and ``Connection: close`` are added. A body is sent when the server asks for it.
    """
    address = urlsplit(target.base_url)
    head = [lines[0], b"Host: " + address.netloc.encode(), b"Connection: close", *lines[1:]]
    if body:
        head += [b"Content-Length: %d" % len(body), b"Expect: 100-continue"]
    with _connected(target) as secure, secure.makefile("rb") as stream:
        try:
            secure.sendall(b"\r\n".join(head) + b"\r\n\r\n")
            if body and stream.peek(12)[:12] == b"HTTP/1.1 100":
                while stream.readline().strip():
                    pass
                secure.sendall(body)
            reply = http.client.HTTPResponse(_Stream(stream))
            reply.begin()
            headers = CaseInsensitiveDict(reply.getheaders())
            return RawReply(reply.status, headers, reply.read())
        except (ConnectionError, ssl.SSLError):
            return RawReply(0)


Request = tuple[list[bytes], bytes]
"""Request line and header lines, and what follows them."""


def pipeline(target: Target, *requests: Request) -> list[RawReply]:
    """Send requests on one connection, lines and bodies as given, and read what is answered.

    ``Host`` is added; the last should say ``Connection: close``. A reply that cannot be read, or
    that does not come, ends the list with status 0.
    """
    host = b"Host: " + urlsplit(target.base_url).netloc.encode()
    sent = [b"\r\n".join([lines[0], host, *lines[1:], b"", body]) for lines, body in requests]
    replies: list[RawReply] = []
    with _connected(target) as secure, secure.makefile("rb") as stream:
        try:
            secure.sendall(b"".join(sent))
            for _ in requests:
                reply = http.client.HTTPResponse(_Stream(_StaysOpen(stream)))
                reply.begin()
                headers = CaseInsensitiveDict(reply.getheaders())
                replies.append(RawReply(reply.status, headers, reply.read()))
        except (ConnectionError, ssl.SSLError, http.client.HTTPException):
            replies.append(RawReply(0))
    return replies


def chunked(body: bytes, *, at: int) -> bytes:
    """Write a body in chunks, cut after so many bytes (RFC 9112 §7.1)."""
    pieces = (body[:at], body[at:])
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@contextmanager
def _connected(target: Target) -> Iterator[ssl.SSLSocket]:
    address = urlsplit(target.base_url)
    host, port = str(address.hostname), address.port or 443
    trust = ssl.create_default_context(cafile=target.verify or None)
    if not target.verify:
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=60) as plain,
        trust.wrap_socket(plain, server_hostname=host) as secure,
    ):
        yield secure


class _Stream:
    """What ``HTTPResponse`` wants of a socket, over bytes that have been looked at already."""

    def __init__(self, stream: "BufferedIOBase | _StaysOpen") -> None:
        self.stream = stream

    def makefile(self, _mode: str) -> "BufferedIOBase | _StaysOpen":
        return self.stream


class _StaysOpen:
    """A stream that a reply does not close when it has been read: another one follows."""

    def __init__(self, stream: BufferedIOBase) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def close(self) -> None:
        """Stay open."""
