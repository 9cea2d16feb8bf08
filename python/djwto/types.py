"""Types for the annotations of a project."""

from typing import Any

from django.http import HttpRequest

from djwto.exceptions import JWTError

__all__ = ["THttpRequest"]


class THttpRequest(HttpRequest):
    """A request in a guarded view."""

    payload: dict[str, Any]
    """The claims of the token; the view may change them."""
    token: str
    """The text of the token."""
    jwt_mode: str
    """The mode of the token: `JSON`, `ONE-COOKIE` or `TWO-COOKIES`."""
    jwt_error: JWTError | None
    """Why the token is not good, or None. Only `JWTMiddleware` sets it."""
