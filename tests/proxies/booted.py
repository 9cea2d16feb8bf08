"""A systemd that starts services on this machine without being its first process.

It runs in namespaces: processes, mounts, control groups and names are separate, and the network is
shared. What it and its services write to /etc, /usr/local, /var and /run stays in memory.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import services

SECONDS = 60.0
"""How long a command may take, in seconds: generous, for a machine that compiles."""

_OUTER = """
set -eu
name=$1
mount -t tmpfs -o mode=755 none /run
for folder in etc usr/local srv var; do
    new=/run/over/$folder/new work=/run/over/$folder/work
    mkdir -p "$new" "$work"
    mount -t overlay -o "lowerdir=/$folder,upperdir=$new,workdir=$work" none "/$folder"
done
# No unit of this machine: only what systemd has built in, and the targets that services wait for.
mkdir -p /etc/systemd/system /run/units
mount -t tmpfs none /etc/systemd/system
for target in boot basic sysinit shutdown; do
    printf '[Unit]\\nDefaultDependencies=no\\n' >/run/units/$target.target
done
mount --bind /run/units /usr/lib/systemd/system
[ ! -e /dev/console ] || mount --bind /dev/null /dev/console
mkdir /run/groups
mount -t cgroup2 none /run/groups
mkdir "/run/groups/$name"
unshare --pid --fork --kill-child --mount --propagation private --uts --ipc \\
    sh -euc "echo 0 >'/run/groups/$name/cgroup.procs'; exec unshare --cgroup sh -euc '$2'" || true
find "/run/groups/$name" -depth -type d -exec rmdir {} ';'
"""

_INNER = """
mount -t proc none /proc
umount -R /sys/fs/cgroup /run/groups
mount -t cgroup2 none /sys/fs/cgroup
exec env -i container=tests PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
    /lib/systemd/systemd --system --unit=boot.target --show-status=no --log-target=null
"""


@dataclass(frozen=True)
class Systemd:
    """A service manager."""

    pid: int
    """Its number outside."""

    @property
    def root(self) -> Path:
        """Its files, from outside."""
        return Path(f"/proc/{self.pid}/root")

    def command(self, words: Sequence[str]) -> list[str]:
        """Give what runs a command among its services, as root."""
        return ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--ipc", "--uts", *words]

    def run(self, *words: str) -> str:
        """Run a command there, and give what it printed."""
        done = self.tried(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def tried(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command there, which may fail."""
        command = self.command(words)
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)

    def property(self, unit: str, name: str) -> str:
        """Give a property of a unit, as ``systemctl show`` has it."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).strip()


def missing() -> str | None:
    """Say why this machine cannot start a systemd. `None` if it can."""
    if not services.is_root():
        return "Only root can start a systemd."
    for program in ("systemd-analyze", "nsenter"):
        if shutil.which(program) is None:
            return f"{program} is missing. On Debian or Ubuntu: apt-get install systemd"
    if subprocess.run(_POSSIBLE, capture_output=True, check=False).returncode:
        return "Root of a container without rights cannot start a systemd."
    return None


_POSSIBLE = (
    *("unshare", "--mount", "--pid", "--fork", "--cgroup", "--uts", "--ipc"),
    *("mount", "-t", "cgroup2", "none", "/sys/fs/cgroup"),
)


@contextmanager
def systemd(folder: Path) -> Iterator[Systemd]:
    """Run a systemd until the block ends. `services.ServiceError`, with its log, if it fails."""
    log, name = folder / "systemd.log", f"djwto-{os.getpid()}"
    outer = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        _OUTER,
        "sh",
        name,
        _INNER,
    ]
    process = services.spawn(outer, log=log, cwd=folder)
    booted: list[Systemd] = []
    try:
        services.until_ready(lambda: _answers(process.pid, booted), process, log, "systemd")
        yield booted[-1]
    finally:
        if booted:
            # All of its services end with it.
            os.kill(booted[-1].pid, signal.SIGKILL)
            process.wait(SECONDS)
        services.end(process)


def _answers(outer: int, booted: list[Systemd]) -> bool:
    try:
        unshare = _child(outer)
        pid = _child(unshare)
    except (OSError, IndexError):
        return False
    if Path(f"/proc/{pid}/comm").read_text() != "systemd\n":
        return False
    booted[:] = [Systemd(pid)]
    return booted[0].tried("systemctl", "is-system-running").stdout == "running\n"


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[-1])
