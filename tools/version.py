"""The one version of all that is published: `version` of `[workspace.package]` in Cargo.toml.

`tools/version.py` prints it. `tools/version.py 0.2.0` writes a new one where a file cannot ask for
it: the crates that depend on each other, the lock files, `package.json`, `docs/openapi.json`, and a
heading in CHANGELOG.md.
`tools/version.py --tag v0.2.0` fails unless the tag is this version and CHANGELOG.md has its date.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKSPACES = (".", "fuzz", "benches/floor", "benches/guard", "benches/paths")

PACKAGE = re.compile(r'(?<=^\[workspace\.package\]\nversion = ")[^"]+', re.MULTILINE)
CRATES = re.compile(r'(?<=", version = ")[^"]+(?=" \})', re.MULTILINE)
OPENAPI = re.compile(r'(?<=^  "version": ")[^"]+', re.MULTILINE)
HEADING = re.compile(r"^## (\S+) \((unreleased|\d{4}-\d\d-\d\d)\)$", re.MULTILINE)


def main(arguments: list[str]) -> None:
    match arguments:
        case []:
            print(current())
        case ["--tag", tag]:
            check_tag(tag)
        case [new] if re.fullmatch(r"\d+\.\d+\.\d+(-[0-9a-z.]+)?", new):
            write(new)
            lock()
        case _:
            raise SystemExit(__doc__)


def current(root: Path = ROOT) -> str:
    found = PACKAGE.search((root / "Cargo.toml").read_text())
    if found is None:
        raise SystemExit("Cargo.toml has no version at the start of [workspace.package]")
    return found[0]


def newest_heading(root: Path = ROOT) -> tuple[str, str]:
    """Give the version and the date of the first entry in CHANGELOG.md."""
    found = HEADING.search((root / "CHANGELOG.md").read_text())
    if found is None:
        raise SystemExit("CHANGELOG.md has no heading such as `## 0.2.0 (unreleased)`")
    return found[1], found[2]


def check_tag(tag: str, root: Path = ROOT) -> None:
    """Raise SystemExit unless the tag is the version, and CHANGELOG.md has its date."""
    version, date = newest_heading(root)
    if tag != f"v{current(root)}":
        raise SystemExit(f"the tag is {tag}, Cargo.toml has {current(root)}")
    if version != current(root):
        raise SystemExit(f"CHANGELOG.md begins with {version}, Cargo.toml has {current(root)}")
    if date == "unreleased":
        raise SystemExit(f"CHANGELOG.md has no date for {version}")


def write(new: str, root: Path = ROOT) -> None:
    """Write the version into each file but the lock files of cargo."""
    edit(root / "Cargo.toml", lambda text: CRATES.sub(new, PACKAGE.sub(new, text)))
    edit(root / "docs" / "openapi.json", lambda text: OPENAPI.sub(new, text, count=1))
    for path in (root / "clients/browser").glob("package*.json"):
        edit(path, lambda text: with_npm_version(text, new))
    if newest_heading(root)[0] != new:
        heading = rf"## {new} (unreleased)\n\n\g<0>"
        edit(root / "CHANGELOG.md", lambda text: HEADING.sub(heading, text, count=1))


def lock() -> None:
    """Let cargo write the version into the lock files, and nothing else."""
    for name in WORKSPACES:
        command = ["cargo", "update", "--quiet", "--workspace", "--offline"]
        subprocess.run([*command, "--manifest-path", ROOT / name / "Cargo.toml"], check=True)


def edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text()))


def with_npm_version(text: str, new: str) -> str:
    """Change the version of the package itself, in `package.json` or in its lock file."""
    found = json.loads(text)
    for entry in (found, found.get("packages", {}).get("", found)):
        entry["version"] = new
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
