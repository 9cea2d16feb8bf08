"""The versions of Python that are supported, and where this machine has them."""

import os
import shutil
import subprocess
from pathlib import Path

VERSIONS = ("3.10", "3.11", "3.12", "3.13")


def find(version: str) -> str | None:
    """Ask pyenv, then PATH (where pyenv's own shims may stand for a version that is not set)."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = sorted(root.glob(f"versions/{version}.*/bin/python"))
    found = shutil.which(f"python{version}")
    if found:
        candidates.insert(0, Path(found))
    for candidate in reversed(candidates):
        probe = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(probe, capture_output=True, text=True, check=False)
        if answer.stdout.strip() == version:
            return str(candidate)
    return None
