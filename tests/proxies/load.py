"""Clients that keep a proxy at work. Each is a thread with one connection that stays open."""

import json
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.proxies.stack import MODELS

SECONDS = 60.0
"""How long a condition may take to come true: generous, for a machine that compiles."""


@dataclass(frozen=True)
class Question:
    """A request. ``head`` is what is sent, up to the header that tells requests apart."""

    path: str
    token: str
    """The name of what it shows; empty where it shows nothing."""
    head: bytes


def question(
    port: int, path: str, token: str = "", headers: Sequence[tuple[str, str]] = ()
) -> Question:
    lines = [f"GET {path} HTTP/1.1", f"Host: {MODELS}:{port}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return Question(path, token, "\r\n".join(lines).encode())


@dataclass(frozen=True)
class Answered:
    """A request and its answer. Times are seconds since 1970; status 0: there was no answer."""

    id: str
    path: str
    token: str
    sent: float
    received: float
    status: int
    code: str = ""


@dataclass
class Load:
    """The clients and their record."""

    port: int
    ask: Callable[[random.Random], Question]
    """Gives what a client sends next."""
    answered: list[Answered] = field(default_factory=list)
    broken: list[BaseException] = field(default_factory=list)
    stopping: bool = False

    def until(self, condition: Callable[[], object], seconds: float = SECONDS) -> None:
        """Wait for a condition. It is asked again while the clients go on."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert not self.broken, self.broken
            assert time.monotonic() < deadline, self.answered[-20:]
            self.more(10)

    def more(self, number: int) -> None:
        """Wait until the clients have had so many more answers."""
        goal = len(self.answered) + number
        deadline = time.monotonic() + SECONDS
        while len(self.answered) < goal:
            assert time.monotonic() < deadline, f"no answers. {self.broken}"
            time.sleep(0.005)

    def since(self, start: float) -> Iterator[Answered]:
        """Give what was sent after this time, the latest first."""
        for one in reversed(self.answered[:]):
            if one.received < start:
                return
            if one.sent >= start:
                yield one

    def run(self, number: int) -> None:
        try:
            self._run(number)
        except BaseException as error:  # noqa: BLE001 (the test's own thread shows it)
            self.broken.append(error)

    def _run(self, number: int) -> None:
        chance, connection, count = random.Random(number), Connection(self.port), 0
        try:
            while not self.stopping:
                asked, name = self.ask(chance), f"{number}-{count}"
                sent = time.time()
                status, body = connection.ask(asked.head + f"\r\nX-Load: {name}\r\n\r\n".encode())
                received = time.time()
                code = "" if status in (0, 200) else _code(body)
                self.answered.append(
                    Answered(name, asked.path, asked.token, sent, received, status, code)
                )
                count += 1
        finally:
            connection.close()


@contextmanager
def load(port: int, clients: int, ask: Callable[[random.Random], Question]) -> Iterator[Load]:
    """Keep a proxy at work until the block ends."""
    running = Load(port, ask)
    threads = [threading.Thread(target=running.run, args=[number]) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield running
    finally:
        running.stopping = True
        for thread in threads:
            thread.join(SECONDS)
    assert not running.broken, running.broken


class Connection:
    """A connection over TLS that is opened again when the proxy has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: ssl.SSLSocket | None = None
        self._trust = ssl.create_default_context()
        self._trust.check_hostname = False
        self._trust.verify_mode = ssl.CERT_NONE

    def ask(self, raw: bytes) -> tuple[int, bytes]:
        """Give status and body; 0 where the connection ends without an answer."""
        try:
            if self._socket is None:
                self._open()
            return self._ask(raw)
        except (OSError, ssl.SSLError):
            self.close()
            return 0, b""

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self._port), timeout=30)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = self._trust.wrap_socket(plain, server_hostname=MODELS)

    def _ask(self, raw: bytes) -> tuple[int, bytes]:
        assert self._socket is not None
        self._socket.sendall(raw)
        reply = self._more()
        while b"\r\n\r\n" not in reply:
            reply += self._more()
        head, _, body = reply.partition(b"\r\n\r\n")
        fields = dict(
            line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line
        )
        length = int(fields[b"content-length"])
        while len(body) < length:
            body += self._more()
        if fields.get(b"connection", b"").strip() == b"close":
            self.close()
        return int(head[9:12]), body

    def _more(self) -> bytes:
        assert self._socket is not None
        data = self._socket.recv(65_536)
        if not data:
            raise ConnectionResetError
        return data


def _code(body: bytes) -> str:
    try:
        return str(json.loads(body)["code"])
    except (ValueError, KeyError, TypeError):
        return ""
