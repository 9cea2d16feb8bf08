"""For the tests of projects: log a test client in without a password."""

import json
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest
from django.test import AsyncClient, Client

from djwto import sessions


def login(client: Client | AsyncClient, user: Any, *, mode: str | None = None) -> None:
    """Log a user in: the client sends the access token, as header or cookie, from now on.

    `mode` is one of `DJWTO_MODE`; None takes the first. Cookies are `Secure`: Django's test
    clients send them all the same.
    """
    request = HttpRequest()
    request.method = "POST"
    request.META.update(SERVER_NAME="testserver", SERVER_PORT="443")
    if settings.CSRF_USE_SESSIONS:
        request.session = client.session
    response = sessions.login(request, user, mode=mode)
    if settings.CSRF_USE_SESSIONS:
        request.session.save()
        client.cookies[settings.SESSION_COOKIE_NAME] = str(request.session.session_key)
    for name, morsel in response.cookies.items():
        if morsel["max-age"] != 0:
            client.cookies[name] = morsel
    access = json.loads(response.content).get("access")
    header = "authorization" if isinstance(client, AsyncClient) else "HTTP_AUTHORIZATION"
    defaults: dict[str, Any] = client.defaults  # type: ignore[assignment]
    defaults.pop(header, None)
    if access is not None:
        defaults[header] = f"Bearer {access}"


async def alogin(client: Client | AsyncClient, user: Any, *, mode: str | None = None) -> None:
    """Do the same from an async test."""
    await sync_to_async(login)(client, user, mode=mode)
