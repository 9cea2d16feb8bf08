"""Instructions of the hot paths in Rust, counted by callgrind: the same on a busy machine.

A path runs many times and then twice as many; half of the difference is without the start.
"""

import re
import shutil
import subprocess
from pathlib import Path

from benches.timing import table

ROOT = Path(__file__).resolve().parent.parent
CRATE = ROOT / "benches" / "paths"
PROGRAM = ROOT / "target" / "release" / "paths"
TIMES = 200
PATHS = {
    "decode HS256, first sight": "verify",
    "decode again, the cache alone": "hit",
    "encode HS256": "encode",
    "the token in a Cookie header": "cookies",
    "the token in a Bearer header": "bearer",
}
_COLLECTED = re.compile(r"Collected : (\d+)")


def run() -> None:
    """Count and print."""
    missing = [name for name in ("valgrind", "cargo") if shutil.which(name) is None]
    if missing:
        print(f"\nInstruction counts: left out, there is no {' and no '.join(missing)} here")
        return
    build = ["cargo", "build", "--release", "--locked", "--quiet", "--target-dir"]
    subprocess.run([*build, ROOT / "target"], cwd=CRATE, check=True)
    rows = [
        [name, f"{(_count(path, 2 * TIMES) - _count(path, TIMES)) / TIMES:,.0f}"]
        for name, path in PATHS.items()
    ]
    table("Instructions of the core, by callgrind", ["instructions"], rows)


def _count(path: str, times: int) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    run = subprocess.run(
        [*command, PROGRAM, path, str(times)], check=True, capture_output=True, text=True
    )
    found = _COLLECTED.search(run.stderr)
    if found is None:
        raise SystemExit("callgrind did not say what it collected")
    return int(found[1])
