"""What a client sees of a refusal: the same status, sentence, code and redirect on each proxy."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests import services
from tests.proxies import broken
from tests.proxies.conftest import Login, cookies, refused
from tests.proxies.echo import Echo
from tests.proxies.stack import APP, Stack
from tests.proxies.wire import ask

NAVIGATION = [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Site", "none"), ("Accept", "text/html")]


def test_a_script_without_a_login(stack: Stack, echo: Echo) -> None:
    """Also where the path's ending names a type of content."""
    for path in ("/open/a", "/open/a.css", "/open/a.html?x"):
        answer = ask(stack.port, path)
        assert refused(answer, echo)
        assert set(answer.json()) == {"error", "code"}
        assert answer.code == "cookie_missing"
        assert (answer.one("content-type") or "").startswith("application/json")
        assert (answer.one("www-authenticate") or "").startswith("Bearer")
        assert answer.one("cache-control") == "private, no-store"
        assert answer.one("vary") == "Cookie, Authorization"
        assert not [name for name, _ in answer.headers if name.lower().startswith("x-djwto")]


def test_a_bad_token(stack: Stack, echo: Echo, login: Login) -> None:
    token = login("alice", "JSON").token("access")
    for bad in (f"{token[:-4]}AAAA", "x", login("alice", "JSON").token("refresh")):
        answer = ask(stack.port, "/open/a", [("Authorization", f"Bearer {bad}")])
        assert refused(answer, echo)
        assert answer.code
        assert bad.encode() not in answer.body


def test_without_the_permission(stack: Stack, echo: Echo, login: Login) -> None:
    answer = ask(stack.port, "/past/a", cookies(login))
    assert refused(answer, echo, 403)
    assert set(answer.json()) == {"error", "code"}
    assert answer.all("www-authenticate") == []
    carol = ask(stack.port, "/past/a", cookies(login, "carol"))
    assert carol.status == 200


PATHS = {
    "/nothing": (403, "rule_missing"),
    "/open/%2e%2e/past/a": (403, "path_ambiguous"),
    "/open/a%00": (400, "path_invalid"),
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_is_refused(stack: Stack, echo: Echo, login: Login, path: str) -> None:
    answer = ask(stack.port, path, cookies(login))
    assert not echo.got
    if answer.body.startswith(b"{"):
        assert (answer.status, answer.code) == PATHS[path]
    else:
        assert answer.status == 400  # by the proxy itself


def test_a_navigation_is_sent_to_return(stack: Stack, echo: Echo) -> None:
    for method in ("GET", "HEAD"):
        answer = ask(stack.port, "/open/a?b=c&d=%2F", NAVIGATION, method=method)
        assert refused(answer, echo, 303)
        place = urlsplit(answer.one("location") or "")
        portal = f"{place.scheme}://{place.netloc}"
        assert portal == f"https://{APP}:{stack.port}"
        assert place.path == "/api/token/refresh/return/"
        assert parse_qs(place.query) == {"next": [f"{stack.origin}/open/a?b=c&d=%2F"]}
        assert answer.one("cache-control") == "private, no-store"


def test_no_other_request_is_sent_to_return(stack: Stack, echo: Echo) -> None:
    assert refused(ask(stack.port, "/open/a", NAVIGATION, method="POST"), echo)
    for mode in ("cors", "no-cors", "same-origin", "websocket"):
        assert refused(ask(stack.port, "/open/a", [("Sec-Fetch-Mode", mode)]), echo)


@pytest.mark.parametrize(
    "header",
    [("Sec-Fetch-Dest", "iframe"), ("Sec-Purpose", "prefetch"), ("Purpose", "prefetch")],
)
def test_no_frame_and_no_prefetch_is_sent_to_return(
    stack: Stack, echo: Echo, header: tuple[str, str]
) -> None:
    """`return/` renews for the page in the address bar alone."""
    assert refused(ask(stack.port, "/open/a", [*NAVIGATION, header]), echo)


def test_doubled_cookies_do_not_go_in_circles(stack: Stack, echo: Echo, login: Login) -> None:
    """A sibling host can plant a cookie that `return/` does not see: no renewal would help."""
    planted = ("Cookie", "jwt_access_token=planted")
    answer = ask(stack.port, "/open/a", [*cookies(login), planted, *NAVIGATION])
    assert refused(answer, echo)
    assert answer.all("location") == []


def test_a_long_address_comes_back_to_the_root(stack: Stack, echo: Echo) -> None:
    """`return/` takes 2,048 bytes."""
    answer = ask(stack.port, f"/open/{'a' * 2100}", NAVIGATION)
    assert refused(answer, echo, 303)
    query = urlsplit(answer.one("location") or "").query
    assert parse_qs(query) == {"next": [f"{stack.origin}/"]}


def test_a_navigation_without_the_permission(stack: Stack, echo: Echo, login: Login) -> None:
    """A page, and no redirect: a new login would not help."""
    answer = ask(stack.port, "/past/a", [*cookies(login), *NAVIGATION])
    assert refused(answer, echo, 403)
    assert (answer.one("content-type") or "").startswith("text/html")
    assert answer.one("location") is None


REFUSALS = (400, 401, 403, 429, 503)


@pytest.mark.parametrize("status", REFUSALS)
def test_every_status_of_a_refusal(stack: Stack, echo: Echo, status: int) -> None:
    """The guard's words, by a program that says them to every request."""
    text = '{"error": "Said $host; \\u00e9.", "code": "some_code"}'
    if stack.kind == "nginx":
        head = [
            f"HTTP/1.1 {401 if status == 401 else 403} Refused",
            f"X-Djwto-Status: {status}",
            "X-Djwto-Code: some_code",
            f"X-Djwto-Body: {text}",
            "X-Djwto-Type: application/json",
            "Retry-After: 7",
            "Content-Length: 0",
        ]
        reply = "\r\n".join([*head, "", ""])
    else:
        head = [
            f"HTTP/1.1 {status} Refused",
            "Content-Type: application/json",
            "Cache-Control: private, no-store",
            "Retry-After: 7",
            f"Content-Length: {len(text)}",
        ]
        reply = "\r\n".join([*head, "", text])
    port = services.free_port()
    with (
        broken.serve(reply.encode()) as guard,
        stack.proxy(port, guard=guard.port),
    ):
        answer = ask(port, "/open/a.png")
    assert refused(answer, echo, status)
    if stack.kind == "envoy" and status == 503:
        assert answer.body == b""  # to Envoy, each 5xx is a guard that fails
        return
    assert answer.body == text.encode()
    assert answer.one("content-type") == "application/json"
    assert answer.one("retry-after") == "7"
    assert answer.one("cache-control") == "private, no-store"
