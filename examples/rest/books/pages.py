"""Two pages: a login, and the schema as a table. Neither loads anything from another host."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from drf_spectacular.generators import SchemaGenerator


@ensure_csrf_cookie
def index(request: HttpRequest) -> HttpResponse:
    """Show a login, which leads to REST framework's browsable API."""
    return render(request, "books/index.html")


def schema(request: HttpRequest) -> HttpResponse:
    """Show what drf-spectacular has found: each operation, and what opens it."""
    document = SchemaGenerator().get_schema(public=True)
    operations = [
        (method.upper(), path, _sentence(operation), _opened_by(operation))
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
    schemes = document["components"]["securitySchemes"].items()
    return render(request, "books/schema.html", {"operations": operations, "schemes": schemes})


def icon(request: HttpRequest) -> HttpResponse:
    """Answer browsers, which ask for an icon beside the browsable API."""
    return HttpResponse(status=204)


def _sentence(operation: dict[str, Any]) -> str:
    text = operation.get("summary") or operation.get("description", "")
    return str(text).partition("\n")[0]


def _opened_by(operation: dict[str, Any]) -> list[str]:
    return [" and ".join(one) or "anyone" for one in operation.get("security", [])]
