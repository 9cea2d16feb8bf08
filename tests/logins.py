"""Logins by Django's test client, from addresses and pages that a test chooses."""

import time
from typing import Any

from django.test import AsyncClient, Client

HERE = "203.0.113.1"


class Clock:
    """The time of everything in this process, a cache in its memory included."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class AsyncClientAt(AsyncClient):
    """Goes to a host that a test chooses; Django's own always goes to "testserver"."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self.host = host

    def _base_scope(self, **request: Any) -> Any:
        scope = super()._base_scope(**request)
        others = [header for header in scope["headers"] if header[0] != b"host"]
        return {**scope, "headers": [(b"host", self.host.encode()), *others]}


def login(
    username: str = "alice", password: str = "wrong", address: str = HERE, **headers: str
) -> Any:
    fields = {"username": username, "password": password}
    client = Client(REMOTE_ADDR=address, headers=headers)
    return client.post("/login/", fields, secure=True)


def statuses(count: int, **kwargs: str) -> list[int]:
    return [login(**kwargs).status_code for _ in range(count)]
