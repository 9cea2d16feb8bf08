"""Middleware: `request.user` from the token on every request, and private replies."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import LazyObject, empty
from django.utils.module_loading import import_string

from djwto import access, csrf, responses, state
from djwto.exceptions import SERVER_ERROR, JWTError

__all__ = ["JWTMiddleware", "PrivateRepliesMiddleware"]


class _Middleware:
    """Runs `begin` before the view and `finish` after it, in a sync or an async chain."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Take the next middleware, or the view."""
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Return the reply; under ASGI, an awaitable of it."""
        if self.is_async:
            return self._answer(request)
        self.begin(request)
        return self.finish(request, self.get_response(request))

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        await self.abegin(request)
        return self.finish(request, await self.get_response(request))

    def begin(self, request: Any) -> None:
        """Prepare the request before the view runs."""

    async def abegin(self, request: Any) -> None:
        """Do what `begin` does, without blocking the event loop."""

    def finish(self, _request: Any, response: HttpResponseBase) -> HttpResponseBase:
        """Change the reply after the view has run, and return it."""
        return response


class JWTMiddleware(_Middleware):
    """Set `request.user` to the user of a good access token, in every view.

    It sets the same attributes on the request as a guard, and makes no query. Without a token
    nothing changes. With a bad Bearer token the user is `AnonymousUser`. With a bad cookie,
    Django's own session decides. `request.jwt_error` is the `JWTError` of a bad token, or None.

    It also does what `PrivateRepliesMiddleware` does, for every request with a token. If a view
    raises `JWTError`, it returns the reply for it.

    Put it after `AuthenticationMiddleware` and `RemoteUserMiddleware`. Under ASGI it uses a thread
    only to load the ended sessions at the start, to check a CSRF token, and to call the function of
    `DJWTO_TENANT`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Take the next middleware, or the view.

        Raises `ImproperlyConfigured` if it is in the wrong place. The checks may not have run. With
        a bad Bearer token, the user of a session would then get in without a CSRF token.
        """
        wrong = misplaced()
        if wrong is not None:
            raise ImproperlyConfigured(f"{wrong} {RIGHT_PLACE}")
        super().__init__(get_response)
        self.process_view = self._acheck_view if self.is_async else self._check_view

    def begin(self, request: Any) -> None:
        """Set the user of the token, and `jwt_error`. It does not raise for a bad token."""
        _prepare(request)
        try:
            seen = access.recognize(request)
        except JWTError as error:
            _refused(request, error)
        else:
            _opened(request, seen)

    async def abegin(self, request: Any) -> None:
        """Do what `begin` does, without blocking the event loop."""
        _prepare(request)
        try:
            seen = await access.arecognize(request)
        except JWTError as error:
            _refused(request, error)
        else:
            _opened(request, seen)

    def finish(self, request: Any, response: HttpResponseBase) -> HttpResponseBase:
        """Keep the reply private. Clear the cookies of an ended session, and refused cookies."""
        known = state.of(request)
        if known.is_guarded:
            responses.keep_private(response)
        elif _is_user_known(request):
            responses.vary(response)
        # A transaction that was rolled back has not ended the session.
        if known.clears_cookies and response.status_code < SERVER_ERROR:
            responses.clear_cookies(request, response)
        error = request.jwt_error
        return response if error is None else responses.clear_refused(response, error)

    def _check_view(self, request: Any, view: Any, _args: Any, _kwargs: Any) -> Any:
        """Demand the CSRF token before the view runs, if a cookie brought the token."""
        if _needs_csrf(request, view):
            try:
                _check_csrf(request, view)
            except JWTError as error:
                return _without_csrf(request, view, error)
        return None

    async def _acheck_view(self, request: Any, view: Any, _args: Any, _kwargs: Any) -> Any:
        if _needs_csrf(request, view):
            try:
                await sync_to_async(_check_csrf)(request, view)
            except JWTError as error:
                return _without_csrf(request, view, error)
        return None

    def process_exception(
        self, _request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        """Return the reply for a `JWTError` of a view. Transactions are rolled back by then."""
        return responses.refusal(exception) if isinstance(exception, JWTError) else None


class PrivateRepliesMiddleware(_Middleware):
    """Keep the replies of guarded views out of shared caches, errors included.

    A guard marks the request. The final reply then gets `Vary: Cookie, Authorization`. It also gets
    `Cache-Control: private`, unless it has a `Cache-Control`. The middleware catches no exception:
    transactions roll back, and exceptions are handled as usual.

    Put it first in `MIDDLEWARE`, or directly after Django's `UpdateCacheMiddleware`, which stores
    the replies of the middleware below it. Under ASGI it needs no thread.
    """

    def finish(self, request: Any, response: HttpResponseBase) -> HttpResponseBase:
        """Keep the reply private if a guard marked the request."""
        return responses.keep_private(response) if state.of(request).is_guarded else response


RIGHT_PLACE = (
    "Put JWTMiddleware directly after AuthenticationMiddleware and RemoteUserMiddleware in "
    "MIDDLEWARE."
)
"""What to do if `misplaced` returns a message."""


def misplaced() -> str | None:
    """Return what is wrong with the place of `JWTMiddleware` in `MIDDLEWARE`; None: nothing."""
    ours = places_of(JWTMiddleware)
    below = {"AuthenticationMiddleware": "replaces the user of the token"}
    below["RemoteUserMiddleware"] = "logs the user of a token out"
    for name, what_it_does in below.items():
        others = places_of_django(name)
        if ours and others and min(ours) < max(others):
            return f"{name} is below djwto.middleware.JWTMiddleware, and {what_it_does}."
    return None


def places_of(*kinds: type) -> list[int]:
    """Return the indexes in `MIDDLEWARE` of these classes and their subclasses."""
    return [place for place, one in enumerate(_middleware()) if _is(one, kinds)]


def places_of_django(name: str) -> list[int]:
    """Return the indexes of a class of `django.contrib.auth.middleware`; none without that app."""
    if not apps.is_installed("django.contrib.auth"):
        return []
    return places_of(import_string(f"django.contrib.auth.middleware.{name}"))


def _middleware() -> list[Any]:
    """Return the classes and functions of `MIDDLEWARE`; None for what cannot be imported."""
    return [_imported(path) for path in settings.MIDDLEWARE]


def _imported(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError:  # Django names it when it starts to serve
        return None


def _is(one: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(one, type) and issubclass(one, kinds)


def _prepare(request: Any) -> None:
    request.jwt_error = None
    if not hasattr(request, "user"):  # a service without Django's sessions
        access.set_nobody(request)


def _opened(request: Any, seen: Any) -> None:
    if seen is None:
        return
    known = state.of(request)
    known.open_by(seen)
    known.is_guarded = True
    if seen.mode == "JSON":
        csrf.leave_out(request)


def _refused(request: Any, error: JWTError) -> None:
    state.of(request).is_guarded = True
    is_header = access.presented_by(request) == "header"
    if is_header:
        csrf.leave_out(request)
    # If it is not known whether the session has ended, no other user takes its place.
    if is_header or error.status >= SERVER_ERROR:
        access.make_anonymous(request)
    request.jwt_error = error.with_traceback(None)


def _needs_csrf(request: Any, view: Any) -> bool:
    known = state.of(request)
    if known.opened_by is None:
        return False
    access.keep_replaced(request, known)
    if not csrf.is_needed(request, known.opened_by.mode):
        return False
    if getattr(view, "djwto_endpoint", False):
        # The endpoint checks by itself, later. Code around it and receivers see no user until then.
        access.make_anonymous(request)
        return False
    return True


def _check_csrf(request: HttpRequest, view: Any) -> None:
    """Demand the CSRF token, which may be in the database. Raises `JWTError`.

    A view that is exempt may read the body in its own way.
    """
    check = csrf.check_exempt if _is_exempt(view) else csrf.check
    access.run(partial(check, request))


def _is_exempt(view: Any) -> bool:
    return bool(getattr(view, "csrf_exempt", False))


def _without_csrf(request: Any, view: Any, error: JWTError) -> HttpResponseBase | None:
    """Refuse the request. In a view that is exempt from CSRF, it goes on without a user."""
    if not _is_exempt(view):
        return responses.refusal(error)
    access.make_anonymous(request)
    request.jwt_error = error.with_traceback(None)
    return None


def _is_user_known(request: Any) -> bool:
    """Whether `user` or `auser` was read: Django's middleware keeps the user that it found."""
    if hasattr(request, "_cached_user") or hasattr(request, "_acached_user"):
        return True
    user = getattr(request, "user", None)
    if issubclass(type(user), LazyObject):
        return object.__getattribute__(user, "_wrapped") is not empty
    return user is not None
