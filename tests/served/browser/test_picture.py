"""`make picture` still takes the picture of the portal; the README shows it."""

import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_docs import ROOT

README = (ROOT / "README.md").read_text()
SHOWN = re.findall(r'src(?:set)?="(docs/images/[^"]+)"', README)
LARGEST = 150_000
"""Bytes of one picture."""


@pytest.mark.long
def test_it_is_taken_in_the_browser(tmp_path: Path) -> None:
    # A process apart: in this one Playwright may be at work for other tests.
    tool = [sys.executable, str(ROOT / "tools/picture.py"), "--scheme", "dark"]
    subprocess.run([*tool, "--into", str(tmp_path)], check=True, timeout=120)
    width, height = size(tmp_path / "portal-dark.png")
    assert width == 1168
    assert width / 2 < height < width * 1.2


def test_the_readme_shows_both() -> None:
    assert set(SHOWN) == {"docs/images/portal-dark.png", "docs/images/portal-light.png"}


@pytest.mark.parametrize("name", ["portal-light.png", "portal-dark.png"])
def test_a_picture_is_small(name: str) -> None:
    path = ROOT / "docs/images" / name
    assert size(path)[0] == 1168
    assert path.stat().st_size <= LARGEST


def size(path: Path) -> tuple[int, int]:
    """Read the width and the height of a PNG, in pixels."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", head[16:24])
