"""The benches, which no stage runs: what they import from each other is there."""

import ast
from pathlib import Path

import pytest

BENCHES = Path(__file__).parents[1] / "benches"


@pytest.mark.parametrize("path", sorted(BENCHES.glob("*.py")), ids=lambda path: path.stem)
def test_names_are_there(path: Path) -> None:
    for statement in ast.walk(ast.parse(path.read_text())):
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("benches"):
            for wanted in statement.names:
                assert wanted.name in _names(str(statement.module)), (path.name, wanted.name)


def _names(module: str) -> set[str]:
    """Give what a module of the benches defines, or which modules are in a package of them."""
    path = BENCHES.parent.joinpath(*module.split("."))
    if path.is_dir():
        return {one.stem for one in path.iterdir()}
    names = set()
    for statement in ast.parse(path.with_suffix(".py").read_text()).body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            names.add(statement.name)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names |= {
                one.id
                for target in targets
                for one in ast.walk(target)
                if isinstance(one, ast.Name)
            }
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            names |= {one.asname or one.name for one in statement.names}
    return names
