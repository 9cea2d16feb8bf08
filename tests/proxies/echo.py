"""A service that knows nothing of djwto. It keeps what it got, byte by byte, and sends it back."""

import asyncio
import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = "/page"
"""An HTML page; every other path answers JSON."""

SOCKET = "/open/socket"
"""The path of the WebSocket; no other path is one."""

ACCEL = "accel"
"""A field of the query: its value is a path to which the service sends nginx."""

STATUS = "status"
"""A field of the query: its value is the status of the answer."""

_PAGE = b"<!doctype html><title>a service</title><link rel=icon href=data:,><p>of no token</p>"
_SOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3


@dataclass(frozen=True)
class Got:
    """A request as it arrived."""

    head: bytes
    body_bytes: int = 0
    body_sha256: str = ""
    trailers: bytes = b""

    @property
    def line(self) -> str:
        return self.head.split(b"\r\n", 1)[0].decode("latin-1")

    @property
    def method(self) -> str:
        return self.line.split(" ")[0]

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Give names in lower case, with their values, in the order of arrival."""
        lines = self.head.decode("latin-1").rstrip("\r\n").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return [(name.lower(), value.strip()) for name, _, value in pairs]

    @property
    def is_chunked(self) -> bool:
        return "chunked" in (self.one("transfer-encoding") or "").lower()

    def all(self, name: str) -> list[str]:
        return [value for one, value in self.headers if one == name]

    def one(self, name: str) -> str | None:
        """Give the only value of a header, or None where it is absent."""
        values = self.all(name)
        assert len(values) < 2, values
        return values[0] if values else None


@dataclass
class Echo:
    """The service, and every request that reached it."""

    port: int = 0
    got: list[Got] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the proxy has hung up
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = Got(head)
        if (fields.one("expect") or "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        digest, size = hashlib.sha256(), 0
        async for part in _body(fields, reader):
            digest.update(part)
            size += len(part)
        got = Got(head, size, digest.hexdigest(), await _trailers(fields, reader))
        self.got.append(got)
        said = {"head": head.decode("latin-1"), "bytes": size}
        key = got.one("sec-websocket-key")
        if got.one("upgrade") == "websocket" and key and got.target == SOCKET:
            accept = base64.b64encode(hashlib.sha1(key.encode() + _SOCKET).digest())
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + _frame(json.dumps(said).encode())
            )
            await reader.read(1)  # the client's own closing
            return False
        page = got.target.split("?")[0] == PAGE and got.method == "GET"
        body, kind = (
            (_PAGE, "text/html") if page else (json.dumps(said).encode(), "application/json")
        )
        query = parse_qs(urlsplit(got.target).query)
        status = query.get(STATUS, ["200"])[0]
        more = "".join(f"X-Accel-Redirect: {path}\r\n" for path in query.get(ACCEL, []))
        writer.write(
            f"HTTP/1.1 {status} Said\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            f"Set-Cookie: own=1; Secure; Path=/\r\n{more}\r\n".encode()
        )
        writer.write(b"" if got.method == "HEAD" else body)
        await writer.drain()
        return True


async def _body(got: Got, reader: asyncio.StreamReader) -> Any:
    if got.is_chunked:
        while size := int((await reader.readline()).split(b";")[0], 16):
            yield await reader.readexactly(size)
            await reader.readline()
        return
    left = int(got.one("content-length") or 0)
    while left:
        part = await reader.readexactly(min(left, 65_536))
        left -= len(part)
        yield part


async def _trailers(got: Got, reader: asyncio.StreamReader) -> bytes:
    lines = b""
    while got.is_chunked and (line := await reader.readline()) not in (b"\r\n", b""):
        lines += line
    return lines


def _frame(text: bytes) -> bytes:
    """Give a text message of RFC 6455 §5.2, as a server sends it."""
    return b"\x81\x7e" + len(text).to_bytes(2, "big") + text


@contextmanager
def serve() -> Iterator[Echo]:
    """Serve on a free port until the block ends."""
    echo, ready = Echo(), threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        server = await asyncio.start_server(echo.answer, "127.0.0.1", 0, limit=1_000_000)
        echo.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = threading.Thread(target=loop.run_until_complete, args=[run()])
    thread.start()
    ready.wait()
    try:
        yield echo
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
