"""`make picture`: the picture of the portal, light and dark, into `docs/images`.

It serves the portal, logs carol in on three devices, and takes her page in Chromium. The clocks of
the server and of the browser stand still, at the times below. So a second run on the same machine
gives the same bytes.
"""

import argparse
import shutil
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, FloatRect, Page, ViewportSize, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.served.browser.support import call, log_in  # noqa: E402
from tests.services import Server, serve  # noqa: E402

IMAGES = ROOT / "docs" / "images"
SIZE = ViewportSize(width=1168, height=900)
MARGIN = 24
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--force-color-profile=srgb")
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
)
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0"
LINUX = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)

EVENING, MORNING = "2026-11-25 18:05:00", "2026-11-26 07:12:00"
LOGIN, MOMENT = "2026-11-26 09:30:00", "2026-11-26 09:30:28"


def main() -> None:
    """Take the pictures that the command line asks for; both by default."""
    parser = argparse.ArgumentParser(description="Take the picture of the portal.")
    parser.add_argument("--into", type=Path, default=IMAGES, help="default: docs/images")
    parser.add_argument("--scheme", choices=("light", "dark"), help="default: both")
    options = parser.parse_args()
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if program is None:
        sys.exit("Chromium was not found on PATH. On Debian or Ubuntu: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        for scheme in [options.scheme] if options.scheme else ["light", "dark"]:
            path = options.into / f"portal-{scheme}.png"
            with tempfile.TemporaryDirectory() as name:
                take(chromium, scheme, Path(name), path)
            print(f"{path}: {path.stat().st_size:,} bytes")
        chromium.close()


def take(chromium: Browser, scheme: str, folder: Path, path: Path) -> None:
    """Log carol in on two other devices, use the portal as her, and take its page."""
    clock = Clock(folder / "clock")
    with serve("granian", env=clock.env, folder=folder) as server:
        log_in_at(EVENING, clock, server, chromium, user_agent=WINDOWS)
        log_in_at(MORNING, clock, server, chromium, user_agent=IPHONE)
        page = log_in_at(LOGIN, clock, server, chromium, user_agent=LINUX, color_scheme=scheme)
        expect(page.locator("#sessions-list > li")).to_have_count(3)
        page.get_by_role("button", name="Predict", exact=True).click()
        expect(page.locator("#price")).to_have_text("€254,000")
        call(page, "GET /api/predictions/", "200 OK")
        page.get_by_text("All claims in").click()  # they hold identifiers, new in each run
        page.clock.set_fixed_time(in_utc(MOMENT))
        expect(page.get_by_role("timer")).to_have_text("4:32")
        page.get_by_role("heading", name="Your sessions").click()  # nothing has the focus
        page.mouse.move(0, 0)
        page.evaluate("scrollTo(0, 0)")
        columns = page.locator(".columns").bounding_box()
        assert columns is not None
        top, height = columns["y"] - MARGIN, columns["height"] + 2 * MARGIN
        clip = FloatRect(x=0, y=top, width=SIZE["width"], height=height)
        page.screenshot(path=path, full_page=True, clip=clip)


def log_in_at(
    moment: str, clock: "Clock", server: Server, chromium: Browser, **device: Any
) -> Page:
    """Log carol in with a new browser, by the page's own form."""
    clock.set(moment)
    context = chromium.new_context(
        ignore_https_errors=True,
        viewport=SIZE,
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
        **device,
    )
    page = context.new_page()
    page.clock.set_fixed_time(in_utc(moment))
    log_in(page, server.base_url, "carol")
    return page


def in_utc(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=timezone.utc)


class Clock:
    """The clock of the server's processes. It stands still until it is set again."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set(EVENING)

    def set(self, moment: str) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(moment)
        new.replace(self.file)

    @property
    def env(self) -> dict[str, str]:
        found = sorted(Path("/usr/lib").glob("**/faketime/libfaketimeMT.so.1"))
        if not found:
            sys.exit("libfaketime was not found. On Debian or Ubuntu: apt-get install faketime")
        return {
            "TZ": "UTC",
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


if __name__ == "__main__":
    main()
