"""Logging users in, whoever has authenticated them."""

import time
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, JsonResponse

from djwto import conf, csrf, replies, signals, tokens
from djwto.exceptions import JWTError, JWTValidationError
from djwto.models import JWTBlacklist


def login(request: HttpRequest, user: Any, *, mode: str | None = None) -> JsonResponse:
    """Log a user in and return the reply that carries the tokens.

    For a user that something else has authenticated: single sign-on, a passkey, impersonation.
    `mode` is one of `DJWTO_MODE`; None takes the first. Raises `JWTError` (`mode_unknown`,
    `user_inactive`) and `JWTIssueError`.
    """
    mode = offered_mode(mode)
    if not user.is_active:
        raise JWTError.of("user_inactive")
    refresh_claims = tokens.process_claims(user, request, "refresh")
    access_claims = tokens.access_claims_of(user, refresh_claims)
    issued = tokens.issue(refresh_claims, access_claims, mode)
    user_logged_in.send(sender=user.__class__, request=request, user=user)
    signals.jwt_logged_in.send(
        sender="GetTokensView",
        request=request,
        refresh_claims=issued.refresh_claims,
        access_claims=issued.access_claims,
    )
    extra = csrf.login_extra(request, mode, rotate=True)
    response = replies.build_tokens_response(
        request, issued, mode, "Tokens successfully created.", **extra
    )
    return csrf.set_cookie(request, response)


def is_logged_in(request: HttpRequest, user: Any, mode: str) -> bool:
    """Whether the request holds, in this mode, a good access token of this very user."""
    headers = request.META
    authorization = headers.get("HTTP_AUTHORIZATION") if mode == "JSON" else None
    cookie = headers.get("HTTP_COOKIE") if mode != "JSON" else None
    try:
        seen = conf.engine().authenticate(authorization, cookie, "access", time.time())
    except JWTValidationError:
        return False
    is_own = seen.mode == mode and str(seen.claims["user"]["id"]) == str(user.pk)
    return is_own and not JWTBlacklist.is_ended(seen.claims)


def offered_mode(mode: str | None) -> str:
    """Check a mode against `DJWTO_MODE`; None is the default. Raises `JWTError`."""
    modes = conf.engine().modes
    if mode is not None and mode not in modes:
        raise JWTError.of("mode_unknown", ", ".join(modes))
    return mode or modes[0]
