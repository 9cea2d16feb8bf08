"""Replies: failures as JSON, and tokens in the body or in cookies."""

import json
import time
from collections.abc import Sequence
from http.cookies import Morsel
from typing import Any, TypeVar

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.cache import patch_vary_headers

from djwto import _core, conf
from djwto._core import SetCookie
from djwto.exceptions import JWTError
from djwto.tokens import Issued

__all__ = ["keep_private", "refusal"]

ResponseT = TypeVar("ResponseT", bound=HttpResponseBase)

WWWAUTHENTICATE = _core.CHALLENGE
"""The challenge of every 401 (RFC 6750 §3)."""

_VARY, _PRIVATE = _core.PRIVATE
_VARY_NAMES = _VARY[1].split(", ")


def refusal(error: JWTError, **extra: str) -> JsonResponse:
    """Return the reply for a failure: `{"error": …, "code": …}` with its status and headers.

    `extra` adds members to the body.
    """
    status, headers, body = _core.refusal(error.code, str(error), error.status, error.retry_after)
    body.update(extra)
    if error.errors is not None:
        # The codes of form errors come from Django, so this is not in the engine.
        body["errors"] = error.errors
    response = JsonResponse(body, status=status, headers=headers)
    if error.code == "login_busy":
        # Django logs a 5xx as an error, and may mail the administrators: one mail for each guess.
        response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
    set_cookies(response, error.cookies)
    return response


def build_tokens_response(
    request: HttpRequest, issued: Issued, mode: str, msg: str, **extra: str
) -> JsonResponse:
    """Put tokens where the mode wants them: into the body, or into cookies.

    Beside cookies the body holds `msg`, and the access token's claims: a page on another origin
    cannot read a cookie.
    """
    cookies = _cookies_of(request, issued, mode)
    no_store = dict([_core.NO_STORE])
    if mode == "JSON":
        response = JsonResponse(
            {"refresh": issued.refresh_text, "access": issued.access.text}, headers=no_store
        )
    else:
        claims = json.loads(issued.access.payload)
        response = JsonResponse({"msg": msg, **extra, "claims": claims}, headers=no_store)
    set_cookies(response, cookies)
    return response


def set_tokens(request: HttpRequest, response: ResponseT, issued: Issued, mode: str) -> ResponseT:
    """Put tokens into the cookies of a reply, in a cookie mode, and return the reply."""
    set_cookies(response, _cookies_of(request, issued, mode))
    return response


def keep_private(response: ResponseT) -> ResponseT:
    """Keep a reply out of shared caches (RFC 9111 §5.2.2.7), and return it."""
    if not isinstance(response, HttpResponseBase):
        return response  # Django has a sentence for a view that returns something else
    # The dict under the headers, by lower-case name: looking up one that is absent costs Django an
    # exception, and storing one a check of letters that are known here.
    headers = response.headers._store  # noqa: SLF001
    if headers.setdefault("vary", _VARY) is not _VARY:
        patch_vary_headers(response, _VARY_NAMES)
    headers.setdefault("cache-control", _PRIVATE)
    return response


def vary(response: HttpResponseBase) -> None:
    """Add `Vary: Cookie, Authorization` to a reply, and return it."""
    if response.headers._store.setdefault("vary", _VARY) is not _VARY:  # noqa: SLF001
        patch_vary_headers(response, _VARY_NAMES)


def clear_cookies(request: HttpRequest, response: ResponseT) -> ResponseT:
    """Clear the token cookies of the offered modes, and those that the request holds."""
    cleared = conf.engine().clear(request.META.get("HTTP_COOKIE"), _script_prefix(request))
    set_cookies(response, cleared)
    return response


def clearing_doubled(request: HttpRequest) -> list[SetCookie]:
    """Return the cookies that clear a doubled token cookie on every domain and path it may have."""
    try:
        host = request.get_host()
    except (DisallowedHost, KeyError):
        host = ""  # then those of the host alone; a request made by hand may have no host
    turn = time.time_ns() // 1_000_000
    return conf.engine().clear_doubled(request.META.get("HTTP_COOKIE"), host, request.path, turn)


def clear_refused(response: ResponseT, error: JWTError | None) -> ResponseT:
    """Clear the cookies of a refused token in a reply that was made without it.

    A cookie that the reply sets or clears already stays as it is.
    """
    cookies = () if error is None else error.cookies
    if not cookies or not isinstance(response, HttpResponseBase):
        return response
    if response.cookies.keys().isdisjoint({cookie.name for cookie in cookies}):
        set_cookies(response, cookies)
    return response


def set_cookies(response: HttpResponseBase, cookies: Sequence[SetCookie]) -> None:
    """Set and clear cookies as the engine says, with unquoted values."""
    last = {cookie.name: cookie for cookie in cookies}
    for number, cookie in enumerate(cookies, len(response.cookies)):
        morsel: Morsel[str]
        if last[cookie.name] is cookie:
            morsel, key = Morsel(), cookie.name
        else:
            morsel, key = _NamesakeMorsel(), f"{cookie.name}{_NAMESAKE}{number}"
        attributes: dict[str, Any] = {
            "path": cookie.path,
            "secure": True,
            "httponly": cookie.http_only,
            "samesite": cookie.same_site or "",
            "domain": cookie.domain or "",
        }
        if cookie.max_age is not None:
            attributes["max-age"] = cookie.max_age
        if cookie.expires is not None:
            attributes["expires"] = cookie.expires
        morsel.update(attributes)
        # Last, because nothing fails after this: error trackers show the variables of every frame.
        morsel.set(key, cookie.value, cookie.value)
        response.cookies[key] = morsel


_NAMESAKE = ":"
"""Separates a name from a number. Python allows it in a cookie name; RFC 6265 does not."""


class _NamesakeMorsel(Morsel[str]):
    """A second cookie of the same name, with another domain or path: Django allows one per name."""

    def OutputString(self, attrs: Any = None) -> str:  # noqa: N802
        """Return the header with the real name."""
        name, _, rest = super().OutputString(attrs).partition(_NAMESAKE)
        return f"{name}={rest.partition('=')[2]}"


def _cookies_of(request: HttpRequest, issued: Issued, mode: str) -> list[SetCookie]:
    return conf.engine().deliver(
        mode,
        issued.refresh,
        issued.access,
        request.META.get("HTTP_COOKIE"),
        _script_prefix(request),
        time.time(),
    )


def _script_prefix(request: HttpRequest) -> str:
    """Return the path under which Django is mounted in this request."""
    return str(request.META.get("SCRIPT_NAME") or "")
