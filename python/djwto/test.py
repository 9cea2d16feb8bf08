"""For the tests of projects: log a test client in without a password."""

import json
from copy import copy
from functools import partial
from http.cookies import SimpleCookie
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest
from django.test import AsyncClient, AsyncRequestFactory, RequestFactory

from djwto import sessions

__all__ = ["alogin", "login"]


def login(client: Any, user: Any, *, mode: str | None = None) -> None:
    """Log a user in: from now on the client sends the access token, as a header or a cookie.

    `client` is Django's `Client` or `AsyncClient`, REST framework's `APIClient` or
    `RequestsClient`, or a `requests.Session` for a live server. `mode` is one of `DJWTO_MODE`; None
    takes the first. Cookies are `Secure`; these clients also send them over http.

    Raises `ValueError` if the user has no primary key yet.
    """
    if user.pk is None:
        raise ValueError(
            "expected a user with a primary key, found one without: save the user first"
        )
    is_djangos = hasattr(client, "defaults")
    request: Any = _request_of(client)
    if settings.CSRF_USE_SESSIONS and is_djangos:
        request.session = client.session
    response = sessions.login(request, user, mode=mode)
    if settings.CSRF_USE_SESSIONS and is_djangos:
        request.session.save()
        client.cookies[settings.SESSION_COOKIE_NAME] = str(request.session.session_key)
    body = json.loads(response.content)
    put = _put_on_client if is_djangos else _put_on_session
    put(client, response.cookies, body.get("access"))
    if not is_djangos and "csrf_token" in body:
        # Such a client is asked for the CSRF token, as a browser's page is.
        client.headers.update({_csrf_header(): body["csrf_token"], "Referer": _PAGE})


async def alogin(client: Any, user: Any, *, mode: str | None = None) -> None:
    """Log a user in from an async test, as `login` does."""
    await sync_to_async(login)(client, user, mode=mode)


def _request_of(client: Any) -> HttpRequest:
    """Make the request that a client would send, without its tokens: it may decide the tenant."""
    if not hasattr(client, "defaults"):
        return RequestFactory(headers=_without_tokens(client.headers)).post("/")
    # A class of a project or a package may change what is sent, so a client of it is asked.
    asked = copy(client)
    asked.defaults = _without_tokens({**client.defaults, **getattr(client, "_credentials", {})})
    asked.cookies = SimpleCookie()
    kind = AsyncRequestFactory if isinstance(client, AsyncRequestFactory) else RequestFactory
    asked.request = partial(kind.request, asked)
    request: HttpRequest = asked.generic("POST", "/")
    return request


def _without_tokens(headers: Any) -> dict[str, Any]:
    tokens = ("authorization", "http_authorization", "cookie", "http_cookie")
    return {name: value for name, value in headers.items() if name.lower() not in tokens}


def _put_on_client(client: Any, cookies: SimpleCookie, access: str | None) -> None:
    for name, morsel in cookies.items():
        if morsel["max-age"] != 0:
            client.cookies[name] = morsel
    header = "authorization" if isinstance(client, AsyncClient) else "HTTP_AUTHORIZATION"
    # REST framework's client puts its `credentials` over the defaults, and forgets them at logout.
    has_credentials = hasattr(client, "credentials")
    headers = dict(client._credentials) if has_credentials else client.defaults  # noqa: SLF001
    headers.pop(header, None)
    if access is not None:
        headers[header] = f"Bearer {access}"
    if has_credentials:
        client.credentials(**headers)


def _put_on_session(client: Any, cookies: SimpleCookie, access: str | None) -> None:
    for name, morsel in cookies.items():
        if morsel["max-age"] != 0:
            client.cookies.set(name, morsel.value)
    client.headers.pop("Authorization", None)
    if access is not None:
        client.headers["Authorization"] = f"Bearer {access}"


def _csrf_header() -> str:
    name: str = settings.CSRF_HEADER_NAME
    return name.removeprefix("HTTP_").replace("_", "-")


_PAGE = "https://testserver/"
