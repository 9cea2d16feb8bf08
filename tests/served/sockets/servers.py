"""Servers of WebSockets, and those who connect to them: browsers by TLS, programs without."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

from tests import services

ROOT = Path(__file__).resolve().parents[3]
APPLICATION = "tests.projects.sockets.asgi:application"
SERVERS = ("uvicorn", "daphne")

_CERTIFICATE = """
import demo, pathlib, sys
demo.certificate(pathlib.Path(sys.argv[1]))
"""
_PREPARE = """
from django.contrib.auth import get_user_model
from django.core.management import call_command

call_command("migrate", verbosity=0)
for name in ("alice", "bob"):
    get_user_model().objects.create_user(name, password="pass")
"""


@dataclass
class Site:
    """One database, and what its servers share."""

    folder: Path
    env: dict[str, str]

    @classmethod
    def make(cls, folder: Path, *, tls: bool = False, **env: str) -> "Site":
        ours = ("DJWTO_", "DJANGO_", "SOCKETS_", "PYTHONWARNINGS")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        given = {f"SOCKETS_{name}": value for name, value in env.items()}
        settings = {"DJANGO_SETTINGS_MODULE": "tests.projects.sockets.settings"}
        database = {"SOCKETS_DATABASE": str(folder / "site.sqlite3")}
        site = cls(folder, {**inherited, **settings, **database, **given, "PYTHONUNBUFFERED": "1"})
        if tls:
            portal = services.Server("", folder, folder / "log", inherited)
            portal.run("-c", _CERTIFICATE, str(folder))
        site.run(_PREPARE)
        return site

    def run(self, code: str) -> None:
        """Run Python in its own process, with the site's settings."""
        words = [sys.executable, "-c", f"import django\ndjango.setup()\n{code}"]
        subprocess.run(words, cwd=ROOT, env=self.env, check=True, timeout=60)

    @property
    def has_tls(self) -> bool:
        return (self.folder / "cert.pem").exists()

    @contextmanager
    def serve(self, name: str) -> Iterator["Served"]:
        """Run one process of a server until the block ends."""
        port = services.free_port()
        log = self.folder / f"{name}-{port}.log"
        certificate, key = str(self.folder / "cert.pem"), str(self.folder / "key.pem")
        if name == "uvicorn":
            words = ["--host", "127.0.0.1", "--port", str(port), "--lifespan", "off"]
            words += ["--timeout-graceful-shutdown", "1"]
            if self.has_tls:
                words += ["--ssl-certfile", certificate, "--ssl-keyfile", key]
        elif self.has_tls:
            words = ["-e", f"ssl:{port}:interface=127.0.0.1:privateKey={key}:certKey={certificate}"]
        else:
            words = ["-b", "127.0.0.1", "-p", str(port)]
        command = [sys.executable, "-m", name, *words, APPLICATION]
        process = services.spawn(command, log=log, cwd=ROOT, env=self.env)
        served = Served(self, port, log)
        try:
            services.until_ready(served.answers, process, log, name)
            yield served
        finally:
            services.end(process, signal.SIGTERM)


@dataclass
class Served:
    """One process."""

    site: Site
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http{'s' if self.site.has_tls else ''}://localhost:{self.port}"

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except OSError:
            return False
        return True

    def person(self, name: str = "alice", mode: str = "JSON") -> "Person":
        """Log a user in."""
        session = requests.Session()
        session.trust_env = False
        form = {"username": name, "password": "pass", "mode": mode}
        reply = session.post(f"{self.url}/login/", form, timeout=30)
        assert reply.status_code == 200, reply.text
        return Person(self, session, reply.json())

    def connect(self, headers: dict[str, str] | None = None, **options: Any) -> ClientConnection:
        """Open a socket."""
        return connect(
            f"ws://localhost:{self.port}/ws/",
            additional_headers=headers,
            proxy=None,
            open_timeout=30,
            **options,
        )

    def handshake(self, *lines: bytes) -> bytes:
        """Write a handshake as it is, and give the first line of the answer."""
        first = [
            b"GET /ws/ HTTP/1.1",
            b"Host: localhost:%d" % self.port,
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        ]
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as plain:
            plain.sendall(b"\r\n".join([*first, *lines, b"", b""]))
            return plain.recv(4096).partition(b"\r\n")[0]


@dataclass
class Person:
    """A user who has logged in."""

    served: Served
    session: requests.Session
    tokens: dict[str, str]

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access']}"}

    @property
    def cookie(self) -> dict[str, str]:
        pairs = (f"{one.name}={one.value}" for one in self.session.cookies if one.path == "/")
        return {"Cookie": "; ".join(pairs)}

    def refresh(self, name: str) -> Any:
        """Call an endpoint of the refresh token, in JSON mode."""
        headers = {"Authorization": f"Bearer {self.tokens['refresh']}"}
        url = f"{self.served.url}/api/token/refresh/{name}/"
        reply = self.session.post(url, headers=headers, timeout=30)
        assert reply.status_code == 200, reply.text
        return reply.json()
