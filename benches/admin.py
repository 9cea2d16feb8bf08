"""The admin's list of sessions, with a million rows on PostgreSQL.

`python -m benches.admin` starts a private server, fills it and prints the seconds of each page:
the best and the worst of five requests.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.projects.plain.settings")
ROWS, USERS, ROUNDS = 1_000_000, 10_000, 5

PAGES = {
    "all": "",
    "ended": "?state=ended",
    "live": "?state=live",
    "ended, page 50": "?state=ended&p=50",
    "a reason that is rare": "?revoked_reason=reuse",
    "one mode": "?mode=TWO-COOKIES",
    "ended, oldest first": "?state=ended&o=6",
    "search: a name": "?q=name-77",
    "search: one name, ended": "?q=name-777&state=ended",
    "search: a key": "?q=4711",
    "search: no one": "?q=nothing",
}

FILL = """
INSERT INTO djwto_session (
    id, user_id, mode, created_at, renewed_at, issued_at, expires_at, ends_at, authenticated_at,
    amr, generation, access_until, auth_hash, device, user_agent, address, revoked_at,
    revoked_reason
)
SELECT
    gen_random_uuid(), (n %% {users} + 2)::text,
    CASE WHEN n %% 3 = 0 THEN 'JSON' ELSE 'TWO-COOKIES' END,
    at, at, at, at + 86400000000, at + 8640000000000, at, '', 0, at + 300000000, '',
    'Firefox on Linux', 'Mozilla/5.0', '192.0.2.7',
    CASE WHEN n %% 2 = 0 THEN at + 1000000 END,
    CASE WHEN n %% 100000 = 0 THEN 'reuse' WHEN n %% 2 = 0 THEN 'logout' ELSE '' END
FROM (
    SELECT n, (extract(epoch FROM now()) * 1000000)::bigint - n * 1000000::bigint AS at
    FROM generate_series(1, {rows}) AS n
) AS drawn
"""


def main() -> None:
    """Start, fill, measure."""
    from tests.services import postgres

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with postgres(Path(folder) / "pg") as server:
            measure(server.create_database("admin"))


def measure(url: str) -> None:
    """Fill the database and ask for each page."""
    import django
    from django.conf import settings

    parts = urlsplit(url)
    settings.DATABASES["default"] |= {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.strip("/"),
        "USER": parts.username,
        "HOST": parts.hostname,
        "PORT": parts.port,
    }
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    call_command("migrate", verbosity=0)
    admin = User.objects.create_superuser("admin", password="pass")
    User.objects.bulk_create(
        [User(pk=n + 2, username=f"name-{n}") for n in range(USERS)], batch_size=1000
    )
    with connection.cursor() as cursor:
        cursor.execute(FILL.format(users=USERS, rows=ROWS).replace("%%", "%"))
        cursor.execute("VACUUM ANALYZE djwto_session")
    client = Client()
    client.force_login(admin)
    slowest = 0.0
    for name, query in PAGES.items():
        taken = []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            reply = client.get(f"/admin/djwto/session/{query}", secure=True)
            taken.append(time.perf_counter() - begin)
            assert reply.status_code == 200, reply.status_code
        slowest = max(slowest, *taken)
        sys.stdout.write(f"{name:<26} {min(taken):6.3f} s … {max(taken):6.3f} s\n")
    sys.stdout.write(f"slowest: {slowest:.3f} s\n")


if __name__ == "__main__":
    main()
