"""`manage.py check`: whether browsers send the refresh cookie to what reads it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import LocalePrefixPattern, URLPattern, URLResolver, get_resolver

from djwto import conf, views
from djwto.settings import as_modes

_READERS = (
    views.BlackListTokenView,
    views.LogoutAllView,
    views.RefreshAccessView,
    views.SessionView,
    views.SessionsView,
    views.UpdateRefreshView,
)
_METHODS = ("get", "post", "put", "patch", "delete")


@register(Tags.urls)
def check_refresh_path(**_: Any) -> list[CheckMessage]:
    """E018, W037: the refresh cookie would not be sent to a view that reads it."""
    if not _has_path():
        return []
    path = "/" + str(conf.valid("REFRESH_COOKIE_PATH")).strip("/")
    found: list[CheckMessage] = []
    for places in _lists(get_resolver().url_patterns, ["/"], is_translated=False):
        off = [place for place in places if not place.url.startswith(f"{path}/")]
        own = [place for place in off if place.is_own]
        found += [_off_path(place, path) for place in own[:1]]
        found += [_guarded_off_path(place, path) for place in off if not place.is_own]
    return found


@register(Tags.urls)
def check_script_name(**_: Any) -> list[CheckMessage]:
    """E042, W036: FORCE_SCRIPT_NAME is no path of a browser's, or is counted twice."""
    name = settings.FORCE_SCRIPT_NAME
    if not name or not _has_path():
        return []
    if not _is_path(name):
        return [
            Error(
                f"FORCE_SCRIPT_NAME: expected a path such as '/app', found {name!r}. The path of "
                "the refresh cookie begins with it, and browsers would not send the cookie.",
                id="djwto.E042",
            )
        ]
    public, script = f"/{str(conf.valid('PUBLIC_PATH')).strip('/')}", f"/{name.strip('/')}"
    if public == "/" or script == "/" or not f"{public}/".endswith(f"{script}/"):
        return []
    return [
        checks.Warning(
            f"FORCE_SCRIPT_NAME and DJWTO_PUBLIC_PATH both hold {script}: the path of the refresh "
            f"cookie is {public}{script}/…, and browsers send it to no other.",
            hint="DJWTO_PUBLIC_PATH is what a proxy strips before Django's script name. Take one "
            "of the two away.",
            id="djwto.W036",
        )
    ]


class _Place:
    """A view that reads the refresh cookie, and one of its paths."""

    def __init__(self, pattern: URLPattern, url: str, *, is_translated: bool) -> None:
        self.url = url
        self.is_translated = is_translated
        self.is_own = _is_endpoint(pattern.callback)
        view = getattr(pattern.callback, "view_class", pattern.callback)
        self.view = f"{view.__module__}.{view.__qualname__}"


def _off_path(place: _Place, path: str) -> CheckMessage:
    hint = (
        'Include them as path("", include("djwto.urls")), and move the endpoints with '
        "DJWTO_REFRESH_COOKIE_PATH."
    )
    if place.is_translated:
        hint = "Take djwto's URLs out of i18n_patterns: they have no words to translate."
    return Error(
        f"djwto's endpoints are off the refresh cookie's path: {place.view} is at {place.url}, and "
        f"browsers send the refresh cookie to {path}/ only.",
        hint=f'{hint} With DJWTO_COOKIE_PREFIX = "__Host-" it is sent to every path.',
        id="djwto.E018",
    )


def _guarded_off_path(place: _Place, path: str) -> CheckMessage:
    return checks.Warning(
        f"{place.view} takes a refresh token at {place.url}, and browsers send the refresh cookie "
        f"to {path}/ only.",
        hint=f"Move the view under {path}/. If only programs call it, with Bearer headers, silence "
        "this check.",
        id="djwto.W037",
    )


def _has_path() -> bool:
    """Whether there is a refresh cookie with a path."""
    if all(mode == "JSON" for mode in as_modes(conf.valid("MODE"))):
        return False
    return not str(conf.valid("COOKIE_PREFIX")).lower().startswith("__host-")


def _is_path(name: Any) -> bool:
    """Whether it is a path as the engine takes it, from the root of the host."""
    if not isinstance(name, str) or not name.startswith("/"):
        return False
    parts = name.strip("/").split("/")
    return name == "/" or (all(part not in ("", ".", "..") for part in parts) and ";" not in name)


def _lists(
    patterns: Sequence[URLPattern | URLResolver], prefixes: list[str], *, is_translated: bool
) -> Iterator[list[_Place]]:
    """Give the places of each list of patterns, under any namespace that it was included in."""
    places = []
    for pattern in patterns:
        ends = list(_texts(pattern))
        paths = [start + end for start in prefixes for end in ends]
        is_locale = isinstance(pattern.pattern, LocalePrefixPattern)
        if isinstance(pattern, URLResolver):
            inside = pattern.url_patterns
            yield from _lists(inside, paths, is_translated=is_translated or is_locale)
        elif _is_endpoint(pattern.callback) or _is_guarded(pattern.callback):
            places += [_Place(pattern, path, is_translated=is_translated) for path in paths]
    if places:
        yield places


def _texts(pattern: URLPattern | URLResolver) -> Iterable[str]:
    """Give what a pattern adds to a path; one of translated URLs has many texts."""
    found = pattern.pattern
    if not isinstance(found, LocalePrefixPattern):
        return [str(found).removeprefix("^").removeprefix("/")]
    codes = [code for code, _ in settings.LANGUAGES]
    is_bare = not found.prefix_default_language
    return ["" if is_bare and code == settings.LANGUAGE_CODE else f"{code}/" for code in codes]


def _is_endpoint(callback: Any) -> bool:
    """Whether this is an endpoint of djwto's, or a class made of one, that reads the cookie."""
    view_class = getattr(callback, "view_class", None)
    if not isinstance(view_class, type):
        return False
    if issubclass(view_class, views.ValidateTokensView):
        return bool(callback.view_initkwargs.get("kind", view_class.kind) == "refresh")
    return issubclass(view_class, _READERS)


def _is_guarded(callback: Any) -> bool:
    """Whether `jwt_is_refresh` guards a view, or a method of its class."""
    view_class = getattr(callback, "view_class", None)
    handlers = [getattr(view_class, name, None) for name in _METHODS]
    return any(getattr(view, "reads_refresh_token", False) for view in (callback, *handlers))
