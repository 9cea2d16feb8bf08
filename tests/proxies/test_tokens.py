"""No byte of a djwto token reaches the service; what is the service's own arrives."""

from collections.abc import Iterator

import jwt
import pytest

from conformance.client import Client
from conformance.target import Target
from tests.proxies import stack as stacks
from tests.proxies.conftest import MODES, Login, refused
from tests.proxies.echo import Echo, Got
from tests.proxies.proxies import Kind
from tests.proxies.stack import APP, Site, Stack
from tests.proxies.wire import ask

BASIC = "Basic c2VydmljZTpvd24="
FOREIGN = jwt.encode({"sub": "1"}, "a key of the service's own" * 2, "HS256")


def texts(client: Client) -> list[str]:
    """Give every part of every token that this client holds, and the readable cookie."""
    held = [*client.tokens.values()]
    held += [cookie.value for name, cookie in client.cookies.items() if "jwt_" in name]
    return [part for text in held for part in text.split(".")]


def line_of(client: Client) -> str:
    """All cookies in one line, djwto's between those of the service, and one that looks alike."""
    ours = [f"{name}={cookie.value}" for name, cookie in client.cookies.items()]
    return "; ".join(["theme=dark", *ours, "own=1", "jwt_view=list", "last=2"])


def assert_clean(got: Got, client: Client) -> None:
    head = got.head.decode("latin-1")
    parts = texts(client)
    assert parts
    assert all(len(part) > 8 for part in parts)
    for part in parts:
        assert part not in head
    for name in client.cookies:
        if "jwt_" in name:
            assert name not in head


@pytest.mark.parametrize("path", ["/static/a", "/open/a"])
@pytest.mark.parametrize("mode", ["TWO-COOKIES", "ONE-COOKIE"])
def test_cookies(stack: Stack, echo: Echo, login: Login, mode: str, path: str) -> None:
    client = login("alice", mode)
    headers = [("Cookie", line_of(client)), ("Authorization", BASIC)]
    assert ask(stack.port, path, headers).status == 200
    (got,) = echo.got
    assert_clean(got, client)
    own = got.one("cookie") or ""
    assert own.startswith("theme=dark; ")
    assert own.endswith("own=1; jwt_view=list; last=2")
    assert got.one("authorization") == BASIC


@pytest.mark.parametrize("path", ["/static/a", "/open/a"])
def test_a_bearer_token(stack: Stack, echo: Echo, login: Login, path: str) -> None:
    client = login("alice", "JSON")
    headers = [*client.bearer().items(), ("Cookie", "theme=dark; own=1")]
    assert ask(stack.port, path, headers).status == 200
    (got,) = echo.got
    assert_clean(got, client)
    assert got.one("cookie") == "theme=dark; own=1"
    assert not got.one("authorization")


@pytest.mark.parametrize(
    "text",
    ["Bearer npm_0123456789abcdefghijkl", f"Bearer {FOREIGN}", BASIC, "Token 0123456789abcdef"],
)
def test_another_authorization_on_a_public_path(stack: Stack, echo: Echo, text: str) -> None:
    """The service's own tokens arrive where the guard asks for none."""
    assert ask(stack.port, "/static/a", [("Authorization", text)]).status == 200
    (got,) = echo.got
    assert got.one("authorization") == text


@pytest.mark.parametrize("kind_of_token", ["access", "refresh"])
def test_a_token_of_a_key_that_is_gone(stack: Stack, echo: Echo, kind_of_token: str) -> None:
    """It says what it is, so it does not arrive."""
    text = jwt.encode({"type": kind_of_token, "sid": "x"}, "a key of the past" * 3, "HS256")
    assert ask(stack.port, "/static/a", [("Authorization", f"Bearer {text}")]).status == 200
    (got,) = echo.got
    assert not got.one("authorization")


def test_nothing_is_left(stack: Stack, echo: Echo, login: Login) -> None:
    """No empty header stands where the client's only cookies were djwto's."""
    client = login("alice", "TWO-COOKIES")
    only = "; ".join(f"{name}={c.value}" for name, c in client.cookies.items() if "jwt_" in name)
    assert ask(stack.port, "/open/a", [("Cookie", only)]).status == 200
    (got,) = echo.got
    assert got.all("cookie") == got.all("authorization") == []


def test_cookies_that_hold_a_token_after_a_comma(stack: Stack, echo: Echo, login: Login) -> None:
    """Some programs join lines of cookies by commas."""
    client = login("alice", "TWO-COOKIES")
    joined = line_of(client).replace("; ", ",")
    ask(stack.port, "/static/a", [("Cookie", joined)])
    for got in echo.got:
        assert_clean(got, client)


def test_cookies_of_all_that_a_browser_takes(stack: Stack, echo: Echo, login: Login) -> None:
    """Two cookies of 3,000 bytes, beside the tokens."""
    client = login("alice", "TWO-COOKIES")
    large = [f"large{number}={'x' * 2900}" for number in range(2)]
    line = "; ".join([line_of(client), *large])
    assert ask(stack.port, "/open/a", [("Cookie", line)]).status == 200
    (got,) = echo.got
    assert_clean(got, client)
    assert (got.one("cookie") or "").endswith("; ".join(large))


@pytest.mark.parametrize(
    "names", ["bearer, {}", "chat,Bearer,{}", "bearer,\t{}", "chat, bearer , {}"]
)
@pytest.mark.parametrize("path", ["/static/a", "/open/a"])
def test_a_token_as_a_subprotocol(
    stack: Stack, echo: Echo, login: Login, names: str, path: str
) -> None:
    """So do pages send it to sockets of djwto's own."""
    client = login("alice", "JSON")
    token = client.token("access")
    own = [*client.bearer().items(), ("Sec-WebSocket-Protocol", names.format(token))]
    assert ask(stack.port, path, own).status == 200
    assert_clean(echo.got[0], client)


def test_a_subprotocol_of_the_service(stack: Stack, echo: Echo) -> None:
    for names in ("chat", "v1.kernel, bearer.x", "graphql-ws"):
        echo.got.clear()
        assert ask(stack.port, "/static/a", [("Sec-WebSocket-Protocol", names)]).status == 200
        assert echo.got[0].one("sec-websocket-protocol") == names


def test_no_log_holds_a_token(stack: Stack, echo: Echo, login: Login) -> None:
    """Neither the guard's nor the proxy's, whether the request was allowed or refused."""
    client = login("alice", "TWO-COOKIES")
    token = client.token("access")
    for path in ("/open/a", "/past/a", "/nothing"):
        ask(stack.port, path, [("Cookie", line_of(client))])
        ask(stack.port, path, [("Authorization", f"Bearer {token}")])
        ask(stack.port, path, [("Authorization", f"Bearer {token}A")])
    assert stack.guard.log.exists()
    for log in (stack.guard.log, stack.site.folder / f"{stack.kind}-{stack.port}" / "log"):
        text = log.read_text()
        assert not [part for part in texts(client) if part in text]


# --- the assertion ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_the_service_verifies_the_assertion(
    stack: Stack, echo: Echo, login: Login, mode: str
) -> None:
    """With a library that knows nothing of djwto, and the keys that the guard publishes."""
    client = login("alice", mode)
    bearer = [*client.bearer().items()] if mode == "JSON" else []
    assert ask(stack.port, "/open/a", [("Cookie", line_of(client)), *bearer]).status == 200
    (got,) = echo.got
    text = got.one("x-djwto-assertion")
    assert text
    keys = ask(stack.guard.port, "/.well-known/djwto-assertions.json", tls=False).json()
    assert all("d" not in key for key in keys["keys"])
    header = jwt.get_unverified_header(text)
    assert header["typ"] == "djwto-assertion+jwt"
    key = jwt.PyJWKSet.from_dict(keys)[header["kid"]]
    claims = jwt.decode(
        text,
        key,
        algorithms=[header["alg"]],
        audience="models",
        issuer=f"https://{APP}",
        options={"require": ["iss", "aud", "sub", "sid", "iat", "exp"]},
    )
    access = client.claims("access")
    assert claims["sub"] == str(access["user"]["id"])
    assert claims["sid"] == access["sid"]
    assert 0 < claims["exp"] - claims["iat"] <= 60
    assert claims["exp"] <= access["exp"]


def test_an_assertion_opens_nothing(stack: Stack, echo: Echo, login: Login) -> None:
    """It is no access token: neither here nor at the portal."""
    client = login("alice", "JSON")
    assert ask(stack.port, "/open/a", client.bearer().items()).status == 200
    text = echo.got[0].one("x-djwto-assertion")
    echo.got.clear()
    bearer = {"Authorization": f"Bearer {text}"}
    answer = ask(stack.port, "/open/a", bearer.items())
    assert refused(answer, echo)
    reply = client.send("POST", "/validate_access/", headers=bearer)
    assert reply.status_code == 401


def test_a_public_path_has_no_assertion(stack: Stack, echo: Echo, login: Login) -> None:
    assert ask(stack.port, "/static/a", login("alice", "JSON").bearer().items()).status == 200
    assert not echo.got[0].one("x-djwto-assertion")


# --- a prefix -----------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["staging_", "__Secure-"])
def prefixed_site(
    request: pytest.FixtureRequest,
    programs: None,
    service: Echo,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("prefixed")
    with stacks.site(folder, service, PORTAL_COOKIE_PREFIX=request.param) as running:
        yield running


@pytest.fixture(scope="module")
def prefixed(kind: Kind, prefixed_site: Site) -> Iterator[Stack]:
    with stacks.stack(kind, prefixed_site) as running:
        yield running


@pytest.mark.parametrize("mode", MODES)
def test_a_prefix(prefixed: Stack, echo: Echo, mode: str) -> None:
    with Target.of(prefixed.site.portal, *MODES, mode=mode) as target:
        client = Client(target)
        assert client.login("alice").status_code == 200
    bearer = [*client.bearer().items()] if mode == "JSON" else []
    assert ask(prefixed.port, "/open/a", [("Cookie", line_of(client)), *bearer]).status == 200
    (got,) = echo.got
    assert_clean(got, client)
    assert (got.one("cookie") or "").endswith("own=1; jwt_view=list; last=2")
