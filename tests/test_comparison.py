"""`docs/comparison.md` and the README's table: what they name is there, and they say the same."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/comparison.md").read_text()
README = (ROOT / "README.md").read_text()
MAIN = "tests/served/recipes/test_comparison.py"
FIGURES = (ROOT / "benches/README.md").read_text()
NOT_MEASURED = "\N{EN DASH}"
PEERS = {
    "djangorestframework-simplejwt": "djangorestframework-simplejwt",
    "dj-rest-auth": "dj-rest-auth",
    "django-allauth headless": "django-allauth",
    "django-rest-knox": "django-rest-knox",
}


def rows(text: str, first: str) -> list[list[str]]:
    """Read the table whose first heading is this one, without the headings."""
    table = re.search(rf"^\| *{first} *\|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert table is not None, first
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in table[1].splitlines()]


def questions() -> list[list[str]]:
    return rows(PAGE, " \\| question")


def test_the_versions_are_the_locked_ones() -> None:
    names = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", PAGE)
    written = {name: version for name, version, _ in rows(names, "package") if name != "djwto"}
    assert set(written) == set(PEERS)
    for name, package in PEERS.items():
        assert written[name] == locked(package)
        assert f"{package} {written[name]}" in README
    for package, name in (("django", "Django"), ("djangorestframework", "REST framework")):
        assert re.search(rf"{name} ({'|'.join(map(re.escape, every(package)))})\b", PAGE), package


def locked(package: str) -> str:
    """Find the version that the newest Python gets; all lock files must agree."""
    newest = {max(found, key=numbers) for found in lists(package) if found}
    assert len(newest) == 1, (package, newest)
    return newest.pop()


def every(package: str) -> list[str]:
    return sorted({version for found in lists(package) for version in found})


def lists(package: str) -> list[list[str]]:
    line = re.compile(rf"^{re.escape(package)}==([\d.]+)", re.MULTILINE)
    return [line.findall(path.read_text()) for path in (ROOT / "requirements").glob("*.txt")]


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def test_both_pages_have_a_date_and_it_is_the_same() -> None:
    written = set(re.findall(r"20\d\d-\d\d-\d\d", PAGE + README))
    assert len(written) == 1
    assert f"AMD EPYC, 2 cores, Linux, {written.pop()}" in FIGURES


def test_each_question_has_a_test_that_exists() -> None:
    listed = re.findall(r"^(\d+)\. `(test_\w+)`$", PAGE, re.MULTILINE)
    assert [number for number, _ in listed] == [row[0] for row in questions()]
    assert {name for _, name in listed} <= functions(MAIN)


def test_what_the_others_have_is_shown_by_a_test_that_exists() -> None:
    for row in rows(PAGE, "what \\| where"):
        found = re.fullmatch(r"`(?:(tests/[\w/]+\.py)::)?(test_\w+)`", row[-1])
        if found is None:
            assert row[0] == "releases on PyPI", row
        else:
            assert found[2] in functions(found[1] or MAIN), row


def test_what_the_text_names_exists() -> None:
    for name in re.findall(r"`(test_\w+)`", PAGE):
        assert name in functions(MAIN), name
    for path in re.findall(r"`((?:tests|benches)/[\w/.]+)`", PAGE):
        assert (ROOT / path).exists(), path
    assert re.search(r"^STRICT = ", (ROOT / MAIN).read_text(), re.MULTILINE)


def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_each_figure_is_one_that_a_bench_printed() -> None:
    found = rows(PAGE, "what \\| djwto")
    for what, *cells, command in found:
        assert command in ("`make bench`", "`python -m benches.renewals`")
        for cell in cells:
            printed = re.search(rf"(?<![\d.,]){re.escape(cell)}(?![\d.])", FIGURES)
            assert cell == NOT_MEASURED or printed, what
    assert len(found) > 4
    assert (ROOT / "benches/renewals.py").exists()
    assert re.search(r"^bench:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_readmes_table_says_what_the_page_says() -> None:
    page = {what: cells for _, what, *cells in questions()}
    measured = {what: cells for what, *cells in rows(PAGE, "what \\| djwto")}
    has = {what: where for what, where, _ in rows(PAGE, "what \\| where")}
    for what, *cells in rows(README, ""):
        if what in measured:
            djwto, simplejwt, knox, _ = measured[what]
            assert cells == [djwto, simplejwt, NOT_MEASURED, NOT_MEASURED, knox], what
        elif what in page:
            assert cells == page[what], what
        else:
            named = ["dj-rest-auth" in has[what], "allauth" in has[what]]
            assert cells == ["no", "no", *("yes" if one else "no" for one in named), "no"], what
