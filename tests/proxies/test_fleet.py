"""`make fleet`: one login opens JupyterLab and a dashboard, keeps them open, and closes them."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests import services
from tests.proxies import stack, wire

PROGRAM = services.PORTAL.parent / "fleet" / "fleet.py"
APP, LAB, DASH = (f"{name}.demo.localhost" for name in ("app", "lab", "dash"))
LAST_WORDS = "Ctrl-C stops everything."

LIFETIME = 12
"""Seconds of a short access token: time for JupyterLab to load on a busy machine."""

PATIENCE = 60
"""Seconds that a condition may take to come true."""


@dataclass
class Fleet:
    """The fleet as it runs."""

    var: Path
    port: int
    process: "subprocess.Popen[str]"

    def url(self, host: str, path: str = "/") -> str:
        return f"https://{host}:{self.port}{path}"

    def ask(self, host: str, path: str, cookie: str) -> wire.Answer:
        headers = [("Cookie", cookie), ("Sec-Fetch-Site", "same-origin")]
        return wire.ask(self.port, path, headers, host=host)

    def log_in(self, name: str) -> str:
        """Log in as a program does, and give the cookies."""
        body = urlencode({"username": name, "password": "pass"}).encode()
        form = [("Content-Type", "application/x-www-form-urlencoded")]
        reply = wire.ask(self.port, "/login/", form, method="POST", body=body, host=APP)
        assert reply.status == 200
        set_ones = [line.split(";")[0] for line in reply.all("set-cookie")]
        # The others clear cookies of a host alone.
        return "; ".join(one for one in set_ones if not one.endswith(("=", '=""')))

    def log_out(self, cookie: str) -> None:
        csrf = dict(pair.split("=", 1) for pair in cookie.split("; "))["csrftoken"]
        headers = [("Cookie", cookie), ("X-CSRFToken", csrf), ("Referer", self.url(APP))]
        path = "/api/token/refresh/logout/"
        assert wire.ask(self.port, path, headers, method="DELETE", host=APP).status == 200

    def refusal(self, cookie: str) -> wire.Answer:
        """Ask until the guard has heard of a logout, and give its refusal."""
        deadline = time.monotonic() + PATIENCE
        while (reply := self.ask(LAB, "/api/status", cookie)).status == 200:
            assert time.monotonic() < deadline
        return reply

    def socket(self, cookie: str) -> ClientConnection:
        """Open a WebSocket of JupyterLab."""
        trust = ssl.create_default_context(cafile=str(self.var / "cert.pem"))
        return connect(
            f"wss://{LAB}:{self.port}/api/events/subscribe",
            sock=socket.create_connection(("127.0.0.1", self.port)),
            ssl=trust,
            origin=self.url(LAB, ""),  # type: ignore[arg-type]
            additional_headers={"Cookie": cookie},
        )

    def left(self) -> list[str]:
        """Give the commands of processes that name the folder, in their words or variables."""
        commands = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                command = (process / "cmdline").read_bytes()
                if str(self.var).encode() in command + (process / "environ").read_bytes():
                    commands.append(command.replace(b"\0", b" ").decode())
        return commands


@contextmanager
def running(var: Path, **env: str) -> Iterator[Fleet]:
    """Run a fleet, end it by Ctrl-C, and look at what is left."""
    port, portal_port = services.free_port(), services.free_port()
    ports = ["--port", str(port), "--portal-port", str(portal_port)]
    command = [*_command(), *ports, "--var", str(var)]
    ours = ("PORTAL_", "DJWTO_", "DJANGO_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    process = subprocess.Popen(
        command,
        env=inherited | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    fleet = Fleet(var, port, process)
    try:
        assert process.stdout
        said = ""
        while LAST_WORDS not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        assert fleet.url(LAB) in said
        yield fleet
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, rest.strip()) == (0, "Stopped.")
    assert not fleet.left()
    for ended in (port, portal_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", ended))


def _command() -> list[str]:
    return [sys.executable, str(PROGRAM), "--server", str(stack.guard_program())]


@pytest.fixture(scope="module")
def programs() -> None:
    """Skip where a program is missing, and name it."""
    try:
        stack.guard_program()
        services.nginx_program()
    except services.ServiceError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def fleet(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running(tmp_path_factory.mktemp("fleet")) as started:
        yield started


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    profile = browser.new_context(ignore_https_errors=True)
    profile.set_default_timeout(PATIENCE * 1000)
    profile.set_default_navigation_timeout(PATIENCE * 1000)
    yield profile
    profile.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


_TERMINAL = """async () => {
    const [, xsrf] = document.cookie.match(/_xsrf=([^;]+)/);
    const init = { method: "POST", headers: { "X-XSRFToken": xsrf } };
    return (await fetch("/api/terminals", init)).status;
}"""


class Replies:
    """The replies that a page got, its frames included."""

    def __init__(self, page: Page) -> None:
        self.renewals = 0
        self.refused: list[str] = []
        page.on("response", self._add)

    def _add(self, reply: Response) -> None:
        if reply.url.endswith("/refresh_access/") and reply.status == 200:
            self.renewals += 1
        elif reply.status in (401, 403):
            self.refused.append(f"{reply.status} {reply.url}")


def until(page: Page, happened: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for a condition, and let the browser's events come in meanwhile."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "It never happened."
        page.wait_for_timeout(100)


def enter(page: Page, fleet: Fleet, host: str, name: str) -> None:
    """Open a guarded host without a login, and log in where the guard sends the browser."""
    page.goto(fleet.url(host))
    page.wait_for_url(lambda url: url.startswith(fleet.url(APP)))
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill("pass")
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url(lambda url: url.startswith(fleet.url(host)))


def open_notebook(page: Page) -> None:
    """Make a notebook, and wait until its kernel takes code."""
    page.locator(".jp-LauncherCard", has_text="Python 3").first.click()
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()


def run_cell(page: Page, code: str, output: str) -> None:
    """Write into the last cell of the notebook that is open, and run it."""
    page.locator(".jp-Notebook-cell .cm-content").last.click()
    page.keyboard.type(code)
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output", has_text=output)).to_be_visible()


def saved(fleet: Fleet) -> str:
    """Give the text of all notebooks on disk."""
    files = (fleet.var / "notebooks").glob("*.ipynb")
    # JupyterLab may be writing one at this moment.
    return "".join(file.read_text() for file in files)


def save(page: Page, fleet: Fleet, code: str) -> None:
    page.keyboard.press("Control+s")
    accept = page.locator(".jp-Dialog .jp-mod-accept")  # asks for a name the first time
    until(page, lambda: accept.is_visible() or code in saved(fleet))
    if accept.is_visible():
        accept.click()
    until(page, lambda: code in saved(fleet))


def leave(page: Page, fleet: Fleet) -> None:
    """Log out at the portal."""
    page.goto(fleet.url(APP))
    page.get_by_role("button", name="Log out").click()


def test_one_login_opens_all_and_a_logout_closes_all(fleet: Fleet, context: BrowserContext) -> None:
    lab, dash, app = context.new_page(), context.new_page(), context.new_page()
    enter(lab, fleet, LAB, "carol")
    open_notebook(lab)
    run_cell(lab, "6 * 7", "42")
    save(lab, fleet, "6 * 7")
    dash.goto(fleet.url(DASH))
    expect(dash.locator("#load")).not_to_have_text("…")

    assert lab.evaluate(_TERMINAL) == 200
    names = " ".join(fleet.left())
    for program in ("granian", "djwto-server", "jupyterlab", "ipykernel", "sh "):
        assert program in names

    leave(app, fleet)
    for page in (lab, dash):
        page.wait_for_url(lambda url: url.startswith(fleet.url(APP)))
        page.goto(fleet.url(LAB, "/lab"))
        assert page.url.startswith(fleet.url(APP))


def test_a_busy_port_is_said_before_anything_is_made(programs: None, tmp_path: Path) -> None:
    var = tmp_path / "var"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*_command(), "--port", str(port), "--var", str(var)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Port {port} is in use on 127.0.0.1; choose another with --port.\n"
    assert not var.exists()


@pytest.mark.long
def test_jupyterlab_lives_on_until_its_session_ends(
    programs: None, page: Page, tmp_path: Path
) -> None:
    with running(tmp_path, PORTAL_ACCESS_SECONDS=str(LIFETIME)) as fleet:
        replies = Replies(page)
        enter(page, fleet, LAB, "carol")
        replies.refused.clear()  # before the login
        open_notebook(page)
        run_cell(page, "kept = 42; kept", "42")
        # Each is at four fifths of a lifetime, so three of them are more than two lifetimes.
        until(page, lambda: replies.renewals >= 3)
        run_cell(page, "kept + 6", "48")
        save(page, fleet, "kept + 6")
        assert not replies.refused
        # A logout of which the browser hears nothing is noticed at the next renewal.
        held = page.context.cookies(fleet.url(APP, "/api/token/refresh/"))
        fleet.log_out("; ".join(f"{one['name']}={one['value']}" for one in held))
        page.wait_for_url(lambda url: url.startswith(fleet.url(APP)))


def test_a_user_without_the_permission_is_told_so(fleet: Fleet, page: Page) -> None:
    enter(page, fleet, DASH, "alice")
    reply = page.goto(fleet.url(LAB))
    assert reply
    assert reply.status == 403
    expect(page.locator("body")).to_contain_text("Insufficient Permissions.")
    expect(page.locator("body")).to_contain_text("permissions_insufficient")


def test_an_ended_session_opens_nothing(fleet: Fleet) -> None:
    cookie = fleet.log_in("carol")
    assert fleet.ask(LAB, "/api/status", cookie).status == 200
    fleet.log_out(cookie)
    reply = fleet.refusal(cookie)
    assert (reply.status, reply.code) == (401, "token_blacklisted")
    assert fleet.ask(DASH, "/figures.json", cookie).status == 401
    with pytest.raises(InvalidStatus):
        fleet.socket(cookie)


def test_an_open_socket_outlives_its_session_until_nginx_reloads(fleet: Fleet) -> None:
    """Forward-auth decides once. A reload cuts sockets, and the next one is refused."""
    cookie = fleet.log_in("carol")
    with fleet.socket(cookie) as open_one:
        fleet.log_out(cookie)
        fleet.refusal(cookie)
        assert open_one.ping().wait(PATIENCE)
        os.kill(_nginx(fleet), signal.SIGHUP)
        with pytest.raises(ConnectionClosed):
            open_one.recv(timeout=PATIENCE)
    with pytest.raises(InvalidStatus):
        fleet.socket(cookie)


def _nginx(fleet: Fleet) -> int:
    """Give the process of nginx's master."""
    children = Path(f"/proc/{fleet.process.pid}/task/{fleet.process.pid}/children")
    for pid in map(int, children.read_text().split()):
        if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"nginx: master"):
            return pid
    raise AssertionError("nginx does not run.")
