"""The endpoints of the portal that the guard answers, as docs/guard-anything.md routes them."""

import re
import textwrap
from collections.abc import Iterator

import pytest

from tests import services
from tests.proxies.conftest import Login, cookies
from tests.proxies.proxies import ROOT
from tests.proxies.stack import APP, Stack
from tests.proxies.wire import Answer, ask

_DJANGO = {
    "nginx": "server_name app.demo.localhost;",
    "envoy": f"""\
{" " * 24}- match: {{ prefix: / }}
{" " * 26}route: {{ cluster: portal, timeout: 60s }}
""",
}
"""What stands in the file of `deploy/` where the docs' lines go."""


def _routed(kind: str) -> str:
    """Give that place with the lines of the docs."""
    text = (ROOT / "docs" / "guard-anything.md").read_text()
    if kind == "nginx":
        (line,) = re.findall(r"^ +(include djwto-endpoints\.conf;)", text, re.MULTILINE)
        return f"{_DJANGO[kind]}\n{line}"
    (block,) = re.findall(r"```yaml\n(routes:\n.+?/validate_access/.+?)```", text, re.DOTALL)
    routes = textwrap.dedent(block.removeprefix("routes:\n"))
    return textwrap.indent(routes, " " * 24)


@pytest.fixture(scope="module")
def front(stack: Stack) -> Iterator[int]:
    """Give the port of a proxy that sends both endpoints to the guard."""
    port = services.free_port()
    changes = {_DJANGO[stack.kind]: _routed(stack.kind)}
    with stack.proxy(port, guard=stack.guard.port, changes=changes):
        yield port


def _ask(stack: Stack, port: int, path: str, *more: tuple[str, str], body: str = "") -> Answer:
    """Ask as a client of the portal, whose address has the port of the first proxy."""
    headers = [("Host", f"{APP}:{stack.port}"), *more]
    if path == "/validate_access/":
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        return ask(port, path, headers, method="POST", body=body.encode(), host=None)
    return ask(port, path, headers, host=None)


def _of_page(login: Login) -> list[tuple[str, str]]:
    """Give what a page of the portal sends: its cookies, and Django's token against CSRF."""
    token = "a" * 32
    ((name, line),) = cookies(login)
    return [(name, f"{line}; csrftoken={token}"), ("X-CSRFToken", token)]


def test_a_bearer_token(stack: Stack, front: int, login: Login) -> None:
    bearer = login("alice", "JSON").bearer()
    answer = _ask(stack, front, "/validate_access/", *bearer.items())
    assert answer.status == 200, answer.body
    assert _ask(stack, front, "/validate_access/").code == "cookie_missing"


def test_a_cookie_comes_from_a_page_of_the_portal(stack: Stack, front: int, login: Login) -> None:
    def posted(origin: str) -> Answer:
        more = [*_of_page(login), ("Origin", origin)]
        return _ask(stack, front, "/validate_access/", *more, body="jwt_type=access")

    assert posted(f"https://{APP}:{stack.port}").status == 200
    assert posted(stack.origin).status == 403, "a sibling"


@pytest.mark.parametrize(
    "forged",
    [
        ("X-Forwarded-Host", "lax.demo.localhost"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Uri", "/static/a"),
        ("X-Forwarded-Method", "GET"),
    ],
    ids=lambda forged: forged[0],
)
def test_what_a_client_forges_counts_for_nothing(
    stack: Stack, front: int, login: Login, forged: tuple[str, str]
) -> None:
    origin = ("Origin", f"https://{APP}:{stack.port}")
    more = [*_of_page(login), origin, forged]
    answer = _ask(stack, front, "/validate_access/", *more, body="jwt_type=access")
    assert answer.status == 200, answer.body


def test_after_a_logout(stack: Stack, front: int, fresh_login: Login) -> None:
    client = fresh_login("alice", "JSON")
    bearer = [*client.bearer().items()]
    assert _ask(stack, front, "/validate_access/", *bearer).status == 200
    assert client.post("/api/token/refresh/logout/").status_code == 200
    assert _ask(stack, front, "/validate_access/", *bearer).code == "token_blacklisted"


def test_the_public_keys(stack: Stack, front: int) -> None:
    of_guard = _ask(stack, front, "/.well-known/jwks.json")
    of_django = _ask(stack, stack.port, "/.well-known/jwks.json")
    assert of_guard.status == 200
    assert of_guard.json() == of_django.json()
    assert of_guard.json()["keys"]


def test_the_guard_answers_and_not_django(stack: Stack) -> None:
    port = services.free_port()
    changes = {_DJANGO[stack.kind]: _routed(stack.kind)}
    with stack.proxy(port, guard=services.free_port(), changes=changes):
        for path in ("/validate_access/", "/.well-known/jwks.json"):
            assert _ask(stack, port, path).status in (502, 503, 504), path
        assert _ask(stack, port, "/login/").status == 405
