"""The documentation as its readers use it: on a phone, in the dark, by keyboard, by search."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, Page, expect

from tests.built_site import build_versions

# Two versions of the site are built first.
pytestmark = pytest.mark.long

PHONE = {"width": 360, "height": 740}

# Level A and AA of WCAG 2.2. The rest of axe's rules are opinions about any page.
_AXE = """async (within) => (await axe.run(within, {
    resultTypes: ["violations"],
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
})).violations.flatMap(({id, nodes}) => nodes.map(({html}) => `${id}: ${html}`))"""

_WIDER_THAN_THE_WINDOW = "document.documentElement.scrollWidth > window.innerWidth"


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_versions(tmp_path_factory.mktemp("site"), "0.1", "0.2")


@pytest.fixture(scope="module")
def root(branch: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=branch))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site(root: str) -> str:
    return f"{root}/latest"


class _Quiet(SimpleHTTPRequestHandler):
    timeout = 5  # a browser may open a connection and say nothing on it

    def log_message(self, *args: object) -> None:
        pass


def test_the_root_leads_to_the_latest_version_and_old_ones_say_so(page: Page, root: str) -> None:
    note = page.get_by_text("These pages are about an older version.")
    page.goto(root)
    expect(page.locator("h1")).to_contain_text("djwto")
    assert page.url == f"{root}/latest/"
    versions = page.get_by_role("button", name="Select version")
    expect(versions).to_have_text("0.2")
    expect(note).to_be_hidden()

    versions.hover(force=True)  # the list opens over the button
    page.get_by_role("link", name="0.1", exact=True).click()
    page.wait_for_url(f"{root}/0.1/**")
    expect(versions).to_have_text("0.1")
    expect(note).to_be_visible()
    _expect_nothing_from_axe(page, "aside")
    page.get_by_role("link", name="Read the latest.").click()
    page.wait_for_url(f"{root}/latest/")


def test_every_page_fits_a_phone_and_loads_nothing_from_elsewhere(
    page: Page, root: str, site: str, branch: Path
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size(PHONE)
    names = [path.name for path in (branch / "latest").glob("*.html") if path.stem != "404"]
    assert len(names) > 30
    for name in names:
        page.goto(f"{site}/{name}")
        assert not page.evaluate(_WIDER_THAN_THE_WINDOW), name
    assert len(asked) > len(names)
    assert [url for url in asked if not url.startswith((f"{root}/", "data:"))] == []


def test_a_wide_table_scrolls_by_itself_and_by_keyboard(page: Page, site: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{site}/checks.html")
    table = page.get_by_role("group", name="Table").first
    expect(table).to_have_attribute("tabindex", "0")
    table.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("table => table.scrollLeft > 0", arg=table.element_handle())
    assert not page.evaluate(_WIDER_THAN_THE_WINDOW)

    page.set_viewport_size({"width": 1600, "height": 900})
    page.goto(f"{site}/index.html")
    expect(page.get_by_role("group", name="Table").first).not_to_have_attribute("tabindex", "0")


@pytest.mark.parametrize(
    ("name", "within"),
    [
        ("index", "body"),
        ("quickstart", "body"),
        ("channels", "article"),
        # The page is long, and its entries are alike.
        ("reference", ".doc-object:nth-of-type(-n+6)"),
    ],
)
def test_axe_finds_nothing_in_the_light_and_in_the_dark(
    page: Page, site: str, name: str, within: str
) -> None:
    page.goto(f"{site}/{name}.html")
    _expect_nothing_from_axe(page, within)


def test_the_picture_follows_the_colours(page: Page, site: str) -> None:
    page.goto(f"{site}/index.html")
    for scheme, other in (("light", "dark"), ("dark", "light")):
        page.emulate_media(color_scheme=scheme)
        picture = page.locator(f'img[src*="portal-{scheme}.png"]')
        expect(picture).to_be_visible()
        expect(page.locator(f'img[src*="portal-{other}.png"]')).to_be_hidden()
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 1000


def test_the_keyboard_reaches_content_search_and_menu(page: Page, site: str) -> None:
    page.goto(f"{site}/settings.html")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    _tab_to(page, '[data-md-component="search-query"]')
    expect(page.get_by_role("dialog", name="Search")).to_be_visible()
    page.keyboard.press("Escape")
    _tab_to(page, ".md-tabs a")
    _tab_to(page, '.md-sidebar--primary a[href="endpoints.html"]')
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site}/endpoints.html")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site}/endpoints.html#*")  # past the menus


def test_the_menu_opens_on_a_phone(page: Page, site: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{site}/reference.html")
    link = page.locator('.md-sidebar--primary a[href="checks.html"]')
    expect(link).not_to_be_in_viewport()
    page.locator('label.md-header__button[for="__drawer"]').click()
    expect(link).to_be_in_viewport()
    link.click()
    page.wait_for_url(f"{site}/checks.html")


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("ninja", "ninja"),
        ("websocket", "channels"),
        ("openapi", "openapi"),
        ("simplejwt", "from-simplejwt"),
        ("DJWTO_MODE", "settings"),
        ("token_expired", "errors"),
        ("W034", "checks"),
        ("jwt_passes_test", "reference"),
    ],
)
def test_search_finds_the_page(page: Page, site: str, word: str, name: str) -> None:
    page.goto(f"{site}/index.html")
    page.keyboard.press("/")
    page.keyboard.type(word)
    found = page.locator(".md-search-result__item > .md-search-result__link")
    expect(found.first).to_be_visible()
    pages = [link.get_attribute("href") or "" for link in found.all()[:3]]
    assert any(f"/{name}.html" in href for href in pages), pages
    found.first.click()
    page.wait_for_url(lambda url: not url.endswith("/index.html"))


def test_search_completes_a_word(page: Page, site: str) -> None:
    page.goto(f"{site}/index.html")
    page.keyboard.press("/")
    page.keyboard.type("deplo")
    expect(page.locator('[data-md-component="search-suggest"]')).to_have_text("deployment")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("textbox", name="Search")).to_have_value("deployment")


def test_code_is_copied(page: Page, context: BrowserContext, site: str) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{site}/checks.html")
    page.get_by_role("button", name="Copy to clipboard").first.click()
    expect(page.get_by_text("Copied to clipboard")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "python manage.py check --deploy"


def _expect_nothing_from_axe(page: Page, within: str) -> None:
    page.evaluate(AXE_SCRIPT)
    for scheme, drawn in (("light", "default"), ("dark", "slate")):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_selector(f"body[data-md-color-scheme={drawn}]")
        assert page.evaluate(_AXE, within) == [], scheme


def _tab_to(page: Page, selector: str) -> None:
    for _ in range(100):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never reaches {selector}.")
