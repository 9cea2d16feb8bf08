"""Logins by Django's test client, from addresses and pages that a test chooses."""

import time
from typing import Any

from django.test import Client

HERE = "203.0.113.1"


class Clock:
    """The time of everything in this process, a cache in its memory included."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def login(
    username: str = "alice", password: str = "wrong", address: str = HERE, **headers: str
) -> Any:
    fields = {"username": username, "password": password}
    client = Client(REMOTE_ADDR=address, headers=headers)
    return client.post("/login/", fields, secure=True)


def statuses(count: int, **kwargs: str) -> list[int]:
    return [login(**kwargs).status_code for _ in range(count)]
