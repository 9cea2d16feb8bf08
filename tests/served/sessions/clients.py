"""Clients of a served portal, and the servers as these tests want them."""

import base64
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

import requests

from tests.services import Server, serve

ROOT = Path(__file__).resolve().parents[3]
REFRESH = "/api/token/refresh"
SECONDS = 90
"""How long anything may take: generous, for a machine that compiles."""
WORKERS = 2

T = TypeVar("T")


@contextmanager
def served(
    database: str,
    folder: Path,
    *,
    server: Literal["granian", "gunicorn", "uvicorn"] = "gunicorn",
    **env: str,
) -> Iterator[Server]:
    """Serve the portal with the settings of `tests.projects.sessions`, by several processes."""
    options = ["--workers", str(WORKERS)]
    if server == "gunicorn":
        # Forked from one that has imported everything: a new worker is there at once.
        options += ["--preload", "--timeout", str(SECONDS), "--keep-alive", str(SECONDS)]
    given = {
        "DJANGO_SETTINGS_MODULE": "tests.projects.sessions",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "PORTAL_MODE": "JSON,TWO-COOKIES",
        "PORTAL_DATABASE": database,
        **env,
    }
    with serve(server, env=given, folder=folder, options=options) as running:
        yield running


class Client:
    """A program with a pair of tokens; each has its own connections."""

    def __init__(self, server: Server, *, keeps_alive: bool = True) -> None:
        self.base_url = server.base_url
        self.session = requests.Session()
        self.session.verify, self.session.trust_env = str(server.certificate), False
        if not keeps_alive:
            # Each request is then answered by whichever process is free.
            self.session.headers["Connection"] = "close"
        self.pair: dict[str, str] = {}

    def login(self, name: str = "alice") -> dict[str, str]:
        data = {"username": name, "password": "pass"}
        response = self.session.post(f"{self.base_url}/login/", data, timeout=SECONDS)
        assert response.status_code == 200, response.text
        self.pair = response.json()
        return self.pair

    def renew(self, token: str | None = None, name: str = "refresh_access") -> requests.Response:
        """Ask for the successor; that of another token leaves the client's own as they are."""
        response = self.post(f"{REFRESH}/{name}/", token or self.pair["refresh"])
        if token is None and response.status_code == 200:
            self.pair = response.json()
        return response

    def view(self, token: str | None = None) -> requests.Response:
        """Open a guarded view."""
        headers = {"Authorization": f"Bearer {token or self.pair['access']}"}
        url = f"{self.base_url}/api/account/"
        return self.session.get(url, headers=headers, timeout=SECONDS)

    def logout(self, token: str | None = None) -> requests.Response:
        return self.post(f"{REFRESH}/logout/", token or self.pair["refresh"])

    def post(self, path: str, token: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return self.session.post(self.base_url + path, headers=headers, timeout=SECONDS)


def spread(server: Server, number: int) -> list[Client]:
    """Clients that are kept by all processes alike: a connection stays with one."""
    kept: dict[str, list[Client]] = {}
    wanted = number // WORKERS

    def connect() -> bool:
        client = Client(server)
        process = client.session.get(f"{server.base_url}/api/status/", timeout=SECONDS)
        mine = kept.setdefault(process.headers["X-Process"], [])
        if len(mine) < wanted:
            mine.append(client)
        else:
            client.session.close()
        return sum(map(len, kept.values())) == number

    until(connect)
    return [client for clients in zip(*kept.values(), strict=True) for client in clients]


def answer(response: requests.Response) -> tuple[int, str]:
    """The status and the slug."""
    return response.status_code, response.json().get("code", "")


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims


def until(condition: Callable[[], T], seconds: float = SECONDS) -> T:
    """Ask until the answer is one that counts as true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.005)
    return found


def at_once(work: Sequence[Callable[[], T]]) -> list[T]:
    """Let each have a thread, and all begin at the same instant."""
    barrier = threading.Barrier(len(work))
    found: list[Any] = [None] * len(work)

    def run(number: int) -> None:
        barrier.wait(SECONDS)
        try:
            found[number] = work[number]()
        except BaseException as error:  # noqa: BLE001 (the caller shows it)
            found[number] = error

    threads = [threading.Thread(target=run, args=[number]) for number in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    for error in found:
        if isinstance(error, BaseException):
            raise error
    return found
