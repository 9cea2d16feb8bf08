"""The throttle on the caches that it is for: at the same instant, over processes, out of reach."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.cache import caches
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connections
from django.http import HttpRequest, QueryDict
from django.test import Client, override_settings

from djwto import throttle
from djwto.exceptions import JWTError
from tests.services import Postgres, Redis

COUNTS = "counts"
HERE = "203.0.113.1"
LOCMEM = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}


@pytest.fixture(autouse=True)
def throttled(settings: Any) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {}


def login(password: str) -> Any:
    fields = {"username": "alice", "password": password}
    return Client(REMOTE_ADDR=HERE).post("/login/", fields, secure=True)


@pytest.fixture
def in_memory() -> Iterator[None]:
    with override_settings(CACHES={"default": LOCMEM}):
        yield


@pytest.fixture
def in_redis(redis_server: Redis) -> Iterator[None]:
    backend = "django.core.cache.backends.redis.RedisCache"
    one = {"BACKEND": backend, "LOCATION": redis_server.url}
    with override_settings(CACHES={"default": one}):
        caches["default"].clear()
        yield


@pytest.fixture
def in_postgres(cluster: Postgres, django_db_blocker: Any) -> Iterator[None]:
    """A table in PostgreSQL: threads would not share the tests' SQLite, which is in memory."""
    url = urlsplit(cluster.create_database(f"counts_{secrets.token_hex(4)}"))
    connections.settings[COUNTS] = {
        **connections["default"].settings_dict,
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.path.strip("/"),
        "USER": url.username,
        "HOST": url.hostname,
        "PORT": url.port,
    }
    backend = "django.core.cache.backends.db.DatabaseCache"
    table = {"BACKEND": backend, "LOCATION": "counts", "OPTIONS": {"MAX_ENTRIES": 10_000}}
    router = "tests.test_throttle_stores.CountsElsewhere"
    with (
        django_db_blocker.unblock(),
        override_settings(CACHES={"default": table}, DATABASE_ROUTERS=[router]),
    ):
        call_command("createcachetable", database=COUNTS, verbosity=0)
        yield
        connections[COUNTS].close()
    del connections.settings[COUNTS], connections[COUNTS]


class CountsElsewhere:
    """Sends the cache's table, and nothing else, to its own database."""

    def db_for_read(self, model: Any, **_: Any) -> str | None:
        return COUNTS if model._meta.app_label == "django_cache" else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool | None:
        return db == COUNTS if app_label == "django_cache" else None


@pytest.mark.parametrize("where", ["in_memory", "in_redis", "in_postgres"])
def test_twenty_at_the_same_instant_get_five_password_checks(
    where: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(where)
    looked_at: list[int] = []
    threads = 20

    def look_at(number: int) -> None:
        looked_at.append(number)
        raise ValidationError("wrong")

    def attempt(number: int, start: Barrier) -> str:
        request = HttpRequest()
        request.META["REMOTE_ADDR"] = HERE
        request.POST = QueryDict("username=alice")
        start.wait()
        try:
            with throttle.counted(request):
                look_at(number)
        except ValidationError:
            return "failed"
        except JWTError as error:
            return error.code
        finally:
            caches.close_all()
            connections.close_all()

    for _ in range(5):
        looked_at.clear()
        caches["default"].clear()
        start = Barrier(threads, timeout=60)
        with ThreadPoolExecutor(threads) as pool:
            seen = list(pool.map(attempt, range(threads), [start] * threads))
        assert sorted(seen) == ["failed"] * 5 + ["login_throttled"] * 15
        assert len(looked_at) == 5


def test_counts_outlive_the_process_and_end_with_the_window(alice: Any, in_redis: None) -> None:
    assert [login("wrong").status_code for _ in range(5)] == [401] * 5
    client = caches["default"]._cache.get_client()  # type: ignore[attr-defined]
    lives = sorted(client.ttl(key) for key in client.keys("*djwto.login.*"))
    # The network, the pair and the account, and the account's count of a day.
    assert len(lives) == 4 * 5
    assert all(0 < seconds <= 300 for seconds in lives[:15])
    assert all(86_300 < seconds <= 86_400 for seconds in lives[15:])
    assert login("pass").status_code == 429


def test_a_redis_that_is_stopped_and_started(
    alice: Any, redis_server: Redis, in_redis: None, caplog: pytest.LogCaptureFixture
) -> None:
    assert login("pass").status_code == 200
    redis_server.stop()
    try:
        assert login("pass").status_code == 503
    finally:
        redis_server.start()
    assert "The cache of DJWTO_LOGIN_THROTTLE failed" in caplog.text
    assert login("pass").status_code == 200
