"""The authentication class that replaces simplejwt's."""

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
    """Replaces simplejwt's class of the same name. Its clients get the same refusals.

    It also accepts djwto's cookies, if `DJWTO_MODE` has a cookie mode.
    """

    www_authenticate_realm = "api"

    def authenticate_header(self, request: Request) -> str | None:
        """Return the challenge of a 401."""
        api_views.challenge(request)
        return refusals.challenge(self.www_authenticate_realm)

    def _exception(self, _request: Request, error: JWTError) -> Exception:
        return refusals.at_guard(error)

    def _note(self, request: Request, error: JWTError) -> None:
        # Without a token, REST framework's own message is used.
        if access.presented_by(request._request) is not None:  # noqa: SLF001
            super()._note(request, error)
