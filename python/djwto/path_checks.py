"""`manage.py check` for paths: do browsers send the refresh cookie to the views that read it?"""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from djwto import _core, conf, url_patterns, views
from djwto.settings import as_modes

_READING_VIEWS = (
    views.BlackListTokenView,
    views.EndSessionView,
    views.LogoutAllView,
    views.RefreshAccessView,
    views.ReturnView,
    views.SessionsView,
    views.UpdateRefreshView,
)
_METHODS = ("get", "post", "put", "patch", "delete")


@register(Tags.urls)
def check_refresh_path(**_: Any) -> list[CheckMessage]:
    """E018, W037: browsers do not send the refresh cookie to a view that reads it."""
    if not _has_path():
        return []
    path = "/" + str(conf.valid("REFRESH_COOKIE_PATH")).strip("/")
    found: list[CheckMessage] = []
    for places in url_patterns.lists():
        off = [one for one in _readers(places) if not one.url.startswith(f"{path}/")]
        own = [reader for reader in off if reader.is_own]
        found += [_off_path(reader, path) for reader in own[:1]]
        found += [_guarded_off_path(reader, path) for reader in off if not reader.is_own]
    return found


@register(Tags.urls)
def check_script_name(**_: Any) -> list[CheckMessage]:
    """E042, W036: `FORCE_SCRIPT_NAME` is not a path that browsers use, or is counted twice."""
    name = settings.FORCE_SCRIPT_NAME
    if not name or not _has_path():
        return []
    if not isinstance(name, str) or not _core.is_script_name(name):
        return [
            Error(
                f"FORCE_SCRIPT_NAME: expected a path such as '/app', found {name!r}. The refresh "
                "cookie's path begins with it, so browsers would not send the cookie.",
                id="djwto.E042",
            )
        ]
    public, script = f"/{str(conf.valid('PUBLIC_PATH')).strip('/')}", f"/{name.strip('/')}"
    if public == "/" or script == "/" or not f"{public}/".endswith(f"{script}/"):
        return []
    return [
        checks.Warning(
            f"FORCE_SCRIPT_NAME and DJWTO_PUBLIC_PATH both hold {script}. Browsers then send the "
            f"refresh cookie only to {public}{script}/….",
            hint="Remove one of the two settings. DJWTO_PUBLIC_PATH is only for what a proxy "
            "strips in front of FORCE_SCRIPT_NAME.",
            id="djwto.W036",
        )
    ]


class _Reader:
    """A view that reads the refresh cookie, and one of its paths."""

    def __init__(self, place: url_patterns.Place, url: str) -> None:
        callback = place.pattern.callback
        self.url = url
        self.is_translated = place.is_translated
        self.is_own = _is_endpoint(callback)
        view = getattr(callback, "view_class", callback)
        self.view = f"{view.__module__}.{view.__qualname__}"


def _readers(places: list[url_patterns.Place]) -> Iterator[_Reader]:
    for place in places:
        callback = place.pattern.callback
        if _is_endpoint(callback) or _is_guarded(callback):
            yield from (_Reader(place, url) for url in place.paths)


def _off_path(reader: _Reader, path: str) -> CheckMessage:
    hint = (
        'Include them as path("", include("djwto.urls")). To move them, set '
        "DJWTO_REFRESH_COOKIE_PATH."
    )
    if reader.is_translated:
        hint = "Move djwto's URLs out of i18n_patterns."
    return Error(
        f"{reader.view} is at {reader.url}. Browsers send the refresh cookie only to {path}/, so "
        "this endpoint does not get it.",
        hint=f'{hint} Or set DJWTO_COOKIE_PREFIX = "__Host-", which sends it to every path.',
        id="djwto.E018",
    )


def _guarded_off_path(reader: _Reader, path: str) -> CheckMessage:
    return checks.Warning(
        f"{reader.view} is at {reader.url} and reads a refresh token. Browsers send the refresh "
        f"cookie only to {path}/.",
        hint=f"Move the view below {path}/. If only programs with a Bearer header call it, silence "
        "this check.",
        id="djwto.W037",
    )


def _has_path() -> bool:
    """Whether there is a refresh cookie with a path."""
    if all(mode == "JSON" for mode in as_modes(conf.valid("MODE"))):
        return False
    return not str(conf.valid("COOKIE_PREFIX")).lower().startswith("__host-")


def _is_endpoint(callback: Any) -> bool:
    """Whether this is an endpoint of djwto's, or a class made of one, that reads the cookie."""
    view_class = getattr(callback, "view_class", None)
    if not isinstance(view_class, type):
        return False
    if issubclass(view_class, views.ValidateTokensView):
        return bool(callback.view_initkwargs.get("kind", view_class.kind) == "refresh")
    return issubclass(view_class, _READING_VIEWS)


def _is_guarded(callback: Any) -> bool:
    """Whether `jwt_is_refresh` guards a view, or a method of its class."""
    view_class = getattr(callback, "view_class", None)
    handlers = [getattr(view_class, name, None) for name in _METHODS]
    return any(getattr(view, "reads_refresh_token", False) for view in (callback, *handlers))
