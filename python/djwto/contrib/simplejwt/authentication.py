"""Simplejwt's authentication class, by djwto's guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djwto import access, api_views
from djwto.contrib import rest_framework
from djwto.contrib.simplejwt import refusals

if TYPE_CHECKING:
    from rest_framework.request import Request

    from djwto.exceptions import JWTError

__all__ = ["JWTAuthentication"]


class JWTAuthentication(rest_framework.JWTAuthentication):
    """Takes the place of simplejwt's class of that name: its clients get the same refusals.

    It takes djwto's cookies too, where `DJWTO_MODE` offers them.
    """

    www_authenticate_realm = "api"

    def authenticate_header(self, request: Request) -> str | None:
        """Return the challenge of a 401."""
        api_views.challenge(request)
        return refusals.challenge(self.www_authenticate_realm)

    def _exception(self, _request: Request, error: JWTError) -> Exception:
        return refusals.at_guard(error)

    def _note(self, request: Request, error: JWTError) -> None:
        # Without a token, REST framework's own sentence stands.
        if access.presented_by(request._request) is not None:  # noqa: SLF001
            super()._note(request, error)
