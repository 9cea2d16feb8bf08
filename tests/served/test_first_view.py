"""The README's first guarded view, done as it is written: in a new project, with `runserver`.

Blocks for a file of the project go to the end of that file. Only the port is the test's
choice.
"""

import json
import re
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import services
from tests.served.test_readme import Walk
from tests.test_docs import ROOT, blocks

README = (ROOT / "README.md").read_text()


@pytest.fixture
def walk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator["FirstView"]:
    with FirstView(tmp_path, request.config.getoption("--installed")) as walk:
        walk.run(["django-admin", "startproject", "mysite", str(tmp_path)])
        yield walk


def test_the_second_command_says_hello(walk: "FirstView") -> None:
    for block in blocks(ROOT / "README.md"):
        walk.take(block)
    assert [reply.status_code for reply in walk.replies] == [200, 200]
    promised = re.search(r"The second command prints `(.+)`\.", README)
    assert promised is not None
    assert walk.replies[-1].json() == json.loads(promised[1])
    bare = requests.get(walk.replies[-1].url, timeout=30)
    assert (bare.status_code, bare.json()["code"]) == (401, "authorization_missing")


class FirstView(Walk):
    """A walk through the README's first page."""

    def __init__(self, folder: Path, installed: str | None) -> None:
        super().__init__(folder, installed)
        self.url = f"http://localhost:{self.port}"
        self.replies: list[requests.Response] = []

    def take(self, block):
        if block.title == "second terminal":
            for line in block.text.splitlines():
                self.curl(shlex.split(line))
        else:
            super().take(block)

    def write(self, name, text):
        path = self.folder / name
        with path.open("a") as file:
            file.write(f"\n{text}")

    def command(self, line):
        words = shlex.split(line)
        if words[0] == "export":
            name = words[1].partition("=")[0]
            self.env[name] = self.run(["sh", "-c", f'{line}; printf %s "${name}"'])
            assert len(self.env[name]) > 32
        elif "createsuperuser" in words:
            chosen = re.search(r"the user alice, with the password `(.+?)`", README)
            assert chosen is not None
            self.env["DJANGO_SUPERUSER_PASSWORD"] = chosen[1]
            self.run([*words, "--noinput"])
        elif "runserver" in words:
            self.serve_command = [*words, str(self.port)]
            self.serve()
        else:
            self.run(words)

    def curl(self, words):
        assert words.pop(0) == "curl"
        url = words.pop().replace("http://localhost:8000", self.url)
        options = list(zip(words[::2], words[1::2], strict=True))
        form = [value.split("=", 1) for name, value in options if name == "-d"]
        headers = dict(value.split(": ", 1) for name, value in options if name == "-H")
        if self.replies:
            tokens = self.replies[-1].json()
            headers = {k: re.sub("<(.+)>", lambda m: tokens[m[1]], v) for k, v in headers.items()}
        send = requests.post if form else requests.get
        self.replies.append(send(url, form or None, headers=headers, timeout=30))

    def answers(self):
        """Poll the port, and wait a little while no server listens yet."""
        try:
            socket.create_connection(("localhost", self.port), timeout=5).close()
        except OSError:
            self.wait_for_exit(0.1)
            return False
        return True

    def stop(self):
        if self.process is not None:
            services.end(self.process)
            self.process = None
