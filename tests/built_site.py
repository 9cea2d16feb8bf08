"""Builds the site, and reads its pages as a browser does."""

import html.parser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build(folder: Path) -> Path:
    """Build all pages into a folder. Fails at what mkdocs warns of, such as a broken link."""
    _run(sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder))
    return folder


def build_versions(folder: Path, *versions: str) -> Path:
    """Build versions as `make docs-version` does, in a repository made for it; give the branch."""
    source, branch = folder / "source", folder / "branch"
    # Pages include files from anywhere in the repository.
    listed = _run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    _run("git", "init", "--quiet", cwd=source)
    _run("git", "commit", "--quiet", "--allow-empty", "--message=first", cwd=source)
    for version in versions:
        _run("tools/docs-version", version, "https://docs.example.com/", cwd=source)
    branch.mkdir()
    _run("git", f"--work-tree={branch}", "checkout", "--quiet", "gh-pages", "--", ".", cwd=source)
    return branch


def _run(*command: str, cwd: Path = ROOT) -> str:
    """Run a program with those of this Python first on the path, as the Makefile does."""
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NO_MKDOCS_2_WARNING": "1",
        # The settings of who runs the tests do not matter.
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "user.name",
        "GIT_CONFIG_VALUE_0": "tests",
        "GIT_CONFIG_KEY_1": "user.email",
        "GIT_CONFIG_VALUE_1": "tests@example.com",
    }
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Loads(html.parser.HTMLParser):
    """Collects what a page makes a browser load, and where it links to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.links: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(given.get("href", ""))
        else:
            self.urls += [
                given[name] for name in ("src", "href", "poster", "data") if name in given
            ]
            self.urls += [
                one.split()[0] for one in given.get("srcset", "").split(",") if one.strip()
            ]
        self.urls += loaded_by_css(given.get("style", ""))

    def handle_data(self, data: str) -> None:
        if self.lasttag == "style":
            self.urls += loaded_by_css(data)


def loaded_by_css(text: str) -> list[str]:
    """Give the addresses in a style sheet. What stands inside a `data:` address is no address."""
    found = re.findall(r"""url\(\s*("[^"]*"|'[^']*'|[^)]*)\s*\)|@import\s+["']([^"']+)""", text)
    return [(quoted or imported).strip("\"' ") for quoted, imported in found]


class Reference(html.parser.HTMLParser):
    """Collects the entries of the Python reference: each signature, and the text after it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.signatures: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self._entry = ""
        self._is_signature = False
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if re.fullmatch("h[1-6]", tag):
            self._entry = given.get("id", "") if "doc-heading" in given.get("class", "") else ""
            self.signatures[self._entry] = self.texts[self._entry] = ""
        if tag == "div" and "doc-signature" in given.get("class", ""):
            self._is_signature = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "div":
            self._is_signature = False

    def handle_data(self, data: str) -> None:
        into = self.signatures if self._is_signature else self.texts
        into[self._entry] = into.get(self._entry, "") + data
