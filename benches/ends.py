"""`python -m benches.ends`: 250,000 sessions end within a minute. What do guards feel of it?

One process with the feed's thread, and a thread that opens a guarded view all the time, against a
private PostgreSQL in which 4,200 sessions end each second. Prints the share of a core that the feed
takes, and percentiles of the guarded request; once without the ends, once with them. `--old` reads
all ends of the last minute in each look, as before. Needs `requirements/dev.txt` and PostgreSQL.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benches.project import set_up
from tests.services import postgres

MINUTE = 250_000
SECONDS = 10

INSERT = """
INSERT INTO djwto_session (id, user_id, mode, created_at, renewed_at, issued_at, expires_at,
    ends_at, authenticated_at, amr, generation, access_until, auth_hash, device, user_agent,
    revoked_at, revoked_reason)
SELECT gen_random_uuid(), n::text, 'JSON', t, t, t, t + 86400000000, 253370764800000000, t, '', 1,
    t + 300000000 + n, '', '', '', t - n * %s, ''
FROM generate_series(1, %s) AS n,
    (SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint) AS t) AS clock
"""


def main() -> None:
    """Measure in its own process, on its own database."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--old", action="store_true")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        _run(json.loads(given.run), is_old=given.old)
        return
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder)) as cluster:
        settings = {
            "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "djwto",
            "HOST": "127.0.0.1", "PORT": cluster.port,
        }  # fmt: skip
        command = [sys.executable, "-m", "benches.ends", "--run", json.dumps(settings)]
        subprocess.run(command + ["--old"] * given.old, check=True)


def _run(database: dict[str, Any], *, is_old: bool) -> None:
    set_up(database)
    from django.db import connection

    from djwto import conf, revocation
    from djwto.revocation.ended_rows import EndedRows

    if is_old:
        EndedRows.read = _old_read
    revocation.require(conf.current())
    print(f"nothing ends:   {_felt()}", flush=True)
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [100, MINUTE])
        cursor.execute("ANALYZE")
    begun = time.monotonic()
    while len(conf.ended_sessions) < MINUTE:
        time.sleep(0.05)
    print(f"{MINUTE:,} ends are known after {time.monotonic() - begun:.1f} s", flush=True)
    stopped = threading.Event()
    command = [sys.executable, "-c", _END_MORE, json.dumps(database), INSERT]
    ending = subprocess.Popen(command)
    try:
        print(f"{MINUTE:,} a minute: {_felt()}", flush=True)
    finally:
        stopped.set()
        ending.kill()


_END_MORE = """
import json, sys, time
import psycopg

database, insert = json.loads(sys.argv[1]), sys.argv[2]
with psycopg.connect(
    host=database["HOST"], port=database["PORT"], user=database["USER"], dbname="postgres",
    autocommit=True,
) as connection:
    while True:
        connection.execute(insert, [0, 420])
        time.sleep(0.1)
"""


def _felt() -> str:
    """Open a guarded view for a while. The feed's share of a core, and what the guard took."""
    from django.test import RequestFactory

    from djwto import authentication, conf

    claims = {"type": "access", "exp": int(time.time()) + 900, "iat": 1, "jti": "j", "sid": _SID}
    token = conf.engine().encode({**claims, "user": {"id": 1}})
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
    feed = next(one for one in threading.enumerate() if one.name == "djwto-revocation")
    clock = time.pthread_getcpuclockid(feed.ident or 0)
    taken, spent, end = [], time.clock_gettime(clock), time.perf_counter() + SECONDS
    while (begun := time.perf_counter()) < end:
        authentication.jwt_authenticate(request)
        # A request waits for its client, and then wants the interpreter's lock back.
        time.sleep(0.0005)
        taken.append(time.perf_counter() - begun - 0.0005)
    share = (time.clock_gettime(clock) - spent) / SECONDS
    taken.sort()
    cuts = ", ".join(f"p{p} {1e3 * taken[int(len(taken) * p / 100)]:.1f}" for p in (50, 99, 99.9))
    return f"feed {share:.1%} of a core; guarded request, ms: {cuts}, max {1e3 * taken[-1]:.1f}"


def _old_read(self: Any, started: float, _interval: float) -> None:
    from djwto import conf, times
    from djwto.models import Session

    rows = Session.rows().filter(revoked_at__gte=times.StoreNow() - 61 * times.SECOND)
    pairs = [
        (key.bytes, until // times.SECOND) for key, until in rows.values_list("pk", "access_until")
    ]
    conf.ended_sessions.extend(pairs)


_SID = "6f1c7d0e-8c5b-4f2a-9d3e-2b1a0c9d8e7f"

if __name__ == "__main__":
    main()
