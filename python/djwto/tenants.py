"""Tenants: the function of `DJWTO_TENANT` returns the tenant of a request.

A tenant is a string. Without the setting it is "", also in the columns `tenant`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured, SuspiciousOperation

from djwto import conf, stores
from djwto.exceptions import JWTError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest

MOST_LETTERS = 255
"""The most characters of a tenant, as the columns hold them."""

_log = logging.getLogger("djwto")


def of(request: HttpRequest) -> str:
    """Return the tenant of a request; "" only without the setting.

    Raises `JWTError`: the one that the function raises, `tenant_invalid` if Django does not serve
    the host of the request, `store_unavailable`, or `processing_failed` for all other failures.
    """
    function = conf.current().tenant
    return "" if function is None else _asked(function, getattr(request, "_request", request))


def present() -> str | None:
    """Return the present tenant outside of a request; "" without the setting.

    Returns None if the function returns "": that means all tenants. Raises what the function
    raises, and `ImproperlyConfigured` if the result is not a tenant.
    """
    function = conf.tenant_function()
    if function is None:
        return ""
    found = function(None)
    return None if found == "" else _checked(found)


def of_claims(claims: Mapping[str, Any]) -> str:
    """Return the tenant in the claims; "" without the setting."""
    tenant = "" if conf.tenant_function() is None else claims.get("tenant")
    return tenant if isinstance(tenant, str) else ""


def _asked(function: Callable[[HttpRequest], Any], request: HttpRequest) -> str:
    try:
        return _checked(function(request))
    except JWTError:
        raise
    except SuspiciousOperation as error:
        # Such as the `DisallowedHost` of `request.get_host()`: the client chooses that header.
        raise JWTError.of("tenant_invalid") from error
    except Exception as error:
        _log.exception("The function of DJWTO_TENANT failed at %s.", request.path)
        if stores.is_gone(error):
            stores.let_go(error)
            raise JWTError.of("store_unavailable") from error
        raise JWTError.of("processing_failed") from error


def _checked(found: Any) -> str:
    if isinstance(found, str) and 1 <= len(found) <= MOST_LETTERS and found.isprintable():
        return found
    raise ImproperlyConfigured(
        f"DJWTO_TENANT: expected a function that returns a string of 1 to {MOST_LETTERS} printable "
        f'characters, or "" if it gets None; it returned {found!r}.'
    )
