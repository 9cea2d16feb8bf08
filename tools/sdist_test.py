"""Shows that the source distribution is complete: builds it, installs it elsewhere and uses it.

pip builds the wheel in an empty folder, with the lock file as it is (`locked` in pyproject.toml).
The lock file names every crate of the workspace, so the distribution must hold every crate.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

# A missing file shows with either profile; the dependencies of this one are compiled already.
BUILD = {
    # Without isolation, pip looks for the build program on the path.
    "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
    "MATURIN_PEP517_ARGS": "--profile dev",
    "CARGO_TARGET_DIR": os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target")),
}

CHECK = """
import time
import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "check.sqlite3"}},
    DJWTO_SIGNING_KEY="a key that signs only this check's token",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djwto"],
    SECRET_KEY="a key of Django that nothing here reads",
)
django.setup()

from django.core.management import call_command
from djwto import _core, conf, tokens

call_command("migrate", verbosity=0)
text = tokens.encode_claims({**conf.engine().access_claims(time.time()), "user": {"id": 1}})
assert tokens.decode_token(text)["user"] == {"id": 1}
print(_core.__file__)
"""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="djwto-sdist-") as name:
        folder = Path(name)
        run(BIN / "maturin", "sdist", "--out", folder, cwd=ROOT)
        (sdist,) = folder.glob("*.tar.gz")
        check_crates(sdist)
        wheel = build(sdist, folder / "empty")
        use(wheel, folder / "venv")
    return 0


def check_crates(sdist: Path) -> None:
    """Name a crate that was left out, where cargo would only say that the lock file is wrong."""
    with tarfile.open(sdist) as packed:
        found = {Path(name).parent.name for name in packed.getnames() if "/crates/" in name}
    missing = {path.parent.name for path in ROOT.glob("crates/*/Cargo.toml")} - found
    if missing:
        raise SystemExit(f"{sdist.name} lacks crates: {', '.join(sorted(missing))}")


def build(sdist: Path, folder: Path) -> Path:
    """Build a wheel from the distribution and nothing else."""
    folder.mkdir()
    shutil.copy(sdist, folder)
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", folder / "wheels"]
    run(sys.executable, "-m", *PIP, "wheel", *options, folder / sdist.name, cwd=folder, **BUILD)
    (wheel,) = folder.glob("wheels/*.whl")
    print(f"{wheel.name}, built from {sdist.name}")
    return wheel


def use(wheel: Path, venv: Path) -> None:
    """Install the wheel where nothing else is, and let it sign and verify a token."""
    run(sys.executable, "-m", "venv", venv, cwd=venv.parent)
    python = venv / "bin" / "python"
    pins = ["--constraint", ROOT / "requirements" / "demo.txt"]
    run(python, "-m", *PIP, "install", *pins, wheel, cwd=venv)
    run(python, "-c", CHECK, cwd=venv)


PIP = ("pip", "--quiet", "--disable-pip-version-check")


def run(*command: str | Path, cwd: Path, **environment: str) -> None:
    """Run a command, and end with it where it fails."""
    subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, check=True)


if __name__ == "__main__":
    raise SystemExit(main())
