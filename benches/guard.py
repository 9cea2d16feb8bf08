"""djwto-server: speed, memory, start and size, beside what is to be reached.

`make bench-server` builds what is measured, and prints the table. Names of parts, such as
`python -m benches.guard speed proxied`, run those alone. Nothing here fails.
"""

import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from server import GLIBC, built, is_expected, links
from wheels import host

from benches.guard_project import (
    CLIENT_CORE,
    HOSTS,
    PAGE,
    REVOKED,
    RULES,
    SERVER_CORE,
    Login,
    Project,
    answer,
    host_name,
    on_core,
    running,
)
from benches.servers import busy
from benches.timing import table
from tests import services
from tests.proxies import proxies

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / "target" / "release"
ROUNDS = 15
SECONDS = 2.0
CONNECTIONS = 32
USERS = 100
FIRST_SIGHTS, DECISION_ROUNDS = 4000, 20
STARTS = 25
ENDS = 25
CACHED = 4096
"""`CACHE_ENTRIES` of djwto-core: the tokens that the guard keeps."""
ASSERTED = 6
"""The most assertions that are kept for one token."""


class Row(NamedTuple):
    """A line of the table."""

    what: str
    found: str
    wanted: str = ""
    is_reached: bool | None = None
    """None where nothing is wanted: the line explains another one."""


def main() -> None:
    """Measure the parts, and print."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="djwto-bench-") as name:
        project = Project(Path(name), built(host()))
        for part in sys.argv[1:] or PARTS:
            print(f"==> {part}", flush=True)
            rows += PARTS[part](project)
    verdicts = {True: "reached", False: "NOT REACHED", None: ""}
    table(
        "djwto-server: medians, with the lower and the upper quartile",
        ["found", "to reach", ""],
        [[row.what, row.found, row.wanted, verdicts[row.is_reached]] for row in rows],
    )


# --- /auth --------------------------------------------------------------------------------------


def speed(project: Project) -> list[Row]:
    """Requests per second of `/auth`, beside a server of axum that answers nothing."""
    requests = [login.asked(number % HOSTS) for number, login in enumerate(project.logins(USERS))]
    with ExitStack() as ends:
        bare = services.free_port()
        command = [str(RELEASE / "bare"), str(bare)]
        servers = {"bare": (ends.enter_context(running(command, project.folder, bare)), bare)}
        for config in ("djwto", "logging"):
            process = ends.enter_context(project.guard(config))
            servers[config] = process, project.ports[config]
        rates = _alternate(servers, requests)
    rows = [
        Row(
            f"/auth, {HOSTS} hosts, {HOSTS * RULES} rules, cached, of bare axum",
            *_at_least(_ratios(rates["djwto"], rates["bare"], 0), 0.75),
        )
    ]
    for name, what in {"djwto": "by its processor's time", "logging": "with a log line"}.items():
        place = 1 if name == "djwto" else 0
        ratios = _ratios(rates[name], rates["bare"], place)
        rows.append(Row(f"  the same, {what}", _quartiles(ratios, "{:.2f}")))
    for name in ("bare", "djwto"):
        values = [rate for rate, _ in rates[name]]
        rows.append(Row(f"  requests a second, {name}", _quartiles(values, "{:,.0f}")))
    return rows


Rates = dict[str, list[tuple[float, float]]]
"""For each name and round, the requests per second, and per second of the processor."""


def _alternate(
    servers: dict[str, tuple["subprocess.Popen[bytes]", int]], requests: list[bytes]
) -> Rates:
    """Load the servers in turn: A B C, B C A, C A B."""
    rates: Rates = {name: [] for name in servers}
    for _, port in servers.values():
        for _ in range(3):  # so that tokens and assertions are kept
            load(port, requests, 0)
    names = [*servers]
    for number in range(ROUNDS):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            process, port = servers[name]
            before = busy(process.pid)
            answers, seconds = load(port, requests, SECONDS)
            spent = busy(process.pid) - before
            rates[name].append((answers / seconds, answers / spent))
    return rates


def load(
    port: int, requests: list[bytes], seconds: float, connections: int = CONNECTIONS
) -> tuple[int, float]:
    """Send requests in turn, for so long and each at least once. Gives the answers and the time."""
    command = [RELEASE / "load", str(port), str(connections), str(seconds)]
    with on_core(CLIENT_CORE):
        done = subprocess.run(command, input=b"".join(requests), capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"the load ended: {done.stderr.decode()}")
    answers, took = done.stdout.split()
    return int(answers), float(took)


def _ratios(
    values: list[tuple[float, float]], base: list[tuple[float, float]], place: int
) -> list[float]:
    return [one[place] / other[place] for one, other in zip(values, base, strict=True)]


# --- behind nginx -------------------------------------------------------------------------------


def proxied(project: Project) -> list[Row]:
    """Requests per second through nginx, beside the same nginx that asks no one."""
    as_deployed = _proxied(project, keeps=False)
    # A connection to the service costs more than what a guard does, and hides it.
    kept = _proxied(project, keeps=True)
    rows = []
    for rates, what, wanted in (
        (as_deployed, "behind nginx's auth_request, of a plain proxy", 0.6),
        (kept, "  the same, with kept connections to the service", None),
    ):
        plain = rates.pop("plain")
        guard, bare = (
            [one / other for one, other in zip(rates[name], plain, strict=True)]
            for name in ("guard", "bare")
        )
        found = _at_least(guard, wanted) if wanted else (_quartiles(guard, "{:.2f}"),)
        rows += [
            Row(what, *found),
            Row("  with bare axum instead of the guard", _quartiles(bare, "{:.2f}")),
            Row("  requests a second, plain proxy", _quartiles(plain, "{:,.0f}")),
            Row("  requests a second, guarded", _quartiles(rates["guard"], "{:,.0f}")),
        ]
    return rows


def _proxied(project: Project, *, keeps: bool) -> dict[str, list[float]]:
    """Give the requests per second of each round: without a guard, with it, and with a bare one."""
    logins = project.logins(USERS)
    service = services.free_port()
    with ExitStack() as ends:
        command = [str(RELEASE / "bare"), str(service)]
        ends.enter_context(running(command, project.folder, service))
        ends.enter_context(project.guard())
        asked = [_through(login, host_name(0)) for login in logins]
        plain = [_through(login, PLAIN) for login in logins]
        guarded = ends.enter_context(_nginx(project, project.ports["djwto"], service, keeps=keeps))
        subrequest = ends.enter_context(_nginx(project, service, service, keeps=keeps))
        works = {"plain": (guarded, plain), "guard": (guarded, asked), "bare": (subrequest, asked)}
        rates: dict[str, list[float]] = {name: [] for name in works}
        for number in range(ROUNDS + 1):
            first = number % len(works)
            for name in [*works][first:] + [*works][:first]:
                port, requests = works[name]
                answers, seconds = load(port, requests, SECONDS if number else 0)
                if number:  # the first keeps tokens
                    rates[name].append(answers / seconds)
    return rates


PLAIN = "plain.example.com"
KEPT = "keepalive_requests 1000000000;"


def _through(login: Login, host: str) -> bytes:
    lines = [f"GET {PAGE} HTTP/1.1", f"Host: {host}", f"Cookie: {login.cookie}"]
    return "\r\n".join([*lines, "", ""]).encode()


@contextmanager
def _nginx(project: Project, guard: int, service: int, *, keeps: bool) -> Iterator[int]:
    """Run nginx with the files of `deploy/`, without TLS, and with a server that asks no one.

    ``keeps`` says whether its connections to the service stay open.
    """
    port = services.free_port()
    plain = (
        f"server {{\n {KEPT}\n listen 127.0.0.1:{port};\n server_name {PLAIN};\n location / {{\n"
        " proxy_pass http://models;\n proxy_http_version 1.1;\n"
        ' proxy_set_header Connection "";\n }\n }\n    '
    )
    changes = {
        "listen 443 ssl http2": "listen 443 ",
        "    ssl_certificate /etc/ssl/djwto/cert.pem;\n": "",
        "    ssl_certificate_key /etc/ssl/djwto/key.pem;\n": "",
        "server_name models.demo.localhost": f"{KEPT} server_name {host_name(0)}",
        "# The guarded service.": plain + "# The guarded service.",
    }
    if keeps:
        changes["server 127.0.0.1:8888;"] = "server 127.0.0.1:8888;\n keepalive 64;"
    behind = proxies.Behind(guard, service, service, host_name(0))
    folder = project.folder / f"nginx-{port}"
    with ExitStack() as ends:
        with on_core(SERVER_CORE):
            ends.enter_context(proxies.run("nginx", folder, port, behind, changes))
        yield port


# --- in process ---------------------------------------------------------------------------------


def first_sight(project: Project) -> list[Row]:
    """A decision about a token that comes for the first time, without the signatures."""
    requests = [
        login.asked(number % HOSTS) for number, login in enumerate(project.logins(FIRST_SIGHTS))
    ]
    (project.folder / "requests").write_bytes(b"".join(requests))
    command = [RELEASE / "decide", project.folder, str(DECISION_ROUNDS)]
    with on_core(CLIENT_CORE):
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    rounds = [[float(one) for one in line.split()] for line in done.splitlines()][1:]
    plain, full, verify, sign = (list(one) for one in zip(*rounds, strict=True))
    rest = [a - b for a, b in zip(plain, verify, strict=True)]
    asserted = [a - b - c for a, b, c in zip(full, verify, sign, strict=True)]
    return [
        Row("first sight in process, without the signature", *_at_most(rest, 5, "{:.1f} µs")),
        Row("  with an assertion, without both signatures", _quartiles(asserted, "{:.1f} µs")),
        Row("  with an assertion, in all", _quartiles(full, "{:.1f} µs")),
        Row("  verify the token, EdDSA", _quartiles(verify, "{:.1f} µs")),
        Row("  sign the assertion, EdDSA", _quartiles(sign, "{:.1f} µs")),
    ]


# --- memory, start, revocation, size ------------------------------------------------------------


def memory(project: Project) -> list[Row]:
    """The memory of the process (RSS), idle and full."""
    with project.guard() as process:
        idle = _resident(process.pid)
    project.revoke_many()
    logins = project.logins(CACHED)
    with project.guard() as process:
        revoked = _resident(process.pid)
        # A token is kept when it comes again.
        _ask_each(project, logins, 0, 3)
        once = _resident(process.pid)
        for host in range(1, ASSERTED):
            _ask_each(project, logins, host, 1)
        full = _resident(process.pid)
        sizes = {
            "ended sessions": (project.metric("djwto_ended_sessions"), REVOKED),
            "kept tokens": (project.metric("djwto_cache_entries"), CACHED),
        }
    for what, (found, wanted) in sizes.items():
        if found < wanted:
            raise SystemExit(f"expected {wanted} {what}, found {found}")
    length = len(logins[0].cookie.partition(";")[0])
    return [
        Row("memory, idle", *_at_most([idle], 12, "{:.1f} MB")),
        Row(f"  with {REVOKED:,} revoked", f"{revoked:.1f} MB"),
        Row(f"  and {CACHED:,} tokens of {length:,} bytes, an assertion each", f"{once:.1f} MB"),
        Row(f"  and {ASSERTED} assertions for each: full", *_at_most([full], 50, "{:.1f} MB")),
    ]


def _ask_each(project: Project, logins: list[Login], host: int, times: int) -> None:
    requests = [login.asked(host) for login in logins for _ in range(times)]
    load(project.ports["djwto"], requests, 0, connections=1)


def _resident(pid: int) -> float:
    """Give the MB that a process has in memory."""
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def start(project: Project) -> list[Row]:
    """The time from a start to the first 200 of `/readyz`, with SQLite."""
    times = [project.started() * 1e3 for _ in range(STARTS)]
    return [Row("start to ready, SQLite", *_at_most(times, 100, "{:.0f} ms"))]


def revocation(project: Project) -> list[Row]:
    """The time from a logout to the first refusal. Every logout must be in time."""
    from djwto import conf, sessions

    interval, chance = conf.current().revocation.interval, random.Random(1)
    times = []
    with (
        project.guard(),
        socket.create_connection(("127.0.0.1", project.ports["djwto"]), 10) as client,
    ):
        for login in project.logins(ENDS):
            request = login.asked(0)
            for _ in range(3):
                status, _ = answer(client, request)
                assert status == 200, status
            time.sleep(chance.random() * interval)  # at any moment between two looks
            sessions.end(login.session)
            ended = time.perf_counter()
            while answer(client, request)[0] == 200:
                pass
            times.append((time.perf_counter() - ended) * 1e3)
    most = interval * 1e3 + 100
    found = f"{median(times):.0f} ms, at most {max(times):.0f} ms"
    return [
        Row(
            f"revoked to refused, an interval of {interval:g} s",
            found,
            f"≤ {most:.0f} ms",
            max(times) <= most,
        )
    ]


def binary(project: Project) -> list[Row]:
    """What the program links, and its size."""
    libraries, glibc = links(project.program)
    newest, wanted = (".".join(map(str, one)) for one in (glibc, GLIBC))
    names = " ".join(one.partition(".so")[0] for one in libraries)
    return [
        Row("the program links", names, "glibc's", all(map(is_expected, libraries))),
        Row("  symbols of glibc up to", newest, f"≤ {wanted}", glibc <= GLIBC),
        Row("  size", f"{project.program.stat().st_size / 1e6:.1f} MB"),
    ]


PARTS: dict[str, Callable[[Project], list[Row]]] = {
    "speed": speed,
    "first_sight": first_sight,
    "proxied": proxied,
    "start": start,
    "revocation": revocation,
    "memory": memory,
    "binary": binary,
}


def _quartiles(values: list[float], form: str) -> str:
    """The median, and the range that holds the middle half."""
    if len(values) < 2:
        return form.format(values[0])
    low, _, high = (form.format(one) for one in quantiles(values, n=4))
    return f"{form.format(median(values))} ({low.split(' ')[0]} to {high.split(' ')[0]})"


def _at_least(values: list[float], wanted: float) -> tuple[str, str, bool]:
    return _quartiles(values, "{:.2f}"), f"≥ {wanted:g}", median(values) >= wanted


def _at_most(values: list[float], wanted: float, form: str) -> tuple[str, str, bool]:
    unit = form.partition(" ")[2]
    return _quartiles(values, form), f"≤ {wanted:g} {unit}", median(values) <= wanted


if __name__ == "__main__":
    main()
