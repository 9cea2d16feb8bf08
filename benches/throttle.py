"""`python -m benches.throttle`: what the throttle costs, and what it keeps free.

First, the cost of counting one login, for each kind of cache. Then guarded views of a served
portal: at rest, while one address tries to log in under 2,000 names, and while it asks as often for
a page that does not exist. What several connections at full speed cost any page is no cost of the
throttle. Needs `requirements/dev.txt`, PostgreSQL and redis-server. Nothing here passes or fails.
"""

import argparse
import http.client
import itertools
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from benches.project import set_up
from tests.services import Server, postgres, redis, serve

NAMES = 2000
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LOGINS = 400
QUIET_SECONDS = 10
FLOOD_SECONDS = 20
"""How long a flood takes at least: after the last name it begins anew."""


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flood", nargs=2, metavar=("URL", "CERTIFICATE"), help=argparse.SUPPRESS)
    parser.add_argument("--line", help=argparse.SUPPRESS)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8], help="of a flood")
    parser.add_argument("--part", choices=("cost", "flood"))
    given = parser.parse_args()
    if given.flood:
        print(json.dumps(_flood(*given.flood, given.line, *given.connections)))
        return
    with tempfile.TemporaryDirectory() as folder:
        if given.part != "flood":
            _print_costs(Path(folder))
        if given.part != "cost":
            _print_flood(Path(folder), given.connections)


# --- the cost of counting -----------------------------------------------------------------------


def _print_costs(folder: Path) -> None:
    with postgres(folder / "postgres") as cluster, redis(folder / "redis") as server:
        url = urlsplit(cluster.url)
        backends = "django.core.cache.backends"
        table = {"LOCATION": "counts", "OPTIONS": {"MAX_ENTRIES": 1_000_000}}
        set_up(
            {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": url.path.strip("/"),
                "USER": url.username,
                "HOST": url.hostname,
                "PORT": url.port,
            },
            CACHES={
                "LocMem": {"BACKEND": f"{backends}.locmem.LocMemCache"},
                "Redis": {"BACKEND": f"{backends}.redis.RedisCache", "LOCATION": server.url},
                "PostgreSQL": {"BACKEND": f"{backends}.db.DatabaseCache", **table},
                "default": {"BACKEND": f"{backends}.dummy.DummyCache"},
            },
        )
        from django.core.management import call_command

        call_command("createcachetable", verbosity=0)
        print(f"ms for counting one login, the median of {LOGINS}; the password is not hashed")
        print(f"{'':>12} {'good':>8} {'failed':>8} {'429, pair':>10} {'429, network':>13}")
        for name in ("LocMem", "Redis", "PostgreSQL"):
            print(f"{name:>12} " + _costs(name), flush=True)


def _costs(cache: str) -> str:
    from django.core.exceptions import ValidationError
    from django.http import HttpRequest, QueryDict
    from django.test import override_settings

    from djwto import throttle
    from djwto.exceptions import JWTError

    def attempt(name: str, address: str, *, fails: bool) -> None:
        request = HttpRequest()
        request.META["REMOTE_ADDR"] = address
        request.POST = QueryDict(urlencode({"username": name}))
        with suppress(ValidationError, JWTError), throttle.counted(request):
            if fails:
                raise ValidationError("wrong")

    def median(work: Callable[[int], None]) -> float:
        times = []
        for number in range(LOGINS):
            start = time.perf_counter()
            work(number)
            times.append(time.perf_counter() - start)
        return 1000 * statistics.median(times)

    with override_settings(DJWTO_LOGIN_THROTTLE={"cache": cache}):
        good = median(lambda _: attempt("alice", "203.0.113.1", fails=False))
        failed = median(
            lambda number: attempt(f"name{number}", f"10.0.{number // 150}.1", fails=True)
        )
        pair = median(lambda _: attempt("alice", "203.0.113.2", fails=True))
        for number in range(250):
            attempt(f"name{number}", "203.0.113.3", fails=True)
        network = median(lambda number: attempt(f"name{number}", "203.0.113.3", fails=True))
    return f"{good:8.2f} {failed:8.2f} {pair:10.2f} {network:13.2f}"


# --- guarded views during a flood ---------------------------------------------------------------


def _print_flood(folder: Path, connections: list[int]) -> None:
    print(f"\n{NAMES} names from one address; one process, 4 threads")
    print("ms of a guarded view, one request after the other; p99 beside that at rest")
    for server in ("gunicorn", "granian"):
        for count in connections:
            env = {"PORTAL_MODE": "JSON"}
            name = folder / f"{server}-{count}"
            with serve(server, env=env, folder=name) as portal:  # type: ignore[arg-type]
                _print_row(portal, server, count)


def _print_row(portal: Server, server: str, connections: int) -> None:
    token = _access_token(portal)
    with _connected(portal) as connection:
        _times(connection, token, _lasts(QUIET_SECONDS))  # warms up
        quiet = _times(connection, token, _lasts(QUIET_SECONDS))
        print(f"{server:>10}, at rest: {_shown(quiet)}", flush=True)
        for what, line in (("no such page", "GET /nothing/"), ("logins", "POST /login/")):
            command = [sys.executable, "-m", "benches.throttle", "--line", line]
            command += ["--flood", portal.base_url, str(portal.certificate)]
            command += ["--connections", str(connections)]
            start = time.monotonic()
            flood = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            busy = _times(connection, token, partial(_runs, flood))
            seconds = time.monotonic() - start
            answers = json.loads(flood.communicate()[0])
            print(f"{connections:>10} connections, {what}: {_shown(busy)}")
            print(
                f"{'':>12}p99 x {_cut(busy, 99) / _cut(quiet, 99):.1f}; "
                f"{sum(answers.values()) / seconds:.0f} a second: {answers}",
                flush=True,
            )


def _lasts(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def _runs(process: subprocess.Popen[str]) -> bool:
    return process.poll() is None


def _access_token(portal: Server) -> str:
    with _connected(portal) as connection:
        body = urlencode({"username": "alice", "password": "pass"})
        connection.request("POST", "/login/", body, FORM)
        return str(json.loads(connection.getresponse().read())["access"])


def _times(
    connection: http.client.HTTPSConnection, token: str, goes_on: Callable[[], bool]
) -> list[float]:
    found = []
    while goes_on():
        start = time.perf_counter()
        connection.request("GET", "/api/account/", headers={"Authorization": f"Bearer {token}"})
        reply = connection.getresponse()
        reply.read()
        found.append(1000 * (time.perf_counter() - start))
        if reply.status != 200:
            raise SystemExit(f"a guarded view answered {reply.status}")
        time.sleep(0.005)
    return found


def _flood(url: str, certificate: str, line: str, connections: int) -> dict[int, int]:
    """Send a request under each name, once or over and over; counts the statuses answered."""
    method, path = line.split()
    statuses: Counter[int] = Counter()
    numbers = itertools.count()  # one for all threads: its next is atomic
    goes_on = _lasts(FLOOD_SECONDS)
    lock = threading.Lock()

    def guess() -> None:
        with _connection(url, certificate) as connection:
            for number in numbers:
                if number >= NAMES and not goes_on():
                    return
                body = urlencode({"username": f"name{number % NAMES}", "password": "guess"})
                connection.request(method, path, body if method == "POST" else None, FORM)
                reply = connection.getresponse()
                reply.read()
                with lock:
                    statuses[reply.status] += 1

    threads = [threading.Thread(target=guess) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(statuses)


def _connected(portal: Server) -> AbstractContextManager[http.client.HTTPSConnection]:
    return _connection(portal.base_url, str(portal.certificate))


@contextmanager
def _connection(url: str, certificate: str) -> Iterator[http.client.HTTPSConnection]:
    address = urlsplit(url)
    trust = ssl.create_default_context(cafile=certificate)
    one = http.client.HTTPSConnection(
        address.hostname or "", address.port, timeout=120, context=trust
    )
    try:
        yield one
    finally:
        one.close()


def _cut(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _shown(values: list[float]) -> str:
    cuts = ", ".join(f"p{percent} {_cut(values, percent):.1f}" for percent in (50, 90, 99))
    return f"{cuts} (of {len(values)})"


if __name__ == "__main__":
    # The portal's settings are those of its own environment.
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    main()
