"""Logouts: which sessions a request names, and how they end."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from djwto import (
    _core,
    access,
    conf,
    renewal,
    sessions,
    signals,
    state,
    stores,
    tenants,
    tokens,
    user_rows,
)
from djwto.exceptions import JWTError
from djwto.formats import OtherToken
from djwto.models import LOGOUT, JWTBlacklist, Session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from djwto.types import THttpRequest


def connect() -> None:
    """Connect to Django's `login` and `logout`."""
    user_logged_in.connect(after_django, dispatch_uid="djwto")
    user_logged_out.connect(after_django, dispatch_uid="djwto")


def after_django(request: Any = None, **_: Any) -> None:
    """End the session whose token opened a request in which Django's `login` or `logout` runs.

    `JWTMiddleware` then clears the cookies that brought the token. If only a refresh cookie is
    left, which browsers send to few paths, its session ends if the request has it. The cookies are
    cleared in any case. Otherwise the script of the page would renew the session, beside the
    user of Django's session.
    """
    inner = state.inner_of(request)
    if not isinstance(inner, HttpRequest):  # Channels gives None, and other code what it has
        return
    known = state.of(inner)
    seen = known.opened_by
    if known.is_settled:
        return
    if seen is not None:
        known.settle()
        known.clears_cookies = seen.mode != "JSON"
        _end_each(request, [seen])
    # Only the middleware makes a token's user that of Django's views, and clears cookies.
    elif hasattr(inner, "jwt_error") and conf.engine().modes != ["JSON"]:
        known.clears_cookies = True
        _end_each(request, _refreshing(inner))


def _end_each(request: Any, found: Sequence[state.Seen]) -> None:
    for seen in found:
        # A view may have changed the claims, but not the name of the session.
        is_ended = sessions.end(seen.session, reason=LOGOUT)
        if is_ended or ("sid" not in seen.claims and _end_session_of(seen)):
            jti = seen.claims.get("jti")
            signals.jwt_blacklisted.send(sender="BlackListTokenView", request=request, jti=jti)


def _end_session_of(seen: Any) -> bool:
    return end_session(seen.claims, seen.mode, is_of_djwto=not isinstance(seen, OtherToken))


def _refreshing(request: HttpRequest) -> list[_core.Authenticated]:
    """Return the tokens in the refresh cookies of a request, without changing the request."""
    if not request.META.get("HTTP_COOKIE"):
        return []
    try:
        return _each(request, "refresh")
    except JWTError:
        return []  # it is not known for which tenant the request is


def named(request: HttpRequest) -> tuple[list[_core.Authenticated | OtherToken], str]:
    """Return the good tokens of a request, and the mode of the reply.

    There are several if a cookie came twice: a planted cookie must not keep a session alive.
    Raises `JWTError` if the tenant of the request is not known.
    """
    tenants.of(request)
    for kind in ("refresh", "access"):
        try:
            seen = access.authenticate(request, kind, allow_revoked=True)
        except JWTError as error:
            if error.code == "cookie_ambiguous" and (each := _each(request, kind)):
                return [*each], access.answering_mode(request)
            continue
        return [seen], seen.mode
    return [], access.answering_mode(request)


def log_out(
    request: HttpRequest, claims: tokens.Claims, mode: str, *, is_of_djwto: bool = True
) -> bool:
    """End the session of a token, and send the signals. Returns False if it had ended before.

    `mode` is the mode of the token; `is_of_djwto` is as for `end_session`.
    """
    if not end_session(claims, mode, is_of_djwto=is_of_djwto):
        return False
    # Receivers of the signals look at it.
    live = cast("THttpRequest", request)
    live.payload, live.jwt_mode = claims, mode
    jti = claims.get("jti")
    signals.jwt_blacklisted.send(sender="BlackListTokenView", request=request, jti=jti)
    user = user_rows.find_user(claims["user"]["id"], active=False)
    user_logged_out.send(sender=user.__class__, request=request, user=user)
    return True


def end_session(claims: tokens.Claims, mode: str, *, is_of_djwto: bool = True) -> bool:
    """End the session of a token, and blacklist its `jti`. Returns False if that was done before.

    `is_of_djwto` is False for the claims of a `formats.OtherToken`: no other token has its `jti`.
    """
    key = sessions.session_id_of(claims)
    if "sid" not in claims and key is not None and not Session.rows().filter(pk=key).exists():
        # A token of 0.0.4: guards only check ended sessions.
        if "jti" in claims and JWTBlacklist.is_blacklisted(claims["jti"]):
            return False
        # Its session ends although the user is inactive, or gone: its access token lives on.
        user = user_rows.find_user(claims["user"]["id"], active=False, fresh=True)
        # Its row may go once this token has expired.
        opening = claims if is_of_djwto else {**claims, "type": "refresh"}
        renewal.open_legacy(opening, mode, user)
    if is_of_djwto and "sid" not in claims and claims["type"] == "access":
        # Its refresh token has the same `jti` (0.0.4), and outlives it.
        claims = {name: value for name, value in claims.items() if name != "exp"}
    return stores.retried(partial(_end_at_once, claims, key), using=Session.database())


def _end_at_once(claims: tokens.Claims, key: UUID | None) -> bool:
    """Lock in the order of a renewal: the session's row, then that of the blacklist."""
    try:
        with transaction.atomic(using=Session.database()):
            is_ended = key is not None and sessions.end(key, reason=LOGOUT)
            if "jti" in claims:
                JWTBlacklist.insert(claims, tenant=tenants.of_claims(claims))
    except IntegrityError:
        # The token was blacklisted before; its session may live on all the same.
        return key is not None and sessions.end(key, reason=LOGOUT)
    if is_ended or "jti" not in claims:
        return is_ended
    # A session that has no row has no other end.
    return key is None or not Session.rows().filter(pk=key).exists()


def _each(request: HttpRequest, kind: str) -> list[_core.Authenticated]:
    tenant = tenants.of(request) or None
    return conf.engine().authenticate_each(
        request.META.get("HTTP_COOKIE"), kind, time.time(), tenant=tenant
    )
