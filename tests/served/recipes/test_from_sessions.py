"""`docs/from-sessions.md`: a session of Django's becomes tokens, and both stand together."""

from collections.abc import Iterator

import pytest

from tests.served.recipes.project import Project, Visitor, served

VIEW = """
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse


@login_required
def whoami(request):
    return HttpResponse(request.user.get_username())


urlpatterns += [path("whoami/", whoami)]
"""
USERS = """
User.objects.create_user("bob", password="pass")
User.objects.create_user("eve", password="pass", is_staff=True)
"""
NEW_PASSWORD = """
import django
django.setup()
from django.contrib.auth.models import User
eve = User.objects.get(username="eve")
eve.set_password("another")
eve.save()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("sessions")
    with served("from-sessions", folder, script=USERS, urls=VIEW) as project:
        yield project


@pytest.fixture
def visitor(project: Project) -> Iterator[Visitor]:
    """Alice, logged in by the admin's login, and so by a session."""
    with project.visitor() as visitor:
        visitor.get("/admin/login/")
        form = {"username": "alice", "password": "pass", "next": "/whoami/"}
        assert visitor.post("/admin/login/", form).text == "alice"
        yield visitor


def cookies(visitor: Visitor) -> set[str]:
    return {cookie.name for cookie in visitor.cookies if cookie.name.startswith("jwt_")}


def test_a_page_gets_cookies_and_keeps_its_session(visitor: Visitor) -> None:
    swapped = visitor.post("/swap/")
    assert swapped.json()["msg"] == "Tokens successfully created."
    assert cookies(visitor) == {"jwt_refresh", "jwt_access_token", "jwt_access_payload"}
    assert visitor.post("/validate_access/").status_code == 200
    assert visitor.get("/admin/").status_code == 200
    del visitor.cookies["sessionid"]
    assert visitor.get("/whoami/").text == "alice"
    assert visitor.get("/admin/", allow_redirects=False).status_code == 200


def test_the_view_makes_no_text_of_a_cookie(visitor: Visitor) -> None:
    assert "access" not in visitor.post("/swap/", {"mode": "JSON"}).json()


def test_a_token_buys_no_second_session(project: Project, visitor: Visitor) -> None:
    with project.visitor() as program:
        form = {"username": "alice", "password": "pass", "mode": "JSON"}
        program.carry(program.post("/login/", form).json()["access"])
        assert program.get("/whoami/").text == "alice"
        refused = program.post("/swap/")
        assert (refused.status_code, refused.json()["code"]) == (401, "session_missing")
    visitor.post("/swap/")
    del visitor.cookies["sessionid"]
    assert visitor.get("/whoami/").text == "alice"
    assert visitor.post("/swap/").json()["code"] == "session_missing"


def test_the_swap_needs_the_csrf_token(visitor: Visitor) -> None:
    visitor.headers["X-CSRFToken"] = "x" * 32
    token = visitor.cookies.pop("csrftoken")
    assert visitor.post("/swap/").status_code == 403
    assert cookies(visitor) == set()
    visitor.cookies["csrftoken"] = token
    assert visitor.post("/swap/").status_code == 200


def test_the_token_decides_and_a_bad_cookie_leaves_it_to_the_session(
    project: Project, visitor: Visitor
) -> None:
    with project.visitor() as other:
        form = {"username": "bob", "password": "pass", "mode": "JSON"}
        bob = other.post("/login/", form).json()["access"]
    visitor.carry(bob)
    assert visitor.get("/whoami/").text == "bob"
    visitor.carry("nonsense")
    assert visitor.get("/whoami/", allow_redirects=False).status_code == 302
    visitor.carry(None)
    visitor.cookies.set("jwt_access_token", "nonsense")
    assert visitor.get("/whoami/").text == "alice"


def test_a_session_that_the_password_ended_opens_nothing(project: Project) -> None:
    with project.visitor() as visitor:
        visitor.get("/admin/login/")
        form = {"username": "eve", "password": "pass", "next": "/whoami/"}
        assert visitor.post("/admin/login/", form).text == "eve"
        project.run(NEW_PASSWORD)
        assert visitor.post("/swap/").json()["code"] == "session_missing"
