"""Failures in the form of simplejwt: `detail` and `code`, in REST framework's exceptions.

The sentences are those of simplejwt, so its translations work while its app is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, AuthenticationFailed

from djwto import responses
from djwto.contrib.simplejwt import config
from djwto.contrib.simplejwt.old_tokens import SLIDING, UNNAMED, OldTokenError

if TYPE_CHECKING:
    from djwto.exceptions import JWTError


def at_endpoint(error: JWTError) -> APIException:
    """Return a failure as simplejwt's four URLs answer it."""
    if error.status != 401 and error.code not in _SENTENCES and error.code not in _NO_ACCOUNT:
        return other(error)
    if isinstance(error, OldTokenError) and error.slug == "password_changed":
        return AuthenticationFailed({"detail": _of(error), "code": error.slug})
    if error.code in _NO_ACCOUNT:
        sentence = _("No active account found for the given token.")
        return AuthenticationFailed(sentence, "no_active_account")
    return _not_valid({"detail": _of(error)})


def at_guard(error: JWTError) -> APIException:
    """Return a failure as simplejwt's `JWTAuthentication` answers it."""
    if error.status != 401:
        return other(error)
    if error.code == "authorization_invalid":
        sentence = _("Authorization header must contain two space-delimited values")
        return AuthenticationFailed({"detail": sentence, "code": "bad_authorization_header"})
    if isinstance(error, OldTokenError) and error.slug == "token_not_valid":
        return _not_valid({"detail": _of(error)})
    if isinstance(error, OldTokenError) and error.slug:
        return AuthenticationFailed({"detail": _of(error), "code": error.slug})
    message = {"token_class": "AccessToken", "token_type": "access", "message": _of(error)}
    sentence = _("Given token not valid for any token type")
    return _not_valid({"detail": sentence}, messages=[message])


def challenge(realm: str) -> str:
    """Return the challenge of a 401."""
    return f'{[*config.header_types(), "Bearer"][0]} realm="{realm}"'


def no_account() -> APIException:
    """Return the failure of wrong credentials."""
    sentence = _("No active account found with the given credentials")
    return AuthenticationFailed(sentence, "no_active_account")


def other(error: JWTError) -> APIException:
    """Return a failure that simplejwt does not have, such as a throttled login."""
    raised = APIException({"detail": str(error), "code": error.code}, error.code)
    raised.status_code = error.status
    retry_after = responses.refusal(error).get("Retry-After")
    if retry_after is not None:
        # REST framework's handler makes `Retry-After` of it, as it does for its own `Throttled`.
        raised.wait = int(retry_after)  # type: ignore[attr-defined]
    return raised


def _not_valid(detail: dict[str, Any], **others: Any) -> APIException:
    """Return simplejwt's `InvalidToken`: each part has its code, for `get_codes()`."""
    code = "token_not_valid"
    return AuthenticationFailed({**detail, "code": code, **others}, code)


def _of(error: JWTError) -> Any:
    if isinstance(error, OldTokenError):
        return _KNOWN.get(error.detail, error.detail)
    return _SENTENCES.get(error.code, _KNOWN["Token is invalid"])


_KNOWN = {
    "Token is invalid": _("Token is invalid"),
    "Token is expired": _("Token is expired"),
    "Token is blacklisted": _("Token is blacklisted"),
    "Token has no id": _("Token has no id"),
    "Token has no type": _("Token has no type"),
    "Token has wrong type": _("Token has wrong type"),
    "User not found": _("User not found"),
    "User is inactive": _("User is inactive"),
    "The user's password has been changed.": _("The user's password has been changed."),
    UNNAMED: _("Token contained no recognizable user identification"),
    SLIDING: SLIDING,
}
_SENTENCES = {
    "token_expired": _KNOWN["Token is expired"],
    "token_blacklisted": _KNOWN["Token is blacklisted"],
    "refresh_reused": _KNOWN["Token is blacklisted"],
    "refresh_superseded": _KNOWN["Token is blacklisted"],
    "refresh_not_in_header": _KNOWN["Token has wrong type"],
    "type_invalid": _KNOWN["Token has wrong type"],
}
_NO_ACCOUNT = ("access_refresh_failed", "refresh_update_failed", "user_inactive", "user_missing")
