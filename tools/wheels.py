"""Builds what PyPI gets into `dist/pypi`, and tries it where nothing else is installed.

    tools/wheels.py wheel [--target TRIPLE] [--python 3.14t]
    tools/wheels.py sdist
    tools/wheels.py check

`wheel` builds for this machine, or for a Rust target that is installed. One wheel serves every
Python from 3.10 on (abi3). A free-threaded Python has another ABI, and needs a separate wheel.
On Linux zig links against an old glibc or musl, and the platform tag is checked.

`sdist` packs the sources and builds a wheel from them and nothing else: the lock file names every
crate of the workspace, so the distribution must hold every crate.

`check` reads the metadata as PyPI does and looks for symbols outside the stable ABI. Then it
installs each wheel in an empty environment and does what the README and the quickstart say: the
published one on the oldest and the newest Python, that of `sdist` on the Python at hand.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from zipfile import ZipFile

from pythons import VERSIONS, find

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PYPI = ROOT / "dist" / "pypi"
FROM_SDIST = ROOT / "dist" / "from-sdist"
TARGET = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))

CLIENT = "djwto/static/djwto/client.js"
"""The client for pages, which Django serves."""

TAGS = {"gnu": "manylinux_2_28", "musl": "musllinux_1_2"}
"""The oldest C library of a Linux wheel: that of RHEL 8, and that of Alpine 3.13."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Builds what PyPI gets, and tries it.")
    commands = parser.add_subparsers(dest="command", required=True)
    wheel = commands.add_parser("wheel")
    wheel.add_argument("--target", default="", help="a Rust target; this machine's by default")
    wheel.add_argument("--python", default="", help="a free-threaded Python, such as 3.14t")
    commands.add_parser("sdist")
    commands.add_parser("check")
    options = parser.parse_args()
    if options.command == "wheel":
        build_wheel(target=options.target, python=options.python)
    elif options.command == "sdist":
        build_sdist()
    else:
        check()


# --- wheel --------------------------------------------------------------------------------------


def build_wheel(
    project: Path = ROOT, out: Path = PYPI, *, target: str = "", python: str = ""
) -> Path:
    """Build what is published, check its tag, and return its path in ``out``."""
    target = target or host()
    options = ["--release", "--locked", "--quiet", "--target", target]
    if python:
        options += ["--interpreter", f"python{python}"]
    if "-linux-" in target:
        tag = TAGS["musl" if "musl" in target else "gnu"]
        options += ["--zig", "--compatibility", tag, "--auditwheel", "check"]
    else:
        options += ["--compatibility", "pypi"]
    with tempfile.TemporaryDirectory(prefix="djwto-wheel-") as name:
        run(BIN / "maturin", "build", *options, "--out", name, cwd=project, **BUILD)
        (built,) = Path(name).glob("*.whl")
        out.mkdir(parents=True, exist_ok=True)
        wheel = Path(shutil.copy(built, out))
    check_tags(wheel, target, python)
    print(f"{wheel.name}: {wheel.stat().st_size / 2**20:.1f} MiB", flush=True)
    return wheel


BUILD = {
    # maturin looks for zig, and pip for maturin, on the path.
    "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
    "CARGO_TARGET_DIR": TARGET,
    # On Windows: the assembly of AWS-LC as its authors built it, since NASM is seldom there.
    "AWS_LC_SYS_PREBUILT_NASM": "1",
}


def host() -> str:
    """Ask the compiler for the target of this machine."""
    lines = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    (found,) = (line.partition(": ")[2] for line in lines.splitlines() if line.startswith("host:"))
    return found


def check_tags(wheel: Path, target: str, python: str) -> None:
    """Compare the name of a wheel with what it should be, and with what is in it."""
    abi = f"cp{python.replace('.', '')}" if python else "abi3"
    if f"-{abi}-" not in wheel.name:
        raise SystemExit(f"{wheel.name} is not for {abi}")
    with ZipFile(wheel) as files:
        if not any("/sboms/" in name for name in files.namelist()):
            raise SystemExit(f"{wheel.name} has no bill of material")
        if CLIENT not in files.namelist():
            raise SystemExit(f"{wheel.name} lacks {CLIENT}")
    if target == host() and "-linux-" in target:
        found = output(BIN / "auditwheel", "show", "--json", wheel)
        tag = json.loads(found)["overall_tag"]
        if not wheel.stem.endswith(f"-{tag}"):
            raise SystemExit(f"{wheel.name} holds what is good for {tag}")


# --- sdist --------------------------------------------------------------------------------------


def build_sdist() -> None:
    """Pack the sources, and build a wheel from them in an empty folder."""
    run(BIN / "maturin", "sdist", "--out", PYPI, cwd=ROOT)
    sdist = newest(PYPI, "*.tar.gz")
    check_contents(sdist)
    shutil.rmtree(FROM_SDIST, ignore_errors=True)
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", FROM_SDIST]
    # A missing file shows with either profile; the dependencies of this one are compiled already.
    profile = {"MATURIN_PEP517_ARGS": "--profile dev"}
    with tempfile.TemporaryDirectory(prefix="djwto-sdist-") as name:
        packed = shutil.copy(sdist, name)
        run(
            sys.executable,
            "-m",
            *PIP,
            "wheel",
            *options,
            packed,
            cwd=Path(name),
            **BUILD,
            **profile,
        )
    print(f"{newest(FROM_SDIST, '*.whl').name}, built from {sdist.name}", flush=True)


def check_contents(sdist: Path) -> None:
    """Name what was left out. Of a crate, cargo would only say that the lock file is wrong."""
    with tarfile.open(sdist) as packed:
        if not any(name.endswith(CLIENT) for name in packed.getnames()):
            raise SystemExit(f"{sdist.name} lacks {CLIENT}")
        found = {Path(name).parent.name for name in packed.getnames() if "/crates/" in name}
    missing = {path.parent.name for path in ROOT.glob("crates/*/Cargo.toml")} - found
    if missing:
        raise SystemExit(f"{sdist.name} lacks crates: {', '.join(sorted(missing))}")


# --- check --------------------------------------------------------------------------------------


def check() -> None:
    """Check all that is in ``dist/pypi``, and try what this machine can run."""
    run(BIN / "twine", "check", "--strict", *sorted(PYPI.iterdir()), cwd=ROOT)
    run(BIN / "abi3audit", "--strict", *sorted(PYPI.glob("*-abi3-*.whl")), cwd=ROOT)
    wheel = newest(PYPI, f"*-abi3-*{platform.machine()}.whl")
    tried = [try_wheel(wheel, version) for version in (VERSIONS[0], VERSIONS[-1])]
    if not any(tried):
        raise SystemExit("none of these versions of Python is here")
    try_wheel(newest(FROM_SDIST, "*.whl"), "{}.{}".format(*sys.version_info))


def try_wheel(wheel: Path, version: str) -> bool:
    """Install a wheel where nothing else is, and do what the README and the quickstart say."""
    interpreter = find(version)
    if interpreter is None:
        print(f"Python {version}: SKIPPED, no such Python here", flush=True)
        return False
    print(f"==> README and quickstart with {wheel.name}, Python {version}", flush=True)
    with tempfile.TemporaryDirectory(prefix="djwto-dist-") as name:
        venv = Path(name) / "venv"
        run(interpreter, "-m", "venv", venv, cwd=ROOT)
        run(venv / "bin" / "python", "-m", *PIP, "install", wheel, cwd=Path(name), **PINS)
        walks = [f"tests/served/test_{page}.py" for page in ("first_view", "readme")]
        command = [sys.executable, "-m", "pytest", "-q", "--installed", venv / "bin", *walks]
        run(*command, cwd=ROOT, **PINS)
    return True


PIP = ("pip", "--quiet", "--disable-pip-version-check")
# The `pip install` of the quickstart reads this, too.
PINS = {"PIP_CONSTRAINT": str(ROOT / "requirements" / "dev.txt")}


def newest(folder: Path, pattern: str) -> Path:
    """Find the file that was built last."""
    found = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime)
    if not found:
        raise SystemExit(f"no {pattern} in {folder}: build it first")
    return found[-1]


def run(*command: str | Path, cwd: Path, **environment: str) -> None:
    """Run a command, and end with it where it fails."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, check=False)
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(map(str, command))}")


def output(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
