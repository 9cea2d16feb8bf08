"""For the tests of projects: log a test client in without a password."""

import json
from http.cookies import SimpleCookie
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest
from django.test import AsyncClient

from djwto import sessions


def login(client: Any, user: Any, *, mode: str | None = None) -> None:
    """Log a user in: the client sends the access token, as header or cookie, from now on.

    Takes Django's `Client` and `AsyncClient`, REST framework's `APIClient` and `RequestsClient`,
    and a session of the package requests, for a live server. `mode` is one of `DJWTO_MODE`; None
    takes the first. Cookies are `Secure`: these clients send them all the same. `ValueError` where
    the user has no primary key yet.
    """
    if user.pk is None:
        raise ValueError("The user has no primary key, which the token names: save the user first.")
    is_djangos = hasattr(client, "defaults")
    request = HttpRequest()
    request.method = "POST"
    # What the client always sends may decide the tenant.
    request.META.update({"SERVER_NAME": "testserver", "SERVER_PORT": "80", **_sent_by(client)})
    request.META.pop("HTTP_AUTHORIZATION", None)
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
    """Do the same from an async test."""
    await sync_to_async(login)(client, user, mode=mode)


def _sent_by(client: Any) -> dict[str, Any]:
    """Give the `META` of what a client sends with each request."""
    if hasattr(client, "defaults") and not isinstance(client, AsyncClient):
        return {**client.defaults, **getattr(client, "_credentials", {})}
    headers = client.defaults if isinstance(client, AsyncClient) else client.headers
    return {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}


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
