"""Builds djwto-server as it is published, into `dist/server`, and looks into what was built.

    tools/server.py build [--target TRIPLE]
    tools/server.py check

`build` builds for this machine, or for another Linux target that is installed. zig links against
the C library of the wheels, so the program runs where they run. The archive has the program, its
README, the licences, and the files for proxies.

`check` opens each archive. It prints the libraries that the program needs, the newest version of
glibc that it asks for, and the size. It fails if that is more than it may be. A program for this
machine is also started.
"""

import argparse
import gzip
import platform
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from elftools.elf.elffile import ELFFile
from version import current
from wheels import BIN, BUILD, ROOT, TAGS, TARGET, host, run

NAME = "djwto-server"
OUT = ROOT / "dist" / "server"
BESIDE = ("LICENSE-APACHE", "LICENSE-MIT", "crates/djwto-server/README.md", "deploy")

GLIBC = tuple(map(int, TAGS["gnu"].split("_")[1:]))
"""The newest glibc that may be asked for: that of the wheels."""

LIBRARIES = ("libc", "libm", "libgcc_s", "libpthread", "libdl", "librt", "ld-linux-")
"""glibc, and what unwinds a panic. Before 2.34, threads and `dlopen` are files beside libc."""

MOST_BYTES = 16 << 20
"""The size of the program may not pass this unnoticed."""


class Links(NamedTuple):
    """What a program asks of the system."""

    libraries: list[str]
    glibc: tuple[int, ...]
    """The newest version of a symbol; empty if there is none."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Builds djwto-server, and looks into it.")
    commands = parser.add_subparsers(dest="command", required=True)
    build_command = commands.add_parser("build")
    build_command.add_argument("--target", default="", help="a Linux target of Rust")
    commands.add_parser("check")
    options = parser.parse_args()
    if options.command == "build":
        archive = pack(build(options.target), options.target or host())
        print(f"{archive.name}: {archive.stat().st_size / 2**20:.1f} MiB", flush=True)
    else:
        check()


# --- build --------------------------------------------------------------------------------------


def build(target: str = "") -> Path:
    """Build the program, and return its path."""
    target = target or host()
    if "-linux-" not in target:
        raise SystemExit(f"expected a target of Linux, such as {host()}, found {target}")
    oldest = "" if "musl" in target else "." + ".".join(map(str, GLIBC))
    options = ["--package", NAME, "--release", "--locked", "--quiet", "--target", target + oldest]
    run(BIN / "cargo-zigbuild", "zigbuild", *options, cwd=ROOT, **BUILD)
    return built(target)


def built(target: str) -> Path:
    """Give the path of the program that was built for this target."""
    return Path(TARGET) / target / "release" / NAME


def pack(program: Path, target: str) -> Path:
    """Write the archive. The same files give the same bytes."""
    OUT.mkdir(parents=True, exist_ok=True)
    folder = f"{NAME}-{current()}-{target}"
    archive = OUT / f"{folder}.tar.gz"
    with (
        archive.open("wb") as out,
        # Without a name and a time in its header.
        gzip.GzipFile("", "wb", 9, out, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as files,
    ):
        files.add(program, f"{folder}/{NAME}", filter=_plain)
        for one in BESIDE:
            files.add(ROOT / one, f"{folder}/{Path(one).name}", filter=_plain)
    return archive


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out whose files they were, and when they were made."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


# --- check --------------------------------------------------------------------------------------


def check() -> None:
    """Look into each archive of this version in ``dist/server``."""
    archives = sorted(OUT.glob(f"{NAME}-{current()}-*.tar.gz"))
    if not archives:
        raise SystemExit(f"no archive of {current()} in {OUT}: build it first")
    for archive in archives:
        with tempfile.TemporaryDirectory(prefix="djwto-server-") as name:
            with tarfile.open(archive) as files:
                files.extractall(name, filter="data")
            (program,) = Path(name).glob(f"*/{NAME}")
            problems = check_program(program)
            if problems:
                raise SystemExit(f"{archive.name}: {'; '.join(problems)}")
            if f"-{platform.machine()}-" in archive.name:
                try_program(program)


def check_program(program: Path) -> list[str]:
    """Print what the program asks for, and return what is wrong."""
    size, (libraries, glibc) = program.stat().st_size, links(program)
    asked = f"glibc {'.'.join(map(str, glibc))}" if glibc else "no glibc"
    print(
        f"{program.parent.name}: {size / 2**20:.1f} MiB, {asked}, {' '.join(libraries)}", flush=True
    )
    problems = [f"it needs {one}" for one in libraries if not is_expected(one)]
    if glibc > GLIBC:
        problems.append(f"it needs glibc {'.'.join(map(str, glibc))}")
    if size > MOST_BYTES:
        problems.append(f"it takes {size:,} bytes, more than {MOST_BYTES:,}")
    return problems


def is_expected(library: str) -> bool:
    """Say whether a program may need this library, such as ``libc.so.6``."""
    name = library.partition(".so")[0]
    return any(name == one or (one.endswith("-") and name.startswith(one)) for one in LIBRARIES)


def links(program: Path) -> Links:
    """Read the libraries of a program, and the versions of glibc's symbols."""
    with program.open("rb") as file:
        elf = ELFFile(file)
        dynamic, versions = elf.get_section_by_name(".dynamic"), set()
        tags = dynamic.iter_tags("DT_NEEDED") if dynamic else ()
        libraries = [tag.needed for tag in tags]
        needed = elf.get_section_by_name(".gnu.version_r")
        for _, auxiliaries in needed.iter_versions() if needed else ():
            versions |= {one.name for one in auxiliaries if one.name.startswith("GLIBC_2")}
    numbers = [tuple(map(int, one.removeprefix("GLIBC_").split("."))) for one in versions]
    return Links(libraries, max(numbers, default=()))


def try_program(program: Path) -> None:
    """Run it where it was unpacked."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if said != f"{NAME} {current()}\n":
        raise SystemExit(f"expected version {current()}, found {said!r}")


if __name__ == "__main__":
    main()
