"""CSRF: Django's own check, with refusals as JSON.

With `CSRF_FAILURE_VIEW = "djwto.csrf.failure"`, Django's middleware refuses as JSON too.
"""

import sys
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import (
    REASON_BAD_ORIGIN,
    REASON_CSRF_TOKEN_MISSING,
    CsrfViewMiddleware,
    get_token,
    rotate_token,
)
from django.views.decorators.csrf import csrf_exempt

from djwto import _core, conf, request_body, responses, state
from djwto.exceptions import JWTError
from djwto.responses import ResponseT

__all__ = ["SAFE_METHODS", "check", "failure"]

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
"""The methods that need no CSRF token."""

GUARD_EXEMPT = object()
"""The value of `csrf_exempt` that a guard sets. The author of a view sets `True`."""


def failure(_request: HttpRequest, reason: str = "") -> JsonResponse:
    """Return the reply for Django's setting `CSRF_FAILURE_VIEW`: 403 as JSON."""
    return responses.refusal(JWTError.of("csrf_failed", reason))


def is_needed(request: HttpRequest, mode: str) -> bool:
    """Whether a request needs a CSRF token: a cookie brought its token, and its method is unsafe.

    `mode` is the mode of its token. It does not look whether the author exempted the view.
    """
    return mode != "JSON" and request.method not in SAFE_METHODS and conf.current().csrf


def leave_out(request: Any) -> None:
    """Exempt a request with a Bearer token: a page of another site cannot send its header."""
    if not getattr(request, "_dont_enforce_csrf_checks", False):
        request._dont_enforce_csrf_checks = True  # noqa: SLF001 (Django's own switch)
        state.of(request).is_exempted = True


def ask_again(request: Any) -> None:
    """Undo `leave_out`."""
    known = state.of(request)
    if known.is_exempted:
        request._dont_enforce_csrf_checks = known.is_exempted = False  # noqa: SLF001


def check(request: HttpRequest) -> None:
    """Check the CSRF token of a request with Django's own check, in a view without a guard.

    Raises `JWTError`: `csrf_failed`, or `body_unreadable` and `body_too_large` for the form.
    """
    try:
        # Without the header, Django looks for the token in the form, which may be any bytes.
        with request_body.readable():
            reason = _reason(request)
    except JWTError:
        # Code that reads the form later, such as Django's page for a refusal, must not fail too.
        request_body.make_empty(request)
        raise
    if reason is not None:
        raise JWTError.of("csrf_failed", str(reason))


def check_exempt(request: Any) -> None:
    """Check the CSRF token for an exempt view, and leave the body to it. Raises only `csrf_failed`.

    It reads nothing of a multipart body, because the view may set upload handlers or read bytes.
    Then only the header counts.
    """
    is_left = request.content_type == "multipart/form-data" and not hasattr(request, "_post")
    if is_left and settings.CSRF_HEADER_NAME not in request.META:
        raise JWTError.of("csrf_failed", REASON_CSRF_TOKEN_MISSING)
    method = request.method
    if is_left:
        request.method = "PUT"  # of a POST, Django looks at the form first
    try:
        with request_body.readable():
            reason = _reason(request)
    except JWTError as error:
        reason = str(error)
    finally:
        request.method = method
    if reason is not None:
        raise JWTError.of("csrf_failed", str(reason))


def check_login(request: HttpRequest) -> None:
    """Refuse a login posted by another site's page. Raises `JWTError` (`origin_refused`).

    There is no CSRF token before a login, so the browser's headers decide: `Origin`, or
    `Sec-Fetch-Site` if there is no `Origin` (OWASP CSRF cheat sheet, login CSRF).
    """
    if not getattr(request, "_dont_enforce_csrf_checks", False):
        _core.check_login(*_provenance(request))


def check_origin(request: HttpRequest) -> None:
    """Demand an `Origin` that Django trusts, for the handshake of a WebSocket.

    Browsers always send the header there, and cannot send a CSRF token. Raises `JWTError`
    (`csrf_failed`).
    """
    origin, is_trusted, _ = _provenance(request)
    if origin is None:
        raise JWTError.of("csrf_failed", "The Origin header is missing.")
    if not is_trusted:
        raise JWTError.of("csrf_failed", REASON_BAD_ORIGIN % origin)


def is_foreign(request: HttpRequest) -> bool:
    """Whether the browser says that a page of an untrusted origin sent this request."""
    return _core.is_foreign(*_provenance(request))


def _provenance(request: HttpRequest) -> tuple[str | None, bool, str | None]:
    """Return `Origin`, whether Django trusts it, and `Sec-Fetch-Site`."""
    origin = request.META.get("HTTP_ORIGIN")
    is_trusted = origin is not None and _Check(_view).accepts_origin(request)
    return origin, is_trusted, request.META.get("HTTP_SEC_FETCH_SITE")


def login_extra(request: HttpRequest, mode: str, *, rotate: bool) -> dict[str, str]:
    """Return the members of login's reply for a page on another origin, which cannot read cookies.

    `rotate` makes a new token, as Django's login does.
    """
    if mode == "JSON":
        return {}
    if rotate:
        rotate_token(request)
        return {"csrf_token": get_token(request)}
    return {"csrf_token": current_token(request)}


def current_token(request: HttpRequest) -> str:
    """Return the token that belongs to the request's cookie, or a new one."""
    _Check(_view).process_request(request)
    return get_token(request)


def set_cookie(request: HttpRequest, response: ResponseT) -> ResponseT:
    """Set the `csrftoken` cookie, as Django's middleware does, which may be missing."""
    _Check(_view).process_response(request, response)
    return response


def exempt_by_author(view: Any) -> bool:
    """Whether the author of a view exempted it with Django's `csrf_exempt`.

    The attribute `csrf_exempt` does not tell. Frameworks set it on all of their views, and a guard
    overwrites it. So this looks for the decorators themselves.
    """
    rest = sys.modules.get("rest_framework.views")
    view_class = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if rest is not None and isinstance(view_class, type) and issubclass(view_class, rest.APIView):
        view = None
    return _is_exempt(view) or _is_exempt(getattr(view_class, "dispatch", None))


def _reason(request: HttpRequest) -> Any:
    """Return why Django's check refuses a request; None if it does not."""
    middleware = _Check(_view)
    middleware.process_request(request)
    return middleware.process_view(request, None, (), {})  # type: ignore[arg-type]


def exempts(view: Any) -> bool:
    """Whether this view is wrapped by Django's `csrf_exempt`."""
    return getattr(view, "__code__", None) in _EXEMPTING


def _is_exempt(view: Any) -> bool:
    while view is not None:
        if exempts(view) or _applies_exempt(view):
            return True
        view = getattr(view, "__wrapped__", None)
    return False


def _applies_exempt(method: Any) -> bool:
    """Whether `method_decorator(csrf_exempt)` made this method: its closure has the list."""
    for cell in getattr(method, "__closure__", None) or ():
        try:
            held = cell.cell_contents
        except ValueError:  # an empty cell
            continue
        if isinstance(held, (list, tuple)) and any(one is csrf_exempt for one in held):
            return True
    return False


def _view(_request: HttpRequest) -> HttpResponseBase:
    return HttpResponse()


async def _async_view(_request: HttpRequest) -> HttpResponseBase:
    return HttpResponse()


# The code of the wrappers that `csrf_exempt` makes.
_EXEMPTING = frozenset(csrf_exempt(view).__code__ for view in (_view, _async_view))


class _Check(CsrfViewMiddleware):
    """Django's check, which returns the reason instead of an HTML page.

    Made anew for each use: it caches `CSRF_TRUSTED_ORIGINS`, and settings are read live.
    """

    def _reject(self, _request: HttpRequest, reason: str) -> str:
        return reason

    def accepts_origin(self, request: HttpRequest) -> bool:
        """Whether `Origin` is this host or in `CSRF_TRUSTED_ORIGINS`."""
        return bool(self._origin_verified(request))  # type: ignore[attr-defined]
