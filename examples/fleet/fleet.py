"""Show one login before several services with one command.

    python examples/fleet/fleet.py [--port 8004]

It starts the portal, JupyterLab, a dashboard, djwto-server and nginx. What it makes lies in the
folder `var` beside this file, or where `--var` says. Sockets lie in a private temporary folder,
because a socket's path may have about 100 characters.
"""

import argparse
import contextlib
import http.client
import importlib.util
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PORTAL = HERE.parent / "portal"
sys.path.insert(0, str(PORTAL))

import demo  # noqa: E402 (the portal's)

START_SECONDS = 120
STOP_SECONDS = 10

READY = """
  The portal         https://app.demo.localhost:{port}/
  JupyterLab         https://lab.demo.localhost:{port}/     carol and admin
  A dashboard        https://dash.demo.localhost:{port}/    all three
  Log in as          alice, carol or admin; the password is pass

  Try                Open JupyterLab. You come to the login, and as carol back to JupyterLab.
                     Open the dashboard: you are logged in.
                     Log out at the portal. The other two pages are gone.
                     Log in as alice and open JupyterLab. The guard refuses, and says why.

  The certificate is self-signed. A browser asks once for each of the three addresses, so open the
  portal first. Ctrl-C stops everything.
"""


class FleetError(Exception):
    """The fleet cannot start, or a program of it has ended."""


def main() -> int:
    """Run the fleet; return the exit status."""
    options = _options()
    # A closed terminal and a `kill` end the fleet as Ctrl-C does.
    for name in ("SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        _run(options)
    except FleetError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve a portal and guarded services.")
    parser.add_argument("--port", type=int, default=8004, help="nginx, for browsers; default: 8004")
    parser.add_argument(
        "--portal-port", type=int, help="Django, behind nginx; default: the port after --port"
    )
    parser.add_argument("--var", type=Path, default=HERE / "var", help="the folder for all files")
    parser.add_argument("--server", type=Path, default=_guard_program(), help="djwto-server")
    options = parser.parse_args()
    options.portal_port = options.portal_port or options.port + 1
    return options


def _guard_program() -> Path:
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug" / "djwto-server"


# --- preparing ----------------------------------------------------------------------------------


@dataclass
class Fleet:
    """The folders, ports and programs of a fleet."""

    var: Path
    run: Path
    port: int
    portal_port: int
    guard: Path
    nginx: str
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of Django's processes. Other PORTAL_* variables are honoured."""
        return {
            "PORTAL_SECRET_KEY": demo.kept_secret(self.var / "secret.key"),
            # nginx names the client.
            "PORTAL_TRUSTED_PROXIES": "127.0.0.1",
            **os.environ,
            # djwto.toml names the same file.
            "PORTAL_DATABASE": f"sqlite:///{self.var / 'portal.sqlite3'}",
            "DJANGO_SETTINGS_MODULE": "fleet_settings",
            "PYTHONPATH": str(HERE),
            "FLEET_VAR": str(self.var),
            "FLEET_PORT": str(self.port),
        }

    def manage(self, *words: str) -> None:
        """Run a command of the portal's manage.py."""
        self.call([sys.executable, str(PORTAL / "manage.py"), *words], self.environment)

    def call(self, command: list[str], env: dict[str, str] | None = None) -> None:
        """Run a program to its end, and keep its output back."""
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode < 0:
            raise KeyboardInterrupt
        if done.returncode:
            raise FleetError(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}")

    def fill_in(self, template: str, folder: Path, **words: object) -> Path:
        """Write a file of this folder with its words in braces replaced."""
        text = (HERE / template).read_text()
        words |= {"var": self.var, "run": self.run, "here": HERE, "port": self.port}
        for name, value in words.items():
            text = text.replace(f"{{{name}}}", str(value))
        path = folder / template
        path.write_text(text)
        path.chmod(0o600)
        return path

    def start(
        self, name: str, command: list[str], env: dict[str, str], ready: Callable[[], bool]
    ) -> None:
        """Start a program, and wait until it answers. Its output goes into a log."""
        demo.step(name)
        log = self.var / f"{name.lower()}.log"
        with log.open("wb") as output:
            # In a session of its own: Ctrl-C reaches this process alone.
            process = subprocess.Popen(
                command,
                env=env,
                cwd=self.var,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running[name] = process
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise FleetError(f"{name} did not start. It says:\n{log.read_text()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop all programs, nginx first."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second Ctrl-C
        for process in reversed(self.running.values()):
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in reversed(self.running.values()):
            try:
                process.wait(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _run(options: argparse.Namespace) -> None:
    nginx = _missing(options)
    for port in (options.port, options.portal_port):
        if problem := demo.port_problem(port):
            raise FleetError(problem)
    var = options.var.resolve()
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    print(f"The fleet keeps its tables, keys, notebooks and logs in {demo.shown(var)}")
    with tempfile.TemporaryDirectory(prefix="djwto-fleet-") as run:
        fleet = Fleet(var, Path(run), options.port, options.portal_port, options.server, nginx)
        try:
            _prepare(fleet)
            _start(fleet)
            print(READY.format(port=fleet.port), flush=True)
            for figures in _figures():
                _replace(fleet.run / "figures.json", json.dumps(figures))
                _all_run(fleet)
        finally:
            fleet.stop()


def _missing(options: argparse.Namespace) -> str:
    """Give the path of nginx, or raise `FleetError` if a program is missing."""
    for name in ("django", "djwto", "granian", "cryptography", "jupyterlab"):
        if importlib.util.find_spec(name) is None:
            raise FleetError(f"{name} is not installed. `make fleet` installs it.")
    if not options.server.exists():
        raise FleetError(f"{options.server} is missing. `make fleet` builds it.")
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if nginx is None:
        raise FleetError("nginx is missing. On Debian or Ubuntu: sudo apt-get install nginx")
    return nginx


def _prepare(fleet: Fleet) -> None:
    demo.step("Keys, tables, and users alice, carol and admin")
    if not (fleet.var / "keys.json").exists():
        fleet.manage("djwto_keys", "generate", "--algorithm", "EdDSA")
    fleet.manage("migrate")
    fleet.manage("demo_users")
    demo.step("What djwto-server has to know of Django")
    fleet.manage("djwto_export", "--output", str(fleet.var / "export.json"))
    config = fleet.fill_in("djwto.toml", fleet.var)
    if not (fleet.var / "assertion-keys.json").exists():
        fleet.call([str(fleet.guard), "--config", str(config), "keys", "init"])
    (fleet.var / "notebooks").mkdir(exist_ok=True)


# --- the programs -------------------------------------------------------------------------------


def _start(fleet: Fleet) -> None:
    cert, key = demo.certificate(fleet.var)
    fleet.start(
        "Portal",
        demo.server_command("granian", fleet.portal_port, cert, key),
        fleet.environment,
        lambda: _answers(_Https(fleet.portal_port, cert), "/api/status/"),
    )
    config = fleet.var / "djwto.toml"
    fleet.start(
        "Guard",
        [str(fleet.guard), "--config", str(config), "serve"],
        dict(os.environ),
        lambda: _answers(_Unix(fleet.run / "guard.sock"), "/readyz"),
    )
    fleet.start(
        "JupyterLab",
        [sys.executable, "-m", "jupyterlab", "--config", str(HERE / "jupyter_config.py")],
        _jupyter_environment(fleet),
        lambda: _answers(_Unix(fleet.run / "lab.sock"), "/api"),
    )
    _replace(fleet.run / "figures.json", "{}")
    fleet.start(
        "nginx",
        _nginx_command(fleet, cert, key),
        dict(os.environ),
        lambda: _answers(_Https(fleet.port, cert), "/api/status/"),
    )


def _jupyter_environment(fleet: Fleet) -> dict[str, str]:
    """Give an environment without the portal's secrets and without the user's own Jupyter."""
    ours = ("PORTAL_", "DJWTO_", "DJANGO_", "JUPYTER")
    folder = fleet.var / "jupyter"
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
        "FLEET_VAR": str(fleet.var),
        "FLEET_SOCKET": str(fleet.run / "lab.sock"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(fleet.run / "jupyter"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
    }


def _nginx_command(fleet: Fleet, cert: Path, key: Path) -> list[str]:
    for name in ("djwto.conf", "djwto-upstream.conf"):
        shutil.copy(ROOT / "deploy" / "nginx" / name, fleet.run)
    words = {"cert": cert, "key": key, "portal_port": fleet.portal_port}
    config = fleet.fill_in("nginx.conf", fleet.run, **words)
    # As root, nginx would become another user, who cannot open the sockets.
    more = ["-g", "user root;"] if os.geteuid() == 0 else []
    return [fleet.nginx, "-p", str(fleet.run), "-c", str(config), "-e", "stderr", *more]


def _figures() -> Iterator[dict[str, object]]:
    """Give what the dashboard shows, every second."""
    while True:
        now = datetime.now().astimezone()
        yield {"load": os.getloadavg()[0], "time": now.isoformat(timespec="seconds")}
        time.sleep(1)


def _replace(path: Path, text: str) -> None:
    """Write a file in one step: no program reads half of it."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def _all_run(fleet: Fleet) -> None:
    for name, process in fleet.running.items():
        if process.poll() is not None:
            log = fleet.var / f"{name.lower()}.log"
            raise FleetError(f"{name} has ended. See {demo.shown(log)}.")


# --- asking -------------------------------------------------------------------------------------


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("lab.demo.localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _Https(http.client.HTTPSConnection):
    """Asks 127.0.0.1 for the portal, by the name that nginx knows."""

    def __init__(self, port: int, cert: Path) -> None:
        trust = ssl.create_default_context(cafile=str(cert))
        super().__init__("app.demo.localhost", port, timeout=5, context=trust)
        self._create_connection = lambda address, *rest: socket.create_connection(
            (demo.HOST, address[1]), *rest
        )


def _answers(connection: http.client.HTTPConnection, path: str) -> bool:
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
