"""A portal and a djwto-server as two accounts: what the server needs is all that it may read."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conformance.client import Client
from djwto.keys import sets as keysets
from tests import services
from tests.proxies import stack as stacks
from tests.proxies import wire
from tests.proxies.proxies import ROOT

HOST = "models.demo.localhost"

LOGOUT_SECONDS = 10.0
"""How long a logout may take to be a refusal. It is about the account's rights, not about speed."""

CONFIG = """
export = "{portal}/export.json"
database = "sqlite:{portal}/portal.sqlite3"
listen = {listen}
portal = "https://app.demo.localhost"

[[peers]]
address = "127.0.0.1"
proxy = "nginx"

[assertions]
issuer = "https://app.demo.localhost"
keys = "{own}/assertion-keys.json"

[hosts."{host}"]
rules = [{{ path = "/open/*", allow = "login" }}]
"""

Run = Callable[[Sequence[str]], object]
"""Runs a command as root."""


@dataclass(frozen=True)
class Portal:
    """A portal whose folder has all that the server needs, and what it must not have."""

    server: services.Server
    folder: Path

    @property
    def private(self) -> list[Path]:
        """What only the portal's account may read: its private key, and Django's secret."""
        return [self.folder / "keys.json", self.folder / "secret.key"]


@contextmanager
def portal() -> Iterator[Portal]:
    """Run a portal. Its folder is below one that all accounts may enter."""
    with tempfile.TemporaryDirectory(prefix="djwto-apart-", dir="/tmp") as name:
        top = Path(name)
        top.chmod(0o755)
        folder = top / "portal"
        folder.mkdir()
        with keysets.opened(folder / "keys.json") as keys:
            keys.generate("EdDSA", keysets.now())
        secret = folder / "secret.key"
        secret.touch(0o600)
        secret.write_text("the secret of this site, and of no use elsewhere")
        env = {
            "DJANGO_SETTINGS_MODULE": "tests.proxies.load_settings",
            "PYTHONPATH": str(ROOT),
            "TEST_KEYS": str(folder / "keys.json"),
            "TEST_RETURN_HOSTS": HOST,
            "PORTAL_SECRET_KEY": secret.read_text(),
            "PORTAL_MODE": "JSON",
        }
        with services.serve("granian", env=env, folder=folder) as server:
            yield Portal(server, folder)


def share(run: Run, folder: str, group: str) -> None:
    """Let a group read the database, as `docs/guard-anything.md` says."""
    database = f"{folder}/portal.sqlite3"
    run(["chgrp", group, folder, database])
    run(["chmod", "g=rxs", folder])
    run(["chmod", "g=r", database])


def ask(port: int, client: Client, path: str = "/open/a") -> wire.Answer:
    """Ask the server as nginx does, with the token of a client."""
    return wire.ask(port, "/auth", headers(client, path), tls=False)


def headers(client: Client, path: str) -> list[tuple[str, str]]:
    forwarded = {"Method": "GET", "Proto": "https", "Host": HOST, "Uri": path}
    return [
        *((f"X-Forwarded-{name}", value) for name, value in forwarded.items()),
        *client.bearer().items(),
    ]


def program(folder: Path) -> Path:
    """Copy djwto-server to a folder that every account may enter."""
    return Path(shutil.copy(stacks.guard_program(), folder))
