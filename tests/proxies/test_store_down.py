"""A database that is gone or hangs: the guard does what docs/sessions.md says of Django's."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from conformance.client import Client
from conformance.target import Target
from tests import services
from tests.proxies import many
from tests.proxies import stack as running
from tests.proxies.echo import Echo
from tests.proxies.load import Connection, question
from tests.proxies.proxies import KINDS, Kind
from tests.proxies.stack import Stack
from tests.proxies.wire import Answer, ask
from tests.served.sessions.clients import at_once, until
from tests.services import Postgres

INTERVAL, MAX_AGE = 1.0, 3.0
MARGIN = 1.0
"""Seconds for a machine that is busy."""

Held = list[tuple[str, str]]
Fault = Callable[[], AbstractContextManager[None]]


FAULTS = [
    "postgres stopped",
    pytest.param("postgres hangs", marks=pytest.mark.long),
    pytest.param("sqlite locked", marks=pytest.mark.long),
    "sqlite moved",
]


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest) -> str:
    return str(request.param)


ENV = {
    "DJANGO_SETTINGS_MODULE": "tests.proxies.load_settings",
    "TEST_MAX_AGE": str(MAX_AGE),
    "PORTAL_MODE": "JSON",
}


@pytest.fixture
def broken(
    programs: None, fault: str, echo: Echo, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[list[Stack], Fault]]:
    """A site with both proxies, and what breaks its database for as long as a block takes."""
    env = dict(ENV)
    breaking: Fault
    if fault.startswith("postgres"):
        cluster: Postgres = request.getfixturevalue("cluster")
        env["PORTAL_DATABASE"] = cluster.create_database(f"guarded_{token_hex(4)}")
        breaking = (stopped if fault == "postgres stopped" else frozen)(cluster)
    else:
        file = tmp_path / "database" / "portal.sqlite3"
        file.parent.mkdir()
        env |= {"PORTAL_DATABASE": f"sqlite:///{file}", "TEST_JOURNAL": "delete"}
        breaking = (locked if fault == "sqlite locked" else moved)(file)
    with ExitStack() as ending:
        site = ending.enter_context(running.site(tmp_path / "site", echo, **env))
        if fault.startswith("sqlite"):
            with closing(sqlite3.connect(file)) as connection:
                assert connection.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",)
        yield [ending.enter_context(running.stack(kind, site)) for kind in KINDS], breaking


def test_the_guard_goes_on_and_then_refuses(
    broken: tuple[list[Stack], Fault], fault: str, echo: Echo
) -> None:
    stacks, breaking = broken
    many.make(stacks[0].site.portal)
    with Target.of(stacks[0].site.portal, "JSON") as target:
        client, other, asked = (Client(target) for _ in range(3))
        for one, name in ((client, "carol"), (other, "carol"), (asked, many.NAME)):
            assert one.login(name).status_code == 200
        assert other.post("/api/token/refresh/logout/").status_code == 200
        held, ended, unsaid = ([*one.bearer().items()] for one in (client, other, asked))
        for stack in stacks:
            until(lambda stack=stack: ask(stack.port, "/open/a", ended).status == 401)
            assert [one.status for one in answers(stack, unsaid)] == [200, 200]
        with breaking():
            start = time.monotonic()
            lasted, refused = _while_it_goes_on(stacks, held, unsaid)
            for stack, last in zip(stacks, lasted, strict=True):
                print(f"\n{fault}, {stack.kind}: went on for {last - start:.2f} s")
                assert MAX_AGE - MARGIN <= last - start <= INTERVAL + MAX_AGE + 0.1
            echo.got.clear()
            refused += at_once([partial(answers, stack, held) for stack in stacks])
            for stack in stacks:
                # One that has never seen the database knows of no session.
                stack.guard.kill()
                stack.guard.start("/healthz")
            refused += at_once([partial(answers, stack, held) for stack in stacks])
            assert not echo.got
            assert {ask(stack.port, "/static/a").status for stack in stacks} == {200}
        back = time.monotonic()
        for stack, of_stack in zip(stacks * 3, refused, strict=True):
            for answer in of_stack:
                is_unavailable(stack, answer)
        for stack in stacks:
            for shown, path in ((held, "/open/a"), (held, "/past/a"), (unsaid, "/past/a")):
                until(lambda s=stack, p=path, h=shown: ask(s.port, p, h).status == 200)
            print(f"{fault}, {stack.kind}: back after {time.monotonic() - back:.2f} s")
            assert ask(stack.port, "/open/a", ended).code == "token_blacklisted"
        assert time.monotonic() - back < INTERVAL + MARGIN
        assert client.post("/api/token/refresh/logout/").status_code == 200
        for stack in stacks:
            until(lambda stack=stack: ask(stack.port, "/open/a", held).status == 401)


def _while_it_goes_on(
    stacks: list[Stack], held: Held, unsaid: Held
) -> tuple[list[float], list[list[Answer]]]:
    """Ask for what needs a login, until it is refused; and for a permission that no token has.

    The guard keeps no such permission: it reads it at each request, and refuses at once.
    """
    work = [partial(last_allowed, stack, held) for stack in stacks]
    more = [partial(ask, stack.port, "/past/a", unsaid) for stack in stacks]
    found: list[Any] = at_once([*work, *more])
    return found[: len(stacks)], [[answer] for answer in found[len(stacks) :]]


def last_allowed(stack: Stack, held: Held) -> float:
    """Ask until the guard refuses. Returns when the last request that passed was sent."""
    connection = Connection(stack.port)
    raw = question(stack.port, "/open/a", "", held).head + b"\r\n\r\n"
    last, sent = 0.0, time.monotonic()
    while connection.ask(raw)[0] == 200:
        last, sent = sent, time.monotonic()
    connection.close()
    return last


def answers(stack: Stack, held: Held) -> list[Answer]:
    """Ask for what needs a login, and what needs a permission."""
    return [ask(stack.port, path, held) for path in ("/open/a", "/past/a")]


def is_unavailable(stack: Stack, answer: Answer) -> None:
    assert answer.status == 503
    if stack.kind == "envoy":
        # It takes each 5xx of a guard for an error, and passes nothing on.
        assert answer.body == b""
        return
    assert answer.code == "store_unavailable"
    assert int(answer.one("retry-after") or 0) > 0


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_guard_that_was_frozen(programs: None, kind: Kind, echo: Echo, tmp_path: Path) -> None:
    """What it knew is too old when it goes on. So the first request waits for a look."""
    with ExitStack() as ending:
        site = ending.enter_context(running.site(tmp_path / "site", echo, **ENV))
        stack = ending.enter_context(running.stack(kind, site))
        target = ending.enter_context(Target.of(site.portal, "JSON"))
        clients = [Client(target) for _ in range(2)]
        for client in clients:
            assert client.login("alice").status_code == 200
        ended, live = ([*client.bearer().items()] for client in clients)
        assert ask(stack.port, "/open/a", ended).status == 200
        stack.guard.freeze()
        frozen_at = time.monotonic()
        assert clients[0].post("/api/token/refresh/logout/").status_code == 200
        echo.got.clear()
        assert ask(stack.port, "/open/a", live).status == 503
        until(lambda: time.monotonic() > frozen_at + INTERVAL + MAX_AGE)
        stack.guard.thaw()
        answer = ask(stack.port, "/open/a", ended)
        assert (answer.status, answer.code) == (401, "token_blacklisted")
        assert not echo.got
        assert ask(stack.port, "/open/a", live).status == 200


# --- faults -------------------------------------------------------------------------------------


def stopped(cluster: Postgres) -> Fault:
    @contextmanager
    def breaking() -> Iterator[None]:
        cluster.stop()
        try:
            yield
        finally:
            cluster.start()

    return breaking


def frozen(cluster: Postgres) -> Fault:
    """Connections stay open, and nothing answers."""

    @contextmanager
    def breaking() -> Iterator[None]:
        services.freeze(cluster.pid)  # it makes no more processes
        workers = [int(pid) for pid in children(cluster.pid).split()]
        for pid in workers:
            services.freeze(pid)
        try:
            yield
        finally:
            for pid in (*workers, cluster.pid):
                services.thaw(pid)

    return breaking


def children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


def locked(file: Path) -> Fault:
    @contextmanager
    def breaking() -> Iterator[None]:
        with closing(sqlite3.connect(file, timeout=60, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            yield
            connection.execute("ROLLBACK")

    return breaking


def moved(file: Path) -> Fault:
    """The folder is gone with it, so that no program makes an empty file in its place."""

    @contextmanager
    def breaking() -> Iterator[None]:
        away = file.parent.with_name("away")
        file.parent.rename(away)
        try:
            yield
        finally:
            away.rename(file.parent)

    return breaking
