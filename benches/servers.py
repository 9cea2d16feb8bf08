"""Requests per second through real servers with one worker, over the loopback interface.

`python -m benches.servers` makes the database that the servers share, and prints what to send.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import nan
from pathlib import Path
from statistics import median

from benches.load import Client, Request
from benches.timing import ratio, table

ROUNDS = 40
REQUESTS = 100
LOGINS = 50
BIN = Path(sys.executable).parent
SERVERS = {
    "gunicorn": ["gunicorn", "--workers=1", "--log-level=error", "--bind=127.0.0.1:{port}"],
    "granian": [
        "granian",
        "--interface=wsgi",
        "--workers=1",
        "--log-level=error",
        "--host=127.0.0.1",
        "--port={port}",
    ],
}
VIEWS = {
    "bare view": ("/bare/", "bearer"),
    "djwto, JSON": ("/djwto/", "bearer"),
    "JWTMiddleware, JSON": ("/middleware/bare/", "bearer"),
    "bare view, cookies": ("/bare/", "cookies"),
    "djwto, TWO-COOKIES": ("/djwto/", "cookies"),
    "JWTMiddleware, TWO-COOKIES": ("/middleware/bare/", "cookies"),
    "simplejwt, stateless": ("/rest_stateless/", "bearer"),
    "simplejwt, user from the database": ("/rest_database/", "bearer"),
}
"""Name → the path, and what the requests carry."""


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "BENCHES_DATABASE": f"{folder}/db.sqlite3"}
        command = [sys.executable, "-m", "benches.servers"]
        made = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
        logins: dict[str, list[dict[str, str]]] = json.loads(made.stdout)
        for name, arguments in SERVERS.items():
            _measure(name, arguments, environment, logins)


def _measure(
    name: str,
    arguments: list[str],
    environment: dict[str, str],
    logins: dict[str, list[dict[str, str]]],
) -> None:
    batches = {
        view: [Request(path, logins[kind][number % LOGINS]).raw() for number in range(REQUESTS)]
        for view, (path, kind) in VIEWS.items()
    }
    walls: dict[str, list[float]] = {view: [] for view in VIEWS}
    spent: dict[str, list[float]] = {view: [] for view in VIEWS}
    with _served(arguments, environment) as (process, client):
        for number in range(ROUNDS + 1):
            for view, batch in batches.items():
                start, before = time.perf_counter(), busy(process.pid)
                client.run(batch)
                if number:  # the first warms up
                    walls[view].append(time.perf_counter() - start)
                    spent[view].append(busy(process.pid) - before)
    rows = []
    for view in VIEWS:
        base = "bare view, cookies" if "COOKIES" in view else "bare view"
        rows.append(
            [
                view,
                f"{REQUESTS / median(walls[view]):,.0f}",
                ratio(walls[base], walls[view]),
                f"{REQUESTS / median(spent[view]):,.0f}",
                ratio(spent[base], spent[view], 3),
            ]
        )
    table(
        f"Requests per second, {name}, one worker",
        ["a second", "of bare", "a second of CPU", "of bare"],
        rows,
    )


@contextmanager
def _served(
    arguments: list[str], environment: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], Client]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program, *options = [argument.format(port=port) for argument in arguments]
    process = subprocess.Popen(
        [BIN / program, *options, "benches.wsgi:application"], env=environment
    )
    client = Client(port)
    try:
        _wait(process, port)
        yield process, client
    finally:
        client.close()
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("a server did not start")


def busy(pid: int) -> float:
    """Seconds of the processor that a process and its children took; Linux alone tells."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        own = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
        children = " ".join((task / "children").read_text() for task in tasks).split()
    except OSError:
        return nan
    return own + sum(busy(int(child)) for child in children)


def _child() -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "benches.settings"
    django.setup()
    from benches.requests import cookies, person
    from benches.tokens import access_token

    user = person()
    logins = {
        "bearer": [{"Authorization": f"Bearer {access_token()}"} for _ in range(LOGINS)],
        "cookies": [{"Cookie": cookies(user)["HTTP_COOKIE"]} for _ in range(LOGINS)],
    }
    print(json.dumps(logins))


if __name__ == "__main__":
    _child()
