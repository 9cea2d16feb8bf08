"""Types for the hints of projects."""

from typing import Any

from django.http import HttpRequest

from djwto.exceptions import JWTError

__all__ = ["THttpRequest"]


class THttpRequest(HttpRequest):
    """A request that a guard has let through."""

    payload: dict[str, Any]
    """The claims of the token; the view may change them."""
    token: str
    """The text of the token."""
    jwt_mode: str
    """How the token came: `JSON`, `ONE-COOKIE` or `TWO-COOKIES`."""
    jwt_error: JWTError | None
    """Why the token is not good; only `JWTMiddleware` sets it."""
