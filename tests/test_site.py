"""The built site: its pages, its links, and the Python reference, which is made from the code."""

import ast
import importlib
import json
import re
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest

from tests.built_site import Loads, Reference, build, loaded_by_css
from tests.public_names import APPS, definition, public_names
from tests.test_docs import PAGES, ROOT

HOSTS = frozenset(
    (
        "developer.mozilla.org",
        "django-ninja.dev",
        "docs.allauth.org",
        "keepachangelog.com",
        "pypi.org",
        "semver.org",
        "strawberry.rocks",
    )
)
"""The hosts that pages link to. Open a new link once in a browser, then add its host."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, Loads]:
    return {path.name: Loads(path) for path in site.rglob("*.html")}


@pytest.fixture(scope="session")
def reference(site: Path) -> Reference:
    return Reference(site / "reference.html")


def test_site_has_every_page_and_a_search(site, pages):
    assert {f"{path.stem}.html" for path in PAGES} <= pages.keys()
    assert json.loads((site / "search" / "search_index.json").read_text())["docs"]


def test_site_loads_nothing_from_elsewhere(site, pages):
    assert sum(len(page.urls) for page in pages.values()) > 100
    for name, page in pages.items():
        assert [url for url in page.urls if _is_elsewhere(url)] == [], name
    for path in [*site.rglob("*.css"), *site.rglob("*.svg")]:
        found = loaded_by_css(path.read_text())
        assert [url for url in found if _is_elsewhere(url)] == [], path.name


def test_pictures_are_without_scripts_and_links(site):
    pictures = list(site.rglob("*.svg"))
    assert pictures
    for path in pictures:
        for element in ET.parse(path).iter():
            assert not element.tag.endswith(("}script", "}foreignObject")), path.name
            named = [name for name in element.attrib if name.startswith("on") or "href" in name]
            assert named == [], path.name


def test_links_to_other_sites_are_https_and_known(pages):
    found = {url for page in pages.values() for url in page.links if _is_elsewhere(url)}
    for path in ROOT.glob("*.md"):
        found |= set(re.findall(r"\]\((\w+:[^)\s]+)", path.read_text()))
    assert len(found) > 5
    assert [url for url in found if urlsplit(url).scheme != "https"] == []
    assert {urlsplit(url).hostname for url in found} <= HOSTS


def test_ids_of_checks_link_to_their_rows(pages):
    links = [one for page in pages.values() for one in page.links if one.startswith("checks.html#")]
    assert len(links) > 60  # one of each setting, and those that the pages name
    assert "checks.html#w034" in pages["deployment.html"].links


def _is_elsewhere(url: str) -> bool:
    return bool(urlsplit(url).netloc) or urlsplit(url).scheme not in ("", "data", "mailto")


# --- the Python reference -------------------------------------------------------------------------


SECOND_NAMES = {
    "djwto.authentication.THttpRequest": "djwto.types.THttpRequest",
    "djwto.replies.keep_private": "djwto.responses.keep_private",
    "djwto.replies.refusal": "djwto.responses.refusal",
}


def test_reference_has_every_public_name_and_no_other(reference):
    entries = {name for name in reference.signatures if name and not _is_member(name)}
    assert entries == public_names() - SECOND_NAMES.keys()


def test_reference_names_the_second_names(site):
    page = (site / "reference.html").read_text()
    for name, first in SECOND_NAMES.items():
        row = f"<td><code>{name}</code></td>\n<td><code>{first}</code></td>"
        assert row in page
        assert _imported(name) is _imported(first)


def test_public_names_can_be_imported():
    # A module of URLs, and simplejwt's class, want an app that is not installed here.
    for name in public_names() - APPS:
        assert name.endswith(".urls") or ".simplejwt." in name or _imported(name) is not None


def test_reference_has_the_signatures_of_the_code(reference):
    assert len(reference.signatures) > 80
    for name, shown in reference.signatures.items():
        if name:
            assert _shown(shown) == _signature(name), name


def test_reference_has_the_texts_of_the_code(reference):
    for name, shown in reference.texts.items():
        if name:
            _, text = definition(name)
            assert text, f"{name} has no docstring"
            assert _words(text) in _words(shown), name


def _is_member(name: str) -> bool:
    """Whether this is of a class: `djwto.users.TokenUser.get`."""
    return re.search(r"\.[A-Z]\w*[a-z]\w*\.", name) is not None


def _imported(name: str) -> object:
    parent, _, last = name.rpartition(".")
    return getattr(importlib.import_module(parent), last)


def _words(text: str) -> str:
    return " ".join(text.replace("`", "").split())


def _signature(name: str) -> tuple[str, str]:
    """Give the arguments without `self`, and the type: of what is returned, or of a value."""
    node, _ = definition(name)
    if isinstance(node, ast.ClassDef):
        return (_signature(_constructor(name))[0], "") if _constructor(name) else ("", "")
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = re.sub(r"^(self|cls)(, |$)", "", ast.unparse(node.args))
        return arguments, ast.unparse(node.returns).strip("'")
    annotation = getattr(node, "annotation", None)
    return "", "" if annotation is None else ast.unparse(annotation)


def _constructor(name: str) -> str:
    """Name the `__init__` of a class or of one of its bases, "" where it is not of djwto."""
    node, _ = definition(name)
    if any(getattr(one, "name", "") == "__init__" for one in node.body):
        return f"{name}.__init__"
    beside = [f"{name.rpartition('.')[0]}.{ast.unparse(base)}" for base in node.bases]
    return next(filter(None, (_constructor(base) for base in beside if _is_defined(base))), "")


def _is_defined(name: str) -> bool:
    try:
        return bool(definition(name))
    except LookupError:
        return False


def _shown(text: str) -> tuple[str, str]:
    """Read a signature of the page: `name(arguments) -> type`, `name: type`, or nothing."""
    if "(" not in text:
        return "", text.partition(":")[2].strip()
    (node,) = ast.parse(f"def {text.strip()}: ...").body
    return ast.unparse(node.args), "" if node.returns is None else ast.unparse(node.returns)
