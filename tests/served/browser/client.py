"""Pages that use the client of clients/browser, as Django serves it, against a real portal."""

import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Request

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = "/static/djwto/client.js"
REFRESH = "/api/token/refresh"
RENEWAL = f"{REFRESH}/refresh_access/"
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "tests.served.browser.client_settings",
    "PYTHONPATH": str(ROOT),
}

PATIENCE = 20
"""Seconds that a condition may take to come true: a machine may be busy."""

HOLD_LOCK = """() => new Promise((held) => navigator.locks.request(
    `djwto ${location.origin}/ `,
    () => new Promise((release) => { window.release = release; held(); }),
))"""
"""Holds the lock of the client until the page calls `release()`."""

AWAIT_QUEUE = """async (length) => {
    while ((await navigator.locks.query()).pending.length < length) {
        await new Promise((done) => setTimeout(done, 10));
    }
}"""
"""Waits until so many wait for a lock."""

_OPEN = """async ([script, options]) => {
    const { createClient } = await import(script);
    window.changes = [];
    window.auth = createClient(options);
    auth.onChange((claims, change) => changes.push({ name: claims?.user.username, ...change }));
    await auth.ready;
}"""


def open_client(page: Page, origin: str, script: str = SCRIPT, **options: Any) -> Page:
    """Open a page that has no script yet, and make a client in it; it is `auth` there."""
    page.goto(f"{origin}/api/status/")
    return make_client(page, script, **options)


def make_client(page: Page, script: str = SCRIPT, **options: Any) -> Page:
    """Make the client of a page that is open."""
    page.evaluate(_OPEN, [script, options])
    return page


def log_in(page: Page, username: str = "alice") -> Any:
    """Log in, and give the claims."""
    fields = {"username": username, "password": "pass"}
    return page.evaluate("(fields) => auth.login(fields)", fields)


def claims(page: Page) -> Any:
    """Give what the page knows; `undefined` is None too."""
    return page.evaluate("auth.claims()")


def changes(page: Page) -> list[Any]:
    """Give the changes that the page was told, the first one first."""
    return page.evaluate("changes")


def until(page: Page, condition: str) -> None:
    """Wait for a condition, in the words of the page.

    From here: the page's policy allows no `eval`, and its timers may be the test's.
    """
    deadline = time.monotonic() + PATIENCE
    while not page.evaluate(condition):
        if time.monotonic() > deadline:
            raise AssertionError(f"Never came true in {PATIENCE} s: {condition}")
        page.wait_for_timeout(20)


def attempt(page: Page, call: str) -> Any:
    """Give `{"value": …}`, or what the error holds, such as `{"status": 401, "code": …}`."""
    return page.evaluate(
        """async (make) => {
            try {
                return { value: await (0, eval)(make)() };
            } catch ({ name, status, code, error, errors, retryAfter, message }) {
                return { name, status, code, error, errors, retryAfter, message };
            }
        }""",
        f"() => {call}",
    )


def status(page: Page, path: str, **init: Any) -> int:
    """Call the API through the client, and give the status."""
    call = "async ([path, init]) => (await auth.fetch(path, init)).status"
    return page.evaluate(call, [path, init])


class Asked:
    """The requests of some tabs, by what their addresses end with."""

    def __init__(self, *pages: Page) -> None:
        self.requests: list[Request] = []
        for page in pages:
            page.on("request", self._add)

    def _add(self, request: Request) -> None:
        self.requests.append(request)

    def wait_for(self, path: str, page: Page) -> None:
        """Wait for the first request of a path. The page only passes the time."""
        deadline = time.monotonic() + PATIENCE
        while not self.count(path):
            if time.monotonic() > deadline:
                raise AssertionError(f"No request of {path} in {PATIENCE} s.")
            page.wait_for_timeout(20)

    def count(self, path: str) -> int:
        return sum(request.url.endswith(path) for request in self.requests)
