"""What crosses the wire, byte by byte: Set-Cookie lines, and requests no client library would send."""

import http.client
import socket
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests


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
    """A reply to a hand-made request; ``status`` is 0 where the server hung up without a word."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def exchange(base_url: str, verify: str | bool, *lines: bytes) -> RawReply:
    """Send a request line and header lines exactly as given, and read the reply.

    ``Host`` and ``Connection: close`` are added; there is no body.
    """
    address = urlsplit(base_url)
    host, port = str(address.hostname), address.port or 443
    trust = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
    if verify is False:
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
    head = [lines[0], b"Host: " + address.netloc.encode(), b"Connection: close", *lines[1:]]
    with (
        socket.create_connection((host, port), timeout=30) as plain,
        trust.wrap_socket(plain, server_hostname=host) as secure,
    ):
        try:
            secure.sendall(b"\r\n".join(head) + b"\r\n\r\n")
            reply = http.client.HTTPResponse(secure)
            reply.begin()
            return RawReply(reply.status, dict(reply.getheaders()), reply.read())
        except (ConnectionError, http.client.RemoteDisconnected, ssl.SSLError):
            return RawReply(0)
