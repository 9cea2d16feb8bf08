"""`python -m benches.renewals`: eight clients renew one token at the same instant.

How often does one refresh token buy more than one successor? djwto and simplejwt (with
`ROTATE_REFRESH_TOKENS` and `BLACKLIST_AFTER_ROTATION`) on the same server, with two processes, and
on a PostgreSQL of their own. Needs `requirements/dev.txt`, `requirements/bench.txt` and PostgreSQL.
"""

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import requests

from tests.served.sessions.clients import (
    REFRESH,
    SECONDS,
    Client,
    at_once,
    claims_of,
    served,
    spread,
)
from tests.services import Postgres, postgres

CLIENTS = 8


def main() -> None:
    """Print a line for each library."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    print(f"{rounds} rounds of {CLIENTS} clients that renew one token at the same instant")
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder) / "postgres") as cluster:
        for name, run in (("djwto", _djwto), ("simplejwt", _simplejwt)):
            print(f"{name:>10}: {run(cluster, Path(folder), rounds)}", flush=True)


def _djwto(cluster: Postgres, folder: Path, rounds: int) -> "Tally":
    with served(cluster.create_database("djwto"), folder / "djwto") as server:
        clients = spread(server, CLIENTS)

        def log_in() -> str:
            return clients[0].login()["refresh"]

        return Tally.of(rounds, clients, log_in, _renew_ours)


def _simplejwt(cluster: Postgres, folder: Path, rounds: int) -> "Tally":
    env = {"DJANGO_SETTINGS_MODULE": "benches.rivals.settings"}
    with served(cluster.create_database("simplejwt"), folder / "simplejwt", **env) as server:
        server.manage("migrate")
        clients = spread(server, CLIENTS)

        def log_in() -> str:
            data = {"username": "alice", "password": "pass"}
            url = f"{server.base_url}/simplejwt/login/"
            return str(clients[0].session.post(url, data, timeout=SECONDS).json()["refresh"])

        return Tally.of(rounds, clients, log_in, _renew_theirs)


def _renew_ours(client: Client, token: str) -> requests.Response:
    return client.post(f"{REFRESH}/refresh_access/", token)


def _renew_theirs(client: Client, token: str) -> requests.Response:
    url = f"{client.base_url}/simplejwt/refresh/"
    return client.session.post(url, {"refresh": token}, timeout=SECONDS)


class Tally:
    """What came of the rounds."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self.forked = self.most = self.refused = self.failed = 0

    def __str__(self) -> str:
        return (
            f"more than one successor in {self.forked} of {self.rounds} rounds"
            f" (at most {self.most}); clients refused: {self.refused}, errors 5xx: {self.failed}"
        )

    @classmethod
    def of(
        cls,
        rounds: int,
        clients: list[Client],
        log_in: Callable[[], str],
        renew: Callable[[Client, str], requests.Response],
    ) -> "Tally":
        """Renew a new token in each round, and count its different successors."""
        tally = cls(rounds)
        for _ in range(rounds):
            token = log_in()
            replies = at_once([partial(renew, client, token) for client in clients])
            good = [reply.json() for reply in replies if reply.status_code == 200]
            found = len({claims_of(pair["refresh"])["jti"] for pair in good})
            tally.forked += found > 1
            tally.most = max(tally.most, found)
            tally.failed += sum(reply.status_code >= 500 for reply in replies)
            tally.refused += sum(400 <= reply.status_code < 500 for reply in replies)
        return tally


if __name__ == "__main__":
    main()
