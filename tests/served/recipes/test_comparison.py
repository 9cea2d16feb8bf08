"""`docs/comparison.md`: its project serves djwto and four others, and each row is asked of them."""

import base64
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import files, requires
from typing import Any

import pytest
import requests
from packaging.requirements import Requirement
from requests.adapters import HTTPAdapter

from tests.served.recipes.project import Project, Visitor, served

# What other packages do changes with their versions, which requirements/dev.txt pins.
pytestmark = pytest.mark.long

ALICE = {"username": "alice", "password": "pass"}
USERS = """
from django.contrib.auth.models import Permission
for name in ("bob", "carol", "dora"):
    User.objects.create_user(name, f"{name}@example.com", "pass")
alice.user_permissions.add(Permission.objects.get(codename="view_user"))
"""
# What each package has for those who want more than its defaults.
STRICT = """
DJWTO_USER = "token"
SIMPLE_JWT["CHECK_REVOKE_TOKEN"] = True
REST_AUTH |= {"JWT_AUTH_SECURE": True, "JWT_AUTH_COOKIE_USE_CSRF": True}
HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED = True
"""
NEW_PASSWORD = """
import sys, django
django.setup()
from django.contrib.auth.models import User
user = User.objects.get(username=sys.argv[1])
user.set_password("pass")  # with a new salt
user.save()
"""
OTHERS = ("simplejwt", "dj-rest-auth", "allauth", "knox")
NAMES = ("djwto", *OTHERS)
WITH_REFRESH = ("djwto", "simplejwt", "dj-rest-auth", "allauth")
PACKAGES = {
    "djwto": "djwto",
    "simplejwt": "djangorestframework-simplejwt",
    "dj-rest-auth": "dj-rest-auth",
    "allauth": "django-allauth",
    "knox": "django-rest-knox",
}
APP = "/_allauth/app/v1"


@dataclass(frozen=True)
class Tokens:
    """What a login gives. `session` is allauth's third token."""

    access: str
    refresh: str = ""
    session: str = ""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with served("comparison", tmp_path_factory.mktemp("peers"), script=USERS) as project:
        yield project


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("strict")
    with served("comparison", folder, script=USERS, settings=STRICT) as project:
        yield project


# --- what the tests do, in the words of each package --------------------------------------------


def log_in(visitor: Visitor, name: str, username: str = "alice") -> Tokens:
    form = {"username": username, "password": "pass"}
    if name == "knox":
        return Tokens(answer(visitor.post("/knox/login/", auth=(username, "pass")))["token"])
    if name == "allauth":
        found = answer(visitor.post(f"{APP}/auth/login", json=form))["meta"]
        return Tokens(found["access_token"], found["refresh_token"], found["session_token"])
    path = "/login/" if name == "djwto" else f"/{name}/login/"
    found = answer(visitor.post(path, json=form))
    return Tokens(found["access"], found["refresh"])


def renew(visitor: Visitor, name: str, tokens: Tokens) -> Tokens | None:
    """Renew; None where the refresh token is refused."""
    if name == "djwto":
        headers = {"Authorization": f"Bearer {tokens.refresh}"}
        reply = visitor.post("/api/token/refresh/refresh_access/", headers=headers)
    elif name == "allauth":
        reply = visitor.post(f"{APP}/tokens/refresh", json={"refresh_token": tokens.refresh})
    else:
        path = {"simplejwt": "/simplejwt/refresh/", "dj-rest-auth": "/dj-rest-auth/token/refresh/"}
        reply = visitor.post(path[name], json={"refresh": tokens.refresh})
    if not reply.ok:
        return None
    found = answer(reply)
    found = found.get("data", found)
    end = "_token" if name == "allauth" else ""
    return Tokens(found[f"access{end}"], found[f"refresh{end}"])


def log_out(visitor: Visitor, name: str, tokens: Tokens) -> None:
    bearer = {"Authorization": f"Bearer {tokens.refresh}"}
    send: dict[str, Callable[[], requests.Response]] = {
        "djwto": lambda: visitor.post("/api/token/refresh/logout/", headers=bearer),
        "simplejwt": lambda: visitor.post("/simplejwt/logout/", json={"refresh": tokens.refresh}),
        "dj-rest-auth": lambda: visitor.post(
            "/dj-rest-auth/logout/", json={"refresh": tokens.refresh}
        ),
        "allauth": lambda: visitor.delete(
            f"{APP}/auth/session", headers={"X-Session-Token": tokens.session}
        ),
        "knox": lambda: visitor.post("/knox/logout/", headers=header("knox", tokens)),
    }
    reply = send[name]()
    # allauth says by 401 that there is no session any more.
    assert reply.ok or (name, reply.status_code) == ("allauth", 401), reply.text


def ask(project: Project, name: str, tokens: Tokens, view: str = "guarded") -> requests.Response:
    with project.visitor() as visitor:
        return visitor.get(f"/{name}/{view}/", headers=header(name, tokens))


def header(name: str, tokens: Tokens) -> dict[str, str]:
    return {"Authorization": f"{'Token' if name == 'knox' else 'Bearer'} {tokens.access}"}


def answer(reply: requests.Response) -> Any:
    assert reply.ok, reply.text
    return reply.json()


# --- the rows -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "guarded", "permitted"),
    [
        ("djwto", 1, 0),
        ("simplejwt", 1, 3),
        ("dj-rest-auth", 1, 3),
        ("allauth", 1, 3),
        ("knox", 2, 4),
    ],
)
def test_queries_of_a_guarded_view(
    project: Project, name: str, guarded: int, permitted: int
) -> None:
    with project.visitor() as visitor:
        tokens = log_in(visitor, name)
    assert answer(ask(project, name, tokens))["queries"] == guarded
    assert answer(ask(project, name, tokens, "permitted"))["queries"] == permitted


@pytest.mark.parametrize(
    ("name", "view"), [("djwto", "djwto"), ("simplejwt", "simplejwt-stateless")]
)
def test_a_user_made_of_claims_needs_no_query(strict: Project, name: str, view: str) -> None:
    with strict.visitor() as visitor:
        tokens = log_in(visitor, name)
    assert answer(ask(strict, view, tokens))["queries"] == 0


@pytest.mark.parametrize(
    ("name", "status", "status_if_strict"),
    [
        ("djwto", 401, 401),
        ("simplejwt", 200, 200),
        ("dj-rest-auth", 200, 200),
        ("allauth", 200, 401),
        ("knox", 401, 401),
    ],
)
def test_an_access_token_after_a_logout(
    project: Project, strict: Project, name: str, status: int, status_if_strict: int
) -> None:
    for where, expected in ((project, status), (strict, status_if_strict)):
        with where.visitor() as visitor:
            tokens = log_in(visitor, name)
            assert ask(where, name, tokens).ok
            log_out(visitor, name, tokens)
        assert ask(where, name, tokens).status_code == expected


@pytest.mark.parametrize(
    ("name", "status", "status_if_strict"),
    [
        ("djwto", 401, 401),
        ("simplejwt", 200, 401),
        ("dj-rest-auth", 200, 401),
        ("allauth", 200, 401),
        ("knox", 200, 200),
    ],
)
def test_an_access_token_after_a_new_password(
    project: Project, strict: Project, name: str, status: int, status_if_strict: int
) -> None:
    for where, expected in ((project, status), (strict, status_if_strict)):
        with where.visitor() as visitor:
            tokens = log_in(visitor, name, "bob")
        assert ask(where, name, tokens).ok
        where.run(NEW_PASSWORD, "bob")
        assert status_after_a_second(where, name, tokens, expected) == expected


@pytest.mark.parametrize(
    ("name", "opens", "opens_if_strict"),
    [
        ("djwto", False, False),
        ("simplejwt", True, False),
        ("dj-rest-auth", True, False),
        ("allauth", False, False),
    ],
)
def test_a_refresh_token_after_a_new_password(
    project: Project, strict: Project, name: str, *, opens: bool, opens_if_strict: bool
) -> None:
    for where, expected in ((project, opens), (strict, opens_if_strict)):
        with where.visitor() as visitor:
            tokens = log_in(visitor, name, "carol")
            where.run(NEW_PASSWORD, "carol")
            renewed = renew(visitor, name, tokens)
        assert (renewed is not None and ask(where, name, renewed).ok) == expected


@pytest.mark.parametrize("name", WITH_REFRESH)
def test_a_refresh_token_that_a_thief_has_used(project: Project, name: str) -> None:
    """The thief renews three times, then the owner comes with what was stolen."""
    with project.visitor() as visitor:
        stolen = held = log_in(visitor, name)
        for _ in range(3):
            renewed = renew(visitor, name, held)
            assert renewed is not None
            held = renewed
        assert renew(visitor, name, stolen) is None
        # djwto ends the session for both. Elsewhere the thief goes on.
        assert (renew(visitor, name, held) is None) == (name == "djwto")


@pytest.mark.parametrize("name", WITH_REFRESH)
def test_two_tabs_that_renew_one_after_the_other(project: Project, name: str) -> None:
    with project.visitor() as visitor:
        tokens = log_in(visitor, name)
        first, second = renew(visitor, name, tokens), renew(visitor, name, tokens)
    assert first is not None
    if name == "djwto":
        assert second is not None
        assert second.refresh == first.refresh
    else:
        assert second is None


@pytest.mark.parametrize("name", NAMES)
def test_what_the_database_keeps(project: Project, name: str) -> None:
    """Whether a reader of the database finds a token that can be sent as it is."""
    with project.visitor() as visitor:
        tokens = log_in(visitor, name)
    kept = everything(project)
    found = {kind for kind, text in vars(tokens).items() if text and text in kept}
    expected = {"simplejwt": {"refresh"}, "dj-rest-auth": {"refresh"}, "allauth": {"session"}}
    assert found == expected.get(name, set())


@pytest.mark.parametrize("name", ["djwto", "dj-rest-auth"])
def test_cookies_with_tokens(project: Project, strict: Project, name: str) -> None:
    path = "/login/" if name == "djwto" else f"/{name}/login/"
    form = {**ALICE, "mode": "TWO-COOKIES"} if name == "djwto" else ALICE
    for where in (project, strict):
        safe = name == "djwto" or where is strict
        with where.visitor() as visitor:
            assert visitor.post(path, json=form).ok
            tokens = [cookie for cookie in visitor.cookies if cookie.name != "csrftoken"]
            assert tokens
            assert all(cookie.secure for cookie in tokens) == safe
            visitor.cookies.pop("csrftoken", None)
            visitor.headers.pop("X-CSRFToken", None)
            reply = visitor.post(f"/{name}/guarded/")
            assert reply.status_code == (403 if safe else 200), reply.text


@pytest.mark.parametrize("name", NAMES)
def test_wrong_passwords_are_counted(project: Project, name: str) -> None:
    with project.visitor() as visitor:
        # The other tests log in from another address, which must stay free.
        visitor.mount("https://", From(f"127.0.0.{10 + NAMES.index(name)}"))
        said = [guess(visitor, name, f"wrong {number}") for number in range(30)]
    assert any("too many" in one.lower() for one in said) == (name in ("djwto", "allauth"))


def guess(visitor: Visitor, name: str, password: str) -> str:
    form = {"username": "dora", "password": password}
    if name == "knox":
        reply = visitor.post("/knox/login/", auth=("dora", password))
    else:
        paths = {"djwto": "/login/", "allauth": f"{APP}/auth/login"}
        reply = visitor.post(paths.get(name, f"/{name}/login/"), json=form)
    assert 400 <= reply.status_code < 500
    return reply.text


@pytest.mark.parametrize("name", ["djwto", "allauth"])
def test_a_list_of_sessions(project: Project, name: str) -> None:
    """Another browser is in the list, and can be ended there."""
    with project.visitor() as visitor, project.visitor() as other:
        mine, theirs = log_in(visitor, name), log_in(other, name)
        if name == "djwto":
            visitor.carry(mine.refresh)
            rows = answer(visitor.get("/api/token/refresh/sessions/"))["sessions"]
            last = next(row for row in rows if not row["current"])
            visitor.delete(f"/api/token/refresh/sessions/{last['id']}/").raise_for_status()
        else:
            visitor.headers["X-Session-Token"] = mine.session
            rows = answer(visitor.get(f"{APP}/auth/sessions"))["data"]
            last = max((row for row in rows if not row["is_current"]), key=lambda row: row["id"])
            ended = visitor.delete(f"{APP}/auth/sessions", json={"sessions": [last["id"]]})
            ended.raise_for_status()
        assert renew(other, name, theirs) is None


def test_allauths_browser_client_is_djangos_session(project: Project) -> None:
    browser = "/_allauth/browser/v1"
    with project.visitor() as visitor:
        assert visitor.post(f"{browser}/auth/login", json=ALICE).status_code == 403
        visitor.get(f"{browser}/config").raise_for_status()  # brings the CSRF token
        found = answer(visitor.post(f"{browser}/auth/login", json=ALICE))["meta"]
        assert found == {"is_authenticated": True}
        assert {cookie.name for cookie in visitor.cookies} == {"csrftoken", "sessionid"}


def test_sliding_tokens_and_opaque_tokens(project: Project) -> None:
    with project.visitor() as visitor:
        sliding = answer(visitor.post("/simplejwt/sliding/", json=ALICE))["token"]
        renewed = answer(visitor.post("/simplejwt/sliding/refresh/", json={"token": sliding}))
        for token in (sliding, renewed["token"]):
            assert json.loads(payload(token))["token_type"] == "sliding"
        tokens = log_in(visitor, "knox", "carol"), log_in(visitor, "knox", "carol")
        assert bytes.fromhex(tokens[0].access)  # random bytes, and nothing else
        visitor.post("/knox/logoutall/", headers=header("knox", tokens[0])).raise_for_status()
    assert [ask(project, "knox", one).status_code for one in tokens] == [401, 401]


def test_what_each_package_needs() -> None:
    without_rest_framework, with_old_django = set(), set()
    for name, package in PACKAGES.items():
        found = [Requirement(text) for text in requires(package) or []]
        needs = {one.name.lower(): one.specifier for one in found if one.marker is None}
        if "djangorestframework" not in needs:
            without_rest_framework.add(name)
        if needs["django"].contains("4.2.16"):
            with_old_django.add(name)
    assert without_rest_framework == {"djwto", "allauth"}
    assert with_old_django == {"simplejwt", "dj-rest-auth", "allauth", "knox"}


def test_what_each_package_brings() -> None:
    brought = {name: {str(one) for one in files(PACKAGES[name]) or []} for name in OTHERS}
    assert "allauth/mfa/webauthn/__init__.py" in brought["allauth"]
    assert "allauth/idp/oidc/__init__.py" in brought["allauth"]
    assert "dj_rest_auth/mfa/totp.py" in brought["dj-rest-auth"]
    for paths in brought.values():
        assert paths
        assert not [path for path in paths if path.endswith((".so", ".pyd", ".dylib"))]


# --- helpers ------------------------------------------------------------------------------------


def status_after_a_second(project: Project, name: str, tokens: Tokens, expected: int) -> int:
    """Ask until the answer is the expected one, for djwto's interval and a little more."""
    deadline = time.monotonic() + 3
    while True:
        status = ask(project, name, tokens).status_code
        if status == expected or time.monotonic() > deadline:
            return status


def everything(project: Project) -> str:
    """Give all that is in the database, as text."""
    with closing(sqlite3.connect(project.folder / "db.sqlite3")) as database:
        return "\n".join(database.iterdump())


def payload(token: str) -> bytes:
    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class From(HTTPAdapter):
    """Connects from an address of this machine."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> Any:
        return super().init_poolmanager(*args, source_address=(self.address, 0), **options)
