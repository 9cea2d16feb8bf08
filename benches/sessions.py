"""Sessions at scale: a million, of which a hundred thousand end within one access lifetime.

`python -m benches.sessions`. Starts a private PostgreSQL; SQLite is a file in a temporary folder.
"""

import json
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from benches.project import set_up
from benches.timing import interleave, middle, table

LIVE, ENDED = 1_000_000, 100_000
ROUNDS = 30
CALLS = 2000

COLUMNS = (
    "id, user_id, mode, created_at, renewed_at, issued_at, expires_at, ends_at, authenticated_at, "
    "amr, generation, access_until, auth_hash, device, user_agent, address, revoked_at, "
    "revoked_reason"
)
NEVER = 253_370_764_800_000_000
INSERT = {
    "postgresql": f"""
        INSERT INTO djwto_session ({COLUMNS})
        SELECT gen_random_uuid(), (n / 3)::text, 'TWO-COOKIES', {{NOW}}, {{NOW}}, {{NOW}},
            {{NOW}} + 86400000000, {NEVER}, {{NOW}}, 'pwd', 1, {{NOW}} + 300000000,
            repeat('0', 64), 'Firefox on Linux', 'Mozilla/5.0', '127.0.0.1',
            CASE WHEN n <= {ENDED} THEN {{NOW}} - n * 3000 END, ''
        FROM generate_series(1, {LIVE}) AS n""",
    "sqlite": f"""
        WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {LIVE})
        INSERT INTO djwto_session ({COLUMNS})
        SELECT lower(hex(randomblob(16))), n / 3, 'TWO-COOKIES', {{NOW}}, {{NOW}}, {{NOW}},
            {{NOW}} + 86400000000, {NEVER}, {{NOW}}, 'pwd', 1, {{NOW}} + 300000000,
            '0000000000000000000000000000000000000000000000000000000000000000',
            'Firefox on Linux', 'Mozilla/5.0', '127.0.0.1',
            CASE WHEN n <= {ENDED} THEN {{NOW}} - n * 3000 END, ''
        FROM s""",
}


def main() -> None:
    """Measure the set, then the queries on each database, each in its own process."""
    _checks()
    for backend in INSERT:
        with _database(backend) as settings:
            command = [sys.executable, "-m", "benches.sessions", json.dumps(settings)]
            subprocess.run(command, check=True)


def _checks() -> None:
    """What the set takes in memory, and a check in time."""
    from djwto import _core

    keys = [uuid.uuid4() for _ in range(ENDED)]
    pairs = [(key.bytes, int(time.time()) + 300) for key in keys]
    before = _resident()
    full = _core.Revocations()
    full.extend(pairs)
    size = (_resident() - before) / ENDED
    engines = {
        "no check": _engine(None),
        "an empty set": _engine(_core.Revocations()),
        f"{ENDED:,} ended sessions": _engine(full),
    }
    now = time.time()
    claims = {"exp": int(now) + 3600, "iat": int(now), "jti": "j", "type": "access"}
    claims |= {"sid": str(uuid.uuid4()), "user": {"id": 1}}
    token = engines["no check"].encode(claims)
    bearer = f"Bearer {token}"
    works = {
        name: lambda _, engine=engine, even=name == "no check": engine.authenticate(
            bearer, None, "access", now, allow_revoked=even
        )
        for name, engine in engines.items()
    }
    batch = {name: [None] * CALLS for name in works}
    samples = interleave(works, [batch] * (ROUNDS + 1))
    table(
        f"A token that comes again, against the set of ended sessions: {size:.0f} bytes an entry",
        ["µs"],
        [[name, middle(values)] for name, values in samples.items()],
    )


def _engine(revocations: Any) -> Any:
    from djwto import _core

    keys = _core.KeyRing.load("HS256", b"a secret for benches, of 48 bytes" + b"." * 15, None, [])
    return _core.Engine(
        keys=keys, issuer=None, subject=None, audience=None, issued_at=True, jti=True,
        access_lifetime=timedelta(minutes=5), refresh_lifetime=timedelta(days=1),
        not_before=timedelta(), modes=["JSON"], refresh_path="r", same_site=None, domain=None,
        cache_entries=4096, cache_bytes=2**24, revocations=revocations,
    )  # fmt: skip


def _queries(settings: dict[str, Any]) -> None:
    """In its own process: fill the table, then time the queries."""
    set_up(settings)
    from django.core.management import call_command
    from django.db import connection

    from djwto import conf, times
    from djwto.models import Session
    from djwto.revocation.poller import RevocationPoller

    with connection.cursor() as cursor:
        cursor.execute(INSERT[connection.vendor].replace("{NOW}", str(times.now())))
        cursor.execute("ANALYZE")
    feed = RevocationPoller(conf.Revocation(interval=None, max_age=None, url=None))
    rows = []

    def timed(name: str, work: Any) -> None:
        start = time.perf_counter()
        work()
        rows.append([name, f"{(time.perf_counter() - start) * 1e3:,.1f}"])

    timed(f"full load of {ENDED:,} ended sessions", lambda: feed._poll(time.monotonic()))
    assert len(conf.ended_sessions) == ENDED
    timed(
        "the query of an interval, with 60 s of ends (20,000)", lambda: feed._poll(time.monotonic())
    )
    past = 3600 * times.SECOND
    Session.objects.filter(revoked_at__isnull=False).update(revoked_at=times.StoreNow() - past)
    for _ in range(3):
        timed("the same, when nothing has ended", lambda: feed._poll(time.monotonic()))
    Session.objects.filter(revoked_at__isnull=False).update(
        expires_at=times.StoreNow() - 2 * past, access_until=times.StoreNow() - 2 * past
    )
    timed(f"clean-up of {ENDED:,} rows", lambda: call_command("delete_tokens", verbosity=0))
    table(f"{connection.vendor}, {LIVE:,} sessions", ["ms"], rows)
    plan = Session.objects.filter(revoked_at__gte=times.StoreNow() - 61 * times.SECOND)
    print("  " + plan.values_list("pk", "access_until").explain().replace("\n", "\n  "))


@contextmanager
def _database(backend: str) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        if backend == "sqlite":
            yield {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(Path(folder) / "scale.sqlite3"),
            }
            return
        from tests.services import postgres

        with postgres(Path(folder)) as cluster:
            yield {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": "postgres",
                "USER": "djwto",
                "HOST": "127.0.0.1",
                "PORT": cluster.port,
            }


def _resident() -> int:
    """Bytes of memory that this process has; 0 where there is no /proc."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss"))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _queries(json.loads(sys.argv[1]))
    else:
        main()
