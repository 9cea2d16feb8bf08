"""`multipart/form-data` (RFC 7578), read strictly from a body that is in memory.

Django's own reader is lenient: it drops a part whose head it cannot read, replaces bytes that are
not text, and decodes with any charset that the request claims. A login should be refused instead.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.utils.http import parse_header_parameters

from djwto import _core

MAX_HEAD_BYTES = 4096
"""The longest head of a part, in bytes. Browsers write some hundred."""


class MultipartError(ValueError):
    """The body is not a form. The message holds nothing of the body."""


class Part(NamedTuple):
    """One field, or one file."""

    name: str
    text: str
    """The value of a field; the name of a file."""
    file: InMemoryUploadedFile | None


def read_parts(body: bytes, boundary: str) -> Iterator[Part]:
    """Read part after part. Raises `MultipartError`, and `JWTError` for text that is not UTF-8."""
    if not _BOUNDARY.fullmatch(boundary):
        raise MultipartError("its content type has no valid boundary")
    # RFC 2046 §5.1.1: the line break before a delimiter is the delimiter's.
    delimiter, body = b"\r\n--" + boundary.encode(), b"\r\n" + body
    place = body.find(delimiter)
    while True:
        if place < 0:
            raise MultipartError("it ended too early")
        place += len(delimiter)
        if body.startswith(b"--", place):
            return
        line_end = body.find(b"\r\n", place)
        head_end = body.find(b"\r\n\r\n", line_end, line_end + MAX_HEAD_BYTES)
        if line_end < 0 or head_end < 0 or body[place:line_end].strip(b" \t"):
            raise MultipartError("a part has no head")
        # Where a value is empty, some leave its own line break out.
        place = body.find(delimiter, head_end + 2)
        yield _part(body[line_end + 2 : head_end], body[head_end + 4 : max(place, head_end + 4)])


_BOUNDARY = re.compile(r"[ -~]{0,200}[!-~]")


def _part(head: bytes, content: bytes) -> Part:
    headers = _headers(head)
    _, disposition = headers.get("content-disposition", ("", {}))
    kind, extra = headers.get("content-type", ("", {}))
    name = disposition.get("name")
    if name is None:
        raise MultipartError("a part has no name")
    if headers.get("content-transfer-encoding", ("", {}))[0] == "base64":
        content = _from_base64(content)
    name, filename = name.strip(), disposition.get("filename")
    if not filename:
        return Part(name, _core.part_text(content, extra.get("charset")), None)
    try:
        file = InMemoryUploadedFile(
            BytesIO(content),
            name,
            filename.replace("\\", "/"),
            kind,
            len(content),
            extra.get("charset"),
            {key: value.encode("utf-8", "replace") for key, value in extra.items()},
        )
    except SuspiciousOperation:
        raise MultipartError("a file has no valid name") from None
    return Part(name, filename, file)


def _headers(head: bytes) -> dict[str, tuple[str, dict[str, str]]]:
    headers: dict[str, tuple[str, dict[str, str]]] = {}
    for line in head.split(b"\r\n"):
        try:
            name, value = line.decode().split(":", 1)
            parsed = parse_header_parameters(value)
        except (ValueError, LookupError):
            raise MultipartError("the head of a part is malformed") from None
        if headers.setdefault(name.lower(), parsed) is not parsed:
            raise MultipartError("the head of a part has a parameter twice")
    return headers


def _from_base64(content: bytes) -> bytes:
    try:
        return base64.b64decode(content)
    except binascii.Error:
        raise MultipartError("a part is not base64") from None
