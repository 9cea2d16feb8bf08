"""`manage.py check`: views and classes of simplejwt that are still in use beside djwto.

This module does not import simplejwt. It finds something only if the project has imported it.
"""

import sys
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core import checks
from django.core.checks import CheckMessage, Tags, register

from djwto import url_patterns, views

_PACKAGE = "rest_framework_simplejwt"
_APP = "djwto.contrib.simplejwt"
_NOT_KNOWN = "Simplejwt does not know djwto's sessions, so it accepts tokens after a logout."
_PAGE = "from-simplejwt in djwto's documentation"
_ENDPOINTS = {
    "TokenObtainPairView": ("token/", "token_obtain_pair"),
    "TokenRefreshView": ("token/refresh/", "token_refresh"),
    "TokenVerifyView": ("token/verify/", "token_verify"),
    "TokenBlacklistView": ("token/blacklist/", "token_blacklist"),
}
"""The path and the name of the view in `djwto.contrib.simplejwt.urls` that replaces each view."""


@register(Tags.urls)
def check_simplejwt_left(**_: Any) -> list[CheckMessage]:
    """W074: a project that has moved to djwto still uses views or classes of simplejwt."""
    places = list(url_patterns.every())  # the URLs import what they use
    classes = getattr(sys.modules.get(f"{_PACKAGE}.authentication"), "JWTAuthentication", None)
    endpoints = getattr(sys.modules.get(f"{_PACKAGE}.views"), "TokenViewBase", None)
    if (classes is None and endpoints is None) or not _has_moved(places):
        return []
    found = [*_views_left(places, endpoints), *_classes_left(places, classes)]
    return [checks.Warning(said, hint=hint, id="djwto.W074") for said, hint in found]


def _has_moved(places: list[url_patterns.Place]) -> bool:
    """Whether djwto logs users in, or authenticates for REST framework."""
    if apps.is_installed(_APP):
        return True
    return any(hasattr(one, "is_of_djwto") for one in _default_classes()) or any(
        _is_a(url_patterns.view_class(place.pattern.callback), views.Endpoint)
        or any(hasattr(one, "is_of_djwto") for one in _classes_of(place))
        for place in places
    )


def _views_left(places: list[url_patterns.Place], base: Any) -> Iterator[tuple[str, str]]:
    for place in places:
        view = url_patterns.view_class(place.pattern.callback)
        if base is not None and _is_a(view, base):
            name = url_patterns.view_name(place.pattern.callback)
            said = f"{name} at {place.paths[0]} is a view of simplejwt. {_NOT_KNOWN}"
            yield said, _instead_of_view(view, place.paths[0].lstrip("/"))


def _instead_of_view(view: Any, path: str) -> str:
    known = [one for one in view.__mro__ if one.__module__ == f"{_PACKAGE}.views"]
    if "Sliding" in known[0].__name__:
        return "Remove it. djwto has no sliding tokens: users who hold one must log in again."
    if known[0].__name__ not in _ENDPOINTS:
        return "Remove it. A view of your project logs a user in with djwto.sessions.login."
    end, name = _ENDPOINTS[known[0].__name__]
    if path.endswith(end):
        hint = f'Replace it with path("{path.removesuffix(end)}", include("{_APP}.urls"))'
    else:
        hint = f'Replace it with the view {name} of {_APP}.urls: see "Other paths" of {_PAGE}'
    if not apps.is_installed(_APP):
        hint += f', and add "{_APP}" to INSTALLED_APPS'
    more = "" if view is known[0] else " Add your own claims in djwto.tokens.process_claims."
    return f"{hint}.{more}"


def _classes_left(places: list[url_patterns.Place], base: Any) -> Iterator[tuple[str, str]]:
    default = _default_classes()
    for one in _of(base, default):
        yield (
            f"DEFAULT_AUTHENTICATION_CLASSES names {_dotted(one)}. {_NOT_KNOWN}",
            _instead_of(one),
        )
    named = {
        (url_patterns.view_name(place.pattern.callback), one)
        for place in places
        if (classes := _classes_of(place)) != default
        for one in _of(base, classes)
    }
    for name, one in sorted(named, key=lambda pair: (pair[0], _dotted(pair[1]))):
        yield f"{name} authenticates with {_dotted(one)}. {_NOT_KNOWN}", _instead_of(one)


def _instead_of(one: Any) -> str:
    if apps.is_installed(_APP):
        hint = f"Replace it with {_APP}.authentication.JWTAuthentication."
    else:
        hint = (
            "Replace it with djwto.contrib.rest_framework.JWTAuthentication. If clients still hold "
            f"tokens of simplejwt, see {_PAGE}."
        )
    if "JWTStatelessUserAuthentication" in [kind.__name__ for kind in one.__mro__]:
        hint += ' DJWTO_USER = "token" makes request.user from the claims, without a query.'
    return hint


def _default_classes() -> list[Any]:
    rest = sys.modules.get("rest_framework.views")
    return [] if rest is None else list(rest.api_settings.DEFAULT_AUTHENTICATION_CLASSES)


def _classes_of(place: url_patterns.Place) -> list[Any]:
    return url_patterns.authentication_classes(place.pattern.callback) or []


def _of(base: Any, classes: list[Any]) -> list[Any]:
    return [] if base is None else [one for one in classes if _is_a(one, base)]


def _is_a(one: Any, base: type) -> bool:
    return isinstance(one, type) and issubclass(one, base)


def _dotted(one: type) -> str:
    return f"{one.__module__}.{one.__qualname__}"
