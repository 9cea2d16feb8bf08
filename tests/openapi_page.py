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
    sections = [
        _section(path, method, operation)
        for path, item in found["paths"].items()
        for method, operation in item.items()
    ]
    schemes = [
        f"| `{name}` | {_where(one)} | {one['description']} |"
        for name, one in found["components"]["securitySchemes"].items()
    ]
    table = "\n".join(["| name | where | what |", "|---|---|---|", *schemes])
    parts = ["## Endpoints", *sections, "## What opens them", table]
    return head + START + "\n" + "\n\n".join(parts) + "\n"


def file_of(found: dict[str, Any]) -> str:
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _section(path: str, method: str, operation: dict[str, Any]) -> str:
    lines = [f"### `{method.upper()} {path}`", "", operation["summary"], ""]
    needs = [" and ".join(f"`{name}`" for name in need) for need in operation["security"]]
    if needs:
        lines += ["Takes " + ", or ".join(need or "nothing" for need in needs) + ".", ""]
    body = operation.get("requestBody")
    if body is not None:
        schema = body["content"]["application/json"]["schema"]
        lines += ["| field | what it is |", "|---|---|"]
        lines += [
            f"| `{name}` | {_what(one, required=name in schema.get('required', ()))} |"
            for name, one in schema["properties"].items()
        ]
        lines += [""]
    lines += ["| status | body | headers |", "|---|---|---|"]
    for status, response in operation["responses"].items():
        headers = ", ".join(f"`{name}`" for name in response.get("headers", {}))
        lines.append(f"| {status} | {_body(response)} | {headers} |")
    return "\n".join(lines)


def _what(schema: dict[str, Any], *, required: bool) -> str:
    words = ["required" if required else "optional"]
    if "enum" in schema:
        words.append("one of " + ", ".join(f"`{one}`" for one in schema["enum"]))
    if "description" in schema:
        words.append(schema["description"])
    return "; ".join(words)


def _body(response: dict[str, Any]) -> str:
    found = []
    for kind, content in response.get("content", {}).items():
        schema = content["schema"]
        for one in schema.get("anyOf", [schema]):
            if kind == "text/html":
                found.append("an HTML page")
                continue
            fields = one["properties"]
            text = "`{" + ", ".join(f'"{name}"' for name in fields) + "}`"
            for name in ("msg", "code"):
                if "enum" in fields.get(name, {}):
                    listed = ", ".join(f"`{value}`" for value in fields[name]["enum"])
                    text += f", `{name}`: {listed}"
            found.append(text)
    return "; or ".join(found) or "empty"


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
