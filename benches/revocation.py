"""`python -m benches.revocation`: from a logout in one process to the first refusal in another.

In milliseconds, as percentiles: by polling at the default interval, and by Redis. Includes the
requests that look, one after the other. Needs `requirements/dev.txt`, PostgreSQL and redis-server.
"""

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from tests.served.sessions.clients import served
from tests.served.sessions.test_logout import delays
from tests.services import postgres, redis


def main() -> None:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--logouts", type=int, default=100)
    logouts = parser.parse_args().logouts
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres(Path(folder) / "postgres") as cluster,
        redis(Path(folder) / "redis") as channel,
    ):
        print(f"{logouts} logouts; ms until another process refuses the access token")
        ways = {
            "polling, 1 s": {"SESSIONS_INTERVAL": "1"},
            "Redis": {"SESSIONS_INTERVAL": "1", "SESSIONS_URL": channel.url},
        }
        for number, (name, env) in enumerate(ways.items()):
            database = cluster.create_database(f"way_{number}")
            with served(database, Path(folder) / str(number), **env) as server:
                found = sorted(1000 * delay for delay in delays(server, logouts, _pause))
            cuts = statistics.quantiles(found, n=100, method="inclusive")
            shown = ", ".join(f"p{p} {cuts[p - 1]:.0f}" for p in (50, 90, 99))
            print(f"{name:>13}: {shown}, max {found[-1]:.0f}", flush=True)


def _pause() -> None:
    # At any moment of the interval, as logouts come.
    time.sleep(random.uniform(0, 1))


if __name__ == "__main__":
    main()
