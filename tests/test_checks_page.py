"""`docs/checks.md` lists the checks of the code, and says of each when it runs."""

import ast
import re
from collections import defaultdict

from djwto.checks import SETTING_IDS
from tests.public_names import PACKAGE
from tests.test_docs import DOCS

PAGE = (DOCS / "checks.md").read_text()
ALWAYS, DEPLOY = "check", "deploy"


def test_page_lists_the_checks_and_when_they_run():
    listed = defaultdict(set)
    for number, when in _rows():
        listed[number].add(when)
    for number in _setting_rows():
        listed[number].add(ALWAYS)
    assert listed == _checks()


def test_page_names_the_setting_of_each_check():
    assert _setting_rows() == {number: name for name, number in SETTING_IDS.items()}


def test_errors_and_warnings_stand_in_their_own_tables_and_have_an_anchor():
    errors, warnings = re.findall(
        r"^## (?:Errors|Warnings)\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL
    )
    for letter, table in (("E", errors), ("W", warnings)):
        numbers = re.findall(r"`djwto\.(\w+)` \| `", table)
        assert numbers == sorted(numbers)
        assert {number[0] for number in numbers} == {letter}
        assert re.findall(r'^\| <span id="(\w+)">', table, re.MULTILINE) == [
            n.lower() for n in numbers
        ]


def _rows() -> list[tuple[str, str]]:
    """Give the id and the time of each row. Every row says what is wrong, and what to do."""
    row = r"^\| <span id=\"\w+\"></span>`(djwto\.\w+)` \| `(\w+)` \| \S[^|]+ \| \S[^|]+ \|$"
    found = re.findall(row, PAGE, re.MULTILINE)
    assert len(found) == PAGE.partition("\n## Settings")[0].count("| <span")
    return found


def _setting_rows() -> dict[str, str]:
    table = PAGE.partition("\n## Settings")[2]
    row = r"`(djwto\.E\d+)` \| \[`DJWTO_(\w+)`\]\(settings\.md#djwto_(\w+)\) \|$"
    found = re.findall(row, table, re.MULTILINE)
    assert [name.lower() for _, name, _ in found] == [anchor for _, _, anchor in found]
    return {number: name for number, name, _ in found}


def _checks() -> dict[str, set[str]]:
    """Find the ids in the functions of the checks, and whether these run for deployments alone."""
    found = defaultdict(set, {number: {ALWAYS} for number in SETTING_IDS.values()})
    for path in [*PACKAGE.rglob("*checks.py"), PACKAGE / "conf.py"]:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                for number in re.findall(r"\b[EW]\d{3}\b", ast.unparse(node)):
                    found[f"djwto.{number}"].add(DEPLOY if _is_for_deployment(node) else ALWAYS)
    return found


def _is_for_deployment(node: ast.FunctionDef) -> bool:
    keywords = [one for call in node.decorator_list for one in getattr(call, "keywords", [])]
    return any(keyword.arg == "deploy" for keyword in keywords)
