"""`tools/stages.py`: the table at the end of `make test`."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parent.parent / "tools" / "stages.py"

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not here")


def run(folder: Path, *stages: str) -> tuple[int, str]:
    (folder / "Makefile").write_text("good: ; @true\nbad: ; @false\nlater: ; @touch later\n")
    command = [sys.executable, str(TOOL), *stages]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_stage_over_its_ceiling_is_pointed_out_and_does_not_fail(tmp_path: Path) -> None:
    code, printed = run(tmp_path, "good=0", "later=5")
    assert code == 0
    assert "over its ceiling by 0:0" in printed
    (row,) = [row for row in printed.splitlines() if row.startswith("later ")]
    assert row.endswith(" 5:00")


def test_the_table_follows_a_stage_that_fails_and_the_rest_is_not_run(tmp_path: Path) -> None:
    code, printed = run(tmp_path, "good", "bad=3", "later=5")
    assert code == 1
    bad, later = printed.splitlines()[-3:-1]
    assert bad.startswith("bad ")
    assert bad.endswith(" 3:00  FAILED")
    assert later.split() == ["later", "not", "run", "5:00"]
    assert not (tmp_path / "later").exists()
