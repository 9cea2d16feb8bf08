"""`return/`: which requests it takes, and where it sends a browser."""

import re
from contextlib import suppress

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import DisallowedHost, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

from djwto import conf, responses
from djwto.exceptions import JWTError

_URL = re.compile(r"https://[!-\[\]-~]{1,2040}", re.ASCII | re.IGNORECASE)
"""Printable ASCII without the backslash, which browsers read as a slash. RFC 3986 has no more.

Longer ones do not fit beside the cookies into the headers that servers in front accept.
"""

_DEFAULT_PORT = ":443"
_HAS_PORT = re.compile(r":\d+\Z")


def check_navigation(request: HttpRequest) -> None:
    """Refuse all but the navigation of a window. Raises `JWTError` (`navigation_required`).

    Browsers send these headers over https, and no page can change them (W3C Fetch Metadata). A
    client without `Sec-Fetch-Dest` is no browser.
    """
    headers = request.headers
    is_of_window = (
        headers.get("Sec-Fetch-Mode") == "navigate"
        and headers.get("Sec-Fetch-Dest", "document") == "document"
    )
    purpose = headers.get("Sec-Purpose", "") + headers.get("Purpose", "")
    if not is_of_window or "prefetch" in purpose.lower():
        raise JWTError.of("navigation_required")


def target(request: HttpRequest) -> str | None:
    """Return the address in `next`; None if there is none. Raises `JWTError` (`next_invalid`)."""
    query = request.META.get("QUERY_STRING", "")
    try:
        # Not `request.GET`, which may decode with a charset that the request names.
        given = QueryDict(query, encoding="utf-8").getlist("next")
    except SuspiciousOperation:  # more fields than Django reads
        raise JWTError.of("next_invalid") from None
    if not given:
        return None
    if len(given) > 1 or not _is_allowed(given[0], request):
        raise JWTError.of("next_invalid")
    return given[0]


def to(target: str | None) -> HttpResponse:
    """Return the redirect to an address of `target`; None is `LOGIN_REDIRECT_URL`."""
    return _SeeOther(resolve_url(settings.LOGIN_REDIRECT_URL) if target is None else target)


def to_login(target: str | None) -> HttpResponse:
    """Return the redirect to `LOGIN_URL`, which keeps the address as `next`."""
    if target is None:
        return _SeeOther(resolve_url(settings.LOGIN_URL))
    return _SeeOther(redirect_to_login(target)["Location"])


def unrenewed(error: JWTError, target: str | None) -> HttpResponse:
    """Return where a browser goes whose session was not renewed.

    Raises the error again if a login would not help: the server is at fault, or a hook refused.
    """
    if error.code == "refresh_superseded":
        # Another tab has just renewed, and its cookies are in the browser by now. The grace period
        # ends this: after it, the old token counts as reused.
        return to(target)
    if error.status != 401:
        raise error
    response = to_login(target)
    responses.set_cookies(response, error.cookies)
    return response


class _SeeOther(HttpResponseRedirect):
    """A redirect that is followed with GET (RFC 9110 §15.4.4)."""

    status_code = 303


def _is_allowed(url: str, request: HttpRequest) -> bool:
    # In small letters, because browsers ignore the case of scheme and host, and Django does not.
    return _URL.fullmatch(url) is not None and url_has_allowed_host_and_scheme(
        url.lower(), _hosts(request), require_https=True
    )


def _hosts(request: HttpRequest) -> set[str]:
    names = list(conf.current().return_hosts)
    with suppress(DisallowedHost, KeyError):  # a request made by hand may have no host
        names.append(request.get_host())
    hosts = {name.lower().removesuffix(_DEFAULT_PORT) for name in names}
    return hosts | {host + _DEFAULT_PORT for host in hosts if not _HAS_PORT.search(host)}
