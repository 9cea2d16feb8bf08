"""Keys change while two servers are at work, and not one request is refused.

The servers are processes of their own, with one file of keys and one database. Clients log in,
open views and renew at both of them, with tokens of one used at the other.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from djwto.keys import sets as keysets
from tests.services import Server, serve

ROOT = Path(__file__).resolve().parents[2]
REFRESH = "/api/token/refresh"
CLIENTS = 4
SECONDS = 120
"""How long a condition may take to come true: generous, for a machine that compiles."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of `DJWTO_KEYS`, with an active and a next key."""
    path = tmp_path / "keys.json"
    with keysets.opened(path) as keys:
        keys.generate("EdDSA", keysets.now())
    return path


@pytest.fixture
def servers(tmp_path: Path, file: Path) -> Iterator[list[Server]]:
    """Two servers of one site."""
    with ExitStack() as running:
        env = env_of(KEYED_FILE=str(file))
        folder = tmp_path / "site"
        yield [running.enter_context(serve("granian", env=env, folder=folder)) for _ in range(2)]


def env_of(**more: str) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "tests.projects.keyed",
        "PYTHONPATH": str(ROOT),
        "PORTAL_MODE": "JSON",
        **more,
    }


@pytest.mark.parametrize("rotations", [1, pytest.param(3, marks=pytest.mark.long)])
def test_rotation_under_load(servers: list[Server], file: Path, rotations: int) -> None:
    with load(servers) as clients:
        for _ in range(rotations):
            active, upcoming = (kid_in(file, state) for state in ("active", "next"))
            # Everybody knows the next key: what the command would otherwise wait for.
            clients.until(lambda kid=upcoming: all(kid in published(s) for s in servers))
            servers[0].manage("djwto_keys", "rotate", "--force")
            clients.until(lambda kid=upcoming: all(signs_with(s) == kid for s in servers))
            # The older tokens are good at both servers, until their holders have renewed.
            assert clients.kids_held() == {active}
            clients.go_round()
            clients.renew()
            assert clients.kids_held() == {upcoming}
            clients.go_round()
            assert active in servers[1].manage("djwto_keys", "retire", "--force")
            clients.until(lambda kid=active: all(kid not in published(s) for s in servers))
            clients.go_round()
    assert clients.refused == []
    assert clients.count >= CLIENTS * rotations * 30
    assert len(clients.kids_seen) == rotations + 1
    for server in servers:
        assert "DJWTO_KEYS" not in server.log_text()


def test_a_half_written_file_under_load(servers: list[Server], file: Path) -> None:
    text, kid = file.read_text(), kid_in(file, "active")

    def complaints() -> list[int]:
        return [server.log_text().count("stay in use") for server in servers]

    with load(servers) as clients:
        for number, half in enumerate((text[: len(text) // 2], "", text[:-3]), 1):
            put(file, half)
            clients.until(lambda n=number: complaints() == [n, n])
            clients.go_round()
            assert {signs_with(server) for server in servers} == {kid}
        # Whole again, and with another key to sign with.
        keys = json.loads(text)["keys"]
        keys[0]["djwto_state"], keys[1]["djwto_state"] = "retired", "active"
        put(file, json.dumps({"keys": keys}))
        clients.until(lambda: all(signs_with(s) == keys[1]["kid"] for s in servers))
        clients.go_round()
    assert clients.refused == []
    # One line for each change, and no part of a key in any.
    assert complaints() == [3, 3]
    logs = "".join(server.log_text() for server in servers)
    assert not any(key[part] in logs for key in keys for part in ("d", "x"))


def test_from_a_secret_to_a_key_pair_server_by_server(tmp_path: Path, file: Path) -> None:
    """In two steps, so that no server meets what it cannot verify: all learn the new key, then
    all sign with it. At last the secret goes."""
    secret = "a secret that has served for years, of more than 32 bytes"
    (key,) = [k for k in json.loads(file.read_text())["keys"] if k["djwto_state"] == "active"]
    public = json.dumps({name: key[name] for name in ("kty", "crv", "x", "alg", "kid")})
    steps = [
        {"DJWTO_SIGNING_KEY": secret},
        {"DJWTO_SIGNING_KEY": secret, "KEYED_FALLBACKS": json.dumps([["EdDSA", public]])},
        {"KEYED_FILE": str(file), "KEYED_FALLBACKS": json.dumps([["HS256", secret]])},
        {"KEYED_FILE": str(file)},
    ]
    site = tmp_path / "site"
    kept: dict[str, str] = {}
    for older, newer in pairwise(steps):
        with (
            serve("granian", env=env_of(**older), folder=site) as one,
            serve("granian", env=env_of(**newer), folder=site) as other,
            load([one, other]) as clients,
        ):
            session = session_of(one)
            kept = kept or login(session, one).json()
            clients.go_round()
            for server in (one, other):
                assert account(session, server, kept["access"]).status_code == 200
                assert renew(session, server, "validate_refresh", kept).status_code == 200
            if "KEYED_FILE" in newer:
                kept = renew(session, other, "update_refresh", kept).json()
        assert clients.refused == []
    assert {kid_of(token) for token in kept.values()} == {key["kid"]}


def put(file: Path, text: str) -> None:
    """Write so that no reader sees half of it."""
    new = file.with_name("new")
    new.write_text(text)
    new.chmod(0o600)
    new.replace(file)


# --- clients ------------------------------------------------------------------------------------


@contextmanager
def load(servers: list[Server]) -> Iterator["Clients"]:
    """Keep the servers at work until the block ends."""
    # The first login brings the quick hasher: of several at once, each would bring another hash.
    assert login(session_of(servers[0]), servers[0]).status_code == 200
    clients = Clients(servers)
    threads = [threading.Thread(target=clients.run, args=[n]) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        clients.go_round()
        yield clients
    finally:
        clients.stopping = True
        for thread in threads:
            thread.join(SECONDS)
    assert clients.broken == []


class Clients:
    """Several at once; each holds one pair of tokens for long, and gets others all the time."""

    def __init__(self, servers: list[Server]) -> None:
        self.servers = servers
        self.held: list[dict[str, str]] = [{} for _ in range(CLIENTS)]
        self.rounds = [0] * CLIENTS
        self.renewed = [0] * CLIENTS
        self.renewals = 0
        self.count = 0
        self.refused: list[str] = []
        self.broken: list[BaseException] = []
        self.kids_seen: set[str | None] = set()
        self.stopping = False
        self._changed = threading.Condition()

    def run(self, number: int) -> None:
        try:
            self._run(number)
        except BaseException as error:  # noqa: BLE001 (the test's own thread shows it)
            self.broken.append(error)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition; it is asked again whenever a round is done."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"in vain: {self.refused[:5]} {self.broken}"
            with self._changed:
                self._changed.wait(1)

    def go_round(self) -> None:
        """Wait until each has done a whole round, begun after this."""
        goals = [done + 2 for done in self.rounds]
        self.until(lambda: all(n >= goal for n, goal in zip(self.rounds, goals, strict=True)))

    def renew(self) -> None:
        """Let each renew the pair that it holds for long."""
        self.renewals += 1
        self.until(lambda: set(self.renewed) == {self.renewals})

    def kids_held(self) -> set[str | None]:
        return {kid_of(token) for pair in self.held for token in pair.values()}

    def _run(self, number: int) -> None:
        one, other = (self.servers[(number + n) % 2] for n in range(2))
        session = session_of(one)
        self.held[number] = self._ok(login(session, one))
        while not self.stopping:
            for pair in (self.held[number], self._ok(login(session, other))):
                for server in (one, other):
                    self._ok(account(session, server, pair["access"]))
                    self._ok(renew(session, server, "validate_refresh", pair))
                fresh = self._ok(renew(session, one, "refresh_access", pair))
                self._ok(account(session, other, fresh["access"]))
            fresh = self._ok(renew(session, other, "update_refresh", fresh))
            self._ok(account(session, one, fresh["access"]))
            if self.renewed[number] != (wanted := self.renewals):
                self.held[number] = self._ok(
                    renew(session, one, "update_refresh", self.held[number])
                )
                self.renewed[number] = wanted
            one, other = other, one
            self.rounds[number] += 1
            with self._changed:
                self._changed.notify_all()

    def _ok(self, reply: requests.Response) -> dict[str, str]:
        with self._changed:
            self.count += 1
            if reply.status_code != 200:
                self.refused.append(f"{reply.request.path_url} {reply.status_code} {reply.text}")
        body: dict[str, str] = reply.json()
        self.kids_seen |= {kid_of(body[name]) for name in ("access", "refresh") if name in body}
        return body


def session_of(server: Server) -> requests.Session:
    session = requests.Session()
    # The servers of a folder share their certificate.
    session.verify, session.trust_env = str(server.certificate), False
    return session


def login(session: requests.Session, server: Server) -> requests.Response:
    credentials = {"username": "alice", "password": "pass"}
    return session.post(f"{server.base_url}/login/", credentials, timeout=SECONDS)


def account(session: requests.Session, server: Server, token: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return session.get(f"{server.base_url}/api/account/", headers=headers, timeout=SECONDS)


def renew(
    session: requests.Session, server: Server, name: str, pair: dict[str, str]
) -> requests.Response:
    headers = {"Authorization": f"Bearer {pair['refresh']}"}
    return session.post(f"{server.base_url}{REFRESH}/{name}/", headers=headers, timeout=SECONDS)


def published(server: Server) -> set[str]:
    url = f"{server.base_url}/.well-known/jwks.json"
    return {key["kid"] for key in session_of(server).get(url, timeout=SECONDS).json()["keys"]}


def signs_with(server: Server) -> str | None:
    return kid_of(login(session_of(server), server).json()["access"])


def kid_of(token: str) -> str | None:
    kid: str | None = jwt.get_unverified_header(token).get("kid")
    return kid


def kid_in(file: Path, state: str) -> str:
    keys: list[dict[str, Any]] = json.loads(file.read_text())["keys"]
    (kid,) = [key["kid"] for key in keys if key["djwto_state"] == state]
    return str(kid)
