"""Two projects: an issuer, and a service that only verifies, made of the page's own lines.

The service runs twice, under ASGI and under WSGI with a worker that was forked. It fetches the keys
by https.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from djwto.keys import sets as keysets
from tests.services import Server, end, free_port, listens, serve, spawn, until_ready
from tests.test_docs import DOCS, ROOT, blocks

SECONDS = 60
SERVERS = {
    "uvicorn": ["-m", "uvicorn", "--log-level", "warning", "--port", "{port}", "reports.asgi:app"],
    "gunicorn": [
        *("-m", "gunicorn", "--workers", "1", "--preload", "--no-control-socket"),
        *("--graceful-timeout", "2", "--bind", "127.0.0.1:{port}", "reports.wsgi:app"),
    ],
}
SETTINGS = """
from djwto.keys import remote

remote.UNKNOWN_SECONDS = 0  # the limit has another test, and takes as long
SECRET_KEY = "of the service alone"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "reports.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "reports.sqlite3"}}
"""


@dataclass
class Service:
    """The project of the page, in its own folder."""

    folder: Path
    env: dict[str, str]

    @classmethod
    def made(cls, folder: Path, issuer: str, certificate: Path | None = None) -> "Service":
        package = folder / "reports"
        package.mkdir(parents=True)
        for block in blocks(DOCS / "verify-only.md"):
            name = Path(block.title).name
            if block.title.startswith("reports/") and not (package / name).exists():
                (package / name).write_text(block.text)
        settings = (package / "settings.py").read_text()
        page, ours = "https://example.com/.well-known", f"{issuer}/.well-known"
        assert page in settings
        (package / "settings.py").write_text(settings.replace(page, ours) + SETTINGS)
        for kind in ("asgi", "wsgi"):
            name = f"get_{kind}_application"
            (package / f"{kind}.py").write_text(
                f"from django.core.{kind} import {name}\n\napp = {name}()\n"
            )
        env = {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME")},
            "DJANGO_SETTINGS_MODULE": "reports.settings",
            "PYTHONPATH": str(folder),
        }
        if certificate is not None:
            env["SSL_CERT_FILE"] = str(certificate)
        return cls(folder, env)

    def manage(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "django", *words],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    @contextmanager
    def served(self, server: str) -> Iterator[str]:
        """Serve it until the block ends, and give its address."""
        port, log = free_port(), self.folder / f"{server}.log"
        command = [sys.executable, *(word.format(port=port) for word in SERVERS[server])]
        process = spawn(command, log=log, cwd=self.folder, env=self.env)
        try:
            until_ready(lambda: listens(port), process, log, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            end(process, signal.SIGTERM)


@pytest.fixture(params=["EdDSA", pytest.param("RS256", marks=pytest.mark.long)])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    with keysets.opened(path) as ring:
        ring.generate(request.param, keysets.now())
    return path


def test_a_service_takes_the_tokens_of_an_issuer(tmp_path: Path, keys: Path) -> None:
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.projects.issuer",
        "PYTHONPATH": str(ROOT),
        "PORTAL_MODE": "JSON",
        "KEYED_FILE": str(keys),
    }
    with serve("granian", env=env, folder=tmp_path / "issuer") as issuer:
        service = Service.made(tmp_path / "service", issuer.base_url, issuer.certificate)
        with service.served("uvicorn") as one, service.served("gunicorn") as other:
            services = [one, other]
            pair = login(issuer)
            assert_good(services, pair["access"])
            refuse_forgeries(services, pair, keys)
            # The first takes the key that was published before, the second one unknown till then.
            for _ in range(2):
                issuer.manage("djwto_keys", "rotate", "--force")
                until_signed_by(issuer, active(keys))
                assert_good(services, login(issuer)["access"])
            assert_good(services, pair["access"])
            last = login(issuer)
            _end_issuer(issuer)
            # The issuer is gone, and unknown keys make the services look for it in vain.
            for _ in range(3):
                assert codes(services, forged(pair["access"], kid="unknown")) == {"key_unknown"}
                assert_good(services, last["access"])
                assert_good(services, pair["access"])
        logs = "".join((service.folder / f"{name}.log").read_text() for name in SERVERS)
        assert "stay in use" in logs
        assert pair["access"].split(".")[2] not in logs
        assert "Traceback" not in logs


def test_commands(tmp_path: Path) -> None:
    """`migrate` makes nothing of ours, and the other commands have nothing to say."""
    service = Service.made(tmp_path, "https://issuer.invalid")
    for words in (["check"], ["makemigrations", "--check"], ["migrate"], ["djwto_keys", "list"]):
        done = service.manage(*words)
        assert (done.returncode == 0) == (words[0] != "djwto_keys"), done.stdout + done.stderr
        assert words[0] != "check" or "no issues" in done.stdout
    with sqlite3.connect(service.folder / "reports.sqlite3") as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    database.close()
    assert [name for name in tables if "djwto" in name] == []
    urls = service.folder / "reports" / "urls_with_logins.py"
    urls.write_text(
        "from django.urls import include, path\nurlpatterns = [path('', include('djwto.urls'))]\n"
    )
    settings = service.folder / "reports" / "with_logins.py"
    settings.write_text("from reports.settings import *\nROOT_URLCONF = 'reports.urls_with_logins'")
    done = service.manage("check", "--settings", "reports.with_logins")
    assert done.returncode != 0
    assert 'INSTALLED_APPS: expected "djwto"' in done.stderr


def refuse_forgeries(services: list[str], pair: dict[str, str], keys: Path) -> None:
    public = json.loads(keys.read_text())["keys"][0]
    assert codes(services, pair["refresh"]) == {"type_invalid"}
    assert codes(services, forged(pair["access"])) == {"signature_invalid"}
    assert codes(services, forged(pair["access"], kid="unknown")) == {"key_unknown"}
    secret = public.get("n", public.get("x")) * 2
    as_secret = jwt.encode({}, secret, "HS256", headers={"kid": kid_of(pair["access"])})
    assert codes(services, as_secret) == {"algorithm_refused"}
    for service in services:
        assert requests.get(f"{service}/report/", timeout=SECONDS).status_code == 401


def forged(token: str, kid: str | None = None) -> str:
    """Make the token anew with another key, which claims to be the issuer's."""
    claims = jwt.decode(token, options={"verify_signature": False})
    algorithm: Any = jwt.get_unverified_header(token)["alg"]
    key = (
        ed25519.Ed25519PrivateKey.generate()
        if algorithm == "EdDSA"
        else rsa.generate_private_key(65537, 2048)
    )
    return jwt.encode(claims, key, algorithm, headers={"kid": kid or kid_of(token)})


def login(issuer: Server) -> dict[str, str]:
    fields = {"username": "alice", "password": "pass"}
    reply = requests.post(
        f"{issuer.base_url}/login/", fields, verify=str(issuer.certificate), timeout=SECONDS
    )
    assert reply.status_code == 200, reply.text
    pair: dict[str, str] = reply.json()
    return pair


def ask(service: str, token: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{service}/report/", headers=headers, timeout=SECONDS)


def assert_good(services: list[str], token: str) -> None:
    for service in services:
        reply = ask(service, token)
        assert (reply.status_code, reply.json()) == (200, {"for": "alice"}), reply.text


def codes(services: list[str], token: str) -> set[str]:
    return {ask(service, token).json()["code"] for service in services}


def until_signed_by(issuer: Server, kid: str) -> None:
    deadline = time.monotonic() + SECONDS
    while kid_of(login(issuer)["access"]) != kid:
        assert time.monotonic() < deadline


def active(keys: Path) -> str:
    (key,) = [k for k in json.loads(keys.read_text())["keys"] if k["djwto_state"] == "active"]
    return str(key["kid"])


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def _end_issuer(issuer: Server) -> None:
    os.kill(issuer.pid, signal.SIGTERM)
    deadline = time.monotonic() + SECONDS
    while issuer.answers():
        assert time.monotonic() < deadline
