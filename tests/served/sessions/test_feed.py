"""Processes that were frozen, and databases that are away: how soon guards answer then."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.served.sessions.clients import SECONDS, Client, answer, at_once, served, spread, until
from tests.served.sessions.conftest import new_database
from tests.services import Postgres, freeze, thaw

GONE = (503, "store_unavailable")
ENV = {"SESSIONS_INTERVAL": "0.2", "SESSIONS_MAX_AGE": "1"}
TOO_OLD_SECONDS = 1.2
THREADS, REQUESTS = 4, 200


@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.long)])
def test_a_process_that_was_frozen_looks_before_it_refuses(
    database: str, tmp_path: Path, rounds: int
) -> None:
    with served(database, tmp_path, **ENV) as server, ThreadPoolExecutor(8) as pool:
        clients = spread(server, 4)
        for client in clients:
            client.login()
            assert client.view().status_code == 200
        for _ in range(rounds):
            with _frozen(server.workers()):
                replies = [pool.submit(client.view) for client in clients]
            assert [answer(_result(reply))[0] for reply in replies] == [200] * 4
        # The look comes before the answer: what ended while it was frozen is known.
        here, there = spread(server, 2)
        there.pair = here.login()
        with _frozen([_process_of(there)]):
            assert here.logout().status_code == 200
            reply = pool.submit(there.view)
        assert answer(_result(reply)) == (401, "token_blacklisted")


def test_a_database_that_is_away_delays_no_other_page(cluster: Postgres, tmp_path: Path) -> None:
    with served(new_database(cluster), tmp_path, **ENV) as server:
        clients = spread(server, THREADS)
        for client in clients:
            client.login()
            assert client.view().status_code == 200
        cluster.stop()
        try:
            until(lambda: {answer(client.view()) for client in clients} == {GONE})
            begun = time.monotonic()
            guarded = partial(_seconds, REQUESTS // THREADS)
            views = [partial(guarded, client, "/api/account/", 503) for client in clients]
            page = partial(_seconds, 20, Client(server), "/api/status/", 200)
            *refused, pages = at_once([*views, page])
            # A wait of 5 seconds for each would be minutes.
            assert time.monotonic() - begun < 30
        finally:
            cluster.start()
        _show(
            f"{REQUESTS} guarded requests on {THREADS} threads, 503",
            [s for one in refused for s in one],
        )
        _show("an unguarded page meanwhile", pages)
        until(lambda: all(client.view().status_code == 200 for client in clients))


@contextmanager
def _frozen(processes: Sequence[int]) -> Iterator[None]:
    """Stop processes until what they know is too old, and the block is done."""
    for process in processes:
        freeze(process)
    until_then = time.monotonic() + TOO_OLD_SECONDS
    try:
        yield
        until(lambda: time.monotonic() > until_then)
    finally:
        for process in processes:
            thaw(process)


def _process_of(client: Client) -> int:
    return int(client.view().headers["X-Process"])


def _result(reply: "Future[Any]") -> Any:
    return reply.result(timeout=SECONDS)


def _seconds(number: int, client: Client, path: str, status: int) -> list[float]:
    """Ask a number of times; the seconds of each answer."""
    token = client.pair.get("access", "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    found = []
    for _ in range(number):
        begun = time.monotonic()
        reply = client.session.get(client.base_url + path, headers=headers, timeout=SECONDS)
        found.append(time.monotonic() - begun)
        assert reply.status_code == status
    return found


def _show(what: str, seconds: list[float]) -> None:
    ordered = sorted(1000 * one for one in seconds)
    print(f"{what}: p50 {ordered[len(ordered) // 2]:.0f} ms, max {ordered[-1]:.0f} ms")
