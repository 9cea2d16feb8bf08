"""Request bodies: forms and JSON objects, all of them into `request.POST`.

The engine decides which text a request may hold, for every kind of body. This module reads the body
from Django's server, within the limits of Django's settings.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.http import HttpRequest, QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.datastructures import MultiValueDict

from djwto import _core
from djwto.exceptions import JWTError

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_JSON = "application/json"
_MAX_LENGTH_DIGITS = 18
_PIECE_BYTES = 65_536

_Lists = dict[str, list[str]]


def read(request: HttpRequest) -> None:
    """Read the body into `request.POST`. Raises `JWTError` (400, 411, 413, 415)."""
    failure = _read(request)
    if failure is not None:
        # Code that reads the form later must not fail at the same body.
        make_empty(request)
        # Raised here, so that no frame and no cause of it holds a field of the body.
        raise failure


def unify_name(request: HttpRequest) -> None:
    """Put the login name under `username` and under the model's `USERNAME_FIELD`.

    Raises `JWTError` if the form has both, and they differ.
    """
    field = get_user_model().USERNAME_FIELD
    form = request.POST
    name = _core.account_name(form.get("username", ""), form.get(field, ""), field)
    if name and field != "username":
        fill(request, {**dict(form.lists()), "username": [name], field: [name]})


@contextmanager
def readable() -> Iterator[None]:
    """Turn Django's exceptions for an unreadable body into `JWTError` (400, 413)."""
    try:
        yield
    except RequestDataTooBig:
        raise JWTError.of("body_too_large") from None
    except (MultiPartParserError, SuspiciousOperation, BadRequest) as error:
        raise JWTError.of("body_unreadable", _sentence(error)) from None
    except (UnreadablePostError, LookupError, ValueError):
        # Django fails on unknown charsets and wrong lengths in other ways.
        raise JWTError.of("body_unreadable", "it ended too early or is not UTF-8") from None


def make_empty(request: HttpRequest) -> None:
    """Make the form empty for later readers, for any content type."""
    fill(request, {})
    request._files = MultiValueDict()  # type: ignore[attr-defined]  # noqa: SLF001


def _unreadable(detail: str) -> JWTError:
    return JWTError.of("body_unreadable", detail)


def _read(request: HttpRequest) -> JWTError | None:
    try:
        body = _body(request)
        if body == b"":
            make_empty(request)
            _forget_charset(request)
            return None
        _core.check_charset((request.content_params or {}).get("charset", "utf-8"))
        if body is not None:
            _parse(request, body)
        _core.check_fields(
            list(request.POST.lists()), _names_of_files(request), get_user_model().USERNAME_FIELD
        )
    except JWTError as refused:
        # Made anew: the frames of this one hold the body.
        return JWTError(str(refused), refused.code)
    return None


# --- bytes --------------------------------------------------------------------------------------


def _body(request: Any) -> bytes | None:
    """Return the body, up to the limit; None if other code has read it before."""
    limit, length = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, _declared_length(request)
    if limit is not None and (length or 0) > limit:
        raise JWTError.of("body_too_large")
    body: bytes
    if hasattr(request, "_body"):
        body = request._body  # noqa: SLF001
    elif request._read_started:  # noqa: SLF001
        return None
    else:
        stream, is_whole = _stream(request, length)
        body = _bytes_of(stream, limit)
        # For hooks, and for all else that asks Django for it.
        request._read_started = True  # noqa: SLF001
        request._body, request._stream = body, BytesIO(body)  # noqa: SLF001
        if not is_whole and len(body) < (length or 0):
            raise _unreadable("it ended too early")
    if limit is not None and len(body) > limit:
        raise JWTError.of("body_too_large")
    return body


def _declared_length(request: HttpRequest) -> int | None:
    """Return `Content-Length`; None if there is none (RFC 9110 §8.6: digits, once)."""
    text = request.META.get("CONTENT_LENGTH") or ""
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise _unreadable("its Content-Length is not a number")
    return int(text.lstrip("0")[: _MAX_LENGTH_DIGITS + 1] or 0)


def _stream(request: HttpRequest, length: int | None) -> tuple[Any, bool]:
    """Return the stream of the body, and whether the stream ends with the body.

    Django reads by `Content-Length` alone (WSGI), or has read to the end (ASGI). A WSGI server that
    says `wsgi.input_terminated` ends the stream itself, chunks and all.
    """
    has_coding = bool(request.META.get("HTTP_TRANSFER_ENCODING"))
    if "wsgi.input" not in request.META or not (has_coding or length is None):
        return request, False
    if request.META.get("wsgi.input_terminated"):
        return request.META["wsgi.input"], True
    if length is None and has_coding:
        raise JWTError.of("length_required")
    return request, False


def _bytes_of(stream: Any, limit: int | None) -> bytes:
    """Read to the end, or to one byte over the limit: chunks do not give a total length."""
    pieces, room = [], sys.maxsize if limit is None else limit + 1
    try:
        while room and (piece := stream.read(min(room, _PIECE_BYTES))):
            pieces.append(piece)
            room -= len(piece)
    except Exception:  # noqa: BLE001 (each server has other errors for a client that is gone)
        raise _unreadable("it ended too early") from None
    return b"".join(pieces)


# --- fields -------------------------------------------------------------------------------------


def _forget_charset(request: Any) -> None:
    """Keep Django from decoding the query string by the charset of a body that is not there."""
    request._encoding = None  # noqa: SLF001
    vars(request).pop("GET", None)


def _parse(request: Any, body: bytes) -> None:
    files: MultiValueDict[str, Any] = MultiValueDict()
    if request.content_type == _JSON:
        fields = _from_json(body)
    elif request.content_type == _FORM:
        fields = _from_form(body)
    elif request.content_type == _MULTIPART:
        fields = _from_multipart(body, (request.content_params or {}).get("boundary", ""), files)
    else:
        raise JWTError.of("media_type_unsupported")
    if request.content_type == _JSON or not hasattr(request, "_post"):
        # Else a middleware has read the form, and may have changed it.
        fill(request, fields)
    if not hasattr(request, "_files"):
        request._files = files  # noqa: SLF001


def _from_json(body: bytes) -> _Lists:
    members = _core.read_fields(body, settings.DATA_UPLOAD_MAX_NUMBER_FIELDS)
    return {name: [value] for name, value in members if value is not None}


def _from_form(body: bytes) -> _Lists:
    fields: _Lists = {}
    for name, value in _core.read_urlencoded(body, settings.DATA_UPLOAD_MAX_NUMBER_FIELDS):
        fields.setdefault(name, []).append(value)
    return fields


def _from_multipart(body: bytes, boundary: str, files: MultiValueDict[str, Any]) -> _Lists:
    fields: _Lists = {}
    for name, text, file in _core.read_parts(
        body,
        boundary,
        settings.DATA_UPLOAD_MAX_NUMBER_FIELDS,
        settings.DATA_UPLOAD_MAX_NUMBER_FILES,
    ):
        if file is None:
            fields.setdefault(name, []).append(text or "")
        else:
            files.appendlist(name, _uploaded(name, *file))
    return fields


def _uploaded(
    field: str, name: str, content: bytes, content_type: str, parameters: list[tuple[str, str]]
) -> InMemoryUploadedFile:
    """Return a file as Django's own reader does. It stays in memory."""
    extra = dict(parameters)
    return InMemoryUploadedFile(
        BytesIO(content),
        field,
        name,
        content_type,
        len(content),
        extra.get("charset"),
        {key: value.encode("utf-8", "replace") for key, value in extra.items()},
    )


def _names_of_files(request: HttpRequest) -> list[str]:
    """Return the field name of each file, once per file."""
    return [name for name, files in request.FILES.lists() for _ in files]


def fill(request: Any, fields: _Lists) -> None:
    """Make these fields the form, for hooks and later readers."""
    form = QueryDict(mutable=True)
    # Its own methods would look at each text again.
    dict.update(form, fields)
    form._mutable = False  # noqa: SLF001
    request._post = form  # noqa: SLF001


def _sentence(error: Exception) -> str:
    return str(error).rstrip(".")[:200] or "it is malformed"
