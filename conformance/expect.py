"""What every reply must look like, said once."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import requests

from conformance import wire
from conformance.client import COOKIES, PAYLOAD, Client

Reply = requests.Response | wire.RawReply
TOKEN_COOKIES = {"jwt_refresh", "jwt_access", "jwt_access_token", PAYLOAD}


@contextmanager
def quiet(log: Callable[[], str]) -> Iterator[None]:
    """Whatever the block sends, the server must not stumble: its log holds no traceback."""
    before = len(log())
    yield
    news = log()[before:]
    assert "Traceback (most recent call last)" not in news, news
    assert "panicked at" not in news, news


def refused(reply: Reply, status: int, error: str | None = None) -> str:
    """Check a refusal: its status, a sentence and a slug, a challenge with 401; gives the slug."""
    assert reply.status_code == status, reply.text
    return is_error(reply, error)


def is_error(reply: Reply, error: str | None = None) -> str:
    """Check the shape that every failure has, whatever its status."""
    assert reply.headers["Content-Type"].startswith("application/json"), reply.headers
    body = reply.json()
    assert set(body) - {"errors"} == {"error", "code"}
    for errors in body.get("errors", {}).values():
        assert all(set(one) == {"message", "code"} for one in errors)
    assert isinstance(body["error"], str)
    assert body["error"]
    assert isinstance(body["code"], str)
    assert re.fullmatch(r"[a-z][a-z0-9_-]*", body["code"]), body
    if reply.status_code == 401:
        assert reply.headers["WWW-Authenticate"].startswith("Bearer realm=api")
    if error is not None:
        assert body["error"] == error
    return body["code"]


def says(reply: requests.Response, msg: str) -> None:
    """Check a success that is only a message; a cookie login brings CSRF token and claims along."""
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"].startswith("application/json")
    body = reply.json()
    for name in ("csrf_token", "claims"):
        body.pop(name, None)
    assert body == {"msg": msg}


def issued(client: Client, reply: requests.Response, msg: str) -> None:
    """Check a reply that brings tokens: the pair in the body, or a message and cookies."""
    assert reply.status_code == 200, reply.text
    assert "no-store" in reply.headers["Cache-Control"]
    set_now = {line.name for line in wire.set_cookies(reply) if not line.deletes}
    if client.by_cookie:
        says(reply, msg)
        assert reply.json()["claims"] == client.claims("access")
        assert client.token("access") not in reply.text
        assert set(COOKIES[client.mode].values()) & set_now
    else:
        assert set(reply.json()) == {"access", "refresh"}
        assert not TOKEN_COOKIES & set_now


def no_tokens(reply: requests.Response) -> None:
    """Check that a reply neither brings a token nor takes one away."""
    assert not TOKEN_COOKIES & {line.name for line in wire.set_cookies(reply)}
    if reply.headers.get("Content-Type", "").startswith("application/json"):
        assert not {"access", "refresh"} & set(reply.json())
