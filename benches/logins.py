"""Login, renewal and logout beside simplejwt with rotation and blacklist: time, and statements.

Both packages answer through Django's own WSGI handler, to a program that sends and gets JSON, with
the settings that they come with. So djwto counts failed logins, writes `last_login`, reads ten
permissions, and reads the user again when the session is written; simplejwt does none of these.
Passwords are hashed with MD5 here: both leave the hash to Django, and a real one takes more time
than all the rest. The time is the processor's.

On SQLite in memory, and once more on PostgreSQL, whose own processes are not counted.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.views import (
    TokenBlacklistView,
    TokenObtainPairView,
    TokenRefreshView,
)

from benches.timing import interleave, middle, ratio, table
from benches.views import URLCONFS, Handler, environ_of
from djwto.models import JWTBlacklist, Session

ROUNDS = 30
REQUESTS = 20
"""Requests of one kind in one round."""
PERMISSIONS = 10

PATTERNS = [
    path("", include("djwto.urls")),
    path("simple/login/", TokenObtainPairView.as_view()),
    path("simple/refresh/", TokenRefreshView.as_view()),
    path("simple/logout/", TokenBlacklistView.as_view()),
]
REFRESH = "/api/token/refresh"
DJWTO = ("/login/", f"{REFRESH}/update_refresh/", f"{REFRESH}/logout/")
SIMPLE = ("/simple/login/", "/simple/refresh/", "/simple/logout/")

Tokens = dict[str, str]


class Service:
    """The endpoints of one package, by program: tokens in bodies and headers."""

    def __init__(self, handler: Handler, paths: tuple[str, str, str]) -> None:
        self.handler = handler
        self.log_in_at, self.renew_at, self.log_out_at = paths
        for one in paths:
            URLCONFS[one] = tuple(PATTERNS)

    def login(self, _: object = None) -> Tokens:
        """Log alice in."""
        fields = {"username": "alice", "password": "pass", "mode": "JSON"}
        return self._post(self.log_in_at, fields)

    def renew(self, tokens: Tokens) -> Tokens:
        """Renew both tokens."""
        return self._post(self.renew_at, {"refresh": tokens["refresh"]}, tokens["refresh"])

    def logout(self, tokens: Tokens) -> None:
        """Log out."""
        self._post(self.log_out_at, {"refresh": tokens["refresh"]}, tokens["refresh"])

    def _post(self, path_info: str, fields: dict[str, str], bearer: str = "") -> Any:
        body = json.dumps(fields).encode()
        environ = {
            **environ_of("POST", path_info, {}),
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
        }
        if bearer:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {bearer}"
        seen: list[str] = []
        response = self.handler(environ, lambda status, _headers: seen.append(status))
        text = b"".join(response)
        response.close()
        if not seen[0].startswith("200"):
            raise SystemExit(f"{path_info} answered {seen[0]}: {text[:200]!r}")
        return json.loads(text)


def run() -> None:
    """Measure and print, on SQLite and then on PostgreSQL."""
    measure("SQLite")
    if "BENCHES_DATABASE" in os.environ:
        return
    from tests.services import postgres

    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder)) as cluster:
        environment = {**os.environ, "BENCHES_DATABASE": cluster.url}
        # Models can be imported when Django is set up, and not before.
        code = "import django; django.setup(); import benches.logins as b; b.measure('PostgreSQL')"
        environment["DJANGO_SETTINGS_MODULE"] = "benches.settings"
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def measure(database: str) -> None:
    """Measure on the database of the settings, and print."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("migrate", verbosity=0)
    user, _ = get_user_model().objects.get_or_create(username="alice")
    user.set_password("pass")
    user.save()
    group, _ = Group.objects.get_or_create(name="readers")
    every = list(Permission.objects.order_by("pk")[:PERMISSIONS])
    user.user_permissions.set(every[::2])
    group.permissions.set(every[1::2])
    user.groups.add(group)
    handler = Handler()
    djwto, simple = Service(handler, DJWTO), Service(handler, SIMPLE)
    rows = []
    for name, prepare, work in (
        ("login", lambda _service: None, lambda service, _: service.login()),
        ("renewal", lambda service: service.login(), lambda service, held: service.renew(held)),
        (
            "login and logout",
            lambda _service: None,
            lambda service, _: service.logout(service.login()),
        ),
    ):
        works = {"djwto": partial(work, djwto), "simplejwt": partial(work, simple)}
        services = {"djwto": djwto, "simplejwt": simple}
        samples = interleave(works, _batches(prepare, services))
        rows.append(
            [
                name,
                *(middle(samples[who]) for who in works),
                ratio(samples["djwto"], samples["simplejwt"]),
                *(str(_statements(services[who], prepare, work)) for who in works),
            ]
        )
    columns = ["djwto, µs", "simplejwt, µs", "of simplejwt", "statements", "simplejwt's"]
    title = f"Login, renewal, logout on {database}; JSON, passwords hashed with MD5"
    table(title, columns, rows)


def _batches(
    prepare: Callable[[Service], Any], services: dict[str, Service]
) -> Iterator[dict[str, list[Any]]]:
    for _ in range(ROUNDS + 1):
        # djwto counts a user's sessions at a login; no user has those of all rounds.
        for model in (BlacklistedToken, OutstandingToken, JWTBlacklist, Session):
            model.objects.all().delete()
        yield {
            name: [prepare(service) for _ in range(REQUESTS)] for name, service in services.items()
        }


def _statements(
    service: Service, prepare: Callable[[Service], Any], work: Callable[[Service, Any], Any]
) -> int:
    held = prepare(service)
    with CaptureQueriesContext(connection) as queries:
        work(service, held)
    return len(queries)
