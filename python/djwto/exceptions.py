"""The exceptions of djwto. Each failure that a client can see has a slug of the list `CODES`."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError

from djwto import _core

__all__ = ["CODES", "JWTBlacklistError", "JWTError", "JWTIssueError", "JWTValidationError"]


class Code(NamedTuple):
    """One entry of the list of failures: slug, HTTP status, sentence, and what it means."""

    slug: str
    status: int
    sentence: str
    meaning: str


CODES: dict[str, Code] = {row[0]: Code(*row) for row in _core.codes()}
"""Every failure by its `code`, with `slug`, `status`, `sentence` and `meaning`."""

SERVER_ERROR = 500
"""From this status on, a failure is a fault of the server."""


class JWTError(Exception):
    """A failure that becomes `{"error": <sentence>, "code": <slug>}`.

    A project may raise it with its own slug: in hooks, in receivers of signals, in the test of
    `jwt_passes_test` and in the function of `DJWTO_TENANT`. With `JWTMiddleware`, views may also
    raise it.

    `status` is from 400 to 599; another one raises `ValueError`. None: the status in `CODES`, and
    403 for a slug that is not there.
    """

    retry_after: int | None = None
    """In how many seconds a retry may succeed, for `Retry-After`; None if that is not known."""
    cookies: Sequence[_core.SetCookie] = ()
    """The cookies that the reply clears, such as planted ones."""

    ends: "str | None" = None
    """Why the session of the token must end; None if it goes on."""

    errors: "dict[str, list[dict[str, str]]] | None" = None
    """The errors of a failed login by field, see `login_errors`; None for other failures."""

    def __init__(self, message: str, code: str, status: int | None = None) -> None:
        super().__init__(message)
        if status is not None and (not isinstance(status, int) or not 400 <= status <= 599):
            raise ValueError(f"JWTError: expected a status from 400 to 599, found {status!r}")
        self.code = code
        self._status = status

    @property
    def status(self) -> int:
        """The HTTP status of the reply."""
        if self._status is not None:
            return self._status
        return _core.status_of(self.code)

    @classmethod
    def of(cls, code: str, detail: str = "", *, retry_after: int | None = None) -> "JWTError":
        """Return the failure of a slug in `CODES`. `detail` replaces the `{}` in its sentence."""
        kind = JWTBlacklistError if code == "token_blacklisted" else cls
        error = kind(CODES[code].sentence.replace("{}", detail, 1), code)
        error.retry_after = retry_after
        return error


class JWTValidationError(JWTError):
    """A token is missing, ambiguous, or not good."""


class JWTBlacklistError(JWTValidationError):
    """A token is good, but it was logged out or its session has ended."""


class JWTIssueError(Exception):
    """Claims cannot become a token: a fault of the server, whose message is only for its log."""


class JWTTooLargeError(JWTIssueError):
    """A token would be longer than the engine accepts."""


class SettingError(ValueError):
    """The engine refuses a setting. `field` is the name of the setting in the engine."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def is_failed_login(error: BaseException) -> bool:
    """Whether this exception of `user_authenticate` refuses the credentials.

    Any other exception is a fault of the server.
    """
    is_refusal = isinstance(error, JWTError) and error.status < SERVER_ERROR
    return is_refusal or isinstance(error, (ValidationError, PermissionDenied))


def failed_login(error: Exception) -> JWTError:
    """Return the failure of a login, with `errors`, for an exception of `user_authenticate`."""
    if isinstance(error, ValidationError):
        refusal = JWTError.of("credentials_invalid", form_errors(error))
        refusal.errors = login_errors(error)
        return refusal
    if isinstance(error, JWTError):
        # A new object: the project may raise the old one again, and its frames hold a password.
        refusal = JWTError(str(error), error.code, error.status)
        refusal.retry_after, refusal.errors = error.retry_after, error.errors
    else:
        refusal = JWTError.of("login_denied")
    if refusal.errors is None:
        refusal.errors = {NON_FIELD_ERRORS: [{"message": str(refusal), "code": refusal.code}]}
    return refusal


def form_errors(error: ValidationError) -> str:
    """Return the errors of a form as JSON text: field → list of sentences."""
    fields = error.message_dict if hasattr(error, "error_dict") else {"__all__": error.messages}
    return json.dumps(fields)


def login_errors(error: ValidationError) -> dict[str, list[dict[str, str]]]:
    """Return the errors of a form with their codes: field → list of `{"message": …, "code": …}`.

    The code is "" if the error has none, as in Django's `ErrorDict.get_json_data`.
    """
    is_of_fields = hasattr(error, "error_dict")
    fields = error.error_dict if is_of_fields else {NON_FIELD_ERRORS: error.error_list}
    return {str(field): [_as_dict(one) for one in errors] for field, errors in fields.items()}


def _as_dict(error: ValidationError) -> dict[str, str]:
    # `messages` fills in the parameters and translates.
    code = getattr(error, "code", None)
    return {"message": " ".join(error.messages), "code": "" if code is None else str(code)}
