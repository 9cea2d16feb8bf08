"""Settings of a project that change where Django looks for the CSRF token."""

import pytest
from playwright.sync_api import Page

from tests.served.browser.client import (
    ROOT,
    Asked,
    attempt,
    claims,
    log_in,
    make_client,
    open_client,
    status,
)
from tests.served.browser.conftest import Portals

SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "tests.served.browser.csrf_settings",
    "PYTHONPATH": str(ROOT),
}


@pytest.mark.parametrize(
    ("env", "options"),
    [
        ({"TEST_CSRF_HEADER": "HTTP_X_XSRF_TOKEN"}, {"csrfHeader": "X-XSRF-TOKEN"}),
        ({"TEST_CSRF_COOKIE": "__Host-csrftoken"}, {}),
        ({"TEST_CSRF_SESSIONS": "1"}, {}),
        ({"TEST_CSRF_HTTPONLY": "1"}, {}),
    ],
)
def test_a_page_works_with(
    page: Page, portals: Portals, env: dict[str, str], options: dict[str, str]
) -> None:
    portal = portals(**SETTINGS, **env)
    asked = Asked(page)
    open_client(page, portal.base_url, **options)
    log_in(page)
    assert status(page, "/api/account/", method="POST") == 200
    page.evaluate("auth.renew()")
    page.reload()
    make_client(page, **options)
    assert status(page, "/api/account/", method="POST") == 200
    log_in(other := open_client(page.context.new_page(), portal.base_url, **options), "carol")
    assert status(page, "/api/account/", method="POST") == 200
    other.close()
    page.evaluate("auth.logout()")
    assert claims(page) is None
    assert asked.count("/csrf/") <= 3


def test_a_site_whose_default_is_json(page: Page, portals: Portals) -> None:
    """The form asks for the cookie mode."""
    open_client(page, portals(PORTAL_MODE="JSON,TWO-COOKIES").base_url)
    fields = "{ username: 'alice', password: 'pass', mode: 'TWO-COOKIES' }"
    assert attempt(page, f"auth.login({fields})")["value"]["user"]["username"] == "alice"
    assert status(page, "/api/account/", method="POST") == 200
    page.evaluate("auth.renew()")
    assert len(page.evaluate("auth.sessions()")) >= 1
    page.evaluate("auth.logout()")
    page.evaluate("auth.logout()")
    assert claims(page) is None
    error = attempt(page, "auth.login({ username: 'alice', password: 'pass' })")
    assert error["name"] == "DjwtoError"
    print(error)
