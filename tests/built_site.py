"""Builds the site, and reads its pages as a browser does."""

import html.parser
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build(folder: Path) -> Path:
    """Build all pages into a folder. Fails at what mkdocs warns of, such as a broken link."""
    run("mkdocs", "build", "--strict", "--site-dir", str(folder))
    return folder


def run(module: str, *args: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> None:
    """Run a program of Python as the Makefile does, with the programs beside it on the path."""
    beside = Path(sys.executable).parent
    more = {"NO_MKDOCS_2_WARNING": "1", "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-m", module, *args],
        cwd=cwd,
        env={**os.environ, **more, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


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
