"""`docs/djoser.md`: a user registers, is activated, forgets the password and leaves."""

import re
from collections.abc import Iterator

import pytest

from tests.served.recipes.project import Project, Visitor, served

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with served("djoser", tmp_path_factory.mktemp("djoser")) as project:
        yield project


@pytest.fixture
def visitor(project: Project) -> Iterator[Visitor]:
    with project.visitor() as visitor:
        yield visitor


def log_in(visitor: Visitor, username: str, password: str) -> int:
    reply = visitor.post("/login/", {"username": username, "password": password})
    if reply.status_code == 200:
        visitor.carry(reply.json()["access"])
    return reply.status_code


def test_from_registration_to_a_new_password(project: Project, visitor: Visitor) -> None:
    form = {"username": "bob", "email": "bob@example.com", "password": PASSWORD}
    assert visitor.post("/auth/users/", form).status_code == 201
    assert log_in(visitor, "bob", PASSWORD) == 401

    uid, token = re.search(r"/app/activate/(\S+)/(\S+)", project.mail()).groups()
    activation = {"uid": uid, "token": token}
    assert visitor.post("/auth/users/activation/", activation).status_code == 204
    assert log_in(visitor, "bob", PASSWORD) == 200
    assert visitor.get("/auth/users/me/").json()["username"] == "bob"

    with project.visitor() as forgetful:
        asked = forgetful.post("/auth/users/reset_password/", {"email": "bob@example.com"})
        assert asked.status_code == 204
        uid, token = re.search(r"/app/reset/(\S+)/(\S+)", project.mail()).groups()
        confirm = {"uid": uid, "token": token, "new_password": "new " + PASSWORD}
        done = forgetful.post("/auth/users/reset_password_confirm/", confirm)
        assert done.status_code == 204
    assert visitor.get("/auth/users/me/").status_code == 401
    visitor.carry(None)
    assert log_in(visitor, "bob", PASSWORD) == 401
    assert log_in(visitor, "bob", "new " + PASSWORD) == 200


def test_a_new_password_and_a_deletion_end_the_sessions(project: Project, visitor: Visitor) -> None:
    form = {"username": "carol", "email": "carol@example.com", "password": PASSWORD}
    visitor.post("/auth/users/", form)
    uid, token = re.search(r"/app/activate/(\S+)/(\S+)", project.mail()).groups()
    visitor.post("/auth/users/activation/", {"uid": uid, "token": token})

    assert log_in(visitor, "carol", PASSWORD) == 200
    change = {"current_password": PASSWORD, "new_password": "new " + PASSWORD}
    assert visitor.post("/auth/users/set_password/", change).status_code == 204
    assert visitor.get("/auth/users/me/").status_code == 401

    visitor.carry(None)
    assert log_in(visitor, "carol", "new " + PASSWORD) == 200
    last = {"current_password": "new " + PASSWORD}
    assert visitor.delete("/auth/users/me/", json=last).status_code == 204
    assert visitor.get("/auth/users/me/").status_code == 401
    assert log_in(visitor, "carol", "new " + PASSWORD) == 401


def test_a_stranger_is_refused(visitor: Visitor) -> None:
    assert visitor.get("/auth/users/me/").status_code == 401


def test_clients_of_its_jwt_urls_go_on(visitor: Visitor) -> None:
    pair = visitor.post("/auth/jwt/create/", {"username": "alice", "password": "pass"}).json()
    visitor.carry(pair["access"], "JWT")
    assert visitor.get("/auth/users/me/").json()["username"] == "alice"
    visitor.carry(None)
    renewed = visitor.post("/auth/jwt/refresh/", {"refresh": pair["refresh"]}).json()
    assert list(renewed) == ["access"]
    assert visitor.post("/auth/jwt/verify/", {"token": renewed["access"]}).json() == {}
