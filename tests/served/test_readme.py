"""The quickstart's five minutes, done as they are written: contract §1 on a fresh project.

Each titled block is taken from the page in its order: files are written, commands are run,
programs are executed and must print what the page says they print. Only the port and the making
of the certificate are the test's own.

`--installed FOLDER` takes the programs of an environment where djwto alone is installed, and lets
the page's own `pip install` bring the rest: so `tools/wheels.py` tries what is published.
"""

import base64
import contextlib
import json
import os
import shlex
import socket
import ssl
import subprocess
import sys
import time
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path

import requests
import urllib3

from tests import services
from tests.test_docs import ROOT, blocks

PROGRAMS = Path(sys.executable).parent


def test_five_minutes(tmp_path, request):
    with Walk(tmp_path, request.config.getoption("--installed")) as walk:
        for block in blocks(ROOT / "docs/quickstart.md"):
            walk.take(block)
        assert walk.done == ["program.py", "page.py"]
        check_cookies(walk.url)
        check_secrets(walk)


def check_cookies(url):
    """What the page does not show: attributes of cookies, a refusal, the way out."""
    with session() as sess:
        reply = sess.post(f"{url}/login/", {"username": "alice", "password": "pass"}, timeout=30)
        assert reply.json()["msg"] == "Tokens successfully created."
        cookies = {cookie.name: cookie for cookie in sess.cookies}
        assert {"jwt_refresh", "jwt_access_token", "jwt_access_payload"} <= set(cookies)
        claims = json.loads(base64.b64decode(cookies["jwt_access_payload"].value))
        assert list(claims) == sorted(claims)
        assert cookies["jwt_refresh"].path == "/api/token/refresh"
        assert all(cookies[name].secure for name in cookies if name.startswith("jwt_"))
        refused = sess.post(f"{url}/validate_access/", timeout=30)
        assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
        headers = {"X-CSRFToken": sess.cookies["csrftoken"], "Referer": url}
        gone = sess.delete(f"{url}/api/token/refresh/logout/", headers=headers, timeout=30)
        assert gone.json() == {"msg": "Tokens successfully deleted."}
        assert [cookie.name for cookie in sess.cookies] == ["csrftoken"]


def check_secrets(walk):
    assert "test key" not in walk.log.read_text()
    assert "eyJ" not in walk.log.read_text()


class Walk:
    """A walk through the quickstart."""

    def __init__(self, folder, installed=None):
        self.folder = folder
        self.is_bare = installed is not None
        self.log = folder / "server.log"
        self.port = services.free_port()
        self.url = f"https://localhost:{self.port}"
        self.done = []
        self.printed = ""
        self.serve_command = None
        self.process = None
        ours = ("DJANGO_", "DJWTO_", "GRANIAN_", "PYTHONWARNINGS")
        self.env = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
        self.env["PATH"] = f"{installed or PROGRAMS}{os.pathsep}{self.env['PATH']}"
        self.env["PYTHONWARNINGS"] = "error"

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.stop()

    def take(self, block):
        if block.title == "terminal":
            for line in block.text.replace("\\\n", "").splitlines():
                self.command(line.split("  #")[0])
        elif block.title == "manage.py shell":
            self.run(["python", "manage.py", "shell", "-c", block.text])
        elif block.title.startswith("mysite/"):
            self.write(block.title, block.text)
        elif block.title.endswith(" prints"):
            assert self.printed == block.text
        elif block.title.endswith(".py"):
            self.execute(block)

    def command(self, line):
        words = shlex.split(line)
        if words[0] == "export":
            self.env.update([words[1].split("=", 1)])
        elif words[0] == "cd":
            self.folder = self.folder / words[1]
        elif words[0] == "pip":
            assert "granian" in words
            if self.is_bare:
                self.run(["python", "-W", "default", "-m", *words])
        elif words[0] == "openssl":
            self.make_certificate(words[words.index("-out") + 1], words[words.index("-keyout") + 1])
        elif words[0] == "granian":
            self.serve_command = ["python", "-m", *line.replace("8002", str(self.port)).split()]
        else:
            out = self.run(words)
            assert words[-1] != "makemigrations" or "No changes detected" in out

    def write(self, name, text):
        path = self.folder / name
        # Settings are added to what `startproject` made; the other files are the page's own.
        start = path.read_text() if path.name == "settings.py" else ""
        path.write_text(f"{start}\n{text}")
        self.stop()

    def execute(self, block):
        if self.process is None:
            self.serve()
        (self.folder / block.title).write_text(block.text.replace("8002", str(self.port)))
        ignored = "ignore:Unverified HTTPS request"
        self.printed = self.run(["python", "-W", ignored, block.title])
        self.done.append(block.title)

    def run(self, words):
        done = subprocess.run(
            words, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout

    def serve(self):
        command, env = self.serve_command, self.env
        self.process = services.spawn(command, log=self.log, cwd=self.folder, env=env)
        deadline = time.monotonic() + services.START_SECONDS
        while not self.answers():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()

    def answers(self):
        """Poll the port, and wait a little while no server listens yet."""
        trust = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        try:
            with socket.create_connection(("localhost", self.port), timeout=5) as raw:
                trust.wrap_socket(raw, server_hostname="localhost").close()
        except OSError:
            self.wait_for_exit(0.1)
            return False
        return True

    def wait_for_exit(self, seconds):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def stop(self):
        if self.process is None:
            return
        services.end(self.process)
        self.process = None

    def make_certificate(self, certificate, key):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        private = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(timezone.utc)
        signed = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(private, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (self.folder / key).write_bytes(private.private_bytes(pem, pkcs8, plain))
        (self.folder / certificate).write_bytes(signed.public_bytes(pem))


@contextlib.contextmanager
def session():
    with requests.Session() as sess, warnings.catch_warnings():
        warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
        sess.verify = False
        sess.trust_env = False
        yield sess
