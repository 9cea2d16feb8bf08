"""Real services, started by the tests themselves and stopped by them, also on Ctrl-C.

Nothing here needs a container or an account: a program that is missing is named, with the Debian
package that brings it. Every service listens on the loopback interface only.
"""

import fcntl
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

PORTAL = Path(__file__).resolve().parent.parent / "examples" / "portal"

START_SECONDS = 60.0
"""How long a service may take to answer, in seconds: generous, for a machine that compiles."""

STOP_SECONDS = 10.0
"""How long a service may take to stop before it is killed, in seconds."""


class ServiceError(RuntimeError):
    """A service did not start; the message carries its log."""


# --- PostgreSQL ---------------------------------------------------------------------------------


@contextmanager
def postgres(folder: Path) -> Iterator["Postgres"]:
    """Run a private PostgreSQL cluster until the block ends. Its log stays in ``folder``."""
    programs = postgres_programs()
    with _reachable(folder) as home:
        cluster = Postgres(programs, home, folder / "postgres.log", free_port())
        cluster.create()
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@dataclass
class Postgres:
    """A cluster with one superuser, ``djwto``, who needs no password on the loopback interface."""

    programs: Path
    home: Path
    log: Path
    port: int
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int:
        """The process that starts all others."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        """The address of the database ``postgres``, which every cluster has."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Give the address of a database, whether it exists or not."""
        return f"postgresql://djwto@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make an empty database and give its address."""
        self._run("createdb", *self._loopback(), "--username=djwto", name)
        return self.url_of(name)

    def create(self) -> None:
        """Lay the cluster's files out, once."""
        self._run(
            "initdb",
            f"--pgdata={self.home / 'data'}",
            "--username=djwto",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )

    def start(self) -> None:
        """Start the server and wait until it answers; on the same port each time."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.home,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": 50,
            "shared_buffers": "32MB",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(self.programs / "postgres"), "-D", str(self.home / "data"), *options]
        self._process = spawn(command, log=self.log, cwd=self.home, as_postgres=is_root())
        until_ready(self._answers, self._process, self.log, "postgres")

    def stop(self) -> None:
        """Stop the server, if it runs; connections that are open are cut."""
        if self._process is not None:
            # SIGINT is PostgreSQL's "fast shutdown": SIGTERM would wait for every client to leave.
            end(self._process, signal.SIGINT)
            self._process = None

    def _answers(self) -> bool:
        command = [str(self.programs / "pg_isready"), "--quiet", *self._loopback()]
        return subprocess.run(command, check=False).returncode == 0

    def _loopback(self) -> tuple[str, str]:
        return "--host=127.0.0.1", f"--port={self.port}"

    def _run(self, program: str, *words: str) -> None:
        process = spawn(
            [str(self.programs / program), *words],
            log=self.log,
            cwd=self.home,
            as_postgres=is_root(),
        )
        if process.wait(START_SECONDS):
            raise ServiceError(f"{program} failed.\n{text_of(self.log)}")


def postgres_programs() -> Path:
    """Give the folder of PostgreSQL's server programs: from PATH, else Debian's newest."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not folders:
        raise ServiceError(
            "PostgreSQL's server programs were not found on PATH or in /usr/lib/postgresql. "
            "On Debian or Ubuntu: apt-get install postgresql",
        )
    return max(folders, key=lambda folder: [int(part) for part in folder.parent.name.split(".")])


# --- Redis --------------------------------------------------------------------------------------


@contextmanager
def redis(folder: Path) -> Iterator["Redis"]:
    """Run a private Redis until the block ends. Its log stays in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Redis(redis_program(), folder, folder / "redis.log", free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()


@dataclass
class Redis:
    """A Redis that keeps nothing on disk: what it knew is gone when it stops."""

    program: Path
    home: Path
    log: Path
    port: int
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """The address of its database 0."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server and wait until it answers; on the same port each time."""
        settings = {"bind": "127.0.0.1", "port": self.port, "save": "", "appendonly": "no"}
        options = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        self._process = spawn([str(self.program), *options], log=self.log, cwd=self.home)
        until_ready(self._answers, self._process, self.log, "redis-server")

    def stop(self) -> None:
        """Stop the server, if it runs; connections that are open are cut."""
        if self._process is not None:
            end(self._process, signal.SIGTERM)
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def redis_program() -> Path:
    """Find Redis's server program on PATH."""
    if found := shutil.which("redis-server"):
        return Path(found)
    raise ServiceError(
        "redis-server was not found on PATH. On Debian or Ubuntu: apt-get install redis-server"
    )


# --- nginx --------------------------------------------------------------------------------------


@contextmanager
def nginx(folder: Path, *locations: str, certificate: Path, key: Path) -> Iterator["Nginx"]:
    """Run a private nginx over https until the block ends, with these ``location`` blocks.

    What it passes on has the client's ``Host``. All other settings are nginx's defaults.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    server = Nginx(f"https://localhost:{port}", folder / f"nginx-{port}.log")
    for name in ("body", "proxy", "fastcgi", "uwsgi", "scgi"):
        (folder / name).mkdir(exist_ok=True)
    config = folder / f"nginx-{port}.conf"
    config.write_text(
        _NGINX.format(
            port=port,
            folder=folder,
            certificate=certificate,
            key=key,
            locations="\n".join(locations),
            user="user root;" if is_root() else "",
        )
    )
    command = [str(nginx_program()), "-c", str(config), "-e", str(server.log), "-p", str(folder)]
    process = spawn(command, log=server.log, cwd=folder)
    try:
        until_ready(server.answers, process, server.log, "nginx")
        yield server
    finally:
        end(process, signal.SIGTERM)


@dataclass
class Nginx:
    """A proxy in front of servers."""

    base_url: str
    log: Path

    def answers(self) -> bool:
        """Say whether it listens."""
        try:
            port = int(self.base_url.rpartition(":")[2])
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            return False
        return True


_NGINX = """
daemon off;
{user}
pid {folder}/nginx-{port}.pid;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_set_header Host $http_host;
    proxy_ssl_protocols TLSv1.2 TLSv1.3;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        {locations}
    }}
}}
"""


def nginx_program() -> Path:
    """Find nginx on PATH, or where Debian keeps programs of the system."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found:
        return Path(found)
    raise ServiceError("nginx was not found on PATH. On Debian or Ubuntu: apt-get install nginx")


# --- the portal ---------------------------------------------------------------------------------


@contextmanager
def serve(
    server: Literal["granian", "gunicorn", "uvicorn"],
    *,
    env: dict[str, str],
    folder: Path,
    options: Sequence[str] = (),
    mount: str = "",
) -> Iterator["Server"]:
    """Serve ``examples/portal`` over https on a free port until the block ends.

    ``env`` is what the portal reads (``PORTAL_MODE`` and its like); of the caller's own environment
    it sees no ``PORTAL_*``, ``DJWTO_*`` or ``DJANGO_*``. Database, certificate and log live in
    ``folder``, where a later server finds them again. ``options`` go to the server's command line.
    ``mount`` is the path under which these make it answer, such as ``/app``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    served = Server(
        base_url=f"https://localhost:{port}",
        folder=folder,
        log=folder / f"{server}-{port}.log",
        env=_portal_env(env, folder),
        mount=mount,
    )
    served.prepare()
    command = [
        *(sys.executable, "-m", server),
        *_server_options(server, served, port),
        *options,
    ]
    process = spawn(command, log=served.log, cwd=PORTAL, env=served.env)
    served.pid = process.pid
    try:
        until_ready(served.answers, process, served.log, server)
        yield served
    finally:
        end(process, signal.SIGTERM)


@dataclass
class Server:
    """A portal that is being served."""

    base_url: str
    folder: Path
    log: Path
    env: dict[str, str] = field(repr=False)
    pid: int = 0
    mount: str = ""

    def workers(self) -> list[int]:
        """Give the processes that the server has started: those that answer, where it forks."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    @property
    def certificate(self) -> Path:
        """The server's self-signed certificate, which a client is to trust."""
        return Path(self._prepared()[1])

    @property
    def key(self) -> Path:
        """The certificate's private key."""
        return Path(self._prepared()[2])

    @property
    def signing_key(self) -> str:
        """The secret that this server signs tokens with."""
        return self.env["DJWTO_SIGNING_KEY"]

    def log_text(self) -> str:
        """Give everything the server has written so far, to stdout and stderr."""
        return text_of(self.log)

    def manage(self, *words: str) -> str:
        """Run a command of ``manage.py`` beside the server and give what it printed."""
        return self.run("manage.py", *words)

    def run(self, *words: str) -> str:
        """Run Python in the portal's folder, with the portal's environment."""
        done = subprocess.run(
            [sys.executable, *words],
            cwd=PORTAL,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        if done.returncode:
            raise ServiceError(f"{' '.join(words)} failed.\n{done.stdout}{done.stderr}")
        return done.stdout

    def answers(self) -> bool:
        """Say whether the portal's open endpoint answers."""
        trust = ssl.create_default_context(cafile=str(self.certificate))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=trust),
        )
        try:
            with opener.open(f"{self.base_url}{self.mount}/api/status/", timeout=5) as reply:
                return bool(reply.status == 200)
        except urllib.error.HTTPError:
            return False  # it listens, but is not well: the log will say why
        except OSError:
            return False

    def prepare(self) -> None:
        """Make tables, users and certificate, unless an earlier server of the folder did."""
        done, database = self.folder / "prepared.txt", self.env["PORTAL_DATABASE"]
        if done.exists() and self._prepared()[0] == database:
            return
        file = Path(database.removeprefix("sqlite:///"))
        if database.startswith("sqlite:///") and not file.exists():
            model = Path(_model().name)
            shutil.copy(model / "portal.sqlite3", file)
            paths = [shutil.copy(model / name, self.folder) for name in ("cert.pem", "key.pem")]
        else:
            paths = self.run("-c", _PREPARE, str(self.folder)).splitlines()[-2:]
        done.write_text("\n".join([database, *paths]))

    def _prepared(self) -> list[str]:
        return (self.folder / "prepared.txt").read_text().splitlines()


# What `demo.prepare` does, in one process: most of its time is three that import Django. The users
# have the hashes of the portal's own settings, whichever settings the server has.
_PREPARE = """
import os, pathlib, sys
import demo, django

os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
django.setup()
from django.core.management import call_command

call_command("migrate", verbosity=0)
call_command("demo_users")
print(*demo.certificate(pathlib.Path(sys.argv[1])), sep="\\n")
"""


@cache
def _model() -> tempfile.TemporaryDirectory[str]:
    """Prepare a portal whose files others start from; the folder is removed at the end."""
    folder = tempfile.TemporaryDirectory(prefix="djwto-portal-")
    path = Path(folder.name)
    server = Server("", path, path / "log", _portal_env({}, path))
    server.run("-c", _PREPARE, folder.name)
    return folder


def _portal_env(env: dict[str, str], folder: Path) -> dict[str, str]:
    # The test runner's own settings module must not reach the portal, nor a developer's shell.
    ours = ("PORTAL_", "DJWTO_", "DJANGO_", "GRANIAN_", "GUNICORN_", "PYTHONWARNINGS")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {
        **inherited,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DJWTO_SIGNING_KEY": secrets.token_urlsafe(48),
        # The servers of a folder are one site: a session's record is bound to Django's secret.
        "PORTAL_SECRET_KEY": f"of the site in {folder}, and of no use elsewhere",
        "PORTAL_DATABASE": f"sqlite:///{folder / 'portal.sqlite3'}",
        "PYTHONUNBUFFERED": "1",
        **env,
    }


def _server_options(server: str, served: Server, port: int) -> list[str]:
    certificate, key = str(served.certificate), str(served.key)
    if server == "gunicorn":
        return [
            *("--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "4"),
            *("--certfile", certificate, "--keyfile", key),
            *("--graceful-timeout", "2", "--no-control-socket"),
            "portal.wsgi:application",
        ]
    if server == "granian":
        return [
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--interface", "wsgi", "--blocking-threads", "4"),
            *("--ssl-certificate", certificate, "--ssl-keyfile", key),
            *("--workers-kill-timeout", "2"),
            "portal.wsgi:application",
        ]
    return [
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--interface", "asgi3", "--lifespan", "off", "--no-access-log"),
        *("--ssl-certfile", certificate, "--ssl-keyfile", key),
        *("--timeout-graceful-shutdown", "1"),
        "portal.asgi:application",
    ]


# --- processes and ports ------------------------------------------------------------------------


def listens(port: int) -> bool:
    """Say whether something takes connections on this port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


_GIVEN: set[int] = set()


def free_port() -> int:
    """Give a TCP port of 127.0.0.1 that nothing listens on, and that was not given before.

    Neither to this run of the tests, which also names folders by ports, nor to one beside it.

    Chosen below the range that the kernel hands to outgoing connections, so that none of those
    takes it before the service does.
    """
    for _ in range(200):
        port = 20_000 + secrets.randbelow(12_000)
        if port in _GIVEN:
            continue
        with socket.socket() as probe, suppress(OSError):
            # The byte of this number stays locked until this process ends.
            fcntl.lockf(_ports(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            _GIVEN.add(port)
            return port
    raise ServiceError("No free TCP port was found between 20000 and 32000.")


@cache
def _ports() -> int:
    """Open the file in which a user's runs lock their ports; it stays empty."""
    file = Path(tempfile.gettempdir()) / f"djwto-ports-{os.getuid()}"
    return os.open(file, os.O_RDWR | os.O_CREAT, 0o600)


def spawn(
    command: list[str],
    *,
    log: Path,
    cwd: Path,
    env: dict[str, str] | None = None,
    as_postgres: bool = False,
) -> "subprocess.Popen[bytes]":
    """Start a service that writes to a log."""
    # Another session: Ctrl-C then reaches only the tests, and they stop the service in order.
    who = {"user": "postgres", "group": "postgres", "extra_groups": []} if as_postgres else {}
    with log.open("ab") as sink:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **who,
        )


def freeze(process: int) -> None:
    """Stop a process, and wait until its threads have stopped: a busy machine takes a while."""
    os.kill(process, signal.SIGSTOP)
    deadline = time.monotonic() + STOP_SECONDS
    while _states(process) - set("TZ"):
        if time.monotonic() > deadline:
            raise ServiceError(f"The process {process} did not stop in {STOP_SECONDS} s.")
        time.sleep(0.001)


def thaw(process: int) -> None:
    """Let a frozen process go on."""
    os.kill(process, signal.SIGCONT)


def _states(process: int) -> set[str]:
    """Return the states of a process's threads, such as ``T`` for stopped and ``Z`` for ended."""
    found = set()
    for file in Path(f"/proc/{process}/task").glob("*/stat"):
        with suppress(OSError):  # this thread has ended
            found.add(file.read_text().rpartition(") ")[2][0])
    return found


def until_ready(
    ready: Callable[[], bool],
    process: "subprocess.Popen[bytes]",
    log: Path,
    name: str,
) -> None:
    """Wait for a service. `ServiceError`, with its log, where it ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None:
            raise ServiceError(f"{name} ended with {process.returncode}.\n{text_of(log)}")
        if time.monotonic() > deadline:
            raise ServiceError(f"{name} did not answer in {START_SECONDS} s.\n{text_of(log)}")
        time.sleep(0.05)


def end(process: "subprocess.Popen[bytes]", how: signal.Signals = signal.SIGTERM) -> None:
    """Stop a service, and kill it if it does not stop in time."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    finally:
        # All processes that are left of its session, workers included.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)


@contextmanager
def _reachable(folder: Path) -> Iterator[Path]:
    """Give a folder that the server's account can enter and that is short enough for a socket.

    pytest's folders are closed to other accounts, and a Unix socket's path ends at 107 bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not is_root() and len(str(folder)) < 80:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="djwto-postgres-", dir="/tmp") as home:
        if is_root():
            shutil.chown(home, "postgres", "postgres")
        yield Path(home)


def is_root() -> bool:
    return os.geteuid() == 0


def text_of(log: Path) -> str:
    return log.read_text(errors="replace") if log.exists() else ""
