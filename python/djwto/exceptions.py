"""What djwto raises. Every failure that a client can see has a slug from one list (`CODES`)."""

import json
from typing import NamedTuple

from django.core.exceptions import ValidationError

from djwto import _core


class Code(NamedTuple):
    """One entry of the list of failures, which lives in the engine."""

    slug: str
    status: int
    sentence: str
    meaning: str


CODES: dict[str, Code] = {row[0]: Code(*row) for row in _core.codes()}


class JWTError(Exception):
    """A failure that becomes `{"error": <sentence>, "code": <slug>}`."""

    retry_after: int | None = None
    """When it is worth another try, in seconds, where that is known."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def status(self) -> int:
        """The HTTP status of the reply."""
        return CODES[self.code].status

    @classmethod
    def of(cls, code: str, detail: str = "", *, retry_after: int | None = None) -> "JWTError":
        """Make the failure of that slug; `detail` goes where its sentence has a gap."""
        kind = JWTBlacklistError if code == "token_blacklisted" else cls
        error = kind(CODES[code].sentence.replace("{}", detail, 1), code)
        error.retry_after = retry_after
        return error


class JWTValidationError(JWTError):
    """A token is missing, ambiguous or not good."""


class JWTBlacklistError(JWTValidationError):
    """A token is good and was logged out."""


class JWTIssueError(Exception):
    """Claims cannot become a token: a server's fault, for its log only."""


class JWTTooLargeError(JWTIssueError):
    """A token would be longer than the engine reads."""


class SettingError(ValueError):
    """The engine refuses a setting; `field` is the engine's name for it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def form_errors(error: ValidationError) -> str:
    """Give the JSON text of a form's errors: field → sentences."""
    fields = error.message_dict if hasattr(error, "error_dict") else {"__all__": error.messages}
    return json.dumps(fields)
