"""One wheel, every supported Python: build it, install it beside pinned packages, run the suite.

Then once more on the oldest Python, beside the oldest packages that the wheel says it works with:
the tests of the doors into other frameworks.

A Python that is not on this machine is named and left out; none at all is a failure. As many run at
once as there are processors; the output of each comes when it has ended.
"""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import ZipFile

from pythons import VERSIONS, find
from wheels import BIN, ROOT, build_wheel

DOORS = ("channels", "jwt_middleware", "middleware", "ninja", "openapi", "testing")
"""The tests that a framework's own version may break; those of `PROJECTS` too."""
PROJECTS = ("rest",)


def main() -> int:
    wheel = build_wheel()
    without = [f"--ignore=tests/test_{name}.py" for name in ("docs", "site")]
    every = [without, *map(suite_of, projects())]
    doors = [[str(path) for name in DOORS if (path := ROOT / f"tests/test_{name}.py").exists()]]
    doors += map(suite_of, PROJECTS)
    oldest = f"{VERSIONS[0]} with the oldest packages"
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {version: pool.submit(run, version, wheel, every) for version in VERSIONS}
        runs[oldest] = pool.submit(run, VERSIONS[0], wheel, doors, oldest_packages(wheel))
    outcomes = {version: done.result() for version, done in runs.items()}
    print("\n==> versions")
    for version, outcome in outcomes.items():
        print(f"Python {version}: {outcome}")
    passed = [outcome for outcome in outcomes.values() if outcome.startswith("passed")]
    failed = [outcome for outcome in outcomes.values() if outcome.startswith("failed")]
    return 0 if passed and not failed else 1


def oldest_packages(wheel: Path) -> list[str]:
    """Pin what the wheel asks for, in all of its extras, to the lower bounds."""
    with ZipFile(wheel) as files:
        (name,) = (one for one in files.namelist() if one.endswith(".dist-info/METADATA"))
        metadata = files.read(name).decode()
    found = re.findall(r"^Requires-Dist: ([\w-]+)>=([\d.]+)", metadata, re.MULTILINE)
    return [f"{package}=={bound}" for package, bound in sorted(set(found))]


def projects() -> list[str]:
    return sorted({path.parent.name for path in ROOT.glob("tests/projects/*/test_*.py")})


def suite_of(project: str) -> list[str]:
    return [f"--ds=tests.projects.{project}.settings", f"tests/projects/{project}"]


def run(version: str, wheel: Path, suites: list[list[str]], pins: list[str] | None = None) -> str:
    """Run suites; `pins` take the place of the versions in requirements/test.txt."""
    interpreter = find(version)
    if interpreter is None:
        return "SKIPPED, no such Python here (pyenv install it, or put it on PATH)"
    venv = ROOT / ".venvs" / (version if pins is None else f"{version}-oldest")
    python = venv / "bin" / "python"
    uv = [str(BIN / "uv"), "--quiet"]
    subprocess.run([*uv, "venv", "--clear", "--python", interpreter, venv], check=True)
    install = [*uv, "pip", "install", "--python", python]
    if pins is not None:
        overrides = venv / "overrides.txt"
        overrides.write_text("\n".join(pins))
        install += ["--overrides", overrides]
    subprocess.run([*install, "-r", ROOT / "requirements" / "test.txt", wheel], check=True)
    django = subprocess.run(
        [python, "-c", "import django; print(django.__version__)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    beside = "" if pins is None else f", {', '.join(pins)}"
    failures, output = 0, venv / "output.txt"
    with output.open("w") as stream:
        for arguments in suites:
            command = [python, "-m", "pytest", "-q", *arguments]
            ended = subprocess.run(command, cwd=ROOT, stdout=stream, stderr=stream, check=False)
            failures += ended.returncode != 0
    print(f"\n==> Python {version}, Django {django}{beside}\n{output.read_text()}", flush=True)
    return f"{'failed' if failures else 'passed'} with Django {django}"


if __name__ == "__main__":
    raise SystemExit(main())
