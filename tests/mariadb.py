"""A private MariaDB, started by the tests themselves; `tests.services` has the other services."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.services import ServiceError, end, free_port, is_root, spawn, text_of, until_ready

ACCOUNT = "mysql"
"""Whose process the server is where root runs the tests, as Debian's package sets it up."""


@contextmanager
def mariadb(folder: Path) -> Iterator["MariaDB"]:
    """Run a private MariaDB until the block ends. Its log stays in `folder`."""
    mariadb_program()
    folder.mkdir(parents=True, exist_ok=True)
    # A Unix socket's path ends at 107 bytes, and pytest's folders are closed to other accounts.
    with tempfile.TemporaryDirectory(prefix="djwto-mariadb-", dir="/tmp") as home:
        if is_root():
            shutil.chown(home, ACCOUNT, ACCOUNT)
        server = MariaDB(Path(home), folder / "mariadb.log", free_port())
        server.create()
        try:
            server.start()
            server.run(_USER)
            yield server
        finally:
            server.stop()


@dataclass
class MariaDB:
    """A server with the user `djwto`, who needs no password on the loopback interface.

    The user is no administrator: `read_only` holds for them, as it does for a project's user. The
    server has no tables of time zones, as it is after its installation.
    """

    home: Path
    log: Path
    port: int
    _process: "subprocess.Popen[bytes] | None" = None

    def url_of(self, database: str) -> str:
        """Give the address of a database, whether it exists or not."""
        return f"mariadb://djwto@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, charset: str = "utf8mb4") -> str:
        """Make an empty database and give its address."""
        self.run(f"CREATE DATABASE `{name}` CHARACTER SET {charset}")
        return self.url_of(name)

    def run(self, statements: str) -> str:
        """Run SQL as the administrator and give what it printed, a line for each row."""
        command = [_found("mariadb"), "--no-defaults", f"--socket={self._socket}", "--user=root"]
        done = subprocess.run(
            [*command, "--batch", "--skip-column-names"],
            input=statements,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServiceError(f"{statements}\n{done.stderr}")
        return done.stdout

    def create(self) -> None:
        """Lay the server's files out, once."""
        options = [
            *("--no-defaults", f"--datadir={self.home / 'data'}", "--skip-test-db"),
            *("--auth-root-authentication-method=normal", *self._account()),
        ]
        with self.log.open("ab") as sink:
            done = subprocess.run(
                [_found("mariadb-install-db"), *options],
                cwd=self.home,
                stdout=sink,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            raise ServiceError(f"mariadb-install-db failed.\n{text_of(self.log)}")

    def start(self) -> None:
        """Start the server and wait until it answers; on the same port each time."""
        options = {
            "datadir": self.home / "data",
            "socket": self._socket,
            "pid-file": self.home / "pid",
            "bind-address": "127.0.0.1",
            "port": self.port,
            "skip-name-resolve": "ON",
            "max-connections": 60,
            "innodb-buffer-pool-size": "32M",
            "innodb-log-file-size": "16M",
            "innodb-flush-log-at-trx-commit": 0,
            "innodb-doublewrite": 0,
            "innodb-flush-method": "nosync",
            "performance-schema": "OFF",
        }
        words = [f"--{name}={value}" for name, value in options.items()]
        command = [str(mariadb_program()), "--no-defaults", *words, *self._account()]
        self._process = spawn(command, log=self.log, cwd=self.home)
        until_ready(self._answers, self._process, self.log, "mariadbd")

    def stop(self) -> None:
        """Stop the server, if it runs; connections that are open are cut."""
        if self._process is not None:
            end(self._process, signal.SIGTERM)
            self._process = None

    @property
    def _socket(self) -> Path:
        return self.home / "socket"

    def _answers(self) -> bool:
        words = ["--no-defaults", f"--socket={self._socket}", "--user=root", "ping"]
        command = [_found("mariadb-admin"), *words]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0

    def _account(self) -> list[str]:
        return [f"--user={ACCOUNT}"] if is_root() else []


def mariadb_program() -> Path:
    """Find MariaDB's server program."""
    return Path(_found("mariadbd"))


def settings_of(url: str, **options: Any) -> dict[str, Any]:
    """Turn the address of a database into an entry of Django's `DATABASES`."""
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.mysql",
        "NAME": parts.path.strip("/"),
        "USER": parts.username,
        "HOST": parts.hostname,
        "PORT": str(parts.port),
        "OPTIONS": options,
    }


def _found(program: str) -> str:
    # Debian keeps the server where a user's PATH does not look.
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if found is None:
        raise ServiceError(
            f"{program} was not found on PATH. On Debian or Ubuntu: apt-get install mariadb-server"
        )
    return found


_RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, PROCESS, "
    "CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE"
)
_USER = "".join(
    f"CREATE USER djwto@'{host}'; GRANT {_RIGHTS} ON *.* TO djwto@'{host}';"
    for host in ("127.0.0.1", "localhost")
)
