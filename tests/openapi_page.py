"""The OpenAPI document as `docs/openapi.json`, and as tables in `docs/openapi.md`.

`python -m tests.openapi_page` writes both anew.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "openapi.md"
FILE = DOCS / "openapi.json"
START = "<!-- from here on: python -m tests.openapi_page -->\n"


def document() -> dict[str, Any]:
    """Give the document of a project with djwto's endpoints at its root, and two modes."""
    from django.test import override_settings

    from djwto import openapi

    with override_settings(ROOT_URLCONF="djwto.urls", DJWTO_MODE=("TWO-COOKIES", "JSON")):
        return openapi.document()


def page_of(found: dict[str, Any]) -> str:
    """Give the page, with the tables of this document."""
    head = PAGE.read_text().partition(START)[0]
    every = [
        (path, method, operation)
        for path, item in found["paths"].items()
        for method, operation in item.items()
    ]
    shared = _token_failures(every)
    rows = [
        f"| [{title}](#{_anchor(title)}) | {operation['summary']} |"
        for path, method, operation in every
        for title in [_title(path, method)]
    ]
    schemes = [
        f"| `{name}` | {_where(one)} | {one['description']} |"
        for name, one in found["components"]["securitySchemes"].items()
    ]
    parts = [
        "## Endpoints",
        "\n".join(["| endpoint | what it does |", "|---|---|", *rows]),
        *(_section(path, method, operation, shared) for path, method, operation in every),
        "## Token failures",
        "A token that is missing or bad gets 401 with one of these codes:",
        ", ".join(f"`{code}`" for code in shared) + ".",
        "## Security schemes",
        "\n".join(["| name | where | what |", "|---|---|---|", *schemes]),
    ]
    return head + START + "\n" + "\n\n".join(parts) + "\n"


def file_of(found: dict[str, Any]) -> str:
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _token_failures(every: list[tuple[str, str, dict[str, Any]]]) -> list[str]:
    """Give the codes that every endpoint with a token answers: the page lists them once."""
    lists = [
        codes
        for _path, _method, operation in every
        if operation["security"] and "401" in operation["responses"]
        for schema in _schemas(operation["responses"]["401"])
        if (codes := schema["properties"].get("code", {}).get("enum"))
    ]
    return [code for code in lists[0] if all(code in codes for codes in lists)]


def _title(path: str, method: str) -> str:
    return f"`{method.upper()} {path}`"


def _anchor(title: str) -> str:
    """Give the anchor that mkdocs makes of a title; its strict build fails on a wrong one."""
    return re.sub(r"[^\w\s-]", "", title).lower().replace(" ", "-")


def _section(path: str, method: str, operation: dict[str, Any], shared: list[str]) -> str:
    lines = [f"### {_title(path, method)}", "", operation["summary"], ""]
    needs = [" and ".join(f"`{name}`" for name in need) for need in operation["security"]]
    if needs:
        needed = ", or ".join(need or "nothing" for need in needs)
        lines += [f"Needs {needed}: see [Security schemes](#security-schemes).", ""]
    body = operation.get("requestBody")
    if body is not None:
        schema = body["content"]["application/json"]["schema"]
        lines += ["| field | what it is |", "|---|---|"]
        lines += [
            f"| `{name}` | {_what(one, required=name in schema.get('required', ()))} |"
            for name, one in schema["properties"].items()
        ]
        lines += [""]
    lines += _parameters(operation)
    lines += ["| status | body | headers |", "|---|---|---|"]
    for status, response in operation["responses"].items():
        headers = ", ".join(f"`{name}`" for name in response.get("headers", {}))
        lines.append(f"| {status} | {_body(response, shared)} | {headers} |")
    return "\n".join(lines)


def _parameters(operation: dict[str, Any]) -> list[str]:
    """Give the table of what is read of the query and the headers."""
    found = [one for one in operation.get("parameters", []) if one["in"] != "path"]
    if not found:
        return []
    rows = [
        f"| `{one['name']}` | {one['in']} | {_what(one['schema'], required=one['required'])} |"
        for one in found
    ]
    return ["| parameter | where | what it is |", "|---|---|---|", *rows, ""]


def _what(schema: dict[str, Any], *, required: bool) -> str:
    sentences = ["Required." if required else "Optional."]
    if "enum" in schema:
        sentences.append("One of " + ", ".join(f"`{one}`" for one in schema["enum"]) + ".")
    if "description" in schema:
        sentences.append(schema["description"])
    return " ".join(sentences)


def _body(response: dict[str, Any], shared: list[str]) -> str:
    found = []
    for fields in [schema["properties"] for schema in _schemas(response)]:
        text = "`{" + ", ".join(f'"{name}"' for name in fields) + "}`"
        for name in ("msg", "code"):
            if "enum" in fields.get(name, {}):
                text += f", `{name}`: {_values(fields[name]['enum'], shared)}"
        found.append(text)
    if "text/html" in response.get("content", {}):
        found.append("an HTML page")
    return "; or ".join(found) or "empty"


def _values(values: list[str], shared: list[str]) -> str:
    """List values, and the codes that every endpoint with a token has by a link."""
    if not set(shared) <= set(values):
        return ", ".join(f"`{value}`" for value in values)
    own = [f"`{value}`" for value in values if value not in shared]
    return ", ".join(["a [token failure](#token-failures)", *own])


def _schemas(response: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the schemas of the JSON bodies of a response."""
    return [
        schema
        for kind, content in response.get("content", {}).items()
        if kind != "text/html"
        for schema in content["schema"].get("anyOf", [content["schema"]])
    ]


def _where(scheme: dict[str, Any]) -> str:
    if scheme["type"] == "http":
        return "`Authorization: Bearer`"
    return f"{scheme['in']} `{scheme['name']}`"


def _write() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.projects.plain.settings")
    django.setup()
    found = document()
    FILE.write_text(file_of(found))
    PAGE.write_text(page_of(found))
    print(f"{len(re.findall('^### ', PAGE.read_text(), re.MULTILINE))} endpoints written")


if __name__ == "__main__":
    _write()
