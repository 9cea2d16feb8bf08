"""The path on which the guard decided is the path that the service gets, byte by byte.

alice may see /open/, and nothing below /past/. The service may read a path in any of several ways.
"""

from urllib.parse import unquote_to_bytes

import pytest

from tests.proxies.conftest import Login, cookies
from tests.proxies.echo import Echo
from tests.proxies.stack import Stack
from tests.proxies.wire import ask

ALLOWED = (
    "/open/a",
    "/open/",
    "/open",
    "/open/a?next=/../past/a",
    "/open/a?/../../past/a",
    "/open/a?q=%00%zz",
    "/open/a%2Fb",
    "/open/a//b",
    "/open/./a",
    "/open/b/../a",
    "/open/%61",
    "/open/%C3%A9",
    "/open/100%25.txt",
    "/open/100%2525.txt",
    "/open/a;v=1",
    "/open/a:b@c,d+e",
    "/open/a/-/issues/1",
    "/open/@scope%2fpackage",
)

OUTSIDE = (
    "/past/a",
    "/open/../past/a",
    "/open/%2e%2e/past/a",
    "/open/%2E%2E/past/a",
    "/open/.%2e/past/a",
    "/open/..%2fpast/a",
    "/open/..%2Fpast%2Fa",
    "/open/%2e%2e%2fpast/a",
    "/open/..;/past/a",
    "/open/..;v=1/past/a",
    "/open/..%3b/past/a",
    "/open/..%5cpast/a",
    "/open/..\\past\\a",
    "/open/%252e%252e/past/a",
    "/open/..%252fpast/a",
    "/open/%25252e%25252e/past/a",
    "/open/..%25252fpast/a",
    "/open/%c0%ae%c0%ae/past/a",
    "//past/a",
    "/open/..//past/a",
    "/open//../../past/a",
    "///past/a",
    "/./past/a",
    "/%2e/past/a",
    "/%2fpast/a",
    "/%70ast/a",
    "/past%2Fa",
    "/PAST/a",
    "/past;x=1/a",
    "/past/../open/a",
    "/past/%2e%2e/open/a",
    "/past%2f..%2fopen/a",
    "/past/a/..%2f..%2fopen/a",
    "/past/a#/../../open/a",
    "/past/a%23/../../open/a",
    "/past/a%3f/../../open/a",
    "/../past/a",
    "/../../open/a",
    "/open/a/../../../past/a",
    "/static/../past/a",
    "/static/..%2fpast/a",
    "/nothing",
    "/openly",
)

BROKEN = (
    "/open/a%00",
    "/open/a%0d%0aX-Forged:%201",
    "/open/%",
    "/open/%zz",
    "/open/%u002e",
    "/open/a%1f",
    "/open/a%7f",
    "*",
    "open/a",
    "",
    "http:/open/a",
)


@pytest.mark.parametrize("target", ALLOWED)
def test_what_is_allowed_arrives_unchanged(
    stack: Stack, echo: Echo, login: Login, target: str
) -> None:
    assert ask(stack.port, target, cookies(login)).status == 200
    (got,) = echo.got
    assert got.target == target


@pytest.mark.parametrize("target", [*OUTSIDE, *BROKEN])
def test_what_is_not_allowed_does_not_arrive(
    stack: Stack, echo: Echo, login: Login, target: str
) -> None:
    answer = ask(stack.port, target, cookies(login))
    assert answer.status in (0, 400, 403, 404)
    assert not echo.got


@pytest.mark.parametrize("target", OUTSIDE)
def test_a_person_with_both_rights_gets_the_path_unchanged_or_nothing(
    stack: Stack, echo: Echo, login: Login, target: str
) -> None:
    """carol may see /past/ too, so that no rule hides what the proxy does to the path."""
    ask(stack.port, target, cookies(login, "carol"))
    for got in echo.got:
        assert got.target == target


def test_a_fragment(stack: Stack, echo: Echo, login: Login) -> None:
    """No browser sends one. What arrives is within /open/, however it is read."""
    for target in ("/open/a#b", "/open/a#/../../past/a", "/open/#/past/a"):
        echo.got.clear()
        ask(stack.port, target, cookies(login))
        for got in echo.got:
            assert got.target in (target, target.split("#")[0])
            assert b"past" not in unquote_to_bytes(got.target)


@pytest.mark.parametrize("text", ["/open/a b", "/open/a\tb", "/open/\xe9", "/open/a\x01"])
def test_bytes_that_no_path_has(stack: Stack, echo: Echo, login: Login, text: str) -> None:
    ask(stack.port, text, cookies(login))
    for got in echo.got:
        assert got.line == f"GET {text} HTTP/1.1"
