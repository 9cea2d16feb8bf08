"""Fetches a small document from a URL, within bounds of time and size, and without redirects."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    ProxyHandler,
    Request,
    build_opener,
)

from djwto.keys.files import JWKS_SECONDS
from djwto.settings import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

SILENT_SECONDS = 5
"""How long the other side may be silent, in seconds."""
TOTAL_SECONDS = 10
"""How long a fetch may take in all, in seconds."""
LEAST_SECONDS, MOST_SECONDS = 30, 3600
"""The bounds of `max-age`, in seconds."""
MAX_BYTES = 2**18
"""The longest answer that is read, in bytes."""


def get(url: str) -> tuple[bytes, float]:
    """Return the body of an answer, and how long it may be kept, in seconds.

    Raises `OSError`, `HTTPException` and `ValueError`.
    """
    proxies = ProxyHandler({} if is_loopback(str(urlsplit(url).hostname)) else None)
    request = Request(url, headers={"Accept": "application/jwk-set+json, application/json"})  # noqa: S310 (by `settings.is_safe`)
    with _bounded() as opened:
        opener = build_opener(proxies, _NoRedirects, _Http(opened), _Https(opened))
        with opener.open(request, timeout=SILENT_SECONDS) as response:
            if response.status != 200:
                raise HTTPException(f"expected the status 200, found {response.status}")
            answer: bytes = response.read(MAX_BYTES + 1)
            seconds = _seconds_of(response.headers.get("Cache-Control", ""))
    if len(answer) > MAX_BYTES:
        raise ValueError(f"expected an answer of at most {MAX_BYTES} bytes")
    return answer, seconds


def _seconds_of(cache_control: str) -> float:
    found = re.search(r"(?:^|[,\s])max-age=\"?(\d{1,9})", cache_control.lower())
    seconds = JWKS_SECONDS if found is None else int(found[1])
    return max(LEAST_SECONDS, min(seconds, MOST_SECONDS))


@contextmanager
def _bounded() -> Iterator[list[socket.socket]]:
    """Cut the connections in this list when the fetch takes too long.

    The timeout of a socket is for one read, and the other side may send single bytes.
    """
    opened: list[socket.socket] = []
    timer = threading.Timer(TOTAL_SECONDS, _cut, (opened,))
    timer.daemon = True
    timer.start()
    try:
        yield opened
    finally:
        timer.cancel()
        for one in opened:
            one.close()


def _cut(opened: list[socket.socket]) -> None:
    for one in opened:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect: keys come only from the URL in the settings."""

    def redirect_request(  # noqa: PLR0913, PLR0917 (the signature is Python's)
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        """Raise `HTTPError`."""
        del newurl
        raise HTTPError(req.full_url, code, f"expected no redirect, found one: {msg}", headers, fp)


class _Connection(HTTPConnection):
    """Puts its socket into a list, before TLS begins."""

    opened: list[socket.socket]

    def connect(self) -> None:
        """Connect. The list gets a duplicate, which stays valid when TLS takes the socket."""
        super().connect()
        self.opened.append(self.sock.dup())


class _TlsConnection(HTTPSConnection, _Connection):
    """The same; `HTTPSConnection` calls the other one's `connect` before the handshake."""


class _Http(HTTPHandler):
    def __init__(self, opened: list[socket.socket]) -> None:
        super().__init__()
        self._opened = opened

    def http_open(self, req: Request) -> Any:
        return self.do_open(partial(_made, _Connection, self._opened), req)


class _Https(HTTPSHandler):
    def __init__(self, opened: list[socket.socket]) -> None:
        super().__init__()
        self._opened = opened

    def https_open(self, req: Request) -> Any:
        return self.do_open(partial(_made, _TlsConnection, self._opened), req)


def _made(
    kind: type[_Connection], opened: list[socket.socket], *args: Any, **kwargs: Any
) -> _Connection:
    connection = kind(*args, **kwargs)
    connection.opened = opened
    return connection
