"""What the tests start does not get in its own way."""

import subprocess
import sys
from pathlib import Path

from tests import services

GIVE = "from tests import services; print(*[services.free_port() for _ in range(300)])"


def test_a_port_is_given_once_and_to_one_run() -> None:
    """With 600 of 12,000 ports, chance alone would give some of them twice."""
    given = [services.free_port() for _ in range(300)]
    there = Path(__file__).resolve().parents[1]
    beside = subprocess.run(
        [sys.executable, "-c", GIVE], cwd=there, check=True, capture_output=True, text=True
    )
    given += [int(port) for port in beside.stdout.split()]
    assert len(given) == len(set(given)) == 600
