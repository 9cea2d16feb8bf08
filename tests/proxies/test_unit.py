"""The systemd unit of `deploy/`, as it is: systemd starts, restricts, reloads and stops the server.

What is not tried is `IPAddressDeny=`: all that the server reaches here is on this machine. One file
beside the unit sends what the server logs to a file, because no journal runs.
"""

import http.client
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.client import Client
from conformance.target import Target
from tests import services
from tests.proxies import apart, booted, wire
from tests.proxies import stack as stacks
from tests.proxies.apart import Portal
from tests.proxies.booted import SECONDS, Systemd
from tests.proxies.proxies import DEPLOY

NAME = "djwto-server.service"
UNIT = DEPLOY / "systemd" / NAME
SOCKET = Path("/run/djwto/guard.sock")

EXPOSURE = 1.5
"""The most that `systemd-analyze security` may find, of 10. It counts that the network is there."""


@dataclass
class Service:
    """The unit in a systemd, and the portal whose logins it checks."""

    systemd: Systemd
    portal: Portal
    port: int

    @property
    def config(self) -> Path:
        """djwto.toml, from outside."""
        return self.systemd.root / "etc" / "djwto" / "djwto.toml"

    def is_(self, state: str) -> bool:
        return self.systemd.property(NAME, "ActiveState") == state

    def is_ready(self) -> bool:
        return wire.ask(self.port, "/readyz", tls=False).status == 200

    def logged(self) -> str:
        return (self.systemd.root / "run" / "djwto.log").read_text()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The server is installed, and not started."""
    if reason := booted.missing():
        pytest.skip(reason)
    try:
        stacks.guard_program()
    except services.ServiceError as missing:
        pytest.skip(str(missing))
    with ExitStack() as ends:
        systemd = ends.enter_context(booted.systemd(tmp_path_factory.mktemp("systemd")))
        portal = ends.enter_context(apart.portal())
        made = Service(systemd, portal, services.free_port())
        install(made)
        yield made


def install(service: Service) -> None:
    """Do what `docs/guard-anything.md` says, with the portal in /srv/portal."""
    run, root = service.systemd.run, service.systemd.root
    run("useradd", "--system", "djwto")
    run("install", "-d", "-o", "djwto", "-g", "djwto", "-m", "700", "/var/lib/djwto")
    run("mkdir", "-p", "/srv/portal", "/etc/djwto", "/usr/local/bin")
    run("mount", "--bind", str(service.portal.folder), "/srv/portal")
    shutil.copy(stacks.guard_program(), root / "usr" / "local" / "bin" / "djwto-server")
    listen = f'["127.0.0.1:{service.port}", "unix:{SOCKET}"]'
    config = apart.CONFIG.format(
        portal="/srv/portal", own="/var/lib/djwto", listen=listen, host=apart.HOST
    )
    unix = '[[peers]]\naddress = "unix"\nproxy = "nginx"\n\n[assertions]'
    service.config.write_text(config.replace("[assertions]", unix))
    apart.share(lambda command: run(*command), "/srv/portal", "djwto")
    export = ["djwto_export", "--output", "/srv/portal/export.json", "--group", "djwto"]
    manage(service, *export)
    server = ["/usr/local/bin/djwto-server", "--config", "/etc/djwto/djwto.toml"]
    run("setpriv", "--reuid=djwto", "--regid=djwto", "--init-groups", *server, "keys", "init")
    units = root / "etc" / "systemd" / "system"
    shutil.copy(UNIT, units)
    (units / f"{NAME}.d").mkdir()
    log = "[Service]\nStandardOutput=append:/run/djwto.log\nStandardError=inherit\n"
    (units / f"{NAME}.d" / "log.conf").write_text(log)
    run("systemctl", "daemon-reload")


def manage(service: Service, *words: str) -> None:
    """Run a command of the portal where the groups of the server's machine are known."""
    command = service.systemd.command(["env", "-C", str(services.PORTAL), sys.executable])
    env = service.portal.server.env
    done = subprocess.run(
        [*command, "manage.py", *words], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def started(service: Service) -> Iterator[Service]:
    """The service runs. `systemctl start` returns once it is ready."""
    done = service.systemd.tried("systemctl", "start", NAME)
    assert done.returncode == 0, done.stderr + service.logged()
    assert service.is_ready()
    yield service
    service.systemd.run("systemctl", "stop", NAME)
    service.systemd.tried("systemctl", "reset-failed", NAME)


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[Client]:
    with Target.of(service.portal.server, "JSON") as target:
        client = Client(target)
        assert client.login("alice").status_code == 200
        yield client


def until(is_true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_systemd_finds_no_fault_in_the_unit(service: Service) -> None:
    words = ("systemd-analyze", "verify", "--man=no", f"/etc/systemd/system/{NAME}")
    done = service.systemd.tried(*words)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_unit_leaves_little_open() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing. On Debian: apt-get install systemd")
    threshold = f"--threshold={EXPOSURE * 10:.0f}"
    words = ["security", "--offline=true", "--no-pager", threshold, str(UNIT)]
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_token_passes_and_a_logout_is_noticed(started: Service) -> None:
    with Target.of(started.portal.server, "JSON") as target:
        client = Client(target)
        assert client.login("alice").status_code == 200
        assert apart.ask(started.port, client).status == 200
        assert client.post("/api/token/refresh/logout/").status_code == 200
        ended = time.monotonic()
        while (answer := apart.ask(started.port, client)).status == 200:
            assert time.monotonic() - ended < apart.LOGOUT_SECONDS
        assert answer.code == "token_blacklisted"


def test_a_proxy_of_the_group_may_use_the_socket(started: Service, client: Client) -> None:
    path = started.systemd.root / SOCKET.relative_to("/")
    group = started.systemd.run("id", "-g", "djwto").strip()
    found = path.stat()
    assert (stat.S_IMODE(found.st_mode), str(found.st_gid)) == (0o660, group)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        lines = [f"{name}: {value}" for name, value in apart.headers(client, "/open/a")]
        head = "\r\n".join(["GET /auth HTTP/1.1", "Host: x", *lines, "", ""])
        connection.sendall(head.encode())
        with http.client.HTTPResponse(connection) as reply:
            reply.begin()
            assert reply.status == 200


def test_it_has_no_rights(started: Service) -> None:
    pid = started.systemd.property(NAME, "MainPID")
    lines = started.systemd.run("cat", f"/proc/{pid}/status").splitlines()
    status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    user = started.systemd.run("id", "-u", "djwto").split()
    assert status["Uid"] == user * 4
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert status[name] == ["0" * 16], name
    assert (status["NoNewPrivs"], status["Seccomp"]) == (["1"], ["2"])


PROBE = """
tried() {
    name=$1
    shift
    if "$@" >/dev/null 2>&1; then echo "$name yes"; else echo "$name no"; fi
}
tried djwto.toml cat /etc/djwto/djwto.toml
tried export cat /srv/portal/export.json
tried database cat /srv/portal/portal.sqlite3
tried own-keys cat /var/lib/djwto/assertion-keys.json
tried private-key cat /srv/portal/keys.json
tried secret-key cat /srv/portal/secret.key
tried init cat /proc/1/environ
tried write-runtime touch /run/djwto/x
tried write-own touch /var/lib/djwto/x
tried write-config sh -c 'echo >>/etc/djwto/djwto.toml'
tried write-portal touch /srv/portal/x
tried write-system touch /usr/x
tried setgid chmod g+s /run/djwto/x
tried namespace unshare --user true
tried mount mount -t tmpfs none /run/djwto
tried priority renice -n 5 $$
echo "homes $(ls -A /root /home 2>/dev/null | grep -c -v ':$')"
echo "shared $(ls -A /tmp | wc -l)"
"""


def test_the_restrictions_of_the_unit_hold(service: Service) -> None:
    """A shell in the place of the server tries what an attacker in it would."""
    may = {"djwto.toml", "export", "database", "own-keys", "write-runtime"}
    replaced = ("Exec", "Type=", "Restart", "[Install]", "WantedBy=")
    lines = UNIT.read_text().splitlines()
    restricted = [line for line in lines if not line.startswith(replaced)]
    found = probed(service, restricted)
    assert {name for name, answer in found.items() if answer == "yes"} == may
    assert (found["homes"], found["shared"]) == ("0", "0")
    # Root can do all of it, so that a program that is missing proves nothing.
    open_to_all = probed(service, ["[Service]", "RuntimeDirectory=djwto", "PrivateMounts=yes"])
    assert set(open_to_all) == set(found)
    assert "no" not in open_to_all.values()
    assert "0" not in (open_to_all["homes"], open_to_all["shared"])


def probed(service: Service, lines: list[str]) -> dict[str, str]:
    """Run the probe in a unit of these lines, and give its answers by their names."""
    root = service.systemd.root
    (root / "etc" / "djwto" / "probe").write_text(PROBE)
    probe = ["Type=oneshot", "ExecStart=/bin/sh /etc/djwto/probe"]
    log = ["StandardOutput=truncate:/run/probe.log", "StandardError=inherit"]
    unit = root / "etc" / "systemd" / "system" / "probe.service"
    unit.write_text("\n".join([*lines, *probe, *log, ""]))
    service.systemd.run("systemctl", "daemon-reload")
    service.systemd.run("systemctl", "start", unit.name)
    said = (root / "run" / "probe.log").read_text().splitlines()
    return {name: answer for name, _, answer in (line.partition(" ") for line in said)}


def test_a_reload_reads_the_files_and_a_mistake_fails(started: Service, client: Client) -> None:
    good = started.config.read_text()
    assert apart.ask(started.port, client, "/new/a").status != 200
    try:
        started.config.write_text(good.replace("/open/*", "/new/*"))
        started.systemd.run("systemctl", "reload", NAME)
        until(lambda: apart.ask(started.port, client, "/new/a").status == 200, "the new rules")
        pid = started.systemd.property(NAME, "MainPID")
        started.config.write_text(good.replace("allow =", "allows ="))
        assert started.systemd.tried("systemctl", "reload", NAME).returncode != 0
        assert "unknown field `allows`" in started.logged()
        assert apart.ask(started.port, client, "/new/a").status == 200
        assert started.systemd.property(NAME, "MainPID") == pid
    finally:
        started.config.write_text(good)
    started.systemd.run("systemctl", "reload", NAME)
    until(lambda: apart.ask(started.port, client).status == 200, "the rules before")
    assert started.is_("active")


def test_a_stop_answers_what_has_begun(started: Service) -> None:
    address = ("127.0.0.1", started.port)
    with socket.create_connection(address, timeout=SECONDS) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        # The answer to another request says that the first lines have come.
        assert started.is_ready()
        stop = subprocess.Popen(started.systemd.command(["systemctl", "stop", NAME]))
        try:
            until(lambda: started.is_("deactivating"), "the stop")
            connection.sendall(b"\r\n")
            with http.client.HTTPResponse(connection) as reply:
                reply.begin()
                assert reply.status == 200
        finally:
            assert stop.wait(SECONDS) == 0
    assert started.is_("inactive")
    assert started.systemd.property(NAME, "Result") == "success"


def test_a_server_that_was_killed_is_started_again(started: Service, client: Client) -> None:
    pid = int(started.systemd.property(NAME, "MainPID"))
    started.systemd.run("kill", "-s", "KILL", str(pid))
    until(lambda: started.systemd.property(NAME, "NRestarts") == "1", "the restart")
    until(lambda: started.is_("active"), "the new server")
    assert apart.ask(started.port, client).status == 200


def test_it_starts_once_the_database_is_there(service: Service) -> None:
    database = service.portal.folder / "portal.sqlite3"
    away = database.with_name("away")
    database.rename(away)
    try:
        service.systemd.run("systemctl", "start", "--no-block", NAME)
        until(lambda: service.systemd.property(NAME, "NRestarts") not in ("", "0"), "an attempt")
        assert service.is_("activating")
    finally:
        away.rename(database)
    until(lambda: service.is_("active"), "the start")
    assert service.is_ready()
    service.systemd.run("systemctl", "stop", NAME)
