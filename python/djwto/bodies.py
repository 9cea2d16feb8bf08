"""Request bodies: forms and JSON objects, all of them into `request.POST`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpRequest, QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.datastructures import MultiValueDict

from djwto.exceptions import JWTError

MAX_FIELD_LETTERS = 4096
"""More is no name and no password, and a hasher should not be made to chew it."""

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def read(request: HttpRequest) -> None:
    """Read the body into `request.POST`. Raises `JWTError` (400, 413, 415)."""
    with readable():
        _read(request)
    for name, values in request.POST.lists():
        if any(len(text) > MAX_FIELD_LETTERS or "\0" in text for text in (name, *values)):
            raise JWTError.of("field_invalid", name[:64].replace("\0", ""))


@contextmanager
def readable() -> Iterator[None]:
    """Turn what Django raises at a body that it cannot read into `JWTError` (400, 413)."""
    try:
        yield
    except RequestDataTooBig:
        raise JWTError.of("body_too_large") from None
    except (MultiPartParserError, SuspiciousOperation, BadRequest) as error:
        raise JWTError.of("body_unreadable", _sentence(error)) from None
    except (UnreadablePostError, LookupError, ValueError):
        # Django trips over odd charsets and lengths in its own ways.
        raise JWTError.of("body_unreadable", "it broke off or is not UTF-8") from None


def make_empty(request: HttpRequest) -> None:
    """Let the form be empty for whoever looks at it from now on, whatever the content type."""
    request._post, request._files = QueryDict(), MultiValueDict()  # type: ignore[attr-defined]  # noqa: SLF001


def _read(request: HttpRequest) -> None:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if limit is not None and _declared_length(request) > limit:
        raise RequestDataTooBig
    if request.content_type in _FORMS and not _is_empty(request):
        # Nothing here takes a file: keep Django from writing one to disk.
        if request.content_type == "multipart/form-data" and not hasattr(request, "_post"):
            request.upload_handlers = [MemoryFileUploadHandler(request)]
        _ = request.POST
        return
    body = request.body
    if limit is not None and len(body) > limit:
        raise RequestDataTooBig
    if not body:
        make_empty(request)
        return
    if request.content_type != "application/json":
        raise JWTError.of("media_type_unsupported")
    request.POST = _from_json(body)  # type: ignore[assignment]


def _is_empty(request: HttpRequest) -> bool:
    """Whether there is no body, as far as its headers tell; then its type does not matter."""
    return request.META.get("CONTENT_LENGTH") in ("", "0") or not (
        request.META.get("CONTENT_LENGTH") or request.META.get("HTTP_TRANSFER_ENCODING")
    )


def _declared_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _from_json(body: bytes) -> QueryDict:
    try:
        fields = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise JWTError.of("body_unreadable", "it is not JSON") from None
    if not isinstance(fields, dict):
        raise JWTError.of("body_unreadable", "it is not a JSON object")
    form = QueryDict(mutable=True)
    for name, value in fields.items():
        if value is not None:
            form[_as_text(name)] = _as_text(value)
    return form


def _as_text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise JWTError.of("body_unreadable", "a field holds a list or an object")
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise JWTError.of("body_unreadable", "a field holds half a surrogate pair") from None
    return text


def _sentence(error: Exception) -> str:
    return str(error).rstrip(".")[:200] or "it is malformed"
