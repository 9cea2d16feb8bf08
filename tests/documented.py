"""Holds replies of the endpoints to the OpenAPI document."""

import json
from functools import wraps
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from jsonschema import Draft202012Validator

from djwto import openapi, views
from djwto.exceptions import CODES


def hold(monkeypatch: Any) -> None:
    """Let every reply of an endpoint fail the test that is not as the document says."""
    dispatch = views.Endpoint.dispatch

    @wraps(dispatch)
    def held(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        response = dispatch(self, request, *args, **kwargs)
        if request.resolver_match is not None and not _is_of_project(response):
            found = faults(operation_of(request.resolver_match.func, request.method), response)
            assert found == [], (type(self).__name__, request.method, found)
        return response

    monkeypatch.setattr(views.Endpoint, "dispatch", held)


def operation_of(callback: Any, method: str) -> dict[str, Any] | None:
    """Give what the document says of a view; None of what it says nothing."""
    try:
        described = openapi.describe(callback)
    except ImproperlyConfigured:
        return None
    return described.get("get" if method == "HEAD" else method.lower())


def faults(operation: dict[str, Any] | None, response: Any) -> list[str]:
    """Tell in what a reply is another than its operation says. `response` is Django's."""
    if operation is None:
        is_other = response.status_code == 405 or response.has_header("Allow")
        return [] if is_other or response.status_code == 500 else ["no such operation"]
    described = operation["responses"].get(str(response.status_code))
    if described is None:
        is_other = response.status_code == 405 and response.has_header("Allow")
        return [] if is_other else [f"status {response.status_code}"]
    found = [
        f"no header {name}"
        for name in described.get("headers", {})
        if name != "Set-Cookie" and not response.has_header(name)
    ]
    is_cleared = response.status_code == 401  # the refusal of a doubled cookie clears it
    if response.cookies and "Set-Cookie" not in described["headers"] and not is_cleared:
        found.append(f"cookies {list(response.cookies)}")
    kind, content = response.get("Content-Type", ""), described.get("content", {})
    if response.content and kind not in content:
        found.append(f"content type {kind}")
    elif response.content and kind.endswith("json"):
        schema, body = content[kind]["schema"], json.loads(response.content)
        found += [error.message for error in Draft202012Validator(schema).iter_errors(body)]
        found += [f"not in the document: {name}" for name in body if name not in names_of(schema)]
    return found


def names_of(schema: dict[str, Any]) -> set[str]:
    """Give the names that an object may have, in any of the schema's kinds."""
    return set().union(*(kind["properties"] for kind in schema.get("anyOf", [schema])))


def codes_of(response: dict[str, Any]) -> set[str]:
    """Give the codes that a described reply may have."""
    content = response.get("content", {}).get("application/json", {"schema": {}})
    return set(content["schema"].get("properties", {}).get("code", {}).get("enum", ()))


def _is_of_project(response: Any) -> bool:
    """Whether a hook of the test's own has failed with its own code."""
    try:
        code = json.loads(response.content)["code"]
    except (ValueError, LookupError, TypeError):
        return False
    return code not in CODES or CODES[code].status != response.status_code
