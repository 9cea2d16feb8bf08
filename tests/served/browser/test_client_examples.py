"""The examples of clients/browser, built and used."""

import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.served.browser.client import ROOT, make_client
from tests.served.browser.support import Complaints
from tests.services import Server

CLIENT = ROOT / "clients" / "browser"
EXAMPLES = CLIENT / "examples"
BUILD_SECONDS = 120


@pytest.fixture(scope="module")
def react() -> Path:
    """The React example, as Vite builds it with the built client."""
    if not (CLIENT / "dist" / "react.js").exists():
        run_npm(CLIENT, "run", "build")
    run_npm(EXAMPLES / "react", "run", "build")
    return EXAMPLES / "react" / "dist"


def run_npm(folder: Path, *words: str) -> None:
    """Run npm where `make` has installed the packages."""
    if not (folder / "node_modules").exists():
        run_npm_words(folder, "ci", "--no-audit", "--no-fund")
    run_npm_words(folder, *words)


def run_npm_words(folder: Path, *words: str) -> None:
    from tools import npm  # which only these tests need

    command = npm.command("--silent", *words)
    done = subprocess.run(
        command,
        cwd=folder,
        env=npm.environment(),
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def show(page: Page, portal: Server, folder: Path) -> None:
    """Open the page on the origin of the portal, as where Django serves it."""

    def serve(route: Route) -> None:
        name = route.request.url.partition("/example/")[2] or "index.html"
        route.fulfill(path=folder / name)

    page.route("**/example/**", serve)
    page.goto(f"{portal.base_url}/example/")


def visit(page: Page, complaints: Complaints) -> None:
    """Log in, call, reload, and log out, by what the page shows."""
    complaints.expect_status(401)
    for password in ("guess", "pass"):
        page.get_by_label("User name").fill("carol")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        if password == "guess":
            expect(page.get_by_role("alert")).to_contain_text("Please enter a correct username")
    expect(page.get_by_text("Logged in as carol")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Who am I?").click()
    expect(page.locator("pre")).to_contain_text("carol@example.com")


def test_plain_html(page: Page, portal: Server, complaints: Complaints) -> None:
    show(page, portal, EXAMPLES / "html")
    visit(page, complaints)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_the_lines_of_the_documentation(page: Page, portal: Server, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "frontends.md").read_text()
    lines = text.partition("```html\n")[2].partition("```")[0]
    script = lines.removeprefix("{% load static %}\n")
    script = script.replace("{% static 'djwto/client.js' %}", "/static/djwto/client.js")
    form = "<form><input name=username><input name=password><button>Log in</button></form>"
    (tmp_path / "index.html").write_text(f"<!doctype html>{form}{script}")
    show(page, portal, tmp_path)
    expect(page).to_have_title("Log in")
    page.locator("[name=username]").fill("alice")
    page.locator("[name=password]").fill("pass")
    page.get_by_role("button").click()
    expect(page).to_have_title("alice")
    page.reload()
    expect(page).to_have_title("alice")


def test_react(page: Page, portal: Server, complaints: Complaints, react: Path) -> None:
    show(page, portal, react)
    visit(page, complaints)
    expect(page.get_by_role("link", name="Past predictions")).to_be_visible()
    # What another tab does is shown, too.
    other = page.context.new_page()
    other.goto(f"{portal.base_url}/api/status/")
    make_client(other)
    other.evaluate("auth.logout()")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
