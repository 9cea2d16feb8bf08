"""`docs/passkeys.md`: a browser with a virtual authenticator adds a passkey, and logs in by it."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Page, sync_playwright

from tests.served.recipes.project import Project, Visitor, served
from tests.test_docs import DOCS, blocks

NAMES = ("chromium", "chromium-browser", "google-chrome")
TOKENS = {"jwt_refresh", "jwt_access_token", "jwt_access_payload"}
SCRIPT = next(b.text for b in blocks(DOCS / "passkeys.md") if b.title == "passkeys.js")
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
VIEW = """
from django.http import HttpResponse, JsonResponse
from djwto.models import Session


def front(request):
    return HttpResponse("<!doctype html><title>My site</title>")


def amr(request):
    return JsonResponse([one.amr for one in Session.objects.order_by("created_at")], safe=False)


urlpatterns += [path("", front), path("amr/", amr)]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("passkeys")
    with served("passkeys", folder, urls=VIEW, app="passkeys") as project:
        yield project


@pytest.fixture
def page(project: Project) -> Iterator[Page]:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("No Chromium on PATH. On Debian or Ubuntu: apt-get install chromium")
    # Chromium has no passkeys for a page whose certificate it only puts up with.
    flags = ["--headless", "--no-sandbox", "--disable-gpu", project.trusted_by_chromium()]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        context = browser.new_context(base_url=project.url)
        page = context.new_page()
        page.goto("/")
        page.add_script_tag(content=SCRIPT)
        devtools = context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        yield page
        browser.close()


LOG_OUT = """
fetch("/csrf/").then(reply => reply.json()).then(({ csrf_token }) => fetch(
  "/api/token/refresh/logout/", { method: "DELETE", headers: { "X-CSRFToken": csrf_token } }
))
"""
# What the browser would send, as text.
ASSERTION = """
post("/passkeys/login/begin/").then(({ publicKey }) => navigator.credentials.get(
  { publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) }
)).then(found => found.toJSON())
"""
SEND = 'sent => post("/passkeys/login/complete/", sent)'
DEACTIVATE = """
import django
django.setup()
from django.contrib.auth.models import User
User.objects.update(is_active=False)
"""


def tokens(page: Page) -> set[str]:
    names = {cookie["name"] for cookie in page.context.cookies()}
    return {name for name in names if name.startswith("jwt_")}


def test_a_passkey_is_added_and_logs_in(project: Project, page: Page) -> None:
    with pytest.raises(BrowserError, match="cannot be empty"):
        page.evaluate("addPasskey()")
    page.evaluate("post('/login/', { username: 'alice', password: 'pass' })")
    page.evaluate("addPasskey()")
    with pytest.raises(BrowserError, match="already registered"):
        page.evaluate("addPasskey()")
    page.evaluate(LOG_OUT)
    assert tokens(page) == set()

    assert page.evaluate("logInWithPasskey()")["msg"] == "Tokens successfully created."
    assert tokens(page) == TOKENS
    assert page.evaluate("post('/validate_access/')") == {"msg": "Token is valid"}
    assert page.evaluate("fetch('/amr/').then(reply => reply.json())") == ["pwd", "hwk user"]
    page.evaluate(LOG_OUT)

    # A challenge is good once, and in one browser.
    sent = page.evaluate(ASSERTION)
    with project.visitor() as other:
        other.get("/csrf/")
        other.post("/passkeys/login/begin/")
        assert other.post("/passkeys/login/complete/", json=sent).status_code == 401
    assert page.evaluate(SEND, sent)["msg"] == "Tokens successfully created."
    page.evaluate(LOG_OUT)
    with pytest.raises(BrowserError, match="passkey_invalid"):
        page.evaluate(SEND, sent)

    project.run(DEACTIVATE)
    with pytest.raises(BrowserError, match="user_inactive"):
        page.evaluate("logInWithPasskey()")
    assert tokens(page) == set()


@pytest.fixture
def visitor(project: Project) -> Iterator[Visitor]:
    with project.visitor() as visitor:
        yield visitor


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b"\xff", b'{"rawId": "AAAA"}', b'{"rawId": 1}', b'"x"']
)
def test_what_is_not_well_formed_is_refused(visitor: Visitor, body: bytes) -> None:
    assert visitor.post("/passkeys/login/begin/").status_code == 403  # no CSRF token yet
    visitor.get("/csrf/")
    for _ in range(2):
        # Once with a challenge, and once without.
        refused = visitor.post("/passkeys/login/complete/", data=body)
        assert (refused.status_code, refused.json()["code"]) == (401, "passkey_invalid")
        visitor.post("/passkeys/login/begin/")
