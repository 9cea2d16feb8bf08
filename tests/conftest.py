"""Fixtures of the whole suite."""

import json
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import connections
from django.test import Client
from hypothesis import settings as hypothesis_settings

from tests import documented
from tests.mariadb import MariaDB, mariadb, mariadb_program, settings_of
from tests.services import (
    Postgres,
    Redis,
    ServiceError,
    postgres,
    postgres_programs,
    redis,
    redis_program,
)

REFRESH = "/api/token/refresh"
MODES = ("JSON", "ONE-COOKIE", "TWO-COOKIES")

# CI must say the same of the same commit; everywhere else, each run tries new examples.
hypothesis_settings.register_profile("same-examples", derandomize=True, database=None)
if os.environ.get("CI"):
    hypothesis_settings.load_profile("same-examples")


# A shell starts what it sends to the background with Ctrl-C ignored, and every program that a test
# starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


STORES = ("sqlite", "postgres", "mariadb")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --store mariadb tests/test_renewal.py` runs the same tests on another database."""
    parser.addoption("--store", choices=STORES, default="sqlite", help="the suite's database")
    parser.addoption("--installed", help="for the README: programs of another environment")


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """Leave the database to its server, which ends with the run: a thread may be connected yet."""
    return bool(request.config.getoption("store") != "sqlite")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """Point the suite at the database that was asked for, before its tables are made."""
    store = request.config.getoption("store")
    if store == "sqlite":
        return
    server = request.getfixturevalue("cluster" if store == "postgres" else "mariadb_server")
    found = database_settings(server.url_of("djwto"))
    connections.settings["default"] = {**connections["default"].settings_dict, **found}
    del connections["default"]


def database_settings(url: str, **options: Any) -> dict[str, Any]:
    """Turn the address of a database of ours into an entry of Django's `DATABASES`."""
    if url.startswith("mariadb:"):
        return settings_of(url, **options)
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.strip("/"),
        "USER": parts.username,
        "HOST": parts.hostname,
        "PORT": parts.port,
        "OPTIONS": options,
    }


@pytest.fixture(autouse=True)
def no_failed_logins() -> None:
    """Forget the logins that failed in other tests: they all come from one address."""
    cache.clear()


@pytest.fixture(autouse=True)
def replies_as_documented(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reply of an endpoint, in any test, is as the OpenAPI document says."""
    if request.node.get_closest_marker("own_errors") is None:
        documented.hold(monkeypatch)


@pytest.fixture
def alice(db: None) -> Any:
    return get_user_model().objects.create_user("alice", password="pass")


@pytest.fixture
def carol(db: None) -> Any:
    user = get_user_model().objects.create_user("carol", password="pass")
    user.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label="auth", codename__in=["view_user", "add_user"]
        )
    )
    return user


def micros_of(duration: timedelta) -> int:
    """A duration as sessions count it."""
    return duration // timedelta(microseconds=1)


class Visitor:
    """A test client that knows its mode: headers, CSRF token and `jwt_type`, as they are sent."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.client = Client(enforce_csrf_checks=True)
        self.tokens: dict[str, str] = {}
        self.csrf = ""

    def login(self, username: str = "alice", password: str = "pass", **fields: str) -> Any:
        fields = {"username": username, "password": password, **fields}
        response = self.client.post("/login/", fields, headers=self._bearer("access"), secure=True)
        self._keep(response)
        return response

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=self._bearer("access"), secure=True)

    def post(self, path: str, data: Any = None, **kwargs: Any) -> Any:
        return self.client.post(path, data, headers=self.headers("access"), secure=True, **kwargs)

    def refresh(self, name: str, method: str = "post") -> Any:
        # Django's client encodes a dict only for POST.
        fields = {"jwt_type": "refresh"} if self.mode != "JSON" else {}
        data = fields if method == "post" else ""
        send = getattr(self.client, method)
        response = send(f"{REFRESH}/{name}/", data, headers=self.headers("refresh"), secure=True)
        self._keep(response)
        return response

    def headers(self, kind: str) -> dict[str, str]:
        csrf = {"x-csrftoken": self.csrf, "referer": "https://testserver/"} if self.csrf else {}
        return {**self._bearer(kind), **csrf}

    def token(self, kind: str) -> str:
        if self.mode == "JSON":
            return self.tokens[kind]
        access = "jwt_access" if self.mode == "ONE-COOKIE" else "jwt_access_token"
        return self.client.cookies["jwt_refresh" if kind == "refresh" else access].value

    def _bearer(self, kind: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.tokens[kind]}"} if self.tokens else {}

    def _keep(self, response: Any) -> None:
        if response.status_code != 200:
            return
        body = json.loads(response.content)
        self.csrf = body.get("csrf_token", self.csrf)
        if "access" in body:
            self.tokens = body


@pytest.fixture(params=MODES)
def visitor(request: pytest.FixtureRequest, settings: Any) -> Visitor:
    """A client that uses the site in one of the modes."""
    settings.DJWTO_MODE = request.param
    return Visitor(request.param)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A private PostgreSQL cluster, started when a test first wants it."""
    try:
        postgres_programs()
    except ServiceError as missing:
        pytest.skip(str(missing))
    with postgres(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """A private MariaDB, started when a test first wants it."""
    try:
        mariadb_program()
    except ServiceError as missing:
        pytest.skip(str(missing))
    with mariadb(tmp_path_factory.mktemp("mariadb")) as running:
        yield running


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A private Redis, started when a test first wants it."""
    try:
        redis_program()
    except ServiceError as missing:
        pytest.skip(str(missing))
    with redis(tmp_path_factory.mktemp("redis")) as running:
        yield running
