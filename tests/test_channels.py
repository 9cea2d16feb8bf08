"""`djwto.contrib.channels`, by real ASGI calls in this process. Real servers are in `served/`."""

import asyncio
import json
import re
import threading
import time
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.test import AsyncClient
from django.urls import path

from djwto import access, admission, conf, revocation, sessions, tokens
from djwto.contrib import sockets
from djwto.contrib.channels import JWTAuthMiddleware
from djwto.exceptions import JWTError
from djwto.revocation import listeners
from djwto.test import alogin
from djwto.users import TokenUser
from tests.conftest import MODES
from tests.logins import AsyncClientAt

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = re.compile(r"eyJ[\w-]{4,}\.[\w-]+\.[\w-]+")
A, B = "a.demo.localhost", "b.demo.localhost"
HOST = (b"host", b"testserver")
ORIGIN = (b"origin", b"https://testserver")
EXTENSION = {"websocket.http.response": {}}


class Echo(AsyncJsonWebsocketConsumer):
    """Tells what it has seen, and answers to what it is told."""

    async def connect(self):
        self.scope["seen"].append(self)
        await self.accept(self.scope["seen"].choice)

    async def receive_json(self, content):
        if "renew" not in content:
            await self.send_json({"echo": content})
            return
        try:
            claims = await self.scope["jwt"].renew(content["renew"])
        except JWTError as error:
            await self.send_json({"code": error.code})
        else:
            await self.send_json({"exp": claims.get("exp")})

    async def disconnect(self, code):
        self.scope["seen"].codes.append(code)
        await self.send_json({"too": "late"})


class SyncEcho(JsonWebsocketConsumer):
    """The same in a thread."""

    def connect(self):
        self.scope["seen"].append(self)
        self.accept()

    def receive_json(self, content):
        claims = async_to_sync(self.scope["jwt"].renew)(content["renew"])
        self.send_json({"exp": claims["exp"]})

    def disconnect(self, code):
        self.scope["seen"].codes.append(code)


class Seen(list):
    """The consumers of a test, and the codes that they were told."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: list[int] = []
        self.choice: str | None = None

    @property
    def scope(self) -> Any:
        return self[-1].scope


def with_seen(app: Any, seen: Seen) -> Any:
    """Put what consumers write to into the scope, as a middleware above would."""

    async def add(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "seen": seen}, receive, send)

    return add


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def app(seen: Seen) -> Any:
    routes = [path("ws/", Echo.as_asgi()), path("rooms/<str:room>/", Echo.as_asgi())]
    routes.append(path("sync/", SyncEcho.as_asgi()))
    return with_seen(JWTAuthMiddleware(URLRouter(routes)), seen)


class Person:
    """A user with tokens of a session."""

    def __init__(self, user: Any, client: AsyncClient) -> None:
        self.user, self.client = user, client

    @property
    def access(self) -> str:
        header = self.client.defaults.get("authorization")
        if header is not None:
            return str(header).removeprefix("Bearer ")
        names = ("jwt_access", "jwt_access_token")
        return next(str(self.client.cookies[n].value) for n in names if n in self.client.cookies)

    @property
    def cookie(self) -> tuple[bytes, bytes]:
        jar = self.client.cookies.items()
        pairs = [f"{name}={morsel.value}" for name, morsel in jar if name.startswith("jwt_")]
        return b"cookie", "; ".join(["first=1", *pairs, "last=2"]).encode()

    @property
    def authorization(self) -> tuple[bytes, bytes]:
        return b"authorization", f"Bearer {self.access}".encode()

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return self.headers_at("testserver")

    def headers_at(self, host: str) -> list[tuple[bytes, bytes]]:
        by_header = "authorization" in self.client.defaults
        token = self.authorization if by_header else self.cookie
        return [(b"host", host.encode()), token, (b"origin", f"https://{host}".encode())]


async def person(
    name: str = "alice", mode: str | None = None, user: Any = None, host: str = "testserver"
) -> Person:
    user = user or await get_user_model().objects.acreate_user(name)
    client = AsyncClientAt(host)
    await alogin(client, user, mode=mode)
    return Person(user, client)


def communicator(app: Any, url: str = "/ws/", scheme: str | None = "wss", **options: Any) -> Any:
    extensions = options.pop("extensions", None)
    made = WebsocketCommunicator(app, url, **options)
    if scheme is not None:
        made.scope["scheme"] = scheme
    if extensions is not None:
        made.scope["extensions"] = extensions
    return made


@asynccontextmanager
async def opened(app: Any, headers: Any, url: str = "/ws/", **options: Any) -> Any:
    socket = communicator(app, url, headers=headers, **options)
    is_open, socket.subprotocol = await socket.connect()
    assert is_open
    try:
        yield socket
    finally:
        await socket.disconnect()


async def refused(app: Any, headers: Any, **options: Any) -> str:
    """Have a handshake refused with 403, and give the slug."""
    plain = communicator(app, headers=headers, **options)
    assert await plain.connect() == (False, 1000)
    await plain.wait()
    status, code = await answer(app, headers, **options)
    assert status == 403
    return code


async def answer(app: Any, headers: Any, **options: Any) -> tuple[int, str]:
    """Give the status and the slug of a handshake to a server that takes a whole reply."""
    socket = communicator(app, headers=headers, extensions=EXTENSION, **options)
    await socket.send_input({"type": "websocket.connect"})
    start = await socket.receive_output()
    assert start["type"] == "websocket.http.response.start"
    body = await socket.receive_output()
    assert body["type"] == "websocket.http.response.body"
    found = dict(start["headers"])
    assert found[b"content-type"] == b"application/json"
    assert int(found[b"content-length"]) == len(body["body"])
    await socket.wait()
    return start["status"], json.loads(body["body"])["code"]


# --- who gets in ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["http", "lifespan", "something"])
async def test_other_connections_pass_as_they_are(kind: str) -> None:
    got = []

    async def inner(*of_server: Any) -> str:
        got.extend(of_server)
        return "its answer"

    scope, receive, send = {"type": kind, "headers": [(b"authorization", b"Bearer x")]}, 1, 2
    assert await JWTAuthMiddleware(inner)(scope, receive, send) == "its answer"
    assert got[0] is scope
    assert got == [scope, receive, send]


@pytest.mark.parametrize("mode", MODES)
async def test_each_mode_opens(settings: Any, app: Any, seen: Seen, mode: str) -> None:
    settings.DJWTO_MODE = mode
    alice = await person()
    async with opened(app, alice.headers) as socket:
        await socket.send_json_to("hello")
        assert await socket.receive_json_from() == {"echo": "hello"}
        assert type(seen.scope["user"]) is type(alice.user)
        assert seen.scope["user"] == alice.user
        assert seen.scope["payload"] == tokens.decode_token(alice.access)


async def test_a_subprotocol_opens(app: Any, seen: Seen) -> None:
    alice = await person()
    async with opened(app, [HOST], subprotocols=["bearer", alice.access]) as socket:
        assert seen.scope["user"] == alice.user
        assert socket.subprotocol == "bearer"
        assert seen.scope["subprotocols"] == ["bearer"]


@pytest.mark.parametrize(
    ("offered", "choice", "chosen"),
    [
        (["bearer", "<token>", "chat"], None, "bearer"),
        (["bearer", "<token>", "chat"], "chat", "chat"),
        (["chat", "bearer", "<token>"], "chat", "chat"),
    ],
)
async def test_what_the_consumer_chose_stands(
    app: Any, seen: Seen, offered: list[str], choice: str | None, chosen: str
) -> None:
    alice = await person()
    seen.choice = choice
    offered = [alice.access if one == "<token>" else one for one in offered]
    async with opened(app, [HOST], subprotocols=offered) as socket:
        assert socket.subprotocol == chosen
        assert sorted(seen.scope["subprotocols"]) == ["bearer", "chat"]


async def test_no_subprotocol_is_chosen_that_was_not_offered(app: Any, seen: Seen) -> None:
    alice = await person()
    for offered in ([], ["chat"]):
        async with opened(app, alice.headers, subprotocols=offered) as socket:
            assert socket.subprotocol is None
            assert seen.scope["subprotocols"] == offered


@pytest.mark.parametrize("mode", MODES)
async def test_no_token_is_left_in_the_scope(
    settings: Any, app: Any, seen: Seen, mode: str
) -> None:
    settings.DJWTO_MODE = (mode, *(other for other in MODES if other != mode))
    alice = await person()
    headers = alice.headers
    if mode == "JSON":
        # What another login has left there.
        headers.append((b"cookie", b"jwt_refresh=eyJhb.eyJhb.eyJhb; jwt_access_payload=e30=; a=b"))
    headers.append((b"x-other", b"stays"))
    async with opened(AuthMiddlewareStack(app), headers):
        assert TOKEN.search(repr(headers))
        assert not TOKEN.search(repr(seen.scope))
        assert "jwt_" not in repr(seen.scope["headers"]) + repr(seen.scope["cookies"])
        assert (b"x-other", b"stays") in seen.scope["headers"]
        kept = {"a": "b"} if mode == "JSON" else {"first": "1", "last": "2"}
        assert seen.scope["cookies"] == kept
        cookie = dict(seen.scope["headers"])[b"cookie"]
        assert cookie == (b" a=b" if mode == "JSON" else b"first=1; last=2")
    joined = (b"cookie", b"a=1, jwt_refresh=eyJhb.eyJhb.eyJhb, b=2; c=3")
    other = await person(user=alice.user, mode="JSON")
    async with opened(app, [HOST, other.authorization, joined]):
        assert dict(seen.scope["headers"])[b"cookie"] == b"a=1, b=2; c=3"


async def test_no_token_of_a_subprotocol_is_left(app: Any, seen: Seen) -> None:
    alice = await person()
    protocols = ["chat", "bearer", alice.access, "other"]
    header = (b"sec-websocket-protocol", ", ".join(protocols).encode())
    async with opened(app, [HOST, header], subprotocols=protocols):
        assert not TOKEN.search(repr(seen.scope))
        assert seen.scope["subprotocols"] == ["chat", "bearer", "other"]
        assert (b"sec-websocket-protocol", b"chat, bearer, other") in seen.scope["headers"]


async def test_a_router_below_works(app: Any, seen: Seen) -> None:
    alice = await person()
    async with opened(app, alice.headers, "/rooms/blue/"):
        assert seen.scope["url_route"]["kwargs"] == {"room": "blue"}


async def test_beside_channels_own_middleware(seen: Seen) -> None:
    """The user is the token's, whether Django's session is asked above or below."""
    alice, bob = await person(), await get_user_model().objects.acreate_user("bob")
    of_bob = AsyncClient()
    await sync_to_async(of_bob.force_login)(bob)
    session = of_bob.cookies["sessionid"].value
    headers = [*alice.headers, (b"cookie", f"sessionid={session}".encode())]
    above = AuthMiddlewareStack(JWTAuthMiddleware(with_seen(Echo.as_asgi(), seen)))
    below = JWTAuthMiddleware(AuthMiddlewareStack(with_seen(Echo.as_asgi(), seen)))
    for app in (above, below):
        async with opened(app, headers):
            assert seen.scope["user"] == alice.user
            assert seen.scope["user"].is_authenticated
    # Without a token, a session of Django's does not open what djwto guards.
    assert await refused(above, headers[-1:]) == "authorization_missing"


async def test_a_user_who_is_gone_is_nobody(app: Any, seen: Seen) -> None:
    alice = await person()
    await get_user_model().objects.filter(pk=alice.user.pk).aupdate(is_active=False)
    async with opened(app, alice.headers):
        assert isinstance(seen.scope["user"], AnonymousUser)


async def test_a_user_may_be_made_of_the_claims(app: Any, seen: Seen, settings: Any) -> None:
    settings.DJWTO_USER = "token"
    alice = await person()
    await get_user_model().objects.all().aupdate(is_active=False)
    async with opened(app, alice.headers):
        assert type(seen.scope["user"]) is TokenUser
        assert (seen.scope["user"].pk, seen.scope["user"]) == (alice.user.pk, alice.user)


present: list[str] = [""]


def tenant_of(request: Any) -> str:
    return present[0] if request is None else str(request.get_host()).partition(":")[0]


@pytest.fixture
def tenants(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A tenant for each host; give the one outside of requests, "" until a test changes it."""
    settings.DJWTO_TENANT = "tests.test_channels.tenant_of"
    settings.ALLOWED_HOSTS = ["*"]
    monkeypatch.setitem(globals(), "present", [""])
    return present


async def test_a_socket_is_of_its_tenant(app: Any, tenants: list[str]) -> None:
    alice = await person()
    here, elsewhere = (b"host", b"testserver"), (b"host", b"other.example")
    assert await refused(app, [elsewhere, alice.authorization]) == "tenant_invalid"
    async with opened(app, [here, alice.authorization]) as socket:
        await socket.send_json_to({"renew": alice.access})
        assert "exp" in await socket.receive_json_from()
        claims = tokens.decode_token(alice.access, tenant="testserver")
        foreign = tokens.encode_claims({**claims, "tenant": "other.example"})
        await socket.send_json_to({"renew": foreign})
        assert await socket.receive_json_from() == {"code": "tenant_invalid"}


@pytest.mark.parametrize("mode", MODES)
async def test_no_socket_opens_with_the_token_of_another_tenants_user_1(
    app: Any, seen: Seen, settings: Any, tenants: list[str], mode: str
) -> None:
    settings.DJWTO_MODE = mode
    in_a = await person(host=A)
    in_b = await person(host=B, user=in_a.user)
    for here, host, other in ((in_a, A, B), (in_b, B, A)):
        assert await refused(app, here.headers_at(other)) == "tenant_invalid"
        if mode == "JSON":
            offered = ["bearer", here.access]
            headers = [(b"host", other.encode())]
            assert await refused(app, headers, subprotocols=offered) == "tenant_invalid"
        async with opened(app, here.headers_at(host)):
            assert seen.scope["payload"]["tenant"] == host
            assert seen.scope["user"].pk == in_a.user.pk


def _end_all(user: Any) -> None:
    sessions.end_all(user)


def _end_one(user: Any) -> None:
    (one,) = sessions.own(user.pk, A)
    assert sessions.end(one.pk)


def _deactivate(user: Any) -> None:
    user.is_active = False
    user.save()


def _change_password(user: Any) -> None:
    user.set_password("another")
    user.save()


@pytest.mark.parametrize("end", [_end_all, _end_one, _deactivate, _change_password])
async def test_a_tenants_user_1_closes_no_socket_of_anothers(
    app: Any, seen: Seen, tenants: list[str], end: Any
) -> None:
    in_a = await person(host=A)
    in_b = await person(host=B, user=in_a.user)
    # Each tenant has a table of users, of which the present one is asked.
    tenants[0] = A
    async with opened(app, in_a.headers_at(A)) as ends, opened(app, in_b.headers_at(B)) as stays:
        await sync_to_async(end)(in_a.user)
        assert await closed(ends) == (4401, "token_blacklisted")
        assert await refused(app, in_a.headers_at(A)) == "token_blacklisted"
        await stays.send_json_to("still")
        assert await stays.receive_json_from() == {"echo": "still"}
        assert seen.codes == [4401]


async def test_nothing_blocks_the_loop(app: Any, monkeypatch: Any) -> None:
    loop, ran = threading.get_ident(), set()

    def recorded(name: str, function: Any) -> Any:
        def record(*args: Any, **kwargs: Any) -> Any:
            ran.add((name, threading.get_ident() == loop))
            return function(*args, **kwargs)

        return record

    alice = await person()
    for module, name in ((admission, "check_login"), (access, "_load_user")):
        monkeypatch.setattr(module, name, recorded(name, getattr(module, name)))
    async with opened(app, alice.headers):
        assert ran == {("check_login", True), ("_load_user", False)}
    # While ended sessions are being read, a thread waits.
    waits = iter([True, False, False])
    monkeypatch.setattr(revocation, "is_loading", lambda _config: next(waits))
    ran.clear()
    monkeypatch.setattr(revocation, "require", recorded("require", revocation.require))
    async with opened(app, alice.headers):
        assert ("require", False) in ran


# --- who does not ---------------------------------------------------------------------------------


def bearer(value: bytes) -> tuple[bytes, bytes]:
    return b"authorization", b"Bearer " + value


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([], "authorization_missing"),
        ([bearer(b"no.token.atall")], "token_malformed"),
        ([bearer(b"\xff\xfe")], "authorization_invalid"),
        ([bearer(b"")], "authorization_invalid"),
        ([bearer(b"two words")], "authorization_invalid"),
        ([bearer(b"a" * 65_536)], "token_too_large"),
        ([(b"authorization", b"Basic YTpi")], "authorization_missing"),
        ([(b"cookie", b"jwt_access=a"), ORIGIN], "authorization_missing"),
        ([(b"cookie", b"x=" + b"y" * 65_536)], "authorization_missing"),
        ([(b"content-type", b"text/plain; charset=\x00")], "authorization_missing"),
        ([(b"host", b"\xff\xff"), (b"origin", b"\xff")], "authorization_missing"),
    ],
)
async def test_a_bad_handshake_is_403(app: Any, headers: Any, code: str) -> None:
    assert await refused(app, headers) == code
    assert await refused(app, headers, scheme=None) == code


async def test_no_token_is_taken_from_the_url(app: Any) -> None:
    alice = await person()
    query = "&".join(
        f"{name}={alice.access}" for name in ("token", "access_token", "jwt", "bearer")
    )
    assert await refused(app, [HOST, ORIGIN], url=f"/ws/?{query}") == "authorization_missing"
    odd = communicator(app, headers=alice.headers)
    odd.scope["query_string"] = b"\xff%ff"
    assert (await odd.connect())[0]
    await odd.disconnect()


@pytest.mark.parametrize(
    ("offered", "code"),
    [
        (["bearer"], "authorization_invalid"),
        (["chat", "bearer"], "authorization_invalid"),
        (["bearer", ""], "authorization_invalid"),
        (["bearer", "bearer"], "authorization_invalid"),
        (["bearer", "<token>", "bearer", "<token>"], "authorization_invalid"),
        (["bearer", "\xff\xfe"], "authorization_invalid"),
        (["bearer", "\udcff"], "authorization_invalid"),
        (["bearer", "<token>,<token>"], "authorization_invalid"),
        (["bearer", "x" * 65_536], "token_too_large"),
        (["chat", "\udcff"], "authorization_missing"),
        (["<token>"], "authorization_missing"),
        (["<token>", "bearer"], "authorization_invalid"),
    ],
)
async def test_odd_subprotocols_are_403(app: Any, offered: list[str], code: str) -> None:
    alice = await person()
    offered = [one.replace("<token>", alice.access) for one in offered]
    assert await refused(app, [HOST], subprotocols=offered) == code


async def test_two_tokens_are_403(app: Any, settings: Any, seen: Seen) -> None:
    alice = await person()
    both = [alice.authorization, alice.authorization]
    assert await refused(app, both) == "authorization_invalid"
    pair = ["bearer", alice.access]
    code = await refused(app, [alice.authorization], subprotocols=pair)
    assert code == "authorization_invalid"
    # A password that a browser sends by itself is no token.
    basic = (b"authorization", b"Basic YTpi")
    async with opened(app, [HOST, basic], subprotocols=pair):
        assert basic in seen.scope["headers"]
    settings.DJWTO_MODE = "TWO-COOKIES"
    alice = await person(user=alice.user)
    for cookies in ([alice.cookie, alice.cookie], [(b"cookie", alice.cookie[1] * 2)]):
        assert await refused(app, [HOST, ORIGIN, *cookies]) == "cookie_ambiguous"
    # The refusal clears what a neighbour has planted.
    socket = communicator(app, headers=[HOST, ORIGIN, alice.cookie, alice.cookie])
    socket.scope["extensions"] = EXTENSION
    await socket.send_input({"type": "websocket.connect"})
    start = await socket.receive_output()
    assert any(name == b"set-cookie" for name, _ in start["headers"])
    await socket.receive_output()
    await socket.wait()


async def test_a_bearer_header_decides_alone(app: Any, settings: Any) -> None:
    settings.DJWTO_MODE = ("TWO-COOKIES", "JSON")
    alice = await person()
    headers = [*alice.headers, bearer(b"no.token.atall")]
    assert await refused(app, headers) == "token_malformed"
    assert await refused(app, alice.headers, subprotocols=["bearer", "no.token"]) != ""


async def test_other_kinds_of_tokens_are_403(app: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    alice = await person()
    refresh = alice.client.cookies["jwt_refresh"].value
    settings.DJWTO_MODE = "JSON"
    assert await refused(app, [bearer(refresh.encode())]) == "type_invalid"
    assert await refused(app, [HOST], subprotocols=["bearer", refresh]) == "type_invalid"
    claims = tokens.decode_token((await person(user=alice.user)).access)
    late = tokens.encode_claims({**claims, "iat": claims["iat"] - 600, "exp": claims["iat"] - 1})
    assert await refused(app, [bearer(late.encode())]) == "token_expired"


async def test_an_ended_session_is_403(app: Any) -> None:
    alice = await person()
    await sync_to_async(sessions.end_all)(alice.user)
    assert await refused(app, alice.headers) == "token_blacklisted"


async def test_what_is_not_known_is_503(app: Any, monkeypatch: Any) -> None:
    def refuse(_config: Any) -> None:
        raise JWTError.of("store_unavailable", retry_after=1)

    alice = await person()
    monkeypatch.setattr(revocation, "require", refuse)
    monkeypatch.setattr(access.revocation, "require", refuse)
    assert await answer(app, alice.headers) == (503, "store_unavailable")
    plain = communicator(app, headers=alice.headers)
    assert (await plain.connect())[0] is False


async def test_a_client_that_left_gets_no_answer(app: Any) -> None:
    socket = communicator(app, headers=[])
    await socket.send_input({"type": "websocket.disconnect", "code": 1006})
    await socket.wait()
    assert socket.output_queue.empty()


# --- the origin -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "is_open"),
    [
        (b"https://testserver", True),
        (b"https://app.example", True),
        (None, False),
        (b"", False),
        (b"null", False),
        (b"http://testserver", False),
        (b"https://testserver:8443", False),
        (b"https://evil.example", False),
        (b"https://testserver.evil.example", False),
        (b"https://testserver@evil.example", False),
        (b"https://testserver,https://evil.example", False),
        (b"https://[broken", False),
        (b"\xff\xfe", False),
    ],
)
@pytest.mark.parametrize("scheme", ["wss", None])
async def test_a_cookie_wants_an_origin_that_is_trusted(
    app: Any, settings: Any, scheme: str | None, origin: bytes | None, is_open: Any
) -> None:
    settings.DJWTO_MODE = ("TWO-COOKIES", "JSON")
    settings.CSRF_TRUSTED_ORIGINS = ["https://app.example"]
    # In any case: a page of another site opens a socket without asking.
    settings.DJWTO_CSRF = False
    alice = await person()
    own = [] if origin is None else [(b"origin", origin)]
    headers = [HOST, alice.cookie, *own]
    if is_open:
        async with opened(app, headers, scheme=scheme):
            pass
    else:
        assert await refused(app, headers, scheme=scheme) == "csrf_failed"
    # What no page can send by itself needs none.
    other = await person(user=alice.user, mode="JSON")
    async with opened(app, [HOST, other.authorization, *own], scheme=scheme):
        pass


@pytest.mark.parametrize(
    ("host", "origin", "is_open"),
    [
        (b"localhost:8000", b"http://localhost:8000", True),
        (b"127.0.0.1:8000", b"http://127.0.0.1:8000", True),
        (b"[::1]:8000", b"http://[::1]:8000", True),
        (b"app.localhost", b"http://app.localhost", True),
        (b"localhost:8000", b"https://localhost:8000", True),
        (b"localhost:8000", b"http://localhost:9000", False),
        (b"localhost:8000", b"http://127.0.0.1:8000", False),
        (b"testserver", b"http://testserver", False),
        (b"localhost.testserver", b"http://localhost.testserver", False),
    ],
)
async def test_a_server_that_tells_no_scheme(
    app: Any, settings: Any, host: bytes, origin: bytes, is_open: Any
) -> None:
    settings.DJWTO_MODE, settings.ALLOWED_HOSTS = "TWO-COOKIES", ["*"]
    alice = await person()
    headers = [(b"host", host), (b"origin", origin), alice.cookie]
    socket = communicator(app, headers=headers, scheme=None)
    assert (await socket.connect())[0] == is_open
    await (socket.disconnect() if is_open else socket.wait())


async def test_a_proxy_may_tell_the_scheme(app: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    alice = await person()
    headers = [HOST, ORIGIN, alice.cookie]
    assert await refused(app, headers, scheme="ws") == "csrf_failed"
    async with opened(app, [*headers, (b"x-forwarded-proto", b"https")], scheme="ws"):
        pass


# --- open sockets ---------------------------------------------------------------------------------


async def closed(socket: Any) -> tuple[int, str]:
    message = await socket.receive_output(timeout=5)
    assert message["type"] == "websocket.close"
    return message["code"], message["reason"]


@pytest.mark.parametrize("url", ["/ws/", "/sync/"])
async def test_it_is_closed_when_its_session_ends(app: Any, seen: Seen, url: str) -> None:
    alice = await person()
    other = await person(user=alice.user)
    async with opened(app, alice.headers, url) as socket, opened(app, other.headers) as stays:
        session = tokens.session_of(seen[0].scope["payload"])
        await sync_to_async(sessions.end)(session)
        assert await closed(socket) == (4401, "token_blacklisted")
        await socket.wait()
        assert seen.codes == [4401]
        assert socket.output_queue.empty()
        await stays.send_json_to("still")
        assert await stays.receive_json_from() == {"echo": "still"}


async def test_it_is_closed_when_another_process_ends_its_session(
    app: Any, seen: Seen, monkeypatch: Any
) -> None:
    """What a look at the database brings, and what Redis tells, wakes the watcher."""
    monkeypatch.setattr(sockets, "TICK_SECONDS", 3600.0)
    alice = await person()
    async with opened(app, alice.headers) as socket:
        key = seen.scope["jwt"].key
        watcher = sockets._watchers[asyncio.get_running_loop()]
        while not watcher._news._waiters:  # noqa: ASYNC110 (it has looked, and waits for news)
            await asyncio.sleep(0)
        conf.ended_sessions.extend([(key, int(time.time()) + 600)])
        threading.Thread(target=listeners.notify).start()
        assert await closed(socket) == (4401, "token_blacklisted")


async def test_it_is_closed_when_its_token_expires(app: Any, seen: Seen, settings: Any) -> None:
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = timedelta(seconds=1)
    alice = await person()
    async with opened(app, alice.headers) as socket:
        exp = seen.scope["payload"]["exp"]
        assert await closed(socket) == (4401, "token_expired")
        assert exp <= time.time() < exp + 1
        await socket.wait()
        assert seen.codes == [4401]


async def test_a_token_without_an_end_has_none(app: Any, seen: Seen, settings: Any) -> None:
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = settings.DJWTO_REFRESH_TOKEN_LIFETIME = None
    alice = await person()
    async with opened(app, alice.headers) as socket:
        assert "exp" not in seen.scope["payload"]
        await socket.send_json_to({"renew": alice.access})
        assert await socket.receive_json_from() == {"exp": None}


async def renewed(alice: Person, settings: Any, **lifetime: int) -> str:
    """Give another access token of the same session."""
    claims = tokens.decode_token(alice.access)
    kept = {name: value for name, value in claims.items() if name not in ("exp", "iat", "jti")}
    now = int(time.time())
    again = {"iat": now, "exp": now + timedelta(**lifetime).seconds, "jti": "another"}
    return tokens.encode_claims({**kept, **again})


@pytest.mark.parametrize("url", ["/ws/", "/sync/"])
async def test_it_lives_on_with_a_later_token(
    app: Any, seen: Seen, settings: Any, url: str
) -> None:
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = timedelta(seconds=1)
    alice = await person()
    async with opened(app, alice.headers, url) as socket:
        first = seen.scope["payload"]["exp"]
        await socket.send_json_to({"renew": await renewed(alice, settings, seconds=3)})
        second = (await socket.receive_json_from())["exp"]
        assert first < second == seen.scope["payload"]["exp"]
        assert await closed(socket) == (4401, "token_expired")
        assert time.time() >= second


async def test_it_takes_no_token_of_another(app: Any, seen: Seen, settings: Any) -> None:
    alice = await person()
    bob = await person("bob")
    elsewhere = await person(user=alice.user)
    own = tokens.decode_token(alice.access)
    foreign = tokens.encode_claims({**own, "user": {**own["user"], "id": bob.user.pk}})
    settings.DJWTO_MODE = "TWO-COOKIES"
    cookies = await person(user=alice.user)
    refresh = cookies.client.cookies["jwt_refresh"].value
    settings.DJWTO_MODE = "JSON"
    tried = {
        bob.access: "claim_invalid",
        foreign: "claim_invalid",
        elsewhere.access: "claim_invalid",
        await renewed(alice, settings, seconds=5): "claim_invalid",
        refresh: "type_invalid",
        "": "token_malformed",
        "x" * 65_536: "token_too_large",
        "\ud800": "token_malformed",
        "é": "token_malformed",
    }
    async with opened(app, alice.headers) as socket:
        before = dict(seen.scope["payload"])
        for token, code in tried.items():
            await socket.send_json_to({"renew": token})
            assert await socket.receive_json_from() == {"code": code}
        for odd in (None, 7, ["a"], {"a": 1}):
            await socket.send_json_to({"renew": odd})
            assert await socket.receive_json_from() == {"code": "token_malformed"}
        assert seen.scope["payload"] == before
        await socket.send_json_to("still")
        assert await socket.receive_json_from() == {"echo": "still"}
        await sync_to_async(sessions.end)(tokens.session_of(before))
        assert (await closed(socket))[0] == 4401
        with pytest.raises(JWTError) as raised:
            await seen.scope["jwt"].renew(alice.access)
        assert raised.value.code == "token_blacklisted"


async def test_no_message_of_an_ended_session_reaches_the_consumer(
    app: Any, seen: Seen, monkeypatch: Any
) -> None:
    alice = await person()
    monkeypatch.setattr(sockets.Watcher, "_wake", lambda _self: None)
    async with opened(app, alice.headers) as socket:
        conf.ended_sessions.extend([(seen.scope["jwt"].key, int(time.time()) + 600)])
        await socket.send_json_to("too late")
        assert await closed(socket) == (4401, "token_blacklisted")
        await socket.wait()
        assert seen.codes == [4401]


@pytest.mark.parametrize("message", [False, True])
async def test_it_is_closed_where_ended_sessions_are_not_known(
    app: Any, seen: Seen, monkeypatch: Any, message: Any
) -> None:
    """As guards answer 503 then."""

    def refuse(_config: Any) -> None:
        raise JWTError.of("store_unavailable")

    alice = await person()
    async with opened(app, alice.headers) as socket:
        if message:
            monkeypatch.setattr(revocation, "require", refuse)
            await socket.send_json_to("hello")
        else:
            monkeypatch.setattr(revocation, "is_known", lambda _config: None)
            listeners.notify()
            await socket.send_json_to("a look will tell")
            await socket.receive_json_from()
            monkeypatch.setattr(revocation, "is_known", lambda _config: False)
            listeners.notify()
        assert await closed(socket) == (4503, "store_unavailable")
        await socket.wait()
        assert seen.codes == [4503]


async def test_a_client_that_does_not_answer_keeps_nothing_from_the_consumer() -> None:
    """A server may wait long for the client's own close."""
    got, hangs, told = asyncio.Queue(), asyncio.Event(), asyncio.Event()

    async def consumer(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await receive()
        assert (await receive())["code"] == 4401
        assert (await receive())["type"] == "websocket.disconnect"
        await send({"type": "websocket.send", "text": "into nowhere"})
        told.set()

    async def send(message: Any) -> None:
        got.put_nowait(message)
        if message["type"] == "websocket.close":
            await hangs.wait()
            raise OSError("gone")

    alice = await person()
    arriving = asyncio.Queue()
    arriving.put_nowait({"type": "websocket.connect"})
    scope = {"type": "websocket", "path": "/", "headers": alice.headers, "subprotocols": []}
    running = asyncio.ensure_future(JWTAuthMiddleware(consumer)(scope, arriving.get, send))
    assert (await got.get())["type"] == "websocket.accept"
    await sync_to_async(sessions.end_all)(alice.user)
    await asyncio.wait_for(told.wait(), 5)
    assert (await got.get())["type"] == "websocket.close"
    assert got.empty()
    assert not running.done()
    hangs.set()
    await running


async def test_a_consumer_may_wait_with_a_limit() -> None:
    """A message that arrives after the limit is not lost."""
    answers = []

    async def consumer(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(receive(), 0.01)
        answers.append("waited")
        arriving.put_nowait({"type": "websocket.receive", "text": "kept"})
        answers.append((await receive())["text"])

    alice = await person()
    arriving = asyncio.Queue()
    arriving.put_nowait({"type": "websocket.connect"})
    scope = {"type": "websocket", "path": "/", "headers": alice.headers, "subprotocols": []}
    await JWTAuthMiddleware(consumer)(scope, arriving.get, lambda _message: None)
    assert answers == ["waited", "kept"]


async def test_what_the_consumer_raises_is_not_caught(app: Any) -> None:
    async def consumer(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("a mistake")

    alice = await person()
    scope = {"type": "websocket", "path": "/", "headers": alice.headers}
    with pytest.raises(LookupError) as raised:
        await JWTAuthMiddleware(consumer)(scope, None, None)
    trace = raised.value.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_globals["__name__"].startswith("djwto."):
            assert not TOKEN.search(repr(frame.f_locals)), frame.f_code.co_name
        trace = trace.tb_next
    assert not sockets._watchers


# --- one watcher ----------------------------------------------------------------------------------


def watchers() -> int:
    return sum(task.get_name() == "djwto-sockets" for task in asyncio.all_tasks())


async def test_the_watcher_ends_with_the_last_socket(app: Any) -> None:
    alice = await person()
    assert watchers() == 0
    async with opened(app, alice.headers):
        async with opened(app, alice.headers):
            assert watchers() == 1
        assert watchers() == 1
    assert watchers() == 0
    assert listeners._listeners == ()
    async with opened(app, alice.headers):
        assert watchers() == 1


async def test_a_look_that_fails_is_tried_again(app: Any, monkeypatch: Any, caplog: Any) -> None:
    def fail(_config: Any) -> None:
        monkeypatch.undo()
        raise OSError("a mistake")

    alice = await person()
    async with opened(app, alice.headers) as socket:
        monkeypatch.setattr(revocation, "is_known", fail)
        await sync_to_async(sessions.end_all)(alice.user)
        assert (await closed(socket))[0] == 4401
    assert "Failed to check the open sockets" in caplog.text


async def test_five_thousand_sockets_have_one_watcher(monkeypatch: Any) -> None:
    """Of two sessions and one that lives on. No task, and no timer, of djwto's for each of them."""
    number, alice = 5000, await person()
    other, stays = await person(user=alice.user), await person(user=alice.user)
    codes: list[int] = []
    open_ones, left = asyncio.Semaphore(0), asyncio.Event()

    async def consumer(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        open_ones.release()
        codes.append((await receive())["code"])
        if len(codes) == number:
            left.set()

    app = JWTAuthMiddleware(consumer)
    loop = asyncio.get_running_loop()
    timers = []
    call_at = loop.call_at
    sent: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "websocket.close":
            sent.append(message["code"])

    def connection(one: Person) -> Any:
        first = [{"type": "websocket.connect"}]

        async def receive() -> Any:
            return first.pop() if first else await loop.create_future()

        scope = {"type": "websocket", "path": "/", "headers": one.headers, "subprotocols": []}
        return asyncio.ensure_future(app(scope, receive, send))

    running = [connection(alice if place % 2 else other) for place in range(number)]
    lives_on = connection(stays)
    for _ in range(number + 1):
        await open_ones.acquire()
    monkeypatch.setattr(loop, "call_at", lambda *a, **k: timers.append(a) or call_at(*a, **k))
    assert watchers() == 1
    assert len(sockets._watchers[loop]._sockets) == number + 1
    # What a look costs.
    started = time.perf_counter()
    await sockets._watchers[loop]._look()
    assert time.perf_counter() - started < 0.5
    for one in (alice, other):
        await sync_to_async(sessions.end)(tokens.session_of(tokens.decode_token(one.access)))
    await asyncio.wait_for(left.wait(), 10)
    await asyncio.gather(*running)
    assert codes == sent == [4401] * number
    assert len(timers) < 50
    assert not lives_on.done()
    lives_on.cancel()
    await asyncio.gather(lives_on, return_exceptions=True)
    assert watchers() == 0
