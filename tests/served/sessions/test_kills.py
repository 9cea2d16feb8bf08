"""Servers are killed in the middle of renewals: no client is left in between.

A process that dies has written the whole step of a session, or none of it. A client without a reply
asks again with the token that it has, and goes on. It never needs another token.
"""

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from tests.served.sessions.clients import SECONDS, Client, answer, claims_of, served, until
from tests.services import Server

CLIENTS = 6


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.long)])
def test_servers_that_are_killed(database: str, tmp_path: Path, kills: int) -> None:
    with served(database, tmp_path, SESSIONS_GRACE="60") as server:
        clients = [Steady(server) for _ in range(CLIENTS)]
        threads = [threading.Thread(target=client.run) for client in clients]
        for thread in threads:
            thread.start()
        try:
            for _ in range(kills):
                _kill_at_work(server, clients)
        finally:
            Steady.stopping.set()
            for thread in threads:
                thread.join(SECONDS)
            Steady.stopping.clear()
        for client in clients:
            assert client.wrong == []
            _can_go_on_with_one_of_two(client)
        cut = sum(client.cut for client in clients)
        print(f"{kills} kills, {cut} renewals cut, {sum(c.count for c in clients)} done")
        assert cut > kills / 2
        assert "reuse of" not in server.log_text()


def _kill_at_work(server: Server, clients: list["Steady"]) -> None:
    """Kill all processes that answer, once each client has got something from them.

    No test looks at the clock: each client is then somewhere in its next renewal.
    """
    counts = [client.count for client in clients]

    def all_are_served() -> bool:
        assert not any(c.wrong for c in clients), [c.wrong for c in clients]
        return all(c.count > n for c, n in zip(clients, counts, strict=True))

    until(all_are_served, 20)
    for pid in server.workers():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _can_go_on_with_one_of_two(client: "Steady") -> None:
    """The latest token renews; the one before is not another way on, and says so."""
    before, latest = client.last_two
    assert answer(client.renew(latest)) == (200, "")
    assert answer(client.renew(before)) == (409, "refresh_superseded")
    assert claims_of(latest)["gen"] == claims_of(before)["gen"] + 1
    assert client.renew().status_code == 200


class Steady(Client):
    """Renews all the time, and asks again with the same token where it hears nothing."""

    stopping = threading.Event()

    def __init__(self, server: Server) -> None:
        super().__init__(server, keeps_alive=False)
        self.login()
        self.last_two = ("", self.pair["refresh"])
        self.count = self.cut = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        while not self.stopping.is_set() and not self.wrong:
            try:
                response = self.renew()
            except requests.RequestException:
                # No connection, no reply, or half of one.
                self.cut += 1
                continue
            if response.status_code != 200:
                self.wrong.append(f"{response.status_code} {response.text}")
                continue
            before, after = self.last_two[1], self.pair["refresh"]
            if claims_of(after)["gen"] != claims_of(before)["gen"] + 1:
                self.wrong.append("a generation was left out, or was given twice")
            self.last_two = (before, after)
            self.count += 1
