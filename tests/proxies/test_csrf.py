"""Unsafe requests that a cookie opens: the guard reads where the page is from the browser."""

import pytest

from tests.proxies.conftest import Login, cookies, refused
from tests.proxies.echo import Echo
from tests.proxies.stack import APP, MODELS, Stack
from tests.proxies.wire import ask

METHODS = ("POST", "PUT", "PATCH", "DELETE")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("said", ["same-origin", "none"])
def test_a_page_of_the_service(
    stack: Stack, echo: Echo, login: Login, method: str, said: str
) -> None:
    answer = ask(stack.port, "/open/a", [*cookies(login), ("Sec-Fetch-Site", said)], method=method)
    assert answer.status == 200
    assert [got.method for got in echo.got] == [method]


def test_a_page_of_the_service_in_an_older_browser(stack: Stack, echo: Echo, login: Login) -> None:
    own = [*cookies(login), ("Origin", stack.origin)]
    assert ask(stack.port, "/open/a", own, method="POST").status == 200


@pytest.mark.parametrize("method", METHODS)
def test_a_page_elsewhere(stack: Stack, echo: Echo, login: Login, method: str) -> None:
    """Of another host of the site too, of http, of another port, and one that hides where it is."""
    origins = [
        f"https://{APP}:{stack.port}",
        f"https://evil.demo.localhost:{stack.port}",
        f"http://{stack.host}",
        f"https://{MODELS}",
        f"https://{MODELS}:1",
        "https://evil.example",
        "null",
        "",
    ]
    foreign: list[list[tuple[str, str]]] = [[("Origin", origin)] for origin in origins]
    foreign += [[("Sec-Fetch-Site", site)] for site in ("same-site", "cross-site", "", "x")]
    foreign += [
        [],
        [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")],
        [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "same-site")],
        [("Referer", f"{stack.origin}/page")],
        [("Origin", "https://evil.example"), ("X-Forwarded-Host", "evil.example")],
        [("Origin", f"http://{stack.host}"), ("X-Forwarded-Proto", "http")],
    ]
    for headers in foreign:
        answer = ask(stack.port, "/open/a", [*cookies(login), *headers], method=method)
        assert refused(answer, echo, 403), headers
        assert answer.code == "csrf_failed"


def test_a_program(stack: Stack, echo: Echo, login: Login) -> None:
    """A Bearer token is no cookie: no page of another site can send it."""
    bearer = login("alice", "JSON").bearer().items()
    assert ask(stack.port, "/open/a", bearer, method="POST").status == 200
