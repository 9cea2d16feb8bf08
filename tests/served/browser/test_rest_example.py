"""`examples/rest`: one command starts it, and old clients, new ones and a browser walk through."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Page, expect

from tests import services

EXAMPLE = services.PORTAL.parent / "rest"


class Library:
    """The example as it runs."""

    def __init__(self, url: str, certificate: Path) -> None:
        self.url = url
        self.certificate = certificate

    def client(self, name: str) -> list[str]:
        """Run a client of the example, and give the lines that it prints."""
        command = [sys.executable, str(EXAMPLE / "clients" / name), self.url, self.certificate]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def session(self) -> requests.Session:
        """A program that keeps cookies."""
        session = requests.Session()
        session.verify, session.trust_env = str(self.certificate), False
        return session


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    var, port = tmp_path_factory.mktemp("library"), services.free_port()
    command = [sys.executable, "-W", "error", str(EXAMPLE / "start.py")]
    with (var / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--var", str(var)], stdout=log, stderr=log
        )
    library = Library(f"https://localhost:{port}", var / "cert.pem")
    try:
        services.until_ready(lambda: answers(library), process, var / "log", "the library")
        yield library
    finally:
        process.send_signal(signal.SIGINT)  # Ctrl-C
        ended = process.wait(services.STOP_SECONDS)
    text = (var / "log").read_text()
    assert ended == 0, text
    for word in ("Warning", "Traceback", "eyJ"):
        assert word not in text, text


def answers(library: Library) -> bool:
    """Say whether it does."""
    if not library.certificate.exists():
        return False
    try:
        with library.session() as session:
            return session.get(library.url, timeout=5).status_code == 200
    except (OSError, requests.ConnectionError):
        return False


def test_a_client_of_djwto(library: Library) -> None:
    lines = library.client("djwto_client.py")
    assert [line.split()[0] for line in lines] == [
        "login/",
        "books/",
        "refresh_access/",
        "logout/",
    ]
    assert "Beloved added by carol" in lines[1]


def test_a_client_of_simplejwt(library: Library) -> None:
    lines = library.client("simplejwt_client.py")
    assert [line.split() for line in lines[::2]] == [
        ["token/", "access", "refresh"],
        ["token/refresh/", "access"],
        ["books/", lines[4].split()[1]],
    ]
    assert "Kindred" in lines[1]
    assert lines[3].split() == ["token/verify/", "{}"]


def test_permissions_are_those_of_the_token(library: Library) -> None:
    with library.session() as session:
        for name, codes in (("alice", (200, 403, 403)), ("carol", (200, 201, 200))):
            form = {"username": name, "password": "pass", "mode": "JSON"}
            access = session.post(f"{library.url}/login/", form, timeout=30).json()["access"]
            session.headers["Authorization"] = f"Bearer {access}"
            book = {"title": "Emma", "author": "Jane Austen"}
            read = session.get(f"{library.url}/api/books/", timeout=30)
            written = session.post(f"{library.url}/api/books/", book, timeout=30)
            counted = session.get(f"{library.url}/api/statistics/", timeout=30)
            assert (read.status_code, written.status_code, counted.status_code) == codes
            session.headers.pop("Authorization")
            session.cookies.clear()
        refused = session.get(f"{library.url}/api/books/", timeout=30)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert {"detail", "code"} <= set(refused.json())


def test_the_document_has_the_endpoints_of_both(library: Library) -> None:
    with library.session() as session:
        headers = {"Accept": "application/json"}
        reply = session.get(f"{library.url}/api/schema/", headers=headers, timeout=30)
    assert {"/login/", "/api/books/", "/api/statistics/"} <= set(reply.json()["paths"])


def test_a_browser_logs_in_and_reads_the_schema(
    library: Library, page: Page, complaints: object
) -> None:
    hosts = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.goto(f"{library.url}/")
    page.get_by_label("Password").fill("pass")
    page.get_by_role("button", name="Log in").click()
    # REST framework's browsable API, by cookies.
    expect(page.get_by_role("heading", name="Book List")).to_be_visible()
    expect(page.locator("body")).to_contain_text("carol")
    form = page.locator("#post-object-form")  # the page has a second one for raw JSON
    form.locator("input[name=title]").fill("Middlemarch")
    form.locator("input[name=author]").fill("George Eliot")
    form.get_by_role("button", name="POST").click()
    expect(page.locator("body")).to_contain_text("201 Created")
    page.goto(f"{library.url}/schema/")
    expect(page.get_by_role("row", name="POST /login/")).to_be_visible()
    expect(page.get_by_role("row", name="GET /api/statistics/")).to_be_visible()
    assert hosts - {""} == {urlsplit(library.url).netloc}
