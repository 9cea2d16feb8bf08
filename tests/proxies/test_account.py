"""The server runs as an account that may not read Django's private key, nor its SECRET_KEY."""

import grp
import os
import pwd
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from conformance.client import Client
from conformance.target import Target
from tests import services
from tests.proxies import apart, wire
from tests.proxies import stack as stacks
from tests.proxies.apart import Portal

ACCOUNT = "nobody"


@pytest.fixture
def portal() -> Iterator[Portal]:
    if not services.is_root():
        pytest.skip("Only root can start the server as another account.")
    try:
        stacks.guard_program()
    except services.ServiceError as missing:
        pytest.skip(str(missing))
    with apart.portal() as running:
        yield running


def test_the_server_may_not_read_what_signs(portal: Portal) -> None:
    account, top = pwd.getpwnam(ACCOUNT), portal.folder.parent
    group = grp.getgrgid(account.pw_gid).gr_name
    program, config, own = apart.program(top), top / "djwto.toml", top / "own"
    own.mkdir(0o700)
    os.chown(own, account.pw_uid, account.pw_gid)
    port = services.free_port()
    listen = f'["127.0.0.1:{port}"]'
    config.write_text(
        apart.CONFIG.format(portal=portal.folder, own=own, listen=listen, host=apart.HOST)
    )
    config.chmod(0o644)
    apart.share(_run, str(portal.folder), group)
    # By the portal's account, for the server's group.
    portal.server.manage(
        "djwto_export", "--output", f"{portal.folder}/export.json", "--group", group
    )

    ids = (f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}")
    as_account = ["setpriv", *ids, "--clear-groups"]
    command = [*as_account, str(program), "--config", str(config)]
    _run([*command, "keys", "init"])
    _run([*command, "check"])
    log = top / "guard.log"
    process = services.spawn([*command, "serve"], log=log, cwd=top)
    try:
        services.until_ready(lambda: _is_ready(port), process, log, "djwto-server")
        status = Path(f"/proc/{process.pid}/status").read_text()
        uid, gid = str(account.pw_uid), str(account.pw_gid)
        assert _ids(status, "Uid") == [uid] * 4
        assert _ids(status, "Gid") == [gid] * 4
        assert _ids(status, "Groups") == []
        assert _ids(status, "CapEff") == ["0" * 16]

        with Target.of(portal.server, "JSON") as target:
            client = Client(target)
            assert client.login("alice").status_code == 200
            assert apart.ask(port, client).status == 200
            # It learns of ended sessions too.
            assert client.post("/api/token/refresh/logout/").status_code == 200
            ended = time.monotonic()
            while (answer := apart.ask(port, client)).status == 200:
                assert time.monotonic() - ended < apart.LOGOUT_SECONDS
            assert answer.code == "token_blacklisted"
    finally:
        services.end(process)

    may = [portal.folder / "export.json", portal.folder / "portal.sqlite3", config]
    may_not = [*portal.private, Path(f"/proc/{portal.server.pid}/environ")]
    for file in [*may, *may_not]:
        done = subprocess.run(
            [*as_account, "cat", str(file)],
            env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
            capture_output=True,
            check=False,
        )
        is_denied = done.stderr.endswith(b"Permission denied\n") and not done.stdout
        assert is_denied == (file in may_not), (file, done.stderr)
        assert (done.returncode == 0) == (file in may)


def _is_ready(port: int) -> bool:
    try:
        return wire.ask(port, "/readyz", tls=False).status == 200
    except OSError:
        return False


def _ids(status: str, name: str) -> list[str]:
    return next(line.split()[1:] for line in status.splitlines() if line.startswith(f"{name}:"))


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
