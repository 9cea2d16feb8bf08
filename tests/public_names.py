"""The public names of djwto: what the modules list in `__all__`, and how the source defines it.

The source is read and not imported: some modules need frameworks, or an app that is installed.
"""

import ast
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "python" / "djwto"

APPS = frozenset(("djwto.verifier", "djwto.contrib.simplejwt"))
"""Packages that go into `INSTALLED_APPS`. They have no names to import."""

Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.stmt


@cache
def public_names() -> frozenset[str]:
    """Give them as dotted paths. A module of URLs counts as one name, for `include`."""
    found = set(APPS)
    for path in PACKAGE.rglob("*.py"):
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        if not module.startswith("djwto.management."):
            names = _all_of(ast.parse(path.read_text()))
            found |= {module if name == "urlpatterns" else f"{module}.{name}" for name in names}
    return frozenset(found)


@cache
def definition(name: str) -> tuple[Definition, str]:
    """Find where a name is defined, through imports, and its docstring.

    Raises `LookupError` for a name that is not of djwto.
    """
    if not name.startswith("djwto"):
        raise LookupError(f"{name} is not of djwto")
    path = PACKAGE.parent / name.replace(".", "/")
    source = next(
        (one for one in (path / "__init__.py", path.with_suffix(".py")) if one.exists()), None
    )
    if source is not None:
        module = ast.parse(source.read_text())
        return module, ast.get_docstring(module) or ""
    parent, _, last = name.rpartition(".")
    return _defined_in(definition(parent)[0], last)


def _defined_in(parent: Definition, name: str) -> tuple[Definition, str]:
    body = getattr(parent, "body", [])
    for number, node in enumerate(body):
        if getattr(node, "name", None) == name:
            return node, ast.get_docstring(node) or ""
        if name in _assigned(node):
            return node, _text_of(body[number + 1 : number + 2])
        if isinstance(node, ast.ImportFrom) and name in [one.name for one in node.names]:
            return definition(f"{node.module}.{name}")
    raise LookupError(f"{name} is not defined")


def _all_of(module: ast.Module) -> list[str]:
    return next(
        (ast.literal_eval(node.value) for node in module.body if "__all__" in _assigned(node)), []
    )


def _assigned(node: ast.stmt) -> list[str]:
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return [one.id for one in targets if isinstance(one, ast.Name)]


def _text_of(following: list[ast.stmt]) -> str:
    value = following[0].value if following and isinstance(following[0], ast.Expr) else None
    return str(value.value) if isinstance(value, ast.Constant) else ""
