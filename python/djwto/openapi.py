"""The endpoints as an OpenAPI document of plain data, by the settings and URLs of the project.

`document` gives all of it. Schemas stand where they are used and nowhere else, so that what other
tools do to the shared schemas of a document changes none of djwto's.
"""

import re
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from django.urls import get_script_prefix

from djwto import _core, conf, openapi_security, url_patterns, views
from djwto.exceptions import CODES
from djwto.openapi_security import Json, Site
from djwto.operations import (
    DESCRIBED,
    PAYLOAD_COOKIE,
    TEXT,
    Operation,
    header,
    object_of,
    response,
)

TAG = "djwto"
OPENAPI_VERSION = "3.1.0"

_FORMS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")


def document() -> Json:
    """Return the OpenAPI 3.1 document of the endpoints. Raises `ImproperlyConfigured`."""
    described = paths()
    tag = {"name": TAG, "description": "Login, renewal and logout with JSON Web Tokens."}
    return {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": "djwto",
            "version": version("djwto"),
            "description": "The endpoints of djwto. Another method than the listed ones is refused "
            "with 405 and the header `Allow`. A failure is `{error, code}`; hooks of the project "
            "may add codes to the listed ones.",
        },
        "servers": [{"url": public_prefix()}],
        "tags": [tag],
        "paths": described,
        "components": {"securitySchemes": openapi_security.schemes()},
    }


def paths(*, is_31: bool = True) -> Json:
    """Return the Paths Object: each endpoint that the project's URLs have."""
    described: Json = {}
    used: set[str] = set()
    for path, place in _endpoints():
        item = described.setdefault(_CONVERTER.sub(r"{\2}", path), {})
        for method, operation in describe(place.pattern.callback, path, is_31=is_31).items():
            name = _unique(f"djwto_{place.pattern.name or 'endpoint'}_{method}", used)
            item.setdefault(method, {"operationId": name, **operation})
    return described


def describe(callback: Any, path: str = "", *, is_31: bool = True) -> Json:
    """Return the Operation Objects of an endpoint's view, by methods in small letters."""
    site = Site.present(is_31=is_31)
    parameters = [_parameter(found) for found in _CONVERTER.finditer(path)]
    return {
        method: _as_json(operation, parameters, site)
        for method, operation in _operations(callback, site).items()
    }


def public_prefix() -> str:
    """Return the path under which browsers see Django's URLs."""
    script = get_script_prefix().strip("/")
    public = str(conf.valid("PUBLIC_PATH")).strip("/")
    return "/" + "/".join(part for part in (public, script) if part)


def _endpoints() -> Iterator[tuple[str, url_patterns.Place]]:
    for place in url_patterns.every():
        view_class = getattr(place.pattern.callback, "view_class", None)
        if isinstance(view_class, type) and issubclass(view_class, views.Endpoint):
            for path in place.paths:
                yield path, place


_CONVERTER = re.compile(r"<(?:(\w+):)?(\w+)>")
_CONVERTED: dict[str, Json] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer"},
}


def _parameter(found: re.Match[str]) -> Json:
    schema = _CONVERTED.get(found[1], TEXT)
    return {"name": found[2], "in": "path", "required": True, "schema": schema}


def _unique(name: str, used: set[str]) -> str:
    number = 1
    found = name
    while found in used:
        number += 1
        found = f"{name}_{number}"
    used.add(found)
    return found


def _operations(callback: Any, site: Site) -> dict[str, Operation]:
    """Return the operations of a view by their methods, in small letters."""
    view_class = callback.view_class
    for parent in view_class.__mro__:
        if parent in DESCRIBED:
            found = DESCRIBED[parent](callback, site)
            # A class of the project may take fewer methods.
            methods = callback.view_initkwargs.get(
                "http_method_names", view_class.http_method_names
            )
            return {method: one for method, one in found.items() if method in methods}
    return {}


def _as_json(operation: Operation, parameters: list[Json], site: Site) -> Json:
    """Return the Operation Object."""
    found: Json = {
        "summary": operation.summary,
        "tags": [TAG],
        "security": [],
        "responses": {},
    }
    if parameters or operation.parameters:
        found["parameters"] = [*parameters, *operation.parameters]
    if operation.kind is not None:
        found["security"] = openapi_security.needs(
            operation.kind,
            asks_csrf=operation.asks_csrf,
            is_optional=operation.is_token_optional,
            in_header=not operation.is_for_pages,
        )
    if operation.fields:
        schema: Json = {"type": "object", "properties": operation.fields}
        if operation.required:
            schema["required"] = list(operation.required)
        content = {kind: {"schema": schema} for kind in _FORMS}
        found["requestBody"] = {"content": content, "required": bool(operation.required)}
    for status, reply in operation.replies.items():
        found["responses"][str(status)] = _good_reply(operation, reply, site)
    for status, codes in sorted(_by_status(operation.codes).items()):
        found["responses"][str(status)] = _refusal(status, codes)
    return found


def _good_reply(operation: Operation, reply: Any, site: Site) -> Json:
    if isinstance(reply, dict) and "description" in reply:
        return reply
    if isinstance(reply, list):
        reply = reply[0] if len(reply) == 1 else {"anyOf": reply}
    found = response("Done." if reply is not None else "Done; there is no body.", reply)
    if operation.sets_cookies and site.in_cookies and reply is not None:
        names = {*site.cookies("refresh"), *site.cookies("access")}
        if "TWO-COOKIES" in site.in_cookies:
            names.add(site.prefix + PAYLOAD_COOKIE)
        listed = ", ".join(f"`{one}`" for one in sorted(names))
        found["headers"]["Set-Cookie"] = header(
            f"In cookie modes. {operation.sets_cookies}: {listed}."
        )
    return found


def _by_status(codes: Sequence[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for code in CODES.values():  # in the order of the list
        if code.slug in codes:
            found.setdefault(code.status, []).append(code.slug)
    return found


def _refusal(status: int, codes: list[str]) -> Json:
    """Describe `{error, code}` with the codes that come with this status."""
    body = object_of(error=TEXT, code={**TEXT, "enum": codes})
    if "credentials_invalid" in codes or "login_denied" in codes:
        entry = object_of(message=TEXT, code=TEXT)
        body["properties"]["errors"] = {
            "type": "object",
            "description": "The sentences of Django's form, by field.",
            "additionalProperties": {"type": "array", "items": entry},
        }
    sentences = "\n".join(f"- `{code}`: {CODES[code].meaning}" for code in codes)
    found = response(sentences, body)
    if status == 401:
        found["headers"]["WWW-Authenticate"] = header("The challenge (RFC 6750 §3).")
    if status in (429, 503):
        about = "When to try again, in seconds."
        found["headers"]["Retry-After"] = header(about, {"type": "integer"})
    if status == 404:
        # What is no UUID matches no URL, and Django's own page answers.
        found["content"]["text/html"] = {"schema": TEXT}
        del found["headers"][_core.NO_STORE[0]]
    return found
