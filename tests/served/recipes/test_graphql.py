"""`docs/graphql.md`: strawberry's views know the user of a token, in headers and in cookies."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.served.recipes.project import Project, Visitor, served

PERMISSION = """
from django.contrib.auth.models import Permission
alice.user_permissions.add(Permission.objects.get(codename="view_user"))
User.objects.create_user("bob", password="pass")
"""
GUARDED = """
from djwto.authentication import jwt_login_required

urlpatterns += [
    path("guarded/graphql/", jwt_login_required(GraphQLView.as_view(schema=schema))),
]
"""
# Strawberry logs each error of a resolver, with its traceback.
QUIET = {"version": 1, "disable_existing_loggers": False, "loggers": {"strawberry": {"level": 60}}}
ME = "{ me }"
GREET = 'mutation { greet(name: "bob") }'
VIEWS = ("/graphql/", "/async/graphql/", "/exempt/graphql/")


@pytest.fixture(scope="module", params=[("database", "wsgi"), ("token", "asgi")])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    user, interface = request.param
    with served(
        "graphql",
        tmp_path_factory.mktemp("graphql"),
        urls=GUARDED,
        script=PERMISSION,
        settings=f'DJWTO_USER = "{user}"\nLOGGING = {QUIET}',
        interface=interface,
    ) as project:
        yield project


@pytest.fixture
def visitor(project: Project) -> Iterator[Visitor]:
    with project.visitor() as visitor:
        yield visitor


def log_in(visitor: Visitor, name: str = "alice", mode: str = "JSON") -> None:
    form = {"username": name, "password": "pass", "mode": mode}
    reply = visitor.post("/login/", form)
    assert reply.status_code == 200
    if mode == "JSON":
        visitor.carry(reply.json()["access"])


def ask(visitor: Visitor, query: str, path: str = "/graphql/") -> Any:
    return visitor.post(path, json={"query": query}).json()


def code(answer: Any) -> str:
    return answer["errors"][0]["extensions"]["code"]


@pytest.mark.parametrize("mode", ["JSON", "TWO-COOKIES"])
@pytest.mark.parametrize("path", VIEWS)
def test_a_view_knows_the_user(visitor: Visitor, path: str, mode: str) -> None:
    log_in(visitor, mode=mode)
    assert ask(visitor, ME, path) == {"data": {"me": "alice"}}


@pytest.mark.parametrize("path", VIEWS)
def test_a_client_learns_what_to_do(visitor: Visitor, path: str) -> None:
    visitor.get("/csrf/")
    assert code(ask(visitor, ME, path)) == "login_required"
    visitor.carry("bad")
    assert code(ask(visitor, ME, path)) == "token_malformed"


def test_permissions_and_mutations(visitor: Visitor, project: Project) -> None:
    log_in(visitor)
    assert ask(visitor, "{ ownName people { username } }")["data"] == {
        "ownName": "alice",
        "people": [{"username": "alice"}, {"username": "bob"}],
    }
    assert ask(visitor, GREET) == {"data": {"greet": "alice greets bob"}}
    with project.visitor() as other:
        log_in(other, "bob")
        assert ask(other, "{ ownName }") == {"data": {"ownName": "bob"}}
        assert (
            "errors" in ask(other, "{ people { username } }")
            or not ask(other, "{ people { username } }")["data"]["people"]
        )


def test_a_cookie_without_the_csrf_token_changes_nothing(visitor: Visitor) -> None:
    log_in(visitor, mode="TWO-COOKIES")
    del visitor.cookies["csrftoken"]
    visitor.headers.pop("X-CSRFToken", None)
    refused = visitor.post("/graphql/", json={"query": GREET})
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    assert code(ask(visitor, GREET, "/exempt/graphql/")) == "csrf_failed"


def test_a_guard_refuses_before_graphql(visitor: Visitor) -> None:
    assert visitor.post("/guarded/graphql/", json={"query": ME}).status_code == 401
    log_in(visitor)
    assert ask(visitor, ME, "/guarded/graphql/") == {"data": {"me": "alice"}}
