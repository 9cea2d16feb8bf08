"""Simplejwt's authentication class, by djwto's guard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from djwto import api_views, authentication
from djwto.contrib import rest_framework
from djwto.contrib.simplejwt import refusals
from djwto.exceptions import JWTError

if TYPE_CHECKING:
    from rest_framework.request import Request


class JWTAuthentication(rest_framework.JWTAuthentication):
    """Takes the place of simplejwt's class of that name: its clients get the same refusals.

    It takes djwto's cookies too, where `DJWTO_MODE` offers them.
    """

    www_authenticate_realm = "api"

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Return the user and the claims; None where no token was sent, or in a bad cookie."""
        inner = api_views.begin(request)
        try:
            authentication.let_in(inner)
        except JWTError as error:
            if not authentication.is_nobody(inner, error):
                raise refusals.at_guard(error) from None
            if authentication.presented_by(inner) is not None:
                api_views.note_refusal(request, error)
            return None
        return inner.user, inner.payload

    def authenticate_header(self, request: Request) -> str | None:
        """Return the challenge of a 401."""
        api_views.challenge(request)
        return refusals.challenge(self.www_authenticate_realm)
