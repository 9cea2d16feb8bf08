"""Tokens that do not fit, or just fit, in a browser, which drops a cookie that is too long."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.large import COOKIES, MODES, RIGHTS, SIZES, SPARE, claims_of, person, room
from tests.served.browser.support import TOKEN_COOKIES, Complaints, call, log_in, token_cookies
from tests.served.people import serve_people
from tests.services import Server

REFRESH = "/api/token/refresh"
STATUSES = {"may": "200 OK", "not": "403 Forbidden"}

_FETCH = """async ([method, path, headers, fields]) => {
    const body = fields && new URLSearchParams(fields);
    const reply = await fetch(path, { method, headers, body, credentials: "same-origin" });
    const text = await reply.text();
    return { status: reply.status, data: text ? JSON.parse(text) : null };
}"""

everybody = pytest.mark.parametrize(
    ("size", "right"), [(size, right) for size in SIZES for right in RIGHTS]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One database for both servers; the people in it are made once."""
    return tmp_path_factory.mktemp("large")


@pytest.fixture(
    scope="module", params=["granian", pytest.param("gunicorn", marks=pytest.mark.long)]
)
def server(request: pytest.FixtureRequest, browser: Browser, folder: Path) -> Iterator[Server]:
    """HTTP/1.1 and HTTP/2: a browser speaks the newest that it is offered."""
    with serve_people(request.param, folder) as served:
        yield served


@everybody
@pytest.mark.parametrize("mode", MODES)
def test_script_logs_in_calls_renews_and_leaves(
    page: Page, server: Server, complaints: Complaints, mode: str, *, size: str, right: str
) -> None:
    page.goto(server.base_url)
    script = Script(page, mode)
    script.login(person(mode, size, right))
    for name in (None, "refresh_access", "update_refresh"):
        if name is not None:
            assert script.refresh("POST", name)["status"] == 200
        claim = claims_of(script.access)["user"]
        if size == "fits":
            assert 0 <= room(mode, script.access, script.refresh_token) < SPARE[mode]
            assert "perms_omitted" not in claim
        else:
            assert (claim["perms"], claim["perms_omitted"]) == ([], True)
        if right == "not":
            complaints.expect_status(403)
        answer = script.send("GET", "/api/predictions/")
        assert answer["status"] == int(STATUSES[right].split()[0])
        assert answer["data"].get("code") == (
            None if right == "may" else "permissions_insufficient"
        )
    assert script.refresh("DELETE", "logout")["status"] == (204 if mode == "JSON" else 200)
    assert not token_cookies(page) | {"jwt_access"} & _cookies(page).keys()


@everybody
def test_page_says_what_the_token_leaves_out(
    page: Page, server: Server, complaints: Complaints, size: str, right: str
) -> None:
    name = person("TWO-COOKIES", size, right)
    log_in(page, server.base_url, name)
    assert token_cookies(page) == TOKEN_COOKIES
    omitted = "too many for a cookie; the server looks them up"
    facts = expect(page.locator("#facts"))
    facts.not_to_contain_text(omitted) if size == "fits" else facts.to_contain_text(omitted)
    if right == "not":
        complaints.expect_status(403)
    call(page, "GET /api/predictions/", STATUSES[right])
    page.get_by_role("button", name="Renew access").click()
    expect(page.locator("#session-note")).to_contain_text("Access renewed until")
    call(page, "GET /api/predictions/", STATUSES[right])


@pytest.mark.parametrize("mode", MODES)
def test_superuser_opens_everything(page: Page, server: Server, mode: str) -> None:
    page.goto(server.base_url)
    script = Script(page, mode)
    script.login("admin")
    assert claims_of(script.access)["user"]["perms"] == ["*"]
    assert script.send("GET", "/api/predictions/")["status"] == 200


class Script:
    """A script of the page, in one mode: it sees tokens in JSON mode only."""

    def __init__(self, page: Page, mode: str) -> None:
        self.page = page
        self.mode = mode
        self.known: dict[str, str] = {}

    @property
    def access(self) -> str:
        """What the browser will send: the cookie that it kept."""
        if self.mode == "JSON":
            return self.known["access"]
        return _cookies(self.page)[COOKIES[self.mode]]

    @property
    def refresh_token(self) -> str:
        return self.known["refresh"] if self.mode == "JSON" else _cookies(self.page)["jwt_refresh"]

    def login(self, username: str) -> None:
        fields = {"username": username, "password": "pass", "mode": self.mode}
        answer = self._fetch("POST", "/login/", {}, fields)
        assert answer["status"] == 200, answer

    def refresh(self, method: str, name: str) -> Any:
        fields = {"jwt_type": "refresh"} if method == "POST" and self.mode != "JSON" else None
        return self.send(method, f"{REFRESH}/{name}/", kind="refresh", fields=fields)

    def send(self, method: str, path: str, *, kind: str = "access", fields: Any = None) -> Any:
        if self.mode == "JSON":
            headers = {"Authorization": f"Bearer {self.known[kind]}"}
        else:
            headers = {"X-CSRFToken": self.known["csrf_token"]}
        return self._fetch(method, path, headers, fields)

    def _fetch(self, *arguments: Any) -> Any:
        answer = self.page.evaluate(_FETCH, arguments)
        if answer["status"] == 200:
            self.known.update({k: v for k, v in answer["data"].items() if isinstance(v, str)})
        return answer


def _cookies(page: Page) -> dict[str, str]:
    return {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
