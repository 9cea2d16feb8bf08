"""Middleware: what is done to the final reply of a request."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from djwto import responses


class PrivateRepliesMiddleware:
    """Keep every reply of a guarded view out of shared caches, errors included.

    A guard marks the request. The final reply, of any kind, gets `Vary: Cookie,
    Authorization`, and `Cache-Control: private` unless it has a `Cache-Control`. Nothing is caught,
    so that transactions roll back and exceptions are handled as without it.

    Stands first in `MIDDLEWARE`, but after Django's `UpdateCacheMiddleware`, which stores what the
    middleware below it returns. Under ASGI it needs no thread.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Take the next middleware, or the view."""
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer, or under ASGI give what is to be awaited."""
        if self._is_async:
            return self._answer(request)
        response: HttpResponseBase = self.get_response(request)
        return _kept(request, response)

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await self.get_response(request)
        return _kept(request, response)


def _kept(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if getattr(request, "_djwto_guarded", False):
        return responses.keep_private(response)
    return response
