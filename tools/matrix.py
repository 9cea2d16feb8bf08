"""One wheel, every supported Python: build it, install it beside pinned packages, run the suite.

A Python that is not on this machine is named and left out; none at all is a failure.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
VERSIONS = ("3.10", "3.11", "3.12", "3.13")


def main() -> int:
    wheel = build_wheel()
    outcomes = {version: run(version, wheel) for version in VERSIONS}
    print("\n==> versions")
    for version, outcome in outcomes.items():
        print(f"Python {version}: {outcome}")
    passed = [outcome for outcome in outcomes.values() if outcome.startswith("passed")]
    failed = [outcome for outcome in outcomes.values() if outcome.startswith("failed")]
    return 0 if passed and not failed else 1


def build_wheel(project: Path = ROOT, name: str = "djwto") -> Path:
    """Build what would be shipped, into a folder of its own."""
    dist = ROOT / "dist" / name
    shutil.rmtree(dist, ignore_errors=True)
    options = ["--release", "--locked", "--quiet", "--target-dir", ROOT / "target", "--out", dist]
    subprocess.run([BIN / "maturin", "build", *options], cwd=project, check=True)
    (wheel,) = dist.glob("*.whl")
    print(f"{wheel.name}: {wheel.stat().st_size / 2**20:.1f} MiB")
    return wheel


def run(version: str, wheel: Path) -> str:
    interpreter = find(version)
    if interpreter is None:
        return "SKIPPED, no such Python here (pyenv install it, or put it on PATH)"
    venv = ROOT / ".venvs" / version
    python = venv / "bin" / "python"
    uv = [str(BIN / "uv"), "--quiet"]
    subprocess.run([*uv, "venv", "--clear", "--python", interpreter, venv], check=True)
    install = [*uv, "pip", "install", "--python", python]
    subprocess.run([*install, "-r", ROOT / "requirements" / "test.txt", wheel], check=True)
    django = subprocess.run(
        [python, "-c", "import django; print(django.__version__)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    print(f"\n==> Python {version}, Django {django}", flush=True)
    projects = sorted({path.parent.name for path in ROOT.glob("tests/projects/*/test_*.py")})
    suites = (
        ["--ignore=tests/test_docs.py"],
        *([f"--ds=tests.projects.{name}.settings", f"tests/projects/{name}"] for name in projects),
    )
    failures = 0
    for arguments in suites:
        command = [python, "-m", "pytest", "-q", *arguments]
        failures += subprocess.run(command, cwd=ROOT, check=False).returncode != 0
    return f"{'failed' if failures else 'passed'} with Django {django}"


def find(version: str) -> str | None:
    """Ask pyenv, then PATH (where pyenv's own shims may stand for a version that is not set)."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = sorted(root.glob(f"versions/{version}.*/bin/python"))
    found = shutil.which(f"python{version}")
    if found:
        candidates.insert(0, Path(found))
    for candidate in reversed(candidates):
        probe = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(probe, capture_output=True, text=True, check=False)
        if answer.stdout.strip() == version:
            return str(candidate)
    return None


if __name__ == "__main__":
    raise SystemExit(main())
