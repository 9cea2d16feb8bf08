"""Portals on real servers, with the people of `tests.large` in their database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tests.large import MODES
from tests.services import Server, serve

ROOT = Path(__file__).resolve().parents[2]

_MAKE_PEOPLE = """
import sys
import django

sys.path.insert(0, sys.argv[1])
django.setup()

from tests.large import make_portal_people

make_portal_people()
"""


@contextmanager
def serve_people(name: Literal["granian", "gunicorn"], folder: Path) -> Iterator[Server]:
    """Serve a portal that offers every mode; those of one folder share the people."""
    env = {"PORTAL_MODE": ",".join(reversed(MODES))}
    with serve(name, env=env, folder=folder) as served:
        made = folder / "people"
        if not made.exists():
            served.run("-c", _MAKE_PEOPLE, str(ROOT))
            made.touch()
        yield served
