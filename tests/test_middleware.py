"""`PrivateRepliesMiddleware`: both headers on each reply of a guarded view, and nothing caught."""

import logging
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.handlers.base import BaseHandler
from django.db import connections
from django.test import AsyncClient, Client

from djwto.test import alogin, login

OURS = "djwto.middleware.PrivateRepliesMiddleware"
PAGES = "tests.raising.PageOfError"
VIEWS = ("raises", "async_raises", "dispatch", "method", "permission")
STATUSES = (404, 403, 400, 500)


@pytest.fixture(autouse=True)
def project(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.raising"
    settings.MIDDLEWARE = [OURS, *settings.MIDDLEWARE, PAGES]


def is_private(reply: Any) -> bool:
    vary = set(reply.headers.get("Vary", "").split(", "))
    return {"Cookie", "Authorization"} <= vary and reply.headers["Cache-Control"] == "private"


def client_of(user: Any) -> Client:
    client = Client(raise_request_exception=False)
    login(client, user)
    return client


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("name", VIEWS)
def test_an_error_of_a_guarded_view_is_private(
    carol: Any, settings: Any, name: str, status: int, debug: Any
) -> None:
    settings.DEBUG = debug
    reply = client_of(carol).get(f"/{name}/{status}/")
    assert (reply.status_code, is_private(reply)) == (status, True)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.django_db(transaction=True)
async def test_the_same_under_asgi(name: str, status: int) -> None:
    client = AsyncClient(raise_request_exception=False)
    await alogin(client, await get_user_model().objects.acreate_superuser("dora"))
    reply = await client.get(f"/{name}/{status}/")
    assert (reply.status_code, is_private(reply)) == (status, True)


def test_what_makes_a_reply_of_an_exception_is_private_too(alice: Any) -> None:
    reply = client_of(alice).get("/handled/")
    assert (reply.content, is_private(reply)) == (b"an error of alice", True)


def test_a_streamed_reply_is_private(alice: Any) -> None:
    reply = client_of(alice).get("/streaming/")
    assert (b"".join(reply.streaming_content), is_private(reply)) == (b"worked!", True)


@pytest.mark.parametrize("name", ["rest_inside", "rest_outside"])
def test_rest_frameworks_400_stays_400(alice: Any, name: str) -> None:
    reply = client_of(alice).get(f"/{name}/")
    assert (reply.status_code, reply.json()) == (400, {"field": ["is wrong"]})
    assert is_private(reply)


def test_an_error_of_a_guarded_method_of_rest_framework_is_private(alice: Any) -> None:
    reply = client_of(alice).get("/rest_method/")
    assert (reply.status_code, is_private(reply)) == (404, True)


def test_a_refusal_is_private_once(alice: Any) -> None:
    reply = Client().get("/written/")
    assert (reply.status_code, reply.headers["Cache-Control"]) == (401, "private")
    assert reply.headers["Vary"] == "Cookie, Authorization"


def test_the_cache_control_of_the_view_stands(alice: Any) -> None:
    header = client_of(alice).get("/own_header/").headers["Cache-Control"]
    assert "no-store" in header


@pytest.mark.parametrize("path", ["/unguarded/404/", "/by_hand/", "/nowhere/"])
def test_a_view_without_a_guard_is_left_alone(alice: Any, path: str) -> None:
    reply = client_of(alice).get(path)
    assert "Cache-Control" not in reply.headers
    assert "Authorization" not in reply.headers.get("Vary", "")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "path", ["/raises/404/", "/raises/500/", "/rest_inside/", "/rest_outside/"]
)
def test_a_transaction_is_rolled_back(alice: Any, monkeypatch: Any, path: str) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    client = client_of(alice)
    reply = client.get(path)
    assert reply.status_code >= 400
    assert is_private(reply)
    assert not Group.objects.exists()
    assert client.get("/written/").status_code == 200
    assert Group.objects.get().name == "written"


@pytest.mark.parametrize("name", ["PrivateRepliesMiddleware", "JWTMiddleware"])
@pytest.mark.parametrize("is_async", [False, True])
def test_no_thread_is_wanted(settings: Any, caplog: Any, is_async: Any, name: str) -> None:
    """Django tells, with DEBUG, of each middleware that it must run through a thread or a loop."""
    settings.DEBUG = True
    settings.MIDDLEWARE = [f"djwto.middleware.{name}"]
    with caplog.at_level(logging.DEBUG, "django.request"):
        BaseHandler().load_middleware(is_async=is_async)
    adapted = [one.getMessage() for one in caplog.records if "adapted" in one.getMessage()]
    # Django runs `process_exception` in a thread, and that only after an exception.
    assert [one for one in adapted if "process_exception" not in one] == []


@pytest.mark.parametrize("mode", ["JSON", "ONE-COOKIE", "TWO-COOKIES"])
@pytest.mark.parametrize("path", ["/handled/", "/streaming/", "/written/", "/raises/404/"])
def test_the_cache_middleware_outside_stores_nothing(
    alice: Any, carol: Any, settings: Any, mode: str, path: str
) -> None:
    settings.DJWTO_MODE = mode
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    cache.clear()
    client_of(alice).get(path)
    assert not cache._cache
    if path == "/handled/":
        assert client_of(carol).get(path).content == b"an error of carol"
        assert client_of(alice).get(path).content == b"an error of alice"
    assert Client().get(path).status_code == 401
