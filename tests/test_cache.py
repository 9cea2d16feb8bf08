"""With Django's cache middleware, no user sees the guarded replies of another."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from djwto.test import login


@pytest.fixture(autouse=True)
def site_cache(settings: Any) -> Any:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    cache.clear()
    yield
    cache.clear()


@pytest.mark.parametrize("mode", ["JSON", "ONE-COOKIE", "TWO-COOKIES"])
@pytest.mark.parametrize("name", ["function", "public", "cached_outside", "counted"])
def test_nothing_personal_is_served_to_another(
    alice: Any, carol: Any, settings: Any, mode: str, name: str
) -> None:
    settings.DJWTO_MODE = mode
    path = f"/guarded/{name}/"
    replies = {}
    for user in (alice, carol, alice, carol):
        client = Client()
        login(client, user)
        replies.setdefault(user.username, set()).add(client.get(path).content.split()[0:4][-1])
    stranger = Client().get(path)
    assert stranger.status_code == 401
    if name != "counted":
        assert not replies["alice"] & replies["carol"]


def test_a_private_reply_is_not_cached_at_all(alice: Any) -> None:
    client = Client()
    login(client, alice)
    first, second = (client.get("/guarded/counted/").content for _ in range(2))
    assert first != second
