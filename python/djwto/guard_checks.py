"""`manage.py check` for guarded views and middleware: a wrong order, or a missing part."""

import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from itertools import chain
from types import FunctionType
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.middleware.cache import UpdateCacheMiddleware

from djwto import csrf, url_patterns
from djwto.middleware import (
    RIGHT_PLACE,
    JWTMiddleware,
    PrivateRepliesMiddleware,
    misplaced,
    places_of,
    places_of_django,
)

_FAILURE_VIEW = "djwto.csrf.failure"
_MIDDLEWARE = "djwto.middleware.PrivateRepliesMiddleware"
_METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
_MOST_NAMES = 50


@register(Tags.security)
def check_jwt_middleware(**_: Any) -> list[CheckMessage]:
    """E051, W050: another middleware is on the wrong side of `JWTMiddleware`."""
    found: list[CheckMessage] = []
    wrong = misplaced()
    if wrong is not None:
        found.append(checks.Error(wrong, hint=RIGHT_PLACE, id="djwto.E051"))
    ours, stores = map(places_of, (JWTMiddleware, UpdateCacheMiddleware))
    if ours and stores and max(stores) > max(ours):
        found.append(
            checks.Warning(
                "UpdateCacheMiddleware is below djwto.middleware.JWTMiddleware. It stores a page "
                "before the page is marked as private, so other users may get it.",
                hint="Put UpdateCacheMiddleware first in MIDDLEWARE.",
                id="djwto.W050",
            )
        )
    return found


@register(Tags.urls)
def check_csrf(**_: Any) -> list[CheckMessage]:
    """W004: Django's CSRF middleware answers with an HTML page before a guarded method can."""
    middleware = "django.middleware.csrf.CsrfViewMiddleware" in settings.MIDDLEWARE
    if not middleware or settings.CSRF_FAILURE_VIEW == _FAILURE_VIEW:
        return []
    more = "" if places_of(JWTMiddleware) else " It also demands a CSRF token of Bearer requests."
    return [
        checks.Warning(
            f"{name} guards single methods. Django's CSRF middleware runs before that guard, and "
            f"refuses with an HTML page.{more}",
            hint=f'Guard `dispatch` instead, or set CSRF_FAILURE_VIEW = "{_FAILURE_VIEW}" to get '
            "JSON.",
            id="djwto.W004",
        )
        for name in _named(callback for callback in _callbacks() if _leaves_csrf(callback))
    ]


@register(Tags.urls, deploy=True)
def check_private_replies(**_: Any) -> list[CheckMessage]:
    """W034: shared caches may keep errors of guarded views (with `--deploy`)."""
    guarded = [callback for callback in _callbacks() if _is_guarded(callback)]
    names = _named([*guarded, *_ninja_views()])
    places = places_of(PrivateRepliesMiddleware, JWTMiddleware)
    stores = places_of(UpdateCacheMiddleware)
    if not names or (places and (not stores or max(places) > max(stores))):
        return []
    listed = ", ".join(names[:_MOST_NAMES])
    if len(names) > _MOST_NAMES:
        listed += f" and {len(names) - _MOST_NAMES} more"
    if places:
        return [
            checks.Warning(
                f"UpdateCacheMiddleware is below {_MIDDLEWARE}. It stores a reply before the reply "
                f"is marked as private. The guarded views are {listed}.",
                hint="Put UpdateCacheMiddleware above it in MIDDLEWARE.",
                id="djwto.W034",
            )
        ]
    return [
        checks.Warning(
            "When a guarded view raises an exception such as Http404, the reply has no "
            "Cache-Control and no Vary, and a shared cache may keep it. The guarded views are "
            f"{listed}.",
            hint=f'Put "{_MIDDLEWARE}" first in MIDDLEWARE, or directly after '
            "UpdateCacheMiddleware.",
            id="djwto.W034",
        )
    ]


@register(Tags.urls)
def check_login_required(**_: Any) -> list[CheckMessage]:
    """W035: `LoginRequiredMiddleware` redirects requests before the guard reads their token."""
    if not places_of_django("LoginRequiredMiddleware"):
        return []
    redirected = "without a good token" if places_of(JWTMiddleware) else "with a token"
    return [
        checks.Warning(
            f"{name} has a guard that Django's LoginRequiredMiddleware does not see. It "
            f"redirects requests {redirected} to the login page.",
            hint="On a class, guard dispatch: @method_decorator(jwt_login_required, "
            'name="dispatch"). On a function, make the guard the topmost decorator. Or put '
            "Django's login_not_required on the view; methods without a guard are then open.",
            id="djwto.W035",
        )
        for name in _named(
            callback
            for callback in _callbacks()
            if getattr(callback, "login_required", True) and _is_guarded(callback, "djwto_lets_in")
        )
    ]


@register(Tags.urls)
def check_rest_framework(**_: Any) -> list[CheckMessage]:
    """W055: REST framework checks permissions before the guard of a method reads the token."""
    callbacks = list(_callbacks())  # the URLs import what they use
    rest = sys.modules.get("rest_framework.views")
    if rest is None:
        return []
    return [
        checks.Warning(
            f"{name} guards single methods of an APIView. REST framework checks permissions and "
            "throttles before that guard reads the token.",
            hint="Put djwto.contrib.rest_framework.JWTAuthentication into the "
            "authentication_classes of the view, or into DEFAULT_AUTHENTICATION_CLASSES. It "
            "replaces the guard.",
            id="djwto.W055",
        )
        for name in _named(callback for callback in callbacks if _leaves_rest(callback, rest))
    ]


def _callbacks() -> Iterable[Any]:
    return (one.pattern.callback for one in url_patterns.every())


def _named(callbacks: Iterable[Any]) -> list[str]:
    """Return the dotted names of views, sorted, each once."""
    return sorted({url_patterns.view_name(callback) for callback in callbacks})


def _is_guarded(callback: Any, mark: str = "djwto_guard") -> bool:
    """Whether a guard is on the view, on `dispatch`, or on a method of its class."""
    view_class = url_patterns.view_class(callback)
    methods = [getattr(view_class, name, None) for name in ("dispatch", *_METHODS)]
    return any(_has(mark, one) for one in (callback, *methods))


def _has(mark: str, function: Any) -> bool:
    """Whether a guard's mark is on the function, or on one that it holds without saying so.

    A decorator that uses `functools.wraps` copies the mark. REST framework's `@api_view` and others
    do not: the guarded function is in their closure.
    """
    while isinstance(function, partial):
        function = function.func
    if getattr(function, mark, False):
        return True
    # Functions alone: other objects may answer anything, or raise.
    return any(
        isinstance(one, FunctionType) and getattr(one, mark, False) for one in _held(function)
    )


def _held(function: Any) -> Iterable[Any]:
    """Yield what a function holds of the functions around it."""
    for cell in getattr(function, "__closure__", None) or ():
        with suppress(ValueError):  # an empty cell
            yield cell.cell_contents


def _ninja_views() -> Iterable[Any]:
    """Yield the functions of django-ninja's operations that are guarded, by `auth` or inside."""
    module: Any = sys.modules.get("ninja.operation")
    if module is None:
        return
    for held in chain.from_iterable(map(_held, _callbacks())):
        # Ninja's view of a path is a function around its operations.
        for one in held.operations if isinstance(held, module.PathView) else ():
            is_guarded = any(hasattr(check, "djwto_guard") for check in one.auth_callbacks)
            if is_guarded or _is_guarded(one.view_func):
                yield one.view_func


def _leaves_csrf(callback: Any) -> bool:
    """Whether methods that change things are guarded one by one, and Django's check is left on."""
    view_class = getattr(callback, "view_class", None)
    if view_class is None or getattr(callback, "csrf_exempt", False):
        return False
    handlers = (getattr(view_class, name, None) for name in ("post", "put", "patch", "delete"))
    return csrf.GUARD_EXEMPT in [getattr(handler, "csrf_exempt", None) for handler in handlers]


def _leaves_rest(callback: Any, rest: Any) -> bool:
    """Whether methods of an `APIView` are guarded, and no class of djwto's authenticates for it."""
    view_class = url_patterns.view_class(callback)
    if view_class is None or not issubclass(view_class, rest.APIView):
        return False
    if view_class.__qualname__ == "WrappedAPIView":
        return False  # made of a function by `@api_view`: the guard hands its class over
    if _has("djwto_lets_in", getattr(view_class, "dispatch", None)):
        return False
    classes = url_patterns.authentication_classes(callback)
    if classes is None or any(hasattr(one, "is_of_djwto") for one in classes):
        return False
    names = (*_METHODS, *getattr(callback, "actions", {}).values())
    return any(_has("djwto_lets_in", getattr(view_class, name, None)) for name in names)
