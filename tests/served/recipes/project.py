"""A fresh Django project with the blocks of a page of `docs/`, served over https.

The code of the page is the code that runs: each block with a title such as `mysite/views.py` is
written to that file, and blocks of `mysite/settings.py` stand below what `startproject` makes.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from functools import cache
from pathlib import Path
from types import ModuleType

import requests

from tests import services
from tests.test_docs import DOCS, Block, blocks

SETTINGS = """
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = BASE_DIR / "mail"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DJWTO_ISS_CLAIM = "recipes"
MFA_TOTP_TOLERANCE = 1  # a code may be asked for in one half minute, and arrive in the next
"""
# A view of the kind that a project has by the dozen.
REST_VIEW = """
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response


@api_view(["GET", "POST"])
@permission_classes([IsAuthenticated])
def whoami(request):
    return Response({"name": request.user.get_username()})


urlpatterns += [path("whoami/", whoami)]
"""
# One process for all that `manage.py` would do: most of its time is the import of Django.
PREPARE = """
import sys
import django
django.setup()
from django.contrib.auth.models import User
from django.core.checks import WARNING, run_checks
from django.core.management import call_command

found = [one for one in run_checks() if one.level >= WARNING and not one.is_silenced()]
found = [one for one in found if one.id != "staticfiles.W004"]
assert not found, found
call_command("makemigrations", *sys.argv[2:], verbosity=0)
call_command("migrate", verbosity=0)
alice = User.objects.create_user("alice", "alice@example.com", "pass", is_staff=True)
exec(sys.argv[1])
"""


# Django answers no `lifespan`.
_INTERFACES = {
    "wsgi": ("--interface", "wsgi", "--blocking-threads", "4"),
    "asgi": ("--interface", "asginl"),
}


class Project:
    """A project that is made of a page, and then served."""

    def __init__(self, folder: Path, interface: str = "wsgi", **env: str) -> None:
        self.folder = folder
        self.interface = interface
        self.port = services.free_port()
        self.url = f"https://localhost:{self.port}"
        self.log = folder / "server.log"
        ours = ("DJANGO_", "DJWTO_", "GRANIAN_", "PYTHONWARNINGS")
        self.env = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
        self.env |= {
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            "PYTHONWARNINGS": "error",
            "DJWTO_SIGNING_KEY": "the key of a recipe, of 32 bytes or more",
            # What the project asks of this machine goes straight there.
            "NO_PROXY": "localhost,127.0.0.1",
            **env,
        }

    def write(self, page: str, urls: str = "", settings: str = "") -> None:
        """Make the project of the blocks of a page; `urls` and `settings` stand below all."""
        shutil.copytree(_fresh(), self.folder, dirs_exist_ok=True)
        (self.folder / "mysite/urls.py").unlink()  # the pages have their own
        for block in titled(page):
            path = self.folder / block.title
            path.parent.mkdir(exist_ok=True)
            (path.parent / "__init__.py").touch()
            with path.open("a") as file:
                file.write(f"\n{block.text}")
        for name, text in (("settings", SETTINGS + settings), ("urls", urls)):
            path = self.folder / f"mysite/{name}.py"
            path.write_text(path.read_text() + text)

    def prepare(self, script: str = "", *apps: str) -> None:
        """Check the project, make tables and the user alice, and run what the test needs besides.

        `apps` are those whose models stand on the page: they get their migrations.
        """
        self.run(PREPARE, script, *apps)

    def run(self, script: str, *words: str) -> None:
        """Run Python beside the server, with its settings."""
        done = subprocess.run(
            [sys.executable, "-c", script, *words],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Serve it until the block ends."""
        command = [sys.executable, "-m", "granian", *self._options()]
        process = services.spawn(command, log=self.log, cwd=self.folder, env=self.env)
        try:
            self._await(process)
            yield
        finally:
            services.end(process)

    def _options(self) -> list[str]:
        certificate, key = map(str, _certificate())
        return [
            *("--host", "127.0.0.1", "--port", str(self.port)),
            *_INTERFACES[self.interface],
            *("--workers-kill-timeout", "2"),
            *("--ssl-certificate", certificate, "--ssl-keyfile", key),
            f"mysite.{self.interface}:application",
        ]

    def _await(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + services.START_SECONDS
        while True:
            assert process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            with suppress(requests.ConnectionError), self.visitor() as visitor:
                visitor.get("/csrf/")
                return
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)

    def visitor(self) -> "Visitor":
        """Give a new client, with no cookies yet."""
        return Visitor(self.url)

    def trusted_by_chromium(self) -> str:
        """Give the flag by which Chromium trusts the certificate (its key, in SHA-256)."""
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        found = x509.load_pem_x509_certificate(_certificate()[0].read_bytes())
        spki = found.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        digest = base64.b64encode(hashlib.sha256(spki).digest()).decode()
        return f"--ignore-certificate-errors-spki-list={digest}"

    def mail(self) -> str:
        """Give the text of the latest mail."""
        latest = max((self.folder / "mail").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        found = message_from_bytes(latest.read_bytes(), policy=policy.default)
        return found.get_body(("plain",)).get_content()


class Visitor(requests.Session):
    """A program or a browser: it keeps cookies, and sends the CSRF token where it has one."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.base_url = url
        self.trust_env = False
        self.verify = str(_certificate()[0])

    def request(self, method: str, url: str, **options: object) -> requests.Response:
        """Send a request to a path of the project, or to an address."""
        address = f"{self.base_url}{url}" if url.startswith("/") else url
        if token := self.cookies.get("csrftoken"):
            self.headers.update({"X-CSRFToken": token, "Referer": self.base_url})
        options.setdefault("timeout", 30)
        response = super().request(method, address, **options)
        if not response.ok:
            # A server that has refused before it had the whole body closes the connection.
            self.close()
        return response

    def carry(self, token: str | None, scheme: str = "Bearer") -> None:
        """Send a token in the header from now on; None sends none."""
        self.headers["Authorization"] = None if token is None else f"{scheme} {token}"


def titled(page: str) -> list[Block]:
    """Give the blocks of a page that are files of the project."""
    return [block for block in blocks(DOCS / f"{page}.md") if "/" in block.title]


@contextmanager
def served(
    page: str,
    folder: Path,
    *,
    script: str = "",
    urls: str = "",
    settings: str = "",
    app: str = "",
    interface: str = "wsgi",
    **env: str,
) -> Iterator[Project]:
    """Make the project of a page, prepare it and serve it."""
    project = Project(folder, interface, **env)
    project.write(page, urls, settings)
    project.prepare(script, *filter(None, [app]))
    with project.serve():
        yield project
    log = project.log.read_text()
    assert "Traceback" not in log, log
    assert "eyJ" not in log, log


@cache
def _fresh() -> Path:
    folder = Path(_folder("fresh").name)
    command = [sys.executable, "-m", "django", "startproject", "mysite", str(folder)]
    subprocess.run(command, check=True, env={"PATH": os.environ["PATH"]})
    return folder


@cache
def _certificate() -> tuple[Path, Path]:
    sys.path.insert(0, str(services.PORTAL))
    try:
        import demo  # what the example portal starts with
    finally:
        sys.path.remove(str(services.PORTAL))
    assert isinstance(demo, ModuleType)
    with warnings.catch_warnings():
        return demo.certificate(Path(_folder("certificate").name))


@cache
def _folder(name: str) -> "tempfile.TemporaryDirectory[str]":
    """Give a folder that is removed at the end."""
    return tempfile.TemporaryDirectory(prefix=f"djwto-{name}-")
