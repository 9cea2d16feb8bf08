"""A real browser, real portals, and one page that must not complain.

Playwright's event loop runs for as long as its fixture lives. Its scope is this folder, so that the
asynchronous tests of other folders find no loop running.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests import services
from tests.served.browser.support import Complaints, Elsewhere, serve_elsewhere

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without windows, which takes a third less time. It keeps no pages for "back", either.
WINDOWLESS = "chromium-headless-shell"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Portals = Callable[..., services.Server]


def find_program(*preferred: str) -> str:
    """Find Chromium on PATH, or skip the test."""
    program = next(filter(None, map(shutil.which, (*preferred, *NAMES))), None)
    if program is None:
        pytest.skip("No Chromium on PATH. On Debian or Ubuntu: apt-get install chromium")
    return program


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    program = find_program(WINDOWLESS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        expect.set_options(timeout=20_000)  # a machine may be busy, and nothing waits for longer
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def portals(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portals]:
    """Portals by their settings; each is started once, and all share one database."""
    folder = tmp_path_factory.mktemp("portals")
    started: dict[str, services.Server] = {}
    with ExitStack() as running:

        def portal(**env: str) -> services.Server:
            name = json.dumps(env, sort_keys=True)
            if name not in started:
                served = services.serve("granian", env=env, folder=folder)
                started[name] = running.enter_context(served)
            return started[name]

        yield portal


@pytest.fixture(scope="package")
def portal(portals: Portals) -> services.Server:
    """The portal as `make demo` shows it."""
    return portals()


@pytest.fixture(scope="package")
def elsewhere(portal: services.Server) -> Iterator[Elsewhere]:
    """Empty pages on another port, under any name of this machine."""
    with serve_elsewhere(portal.certificate, portal.key) as server:
        yield server


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile: no cookies, nothing stored."""
    profile = browser.new_context(
        ignore_https_errors=True, viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    )
    yield profile
    profile.close()


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def page(context: BrowserContext, complaints: Complaints) -> Iterator[Page]:
    """A page whose console must stay empty, but for what the test said it would provoke."""
    watched = context.new_page()
    complaints.watch(watched)
    yield watched
    complaints.check()
