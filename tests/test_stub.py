"""The stub of the extension module is proven, and the package ships its types."""

import subprocess
import sys
from pathlib import Path

import pytest

import djwto

ROOT = Path(__file__).resolve().parent.parent


def test_stub_agrees_with_the_extension() -> None:
    pytest.importorskip("mypy", reason="stubtest comes with mypy, which only requirements/dev has")
    command = [sys.executable, "-m", "mypy.stubtest", "djwto._core", "--concise"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_types_are_shipped() -> None:
    assert (Path(djwto.__path__[0]) / "py.typed").exists()
