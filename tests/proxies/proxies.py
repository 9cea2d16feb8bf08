"""nginx and Envoy with their files of `deploy/`. Only addresses and paths are changed."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests import services

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"

Kind = Literal["nginx", "envoy"]
KINDS: tuple[Kind, ...] = ("nginx", "envoy")


@dataclass(frozen=True)
class Behind:
    """The ports of the programs behind a proxy, and the name of the service for the guard."""

    guard: int
    service: int
    portal: int
    host: str


@contextmanager
def run(
    kind: Kind, folder: Path, port: int, behind: Behind, changes: dict[str, str]
) -> Iterator[None]:
    """Run a proxy on this port until the block ends, with these changes of its file."""
    folder.mkdir()
    log = folder / "log"
    command = (_nginx if kind == "nginx" else _envoy)(folder, port, behind, changes)
    process = services.spawn(command, log=log, cwd=folder)
    try:
        services.until_ready(lambda: services.listens(port), process, log, kind)
        yield
    finally:
        services.end(process)


def _nginx(folder: Path, port: int, behind: Behind, changes: dict[str, str]) -> list[str]:
    for name in ("djwto.conf", "djwto-upstream.conf", "djwto-endpoints.conf"):
        shutil.copy(DEPLOY / "nginx" / name, folder)
    temporary = "\n".join(
        f"    {name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    changes = changes | {
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "127.0.0.1:9901": f"127.0.0.1:{behind.guard}",
        "127.0.0.1:8888": f"127.0.0.1:{behind.service}",
        "127.0.0.1:8002": f"127.0.0.1:{behind.portal}",
        "set $djwto_host models.demo.localhost;": f"set $djwto_host {behind.host};",
        "http {\n": f"http {{\n{temporary}\n",
        "/var/log/nginx/access.log": f"{folder}/access",
    }
    config = folder / "nginx.conf"
    config.write_text(_changed(DEPLOY / "nginx" / "nginx.conf", changes))
    user = "user root; " if services.is_root() else ""
    more = f"daemon off; {user}pid {folder}/pid; worker_processes 1;"
    program = str(services.nginx_program())
    return [program, "-c", str(config), "-p", str(folder), "-e", str(folder / "log"), "-g", more]


def _envoy(folder: Path, port: int, behind: Behind, changes: dict[str, str]) -> list[str]:
    changes = changes | {
        "0.0.0.0, port_value: 443 ": f"127.0.0.1, port_value: {port} ",
        "port_value: 9901 ": f"port_value: {behind.guard} ",
        "port_value: 8888 ": f"port_value: {behind.service} ",
        "port_value: 8002 ": f"port_value: {behind.portal} ",
        # A client of this port names it, and the guard may know the service by another.
        "domains: [models.demo.localhost]": f'domains: ["models.demo.localhost:{port}"]',
    }
    config = folder / "envoy.yaml"
    config.write_text(_changed(DEPLOY / "envoy" / "envoy.yaml", changes))
    options = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]
    # Lines of the access log wait for others, by default for ten seconds.
    options += ["--file-flush-interval-msec", "100"]
    return [str(envoy_program()), "-c", str(config), *options]


def _changed(file: Path, changes: dict[str, str]) -> str:
    text = file.read_text()
    for old, new in changes.items():
        assert old in text, f"{old!r} is not in {file}"
        text = text.replace(old, new)
    return text


def envoy_program() -> Path:
    """Find Envoy beside this Python, or on PATH. `services.ServiceError` where it is missing."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("envoy", path=f"{beside}{os.pathsep}{os.environ['PATH']}")
    if found:
        return Path(found)
    raise services.ServiceError("Envoy is missing. `make test-proxies` installs it.")
