"""`manage.py check` for `return/`: do browsers come back from it with what they need?"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import global_settings, settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.http.request import validate_host
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, resolve

from djwto import conf, views
from djwto.settings import as_modes

_LOCAL = [".localhost", "127.0.0.1", "[::1]"]
"""The hosts that Django serves with `DEBUG`, where `ALLOWED_HOSTS` is empty."""


@register(Tags.security)
def check_return_hosts(**_: Any) -> list[CheckMessage]:
    """W056: browsers send no cookie to a host of `DJWTO_RETURN_HOSTS`."""
    hosts = conf.valid("RETURN_HOSTS")
    if all(mode == "JSON" for mode in as_modes(conf.valid("MODE"))):
        reason = "DJWTO_MODE has no cookies."
        hint = 'Add a mode with cookies, such as DJWTO_MODE = ("TWO-COOKIES", "JSON").'
    elif conf.valid("DOMAIN") is None:
        reason = "DJWTO_DOMAIN is not set, so only the host of the login gets the cookies."
        hint = 'Set DJWTO_DOMAIN to the domain of all these hosts, such as "example.com".'
        hosts = [host for host in hosts if not _is_own(_name(host))]
    else:
        domain = str(conf.valid("DOMAIN")).lower().strip(".")
        reason = f"It is not under DJWTO_DOMAIN, {domain}."
        hint = "Correct one of the two settings."
        hosts = [host for host in hosts if not f".{_name(host)}".endswith(f".{domain}")]
    return [
        checks.Warning(
            f"DJWTO_RETURN_HOSTS: browsers send no token to {host}. {reason} A guard there sends "
            "them back to return/ again and again.",
            hint=hint,
            id="djwto.W056",
        )
        for host in hosts
    ]


@register(Tags.urls)
def check_login_page(**_: Any) -> list[CheckMessage]:
    """W057: `LOGIN_URL` is no page to which `return/` can send a browser."""
    if not conf.valid("RETURN_HOSTS"):
        return []
    return [
        checks.Warning(
            f"{problem} return/ sends browsers without a session there.",
            hint="Set LOGIN_URL to the page with your login form.",
            id="djwto.W057",
        )
        for problem in _problems_of_login_page()
    ]


def _problems_of_login_page() -> Iterator[str]:
    try:
        url = resolve_url(settings.LOGIN_URL)
    except NoReverseMatch:
        yield f"LOGIN_URL: no URL has the name {settings.LOGIN_URL!r}."
        return
    parts = urlsplit(url)
    if parts.netloc:
        return
    try:
        view = resolve(parts.path).func
    except Resolver404:
        # Something in front of Django may serve the page, if the project named it.
        if global_settings.LOGIN_URL == settings.LOGIN_URL:
            yield f"LOGIN_URL is not set, and there is no page at {url}."
        return
    view_class = getattr(view, "view_class", None)
    if isinstance(view_class, type) and issubclass(view_class, views.Endpoint):
        yield f"LOGIN_URL is {url}, an endpoint of djwto and not a page."


def _name(host: str) -> str:
    """Return a host without its port."""
    return host.lower() if host.endswith("]") else host.lower().rpartition(":")[0] or host.lower()


def _is_own(name: str) -> bool:
    """Whether this project serves the host too: ports share cookies."""
    own = [pattern for pattern in settings.ALLOWED_HOSTS or _LOCAL if pattern != "*"]
    return validate_host(name, own)
