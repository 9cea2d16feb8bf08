"""A small client that keeps a server busy: each connection has a request under way, all the time.

The server has one worker, so that two connections are enough; the client needs a fraction of the
time that Django does, and never keeps it waiting.
"""

import re
import socket
from collections import deque
from itertools import islice
from typing import NamedTuple

CONNECTIONS = 4
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Request(NamedTuple):
    """One GET."""

    path: str
    headers: dict[str, str]

    def raw(self) -> bytes:
        lines = [f"GET {self.path} HTTP/1.1", "Host: localhost", "Accept: */*"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()


class Client:
    """Connections to one port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.sockets: list[socket.socket | None] = [None] * CONNECTIONS

    def run(self, requests: list[bytes]) -> None:
        """Send all of them, and read that each was answered with 200."""
        coming = iter(requests)
        waiting: deque[int] = deque()
        for place, raw in enumerate(islice(coming, CONNECTIONS)):
            self._send(place, raw)
            waiting.append(place)
        while waiting:
            place = waiting.popleft()
            self._receive(place)
            for raw in islice(coming, 1):
                self._send(place, raw)
                waiting.append(place)

    def close(self) -> None:
        for one in filter(None, self.sockets):
            one.close()

    def _send(self, place: int, raw: bytes) -> None:
        one = self.sockets[place]
        if one is None:
            one = self.sockets[place] = socket.create_connection(("127.0.0.1", self.port), 30)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.sendall(raw)

    def _receive(self, place: int) -> None:
        one = self.sockets[place]
        assert one is not None
        reply = one.recv(65536)
        while b"\r\n\r\n" not in reply:
            reply += self._more(one)
        head, _, body = reply.partition(b"\r\n\r\n")
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
            raise SystemExit(f"a server answered {head[:80]!r} to a good request")
        length = _LENGTH.search(head)
        missing = int(length[1]) - len(body) if length else 0
        while missing > 0:
            missing -= len(self._more(one))
        if _CLOSE.search(head):
            one.close()
            self.sockets[place] = None

    @staticmethod
    def _more(one: socket.socket) -> bytes:
        data = one.recv(65536)
        if not data:
            raise SystemExit("a server hung up in the middle of a reply")
        return data
