"""Guarded operations of django-ninja, beside django-ninja-jwt: as `requests.py`."""

from functools import partial
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.urls import path
from ninja import NinjaAPI
from ninja_jwt.authentication import JWTAuth as PeerAuth
from ninja_jwt.authentication import JWTStatelessUserAuthentication

from benches.requests import FRESH, LOGINS, UNGUARDED, batches, check, person, respond
from benches.timing import added, interleave, middle, ratio, table
from benches.tokens import access_token
from benches.views import Environ, Request, environ_of
from djwto.contrib.ninja import JWTAuth

OURS, OURS_FIRST = "djwto: JWTAuth", "djwto: JWTAuth, first"
OURS_WITH_USER = "djwto: JWTAuth, request.user (1 query)"


def _answers(request: Any) -> Any:
    return {"msg": "worked!"}


def _answers_of_user(request: Any) -> Any:
    return {"msg": "worked!", "id": request.user.pk}


def _api(name: str, operation: Any, auth: Any) -> Any:
    """Make an api of one operation, and give its URL."""
    api = NinjaAPI(urls_namespace=name, docs_url=None, openapi_url=None, auth=auth)
    api.get("")(operation)
    return path(f"{name}/", api.urls)


URLS = {
    "bare": _api("bare", _answers, None),
    "djwto": _api("djwto", _answers, JWTAuth()),
    "djwto_user": _api("djwto_user", _answers_of_user, JWTAuth()),
    "stateless": _api("stateless", _answers, JWTStatelessUserAuthentication()),
    "database": _api("database", _answers_of_user, PeerAuth()),
}
GROUPS = {
    "An operation of django-ninja, Bearer header, tokens at first sight": {
        "bare operation, first": "bare",
        OURS_FIRST: "djwto",
        "ninja-jwt: JWTStatelessUserAuthentication, first": "stateless",
    },
    "The same, tokens that come again": {
        "bare operation": "bare",
        OURS: "djwto",
        "ninja-jwt: JWTStatelessUserAuthentication": "stateless",
    },
    "The same, and request.user read from the database": {
        "bare operation, beside users": "bare",
        OURS_WITH_USER: "djwto_user",
        "ninja-jwt: JWTAuth (1 query)": "database",
    },
}
PEERS = (OURS_FIRST, OURS, OURS_WITH_USER)


class OneUrl(Request):
    """Has its api as the only one."""

    def __init__(self, environ):
        super(Request, self).__init__(environ)
        self.urlconf = (URLS[self.path_info.strip("/")],)


class Handler(WSGIHandler):
    """Django's own, with such requests."""

    request_class = OneUrl


def run() -> None:
    """Measure and print."""
    person()
    handler = Handler()
    pools: dict[str, list[Environ]] = {}
    for group in GROUPS.values():
        for name, place in group.items():
            number = FRESH if name.endswith(", first") else LOGINS
            headers = [{"HTTP_AUTHORIZATION": f"Bearer {access_token()}"} for _ in range(number)]
            pools[name] = [environ_of("GET", f"/{place}/", one) for one in headers]
            check(handler, pools[name][0], guarded=not name.startswith(UNGUARDED))
    samples = interleave(dict.fromkeys(pools, partial(respond, handler)), batches(pools))
    for (title, group), peer in zip(GROUPS.items(), PEERS, strict=True):
        base = samples[next(iter(group))]
        rows = [
            [
                name,
                middle(samples[name]),
                "" if samples[name] is base else added(samples[name], base),
                ratio(samples[name], base),
                ratio(samples[name], samples[peer]),
            ]
            for name in group
        ]
        table(title, ["µs a request", "guard adds", "vs bare", "vs djwto"], rows)
