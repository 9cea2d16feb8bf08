"""The documentation is true: its examples run, its lists are the code's.

How a page's blocks are run, in their order, with one user (alice, password `pass`):

- ``python title="…/settings.py"``: must be accepted by `djwto.conf`, and is in force until the
  next such block of the page;
- ``python title="…/name.py"``: a module, which later blocks may import; `urls.py` is served,
  `tests.py` is run, the `ready()` of `apps.py` is called;
- other ``python``: executed, in one namespace for the page;
- ``http``: a request, and where another ``http`` block follows, the reply that it must get.
  `<name>` in its path or a header is what an earlier reply gave under that name.

Pages with a test in `tests/served/recipes` are left to it: their blocks are whole projects. The
quickstart is left to `tests/served/test_readme.py`.

`python -m tests.test_docs` writes the sections of `docs/errors.md` anew.
"""

import ast
import importlib
import json
import re
import sys
import types
import unittest
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import metadata
from pathlib import Path

import pytest
from django.apps import AppConfig
from django.core import checks
from django.dispatch import Signal
from django.test import Client, override_settings
from django.views import View

from djwto import _core, conf
from djwto.exceptions import CODES
from djwto.settings import SETTINGS
from tests.public_names import APPS, public_names

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
ERRORS = DOCS / "errors.md"
HOST = "example.com"

IN_MEMORY = "django.core.cache.backends.locmem.LocMemCache"

# What a settings example may name and a test cannot put on: packages that are not installed here.
NOT_PUT_ON = ("INSTALLED_APPS", "MIDDLEWARE")
# The examples with this one need it, and list all of their middleware.
PUT_ON = "djwto.middleware.JWTMiddleware"


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    path: Path
    line: int
    language: str
    title: str
    text: str

    def code(self) -> types.CodeType:
        """Compile it so that a traceback shows the page and the line."""
        return compile("\n" * self.line + self.text, str(self.path), "exec")


def blocks(path: Path) -> list[Block]:
    """Find the fenced blocks of a page. A fence that is indented would be missed, and fails."""
    page = path.read_text()
    fence = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
    found = [
        Block(path, page.count("\n", 0, match.start()) + 1, match[1], match[2] or "", match[3])
        for match in fence.finditer(page)
    ]
    assert page.count("```") == 2 * len(found), f"{path}: a block that cannot be read"
    return found


# --- examples -----------------------------------------------------------------------------------


def _is_served(path: Path) -> bool:
    """Whether the page's blocks are a whole project, which a test of `tests/served` serves."""
    test = ROOT / f"tests/served/recipes/test_{path.stem.replace('-', '_')}.py"
    return path.stem == "quickstart" or test.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", [path for path in PAGES if not _is_served(path)], ids=lambda path: path.stem
)
def test_examples(path, page):
    page.run(blocks(path))


@pytest.fixture
def page(monkeypatch, tmp_path, django_user_model):
    from djwto import authentication, signals, tokens

    monkeypatch.delenv("DJWTO_SIGNING_KEY", raising=False)
    django_user_model.objects.create_user("alice", "alice@example.com", "pass")
    for module in (tokens, authentication):
        for name in [name for name in vars(module) if name.startswith(("process_", "user_"))]:
            monkeypatch.setattr(module, name, getattr(module, name))
    for signal in [value for value in vars(signals).values() if hasattr(value, "receivers")]:
        monkeypatch.setattr(signal, "receivers", list(signal.receivers))
    _write_keys(tmp_path)
    # The page's own overrides lie inside this one, and must end before it.
    with override_settings(ALLOWED_HOSTS=[HOST, "testserver"]), Page(monkeypatch, tmp_path) as page:
        yield page


class Page(ExitStack):
    """Runs the blocks of one page."""

    def __init__(self, monkeypatch, folder):
        super().__init__()
        self.monkeypatch = monkeypatch
        self.names = {"__name__": "page"}
        self.given = {"BASE_DIR": folder, "__name__": "settings"}
        self.settings = self.enter_context(ExitStack())
        self.known = {}
        self.reply = None
        self.urls = None
        self._restart_client()

    def run(self, found):
        for block in found:
            run = getattr(self, f"run_{block.language}", None)
            if run is not None:
                run(block)

    def run_python(self, block):
        name = Path(block.title).name
        if name == "settings.py":
            self._put_on_settings(block)
        elif name.endswith(".py"):
            module = self._module(block.title)
            exec(block.code(), vars(module))
            self._use_module(name, module)
        else:
            exec(block.code(), self.names)

    def run_http(self, block):
        head, _, body = block.text.partition("\n\n")
        first, *lines = head.splitlines()
        headers = [line.split(": ", 1) for line in lines if line]
        if first.startswith("HTTP/"):
            self._compare(block, int(first.split()[1]), headers, body.strip())
        else:
            self._send(*first.split(), headers, body.strip())

    def _send(self, method, path, headers, body):
        path = self._fill(path)
        named = {name: self._fill(value) for name, value in headers}
        kind = named.pop("Content-Type", "application/x-www-form-urlencoded" if body else "")
        self.reply = self.client.generic(
            method, path, body, content_type=kind, secure=True, headers=named
        )
        if self.reply.get("Content-Type") == "application/json":
            self._learn(json.loads(self.reply.content))

    def _learn(self, found):
        """Keep what later requests name as `<name>`; `<id>` is that of the latest session."""
        if isinstance(found, dict):
            self.known |= found
            for session in found.get("sessions", [])[:1]:
                self.known["id"] = session["id"]

    def _fill(self, text):
        return re.sub(r"<(\w+)>", lambda match: self.known[match[1]], text)

    def _compare(self, block, status, headers, body):
        where = f"{block.path.name}:{block.line}"
        text = self.reply.content.decode()
        assert self.reply.status_code == status, f"{where}: {text}"
        assert _matches(body, text), f"{where}: {text}"
        cookies = [cookie.OutputString() for cookie in self.reply.cookies.values()]
        listed = [value for name, value in headers if name == "Set-Cookie"]
        for value in listed:
            assert any(_matches(value, cookie) for cookie in cookies), f"{where}: {cookies}"
        ours = [cookie for cookie in cookies if "jwt_" in cookie.partition("=")[0]]
        assert not listed or len(listed) == len(ours), f"{where}: {cookies}"
        for name, value in headers:
            if name != "Set-Cookie":
                assert _matches(value, self.reply.get(name, "")), f"{where}: {name}"

    def _put_on_settings(self, block):
        values = dict(self.given)
        exec(block.code(), values)
        names = [name for name in values if name.isupper() and name not in self.given]
        assert names, f"{block.path.name}:{block.line}: no setting in it"
        if "CACHES" in names:
            # No page's cache runs here: each alias gets one in memory.
            values["CACHES"] = {
                alias: {"BACKEND": IN_MEMORY, "LOCATION": alias} for alias in values["CACHES"]
            }
        if PUT_ON not in values.get("MIDDLEWARE", ()):
            names = [name for name in names if name not in NOT_PUT_ON]
        put_on = {name: values[name] for name in names}
        if self.urls is not None:
            # The close undoes what was put on since the last settings, these too.
            put_on["ROOT_URLCONF"] = self.urls
        self.settings.close()
        self.settings.enter_context(override_settings(**put_on))
        assert conf.problems() == [], f"{block.path.name}:{block.line}"
        self._restart_client()

    def _module(self, title):
        package, name = Path(title).parent.name or "mysite", Path(title).stem
        parent = sys.modules.get(package) or types.ModuleType(package)
        parent.__path__ = []
        self.monkeypatch.setitem(sys.modules, package, parent)
        full = f"{package}.{name}"
        module = sys.modules.get(full) or types.ModuleType(full)
        module.__package__ = package
        self.monkeypatch.setitem(sys.modules, full, module)
        setattr(parent, name, module)
        return module

    def _use_module(self, name, module):
        if name == "urls.py":
            self.urls = module
            self.enter_context(override_settings(ROOT_URLCONF=module))
        if name == "apps.py":
            for value in list(vars(module).values()):
                if isinstance(value, type) and issubclass(value, AppConfig):
                    value.ready(None)
        if name == "tests.py":
            suite = unittest.defaultTestLoader.loadTestsFromModule(module)
            assert suite.countTestCases() > 0
            result = suite.run(unittest.TestResult())
            assert result.wasSuccessful(), result.errors + result.failures

    def _restart_client(self):
        self.client = Client(enforce_csrf_checks=True, SERVER_NAME=HOST)
        self.names["client"] = self.client


def _matches(pattern, text):
    """Whether a text is as the page shows it, where … stands for anything."""
    pattern = re.escape(pattern).replace("…", ".+")
    # A second may end between the issue of a token and the reply.
    pattern = re.sub(r"(?<=Age=)[1-9]\d*", lambda m: f"({m[0]}|{int(m[0]) - 1})", pattern)
    return re.fullmatch(pattern, text.strip(), re.DOTALL) is not None


def _write_keys(folder):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    (folder / "signing.key").write_text("a secret of 32 bytes or more, for tests\n")
    (folder / "keys.json").write_text(f'{{"keys": [{_core.generate_jwk("EdDSA", None)}]}}')
    (folder / "keys.json").chmod(0o600)
    ring = _core.KeyRing.from_jwks((folder / "keys.json").read_bytes(), [])
    (folder / "public.json").write_text(ring.public_jwks())
    (folder / "pem").mkdir()
    key = ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for name in ("jwt.pem", "pem/signing.pem"):
        (folder / name).write_bytes(private)
    (folder / "jwt.pub.pem").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


# --- lists --------------------------------------------------------------------------------------


def _setting_ids():
    from djwto.checks import SETTING_IDS  # as a program, this file runs without Django's apps

    return SETTING_IDS


def test_settings_page_describes_the_settings():
    found = {name: (eval(value, NAMES), check) for name, value, check in _described_settings()}
    assert found == {one.name: (one.default, _setting_ids()[one.name]) for one in SETTINGS}
    assert len(found) == len(_described_settings())


def test_settings_page_begins_with_all_settings_in_the_order_of_their_sections():
    page = (DOCS / "settings.md").read_text().partition("\n## ")[0]
    row = re.compile(r"^\| \[`DJWTO_(\w+)`\]\(#djwto_(\w+)\) \| `(.*)` \| \S.* \|$", re.MULTILINE)
    listed = row.findall(page)
    assert [name.lower() for name, _, _ in listed] == [anchor for _, anchor, _ in listed]
    # A default that is a dict stands in its section only.
    assert [(name, default) for name, _, default in listed] == [
        (name, "{…}" if default.startswith("{") else default)
        for name, default, _ in _described_settings()
    ]


NAMES = {"timedelta": timedelta}


def _described_settings() -> list[tuple[str, str, str]]:
    """Find the sections of the settings: the name, the default as it is written, the check."""
    section = re.compile(
        r"^### `DJWTO_(\w+)`\n\n\*Type:\* .+\n\*Default:\* `(.+?)`.*\n\*Check:\* `(djwto\.E\d+)`",
        re.MULTILINE,
    )
    return section.findall((DOCS / "settings.md").read_text())


def test_endpoints_page_begins_with_all_endpoints():
    page = (DOCS / "endpoints.md").read_text().partition("\n## ")[0]
    row = re.compile(r"^\| ([A-Z]+) \| \[`(\S+)`\]\(#[\w-]+\) \| `(\w+)` \| \S.* \|$", re.MULTILINE)
    assert sorted(row.findall(page)) == sorted(_endpoints())


def _endpoints() -> list[tuple[str, str, str]]:
    """Give the method, path and name of each endpoint, as the page writes them."""
    from djwto import urls

    refresh = conf.value("REFRESH_COOKIE_PATH")
    return [
        (method.upper(), f"/{pattern.pattern}".replace(refresh, "R").replace("uuid:pk", "id"), name)
        for pattern in urls.urlpatterns
        for name in [pattern.name]
        for method in ("get", "post", "put", "patch", "delete")
        if hasattr(pattern.callback.view_class, method)
    ]


def test_errors_page_begins_with_what_a_client_does_at_each_code():
    page = ERRORS.read_text().partition("\n## ")[0]
    row = re.compile(r"^\| \[`(\w+)`\]\(#(\w+)\) \| (\d+) \| \S.* \|$", re.MULTILINE)
    listed = [(slug, anchor, int(status)) for slug, anchor, status in row.findall(page)]
    assert listed == [(code.slug, code.slug, code.status) for code in CODES.values()]


def test_errors_page_describes_the_codes():
    assert ERRORS.read_text().endswith(error_sections()), "run: python -m tests.test_docs"


def test_guard_page_names_the_codes_of_the_server_alone():
    from tests.test_openapi import OF_THE_SERVER  # as a program, this file runs without settings

    page = (DOCS / "guard-anything.md").read_text()
    row = re.compile(r"^\| \[`(\w+)`\]\(errors\.md#(\w+)\) \| (\d+) \| \S.* \|$", re.MULTILINE)
    listed = row.findall(page)
    codes = [code for code in CODES.values() if code.slug in OF_THE_SERVER]
    assert listed == [(code.slug, code.slug, str(code.status)) for code in codes]


def test_pages_use_public_names_alone():
    found = set().union(*(_names_used(path) for path in [*PAGES, ROOT / "README.md"]))
    assert len(found) > 30
    assert found - public_names() - APPS == set()


@pytest.mark.parametrize("module", ["signals", "views"])
def test_all_signals_and_views_are_public(module):
    found = vars(importlib.import_module(f"djwto.{module}"))
    own = {name for name, value in found.items() if _is_signal_or_view(value, found["__name__"])}
    assert own - {"Endpoint"} == {
        name for name in found["__all__"] if name != "build_tokens_response"
    }


def _is_signal_or_view(value: object, module: str) -> bool:
    if isinstance(value, type):
        return issubclass(value, View) and value.__module__ == module
    return isinstance(value, Signal) and module == "djwto.signals"


def _names_used(path: Path) -> set[str]:
    """Find the names of djwto in a page: in its text, and in what its Python blocks import."""
    modules = {name.split(".")[1] for name in public_names()}
    page = path.read_text()
    module = r"\bdjwto\.(?:contrib\.\w+(?:\.[a-z_]+(?=\.\w))?|(?!contrib\.)[a-z_]+)"
    found = set(re.findall(rf'{module}\.\w+|(?<=")djwto\.urls(?=")', page))
    short = re.findall(r"`(\w+)\.(\w+)(?=[(`])", page)
    found |= {f"djwto.{m}.{n}" for m, n in short if m in modules and n not in ("py", "md")}
    for block in blocks(path):
        if block.language == "python":
            found |= _names_imported(ast.parse(block.text))
    return found


def _names_imported(tree: ast.Module) -> set[str]:
    found, known = set(), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {one.asname: one.name for one in node.names if one.name.startswith("djwto.")}
        if isinstance(node, ast.ImportFrom) and node.module == "djwto":
            known |= {one.asname or one.name: f"djwto.{one.name}" for one in node.names}
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("djwto."):
            found |= {f"{node.module}.{one.name}" for one in node.names}
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    named = [(node.value.id, node.attr) for node in uses if isinstance(node.value, ast.Name)]
    return found | {f"{known[module]}.{name}" for module, name in named if module in known}


@pytest.mark.parametrize("name", ["cross-site", "production", "same-site"])
def test_deployment_examples_pass_the_checks(name):
    example = next(b for b in blocks(DOCS / "deployment.md") if b.title == f"{name}/settings.py")
    values = {}
    exec(example.code(), values)
    put_on = {k: v for k, v in values.items() if k.isupper() and k not in NOT_PUT_ON}
    with override_settings(**put_on, ROOT_URLCONF="djwto.urls"):
        found = checks.run_checks(include_deployment_checks=True)
    assert [message.id for message in found if message.id.startswith("djwto.")] == []


WRITTEN = "<!-- from here on: python -m tests.test_docs -->\n"


def error_sections() -> str:
    """Write a section for each failure, in the order of the engine's list."""
    sections = (
        f"\n### `{code.slug}`\n\n{code.status}: `{code.sentence}`\n\n{code.meaning}\n"
        for code in CODES.values()
    )
    return WRITTEN + "".join(sections)


def write_error_sections() -> None:
    """Put the sections where the old ones stand in the page."""
    ERRORS.write_text(ERRORS.read_text().partition(WRITTEN)[0] + error_sections())


# --- the files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "SECURITY.md"])
def test_files_link_to_files(name):
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / name).read_text())
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_pages_name_extras_that_exist():
    named = {
        extra.strip()
        for path in [*PAGES, ROOT / "README.md"]
        for extras in re.findall(r"\bdjwto\[([\w, -]+)\]", path.read_text())
        for extra in extras.split(",")
    }
    assert named <= set(metadata("djwto").get_all("Provides-Extra"))
    assert {"ninja", "channels", "rest-framework", "spectacular"} <= named


def test_python_blocks_are_python():
    for path in [*PAGES, ROOT / "README.md"]:
        for block in blocks(path):
            if block.language == "python":
                ast.parse(block.text, str(path))


if __name__ == "__main__":
    write_error_sections()
    print(f"{len(CODES)} sections written to {ERRORS.relative_to(ROOT)}")
