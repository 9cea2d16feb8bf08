"""Guards that fail. Nothing here decides anything: each sends the same bytes to every request."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

# The guard's 200 has no body, so nginx, and Envoy at a HEAD, decide when its head is whole.
FAULTS = {
    "cut in the body of a refusal": b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\nabc",
    "says nothing": b"",
    "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "503": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    "404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "a redirect": b"HTTP/1.1 302 Found\r\nLocation: /auth\r\nContent-Length: 0\r\n\r\n",
    "cut in the first line": b"HTTP/1.1 20",
    "cut after the first line": b"HTTP/1.1 200 OK\r\n",
    "cut in a header": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Djwto-Assert",
    "cut before the empty line": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nCookie: own=1\r\n",
    "not HTTP": b"200 OK\r\n\r\n",
}


@dataclass
class Broken:
    """A guard that fails, and the bytes that it got."""

    port: int
    got: list[bytes] = field(default_factory=list)
    connections: int = 0


@contextmanager
def serve(reply: bytes, *, keeps: bool = False) -> Iterator[Broken]:
    """Answer with these bytes, then close the connection unless the guard ``keeps`` it."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            broken.connections += 1
            while (head := self.read()) and keeps:
                self.answer(head)
            if head:
                self.answer(head)

        def answer(self, head: bytes) -> None:
            broken.got.append(head)
            self.request.sendall(reply)

        def read(self) -> bytes:
            head = b""
            while b"\r\n\r\n" not in head and (part := self.request.recv(65_536)):
                head += part
            if head and not keeps:
                # What is on the way beyond the head has arrived by then, or never does.
                self.request.settimeout(0.2)
                with suppress(TimeoutError):
                    head += self.request.recv(65_536)
            return head

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        broken = Broken(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        try:
            yield broken
        finally:
            server.shutdown()
            thread.join()
