"""Old tokens at django-ninja's operations and on WebSockets of Channels.

Run with `pytest --ds=tests.projects.simplejwt.settings tests/projects/simplejwt`.
"""

import json
import uuid
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.testing import WebsocketCommunicator
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import AsyncClient, Client
from django.urls import clear_url_caches, path
from ninja import NinjaAPI

from djwto import revocation
from djwto.contrib.channels import JWTAuthMiddleware
from djwto.contrib.ninja import JWTAuth, install
from djwto.exceptions import JWTError
from djwto.models import Session
from tests.projects.simplejwt.past import move_in
from tests.projects.simplejwt.shapes import SHAPES
from tests.projects.simplejwt.test_moving import forged

SHAPED = ("defaults", "jwt header", "odd claims", "key pair")
WORDS = {shape: SHAPES[shape].get("AUTH_HEADER_TYPES", ("Bearer",))[0] for shape in SHAPES}


@pytest.fixture
def moved(settings: Any) -> Any:
    return lambda shape="defaults": move_in(shape, settings)["tokens"]


# --- django-ninja -------------------------------------------------------------------------------


@pytest.fixture
def api(settings: Any) -> NinjaAPI:
    """Serve operations of both kinds, by themselves."""
    made = NinjaAPI(urls_namespace=f"old-{uuid.uuid4().hex}")
    install(made)

    @made.get("/sync", auth=JWTAuth())
    def sync(request: Any) -> Any:
        return {"name": request.user.get_username(), "token_type": request.auth["token_type"]}

    @made.get("/async", auth=JWTAuth())
    async def of_async(request: Any) -> Any:
        name = (await request.auser()).get_username()
        return {"name": name, "token_type": request.auth["token_type"]}

    @made.get("/perms", auth=JWTAuth("auth.view_user"))
    def perms(request: Any) -> Any:
        return {"name": request.user.get_username()}

    @made.get("/async_perms", auth=JWTAuth("auth.view_user"))
    async def async_perms(request: Any) -> Any:
        return {"name": (await request.auser()).get_username()}

    module: Any = ModuleType("tests.urls_of_ninja")
    module.urlpatterns = [path("", made.urls)]
    settings.ROOT_URLCONF = module
    clear_url_caches()
    return made


async def ask(address: str, token: str, word: str = "Bearer") -> tuple[int, Any]:
    """Ask under WSGI and under ASGI, which answer alike."""
    headers = {"authorization": f"{word} {token}"}
    one = await AsyncClient().get(address, headers=headers)
    other = await sync_to_async(Client().get)(address, headers=headers)
    assert (one.status_code, one.content) == (other.status_code, other.content)
    return one.status_code, one.json()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("shape", ["defaults", "jwt header"])
async def test_an_operation_of_ninja_takes_an_old_token(shape: str, moved: Any, api: Any) -> None:
    pair = (await sync_to_async(moved)(shape))["alice"]
    for address in ("/sync", "/async"):
        good = {"name": "alice", "token_type": "access"}
        assert await ask(address, pair["access"], WORDS[shape]) == (200, good)
        status, body = await ask(address, pair["refresh"], WORDS[shape])
        assert (status, body["code"]) == (401, "type_invalid")


@pytest.mark.django_db(transaction=True)
async def test_an_operation_of_ninja_refuses_as_guards_do(moved: Any, api: Any) -> None:
    pairs = await sync_to_async(moved)()
    expired = await sync_to_async(forged)(exp=1)
    tokens = {
        "token_expired": expired,
        "user_inactive": pairs["eve"]["access"],
        "user_missing": pairs["gone"]["access"],
    }
    for code, token in tokens.items():
        for address in ("/sync", "/async"):
            status, body = await ask(address, token)
            assert (status, body["code"]) == (401, code)


@pytest.mark.django_db(transaction=True)
async def test_permissions_of_ninja_come_from_the_database(moved: Any, api: Any) -> None:
    pair = (await sync_to_async(moved)())["alice"]
    for address in ("/perms", "/async_perms"):
        status, body = await ask(address, pair["access"])
        assert (status, body["code"]) == (403, "permissions_insufficient")
    alice = await get_user_model().objects.aget(username="alice")
    permission = await Permission.objects.aget(codename="view_user")
    await alice.user_permissions.aadd(permission)
    for address in ("/perms", "/async_perms"):
        assert await ask(address, pair["access"]) == (200, {"name": "alice"})


# --- Channels -----------------------------------------------------------------------------------


class Who(AsyncJsonWebsocketConsumer):
    """Tells who is there and what is in the scope, and hands tokens in."""

    async def connect(self) -> None:
        await self.accept()
        left = repr([self.scope["headers"], self.scope["subprotocols"]])
        await self.send_json({"name": self.scope["user"].get_username(), "scope": left})

    async def receive_json(self, content: Any) -> None:
        try:
            await self.scope["jwt"].renew(content)
        except JWTError as error:
            await self.send_json({"code": error.code})
        else:
            await self.send_json({})


@asynccontextmanager
async def opened(headers: Any = (), **options: Any) -> Any:
    host = (b"host", b"testserver")
    socket = WebsocketCommunicator(
        JWTAuthMiddleware(Who.as_asgi()), "/ws/", headers=[host, *headers], **options
    )
    assert (await socket.connect())[0]
    try:
        yield socket
    finally:
        await socket.disconnect()


def by_header(token: str, word: str = "Bearer") -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"{word} {token}".encode())]


async def refusal_of(token: str) -> str:
    """Have a handshake refused with 403, and give the slug."""
    socket = WebsocketCommunicator(
        JWTAuthMiddleware(Who.as_asgi()), "/ws/", headers=by_header(token)
    )
    socket.scope["extensions"] = {"websocket.http.response": {}}
    await socket.send_input({"type": "websocket.connect"})
    start, body = await socket.receive_output(), await socket.receive_output()
    assert start["status"] == 403
    await socket.wait()
    return str(json.loads(body["body"])["code"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("shape", SHAPED)
async def test_a_socket_takes_an_old_token(shape: str, moved: Any) -> None:
    token = (await sync_to_async(moved)(shape))["alice"]["access"]
    ways = [{"headers": by_header(token, WORDS[shape])}, {"subprotocols": ["bearer", token]}]
    for way in ways:
        async with opened(**way) as socket:
            found = await socket.receive_json_from()
            assert found["name"] == "alice"
            # No token is left in the scope, under any word that brings one.
            assert "eyJ" not in found["scope"]


@pytest.mark.django_db(transaction=True)
async def test_a_socket_refuses_as_guards_do(moved: Any) -> None:
    pairs = await sync_to_async(moved)()
    assert await refusal_of(pairs["alice"]["refresh"]) == "type_invalid"
    assert await refusal_of(pairs["eve"]["access"]) == "user_inactive"
    assert await refusal_of(pairs["gone"]["access"]) == "user_missing"
    assert await refusal_of(await sync_to_async(forged)(exp=1)) == "token_expired"


@pytest.mark.django_db(transaction=True)
async def test_a_socket_of_an_old_token_is_closed_by_its_logout(moved: Any) -> None:
    await sync_to_async(moved)()
    # Ended sessions stay known while a process lives, so not the token of other tests.
    token = await sync_to_async(forged)(jti=uuid.uuid4().hex)
    async with opened(by_header(token)) as socket:
        await socket.receive_json_from()
        headers = {"authorization": f"Bearer {token}"}
        reply = await AsyncClient().delete("/api/token/refresh/logout/", headers=headers)
        assert reply.status_code == 204
        await revocation.arequire()
        closed = await socket.receive_output(timeout=10)
        assert (closed["type"], closed["code"]) == ("websocket.close", 4401)


@pytest.mark.django_db(transaction=True)
async def test_a_socket_of_an_old_token_cannot_be_renewed(moved: Any) -> None:
    """Djwto's tokens are of a session, which an access token of simplejwt has not."""
    pair = (await sync_to_async(moved)())["alice"]
    body = {"refresh": pair["refresh"]}
    renewed = (await AsyncClient().post("/api/token/refresh/", body)).json()
    assert await Session.objects.acount() == 1
    async with opened(by_header(pair["access"])) as socket:
        await socket.receive_json_from()
        await socket.send_json_to(renewed["access"])
        assert await socket.receive_json_from() == {"code": "claim_invalid"}
        # It lives on as before, and the renewed token opens another.
        await socket.send_json_to("garbage")
        assert await socket.receive_json_from() == {"code": "token_malformed"}
    async with opened(by_header(renewed["access"])) as socket:
        assert (await socket.receive_json_from())["name"] == "alice"
