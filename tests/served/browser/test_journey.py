"""What a person does on the page, from login to logout."""

import base64
import json

import pytest
from playwright.sync_api import Page, expect

from tests.served.browser.conftest import Portals
from tests.served.browser.support import TOKEN_COOKIES, Complaints, call, log_in, token_cookies
from tests.services import Server

ACCESS_SECONDS = 4


def test_keyboard_alone_suffices_to_log_in_call_and_leave(page: Page, portal: Server) -> None:
    page.goto(portal.base_url)

    _tab_to(page, "username")
    page.keyboard.type("alice")
    _tab_to(page, "password")
    page.keyboard.type("pass")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Logged in as alice")).to_be_focused()

    _tab_to(page, "renew")
    page.keyboard.press("Space")
    expect(page.locator("#session-note")).to_contain_text("Access renewed until")
    _tab_to(page, "logout")
    page.keyboard.press("Enter")
    expect(page.get_by_label("User name")).to_be_focused()


def test_every_stop_of_the_keyboard_shows_where_it_is(page: Page, portal: Server) -> None:
    page.goto(portal.base_url)
    ids = [_tab(page)]
    while (stop := _tab(page)) != "BODY":
        ids.append(stop)

    assert len(ids) >= 14, ids
    assert all("ring" in stop for stop in ids), ids


def test_tokens_are_hidden_from_scripts_and_the_payload_is_not(page: Page, portal: Server) -> None:
    log_in(page, portal.base_url)

    readable = page.evaluate("document.cookie")
    assert "jwt_access_payload=" in readable
    assert "jwt_access_token" not in readable
    assert "jwt_refresh" not in readable
    assert token_cookies(page) == TOKEN_COOKIES

    text = page.evaluate(
        "atob(document.cookie.split('; ').find(c => c.startsWith('jwt_access_payload=')).slice(19))"
    )
    claims = json.loads(text)
    assert claims["user"]["email"] == "alice@example.com"
    assert text == json.dumps(claims, sort_keys=True, separators=_separators(text))
    assert json.loads(page.locator("#claims").inner_text()) == claims


def test_the_payload_cookie_says_what_the_token_says(page: Page, portal: Server) -> None:
    log_in(page, portal.base_url, "carol")
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    payload = cookies["jwt_access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert json.loads(base64.b64decode(cookies["jwt_access_payload"])) == claims


def test_reload_keeps_the_login(page: Page, portal: Server) -> None:
    log_in(page, portal.base_url)
    page.reload()
    expect(page.get_by_role("heading", name="Logged in as alice")).to_be_visible()
    call(page, "POST /api/account/", "200 OK")


def test_expiry_is_counted_down_said_and_mended_by_the_next_call(
    page: Page, portals: Portals
) -> None:
    log_in(page, portals(PORTAL_ACCESS_SECONDS=str(ACCESS_SECONDS)).base_url)
    expect(page.get_by_role("timer")).to_have_text("0:00", timeout=ACCESS_SECONDS * 3000)
    expect(page.locator("#session-note")).to_have_text(
        "The access token has expired. The next call renews it."
    )
    call(page, "POST /api/account/", "200 OK")
    expect(page.get_by_role("timer")).not_to_have_text("0:00")

    page.get_by_role("button", name="Renew access").click()
    expect(page.locator("#session-note")).to_contain_text("Access renewed until")


def test_reload_after_expiry_renews(page: Page, portals: Portals) -> None:
    log_in(page, portals(PORTAL_ACCESS_SECONDS=str(ACCESS_SECONDS)).base_url)
    expect(page.get_by_role("timer")).to_have_text("0:00", timeout=ACCESS_SECONDS * 3000)
    page.reload()
    expect(page.get_by_role("heading", name="Logged in as alice")).to_be_visible()
    expect(page.get_by_role("timer")).not_to_have_text("0:00")


def test_tabs_follow_each_other(page: Page, portal: Server) -> None:
    page.goto(portal.base_url)
    other = page.context.new_page()
    log_in(other, portal.base_url)
    expect(page.get_by_role("heading", name="Logged in as alice")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(other.get_by_text("You were logged out in another tab.")).to_be_visible()


def test_permission_is_refused_to_alice(page: Page, portal: Server, complaints: Complaints) -> None:
    log_in(page, portal.base_url, "alice")
    complaints.expect_status(403)
    call(page, "GET /api/predictions/", "403 Forbidden")
    expect(page.locator("#reply-words")).to_contain_text("Log in as carol or admin")


@pytest.mark.parametrize("username", ["carol", "admin"])
def test_permission_is_granted(page: Page, portal: Server, username: str) -> None:
    log_in(page, portal.base_url, username)
    call(page, "GET /api/predictions/", "200 OK")


def test_a_prediction_is_made_and_listed(page: Page, portal: Server) -> None:
    log_in(page, portal.base_url, "carol")
    page.get_by_label("Area").fill("123.5")
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.locator("#price")).to_have_text("€369,300")
    call(page, "GET /api/predictions/", "200 OK")
    newest = json.loads(page.get_by_label("Reply as JSON").inner_text())["predictions"][0]
    assert (newest["asked_by"], newest["area"], newest["price"]) == ("carol", 123.5, 369_300)


def test_logged_out_only_the_open_endpoint_opens(
    page: Page, portal: Server, complaints: Complaints
) -> None:
    page.goto(portal.base_url)
    call(page, "GET /api/status/", "200 OK")
    complaints.expect_status(401)
    call(page, "GET /api/account/", "401 Unauthorized")
    expect(page.locator("#reply-words")).to_contain_text("Log in, then call it again")


def test_logout_clears_the_cookies_and_closes_the_doors(
    page: Page, portal: Server, complaints: Complaints
) -> None:
    log_in(page, portal.base_url)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You are logged out, and the cookies are gone.")).to_be_visible()
    assert token_cookies(page) == set()

    page.reload()
    expect(page.get_by_role("heading", name="Log in", exact=True)).to_be_visible()
    complaints.expect_status(401)
    call(page, "GET /api/account/", "401 Unauthorized")


def test_a_wrong_password_is_explained(page: Page, portal: Server, complaints: Complaints) -> None:
    page.goto(portal.base_url)
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill("wrong")
    complaints.expect_status(401)
    page.keyboard.press("Enter")

    error = page.get_by_role("alert")
    expect(error).to_contain_text("Please enter a correct username and password.")
    expect(error).to_contain_text("Try alice, carol or admin")
    expect(page.get_by_label("Password")).to_be_focused()
    assert token_cookies(page) == set()


@pytest.mark.parametrize("username", [None, "admin"])
@pytest.mark.parametrize("width", [320, 360, 768])
def test_nothing_sticks_out_on_a_narrow_screen(
    page: Page, portal: Server, width: int, username: str | None
) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    if username:
        log_in(page, portal.base_url, username)
        call(page, "POST /api/account/", "200 OK")
        page.get_by_text("All claims in").click()
    else:
        page.goto(portal.base_url)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing_inline(
    page: Page, portal: Server
) -> None:
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    response = page.goto(portal.base_url)

    assert len(urls) > 3
    assert all(url.startswith(portal.base_url) for url in urls)
    headers = response.headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def _separators(text: str) -> tuple[str, str]:
    return (", ", ": ") if '": ' in text else (",", ":")


def _tab_to(page: Page, element: str) -> None:
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == element:
            return
    raise AssertionError(f"Tab never reaches #{element}.")


def _tab(page: Page) -> str:
    page.keyboard.press("Tab")
    return page.evaluate(
        """() => {
            const at = document.activeElement;
            if (at === document.body) return "BODY";
            const style = getComputedStyle(at);
            const ring = style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2;
            return `${at.id || at.textContent.trim()} ${ring ? "ring" : "bare"}`;
        }"""
    )
