"""`make bench`: a virtual environment for the bench alone, with the peers, the floor and djwto's
wheel as it would be shipped; then the bench in it.

It is the newest Python of the matrix that is here, since ryjwt wants 3.12; else the one at hand.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from pythons import VERSIONS, find
from wheels import ROOT, build_wheel

BIN = Path(sys.executable).parent
VENV = ROOT / ".venvs" / "bench"
PYTHON = VENV / "bin" / "python"
OLD_PYJWT = VENV / "pyjwt"
REQUIREMENTS = ROOT / "requirements"


def main() -> None:
    wheels = [build_wheel(), build_wheel(ROOT / "benches" / "floor", ROOT / "dist" / "floor")]
    packages()
    pip("--force-reinstall", "--no-deps", *wheels)
    environment = {
        **os.environ,
        "BENCHES_WHEEL": str(wheels[0]),
        "BENCHES_PYJWT": str(OLD_PYJWT),
    }
    os.chdir(ROOT)
    os.execve(PYTHON, [PYTHON, "-m", "benches", *sys.argv[1:]], environment)


def packages() -> None:
    """Make the environment, unless it was made from the very same lists."""
    newest = next(filter(None, map(find, reversed(VERSIONS))), sys.executable)
    lists = [REQUIREMENTS / "bench.txt", REQUIREMENTS / "bench-pyjwt.txt"]
    wanted = "\n".join([newest, *(path.read_text() for path in lists)])
    made = VENV / "made"
    if made.exists() and made.read_text() == wanted:
        return
    print(f"==> installing the peers, with {newest}", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    subprocess.run([newest, "-m", "venv", VENV], check=True)
    pip("-r", lists[0])
    pip("--no-deps", "--target", OLD_PYJWT, "-r", lists[1])
    made.write_text(wanted)


def pip(*arguments: str | Path) -> None:
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *arguments], check=True)


if __name__ == "__main__":
    main()
