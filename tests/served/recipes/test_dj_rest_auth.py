"""`docs/dj-rest-auth.md`: from a registration to a forgotten password."""

import re
from collections.abc import Iterator

import pytest

from tests.served.recipes.project import Project, Visitor, served

FORM = {"username": "bob", "email": "bob@example.com"}
PASSWORD = "correct horse battery"
CONFIRMED = """
from allauth.account.models import EmailAddress
carol = User.objects.create_user("carol", "carol@example.com", "pass")
for user in (alice, carol):
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("dj-rest-auth")
    # dj-rest-auth itself asks for a setting of allauth's that is going away.
    own = {"PYTHONWARNINGS": "error,default::UserWarning"}
    with served("dj-rest-auth", folder, script=CONFIRMED, **own) as project:
        yield project


@pytest.fixture
def visitor(project: Project) -> Iterator[Visitor]:
    with project.visitor() as visitor:
        yield visitor


def log_in(visitor: Visitor, password: str, **named: str) -> dict[str, str]:
    reply = visitor.post("/auth/login/", {"password": password, **named})
    assert reply.status_code == 200, reply.text
    pair: dict[str, str] = reply.json()
    visitor.carry(pair["access"])
    return pair


def test_from_registration_to_a_new_password(project: Project, visitor: Visitor) -> None:
    twice = {"password1": PASSWORD, "password2": PASSWORD}
    assert visitor.post("/auth/registration/", {**FORM, **twice}).status_code == 201
    refused = visitor.post("/auth/login/", {"username": "bob", "password": PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (401, "credentials_invalid")
    assert "not verified" in refused.json()["errors"]["__all__"][0]["message"]

    key = re.search(r"/auth/confirm/([^/\s]+)/", project.mail())[1]
    assert visitor.post("/auth/registration/verify-email/", {"key": key}).status_code == 200
    log_in(visitor, PASSWORD, email="bob@example.com")
    assert visitor.get("/auth/user/").json()["username"] == "bob"

    visitor.carry(None)
    assert visitor.post("/auth/password/reset/", {"email": FORM["email"]}).status_code == 200
    found = re.search(r"/auth/reset/([^/\s]+)/([^/\s]+)/", project.mail())
    new = {"new_password1": "new " + PASSWORD, "new_password2": "new " + PASSWORD}
    confirm = {"uid": found[1], "token": found[2], **new}
    assert visitor.post("/auth/password/reset/confirm/", confirm).status_code == 200
    log_in(visitor, "new " + PASSWORD, username="bob")


def test_a_new_password_ends_the_sessions(visitor: Visitor) -> None:
    pair = log_in(visitor, "pass", username="alice")
    new = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    assert visitor.post("/auth/password/change/", new).status_code == 200
    assert visitor.get("/auth/user/").status_code == 401
    visitor.carry(pair["refresh"])
    assert visitor.post("/api/token/refresh/refresh_access/").status_code == 401
    log_in(visitor, PASSWORD, username="alice")
    new = {"new_password1": "pass", "new_password2": "pass"}
    assert visitor.post("/auth/password/change/", new).status_code == 400


def test_a_logout_ends_the_session(project: Project, visitor: Visitor) -> None:
    with project.visitor() as other:
        assert other.post("/auth/logout/").status_code == 401
    pair = log_in(visitor, PASSWORD, username="alice")
    assert visitor.post("/auth/logout/").json() == {"detail": "Successfully logged out."}
    assert visitor.get("/auth/user/").status_code == 401
    visitor.carry(pair["refresh"])
    assert visitor.post("/api/token/refresh/refresh_access/").status_code == 401


def test_clients_of_its_token_urls_go_on(visitor: Visitor) -> None:
    pair = visitor.post("/auth/login/", {"username": "carol", "password": "pass"}).json()
    renewed = visitor.post("/auth/token/refresh/", {"refresh": pair["refresh"]}).json()
    assert list(renewed) == ["access"]
    assert visitor.post("/auth/token/verify/", {"token": renewed["access"]}).json() == {}


def test_failed_logins_are_counted_by_name_and_by_address(visitor: Visitor) -> None:
    for named in ({"username": "unknown"}, {"email": "unknown@example.com"}):
        codes = [
            visitor.post("/auth/login/", {"password": "x", **named}).status_code for _ in range(12)
        ]
        assert set(codes) == {401, 429}
