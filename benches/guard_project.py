"""A project and the guard of its services, as an owner has them: Django's tables in SQLite, logins,
the export, and 20 hosts with 200 rules."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from benches.project import set_up
from tests import services

HOSTS, RULES = 20, 10
"""The rules are those of one host."""
PAGE = "/auth"
"""A path of the last rule. The bare server, which is the service behind nginx, has no other."""
ISSUER = "https://portal.example.com"
REVOKED = 100_000
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = CORES[0], CORES[-1]
"""What is measured has one core, and what measures it another."""


@dataclass(frozen=True)
class Login:
    """A session, and the Cookie header of its browser. The access token comes first."""

    session: str
    cookie: str

    def asked(self, host: int) -> bytes:
        """Write the question of nginx about a request of this browser to a host."""
        lines = [
            "GET /auth HTTP/1.1",
            "Host: djwto",
            "X-Forwarded-Method: GET",
            "X-Forwarded-Proto: https",
            f"X-Forwarded-Host: {host_name(host)}",
            f"X-Forwarded-Uri: {PAGE}/things/7?page=2",
            "X-Forwarded-For: 192.0.2.7",
            f"Cookie: {self.cookie}",
            "Sec-Fetch-Site: same-origin",
            "Sec-Fetch-Mode: cors",
            "Sec-Fetch-Dest: empty",
        ]
        return "\r\n".join([*lines, "", ""]).encode()


def host_name(host: int) -> str:
    return f"service-{host}.example.com"


@dataclass
class Project:
    """The project's folder, which has the files of the guard too."""

    folder: Path
    program: Path
    """djwto-server."""

    def __post_init__(self) -> None:
        set_up(self._database, **self._settings)
        self._write_export()
        self.ports = {name: services.free_port() for name in _CONFIGS}
        """The port of the guard with each of the files."""
        for name, more in _CONFIGS.items():
            text = self._config(self.ports[name]) + more + _hosts()
            (self.folder / f"{name}.toml").write_text(text)
        subprocess.run([*self._command("djwto"), "keys", "init"], check=True, capture_output=True)

    @property
    def _database(self) -> dict[str, Any]:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": self.folder / "db.sqlite3",
            "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL"},
        }

    @property
    def _settings(self) -> dict[str, Any]:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return {
            "ROOT_URLCONF": "djwto.urls",
            "ALLOWED_HOSTS": ["*"],
            "DJWTO_ALGORITHM": "EdDSA",
            "DJWTO_SIGNING_KEY": key.decode(),
            "DJWTO_ISS_CLAIM": ISSUER,
            "DJWTO_MODE": "TWO-COOKIES",
            "DJWTO_DOMAIN": "example.com",
            "DJWTO_ACCESS_TOKEN_LIFETIME": timedelta(hours=1),
            "DJWTO_MAX_SESSIONS": None,
        }

    def _config(self, port: int) -> str:
        return (
            f'export = "export.json"\ndatabase = "sqlite:{self.folder}/db.sqlite3"\n'
            f'listen = ["127.0.0.1:{port}"]\nportal = "{ISSUER}"\n'
            '[[peers]]\naddress = "127.0.0.1"\nproxy = "nginx"\n'
        )

    def _write_export(self) -> None:
        from django.core.management import call_command

        call_command("djwto_export", output=str(self.folder / "export.json"), verbosity=0)

    def _command(self, config: str) -> list[str]:
        return [str(self.program), "--config", str(self.folder / f"{config}.toml")]

    # --- logins ---------------------------------------------------------------------------------

    @cached_property
    def user(self) -> Any:
        """A user with 20 permissions."""
        from django.contrib.auth.models import ContentType, Permission, User

        user = User.objects.create_user("alice", "alice@example.com")
        kind = ContentType.objects.get_for_model(User)
        names = [f"view_model{number:02}" for number in range(20)]
        made = [Permission(content_type=kind, codename=name, name=name) for name in names]
        user.user_permissions.set(Permission.objects.bulk_create(made))
        return user

    def logins(self, number: int) -> list[Login]:
        """Log in so many times."""
        from django.db import transaction

        user = self.user
        with transaction.atomic():
            return [_login(user) for _ in range(number)]

    def revoke_many(self) -> None:
        """Fill the table with ended sessions, each like one that Django wrote."""
        from django.db import connection

        from djwto import sessions
        from djwto.models import Session

        (login,) = self.logins(1)
        sessions.end(login.session)
        row = Session.objects.get(pk=login.session)
        names = [one.column for one in Session._meta.concrete_fields]
        key = Session._meta.pk.column
        columns = ", ".join(connection.ops.quote_name(name) for name in names)
        values = ", ".join("lower(hex(randomblob(16)))" if name == key else name for name in names)
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many "
                f"WHERE n < {REVOKED - 1}) INSERT INTO {Session._meta.db_table} ({columns}) "
                f"SELECT {values} FROM {Session._meta.db_table}, many WHERE {key} = %s",
                [row.pk.hex],
            )

    # --- the guard ------------------------------------------------------------------------------

    @contextmanager
    def guard(self, config: str = "djwto") -> Iterator["subprocess.Popen[bytes]"]:
        """Run the guard until the block ends. It is ready when the block begins."""
        with running([*self._command(config), "serve"], self.folder, None) as process:
            self.wait(process, config)
            yield process

    def started(self) -> float:
        """Give the seconds from a start of the guard until it is ready."""
        start = time.perf_counter()
        with running([*self._command("djwto"), "serve"], self.folder, None) as process:
            self.wait(process)
            return time.perf_counter() - start

    def wait(self, process: "subprocess.Popen[bytes]", config: str = "djwto") -> None:
        """Ask without a pause until the guard is ready."""
        while self.page("/readyz", config)[0] != 200:
            if process.poll() is not None:
                raise SystemExit(services.text_of(self.folder / "log"))

    def page(self, path: str, config: str = "djwto") -> tuple[int, str]:
        """Get a page of the guard: its status and its text; 0 if it does not answer."""
        try:
            with socket.create_connection(("127.0.0.1", self.ports[config]), 10) as client:
                head = f"GET {path} HTTP/1.1\r\nHost: djwto\r\nConnection: close\r\n\r\n"
                return answer(client, head.encode())
        except OSError:
            return 0, ""

    def metric(self, name: str) -> int:
        """Read a number of the guard's page for Prometheus."""
        lines = self.page("/metrics")[1].splitlines()
        (found,) = (line.split()[1] for line in lines if line.startswith(f"{name} "))
        return int(found)


def answer(client: socket.socket, request: bytes) -> tuple[int, str]:
    """Send a request and read the answer: its status and its text."""
    client.sendall(request)
    with closing(client.makefile("rb")) as reply:
        status = int(reply.readline().split()[1])
        length = 0
        for line in iter(reply.readline, b"\r\n"):
            name, _, value = line.lower().partition(b":")
            length = int(value) if name == b"content-length" else length
        return status, reply.read(length).decode()


@contextmanager
def running(
    command: list[str], folder: Path, port: int | None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program on the core of servers until the block ends; with a port, it listens there."""
    log = folder / "log"
    with on_core(SERVER_CORE):
        process = services.spawn(command, log=log, cwd=folder)
    try:
        if port is not None:
            services.until_ready(lambda: services.listens(port), process, log, command[0])
        yield process
    finally:
        services.end(process)


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Give this core, and no other, to the programs that the block starts."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _login(user: Any) -> Login:
    from django.middleware.csrf import _get_new_csrf_string
    from django.test import RequestFactory

    from djwto import sessions

    response = sessions.login(RequestFactory().post("/login/"), user)
    # The cookie of the refresh token has another path, so it reaches no other host.
    cookies = response.cookies.items()
    sent = {name: one.value for name, one in cookies if one["path"] == "/" and one.value}
    pairs = {"jwt_access_token": sent.pop("jwt_access_token"), **sent}
    pairs |= {"csrftoken": _get_new_csrf_string(), "theme": "dark"}
    claims = json.loads(response.content)["claims"]
    cookie = "; ".join(f"{name}={value}" for name, value in pairs.items())
    return Login(claims["sid"], cookie)


_LOG = '[log]\nlevel = "warn"\n'
_ASSERTIONS = f'{_LOG}[assertions]\nissuer = "{ISSUER}"\nkeys = "assertion-keys.json"\n'
_CONFIGS = {
    "djwto": _ASSERTIONS,
    "logging": _ASSERTIONS.replace("warn", "info"),
    "plain": _LOG,
}
"""The name of a file → what it says beside hosts and addresses."""


def _hosts() -> str:
    paths = [*(f"/area-{number}" for number in range(RULES - 1)), PAGE]
    rules = "".join(
        f'  {{ path = "{path}/*", methods = ["GET"], allow = "login" }},\n' for path in paths
    )
    return "".join(
        f'[hosts."{host_name(number)}"]\nrules = [\n{rules}]\n' for number in range(HOSTS)
    )
