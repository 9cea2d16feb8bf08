"""The export of a project with django-tenants. No server is needed, and the package is."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("in_tenants", "expected"),
    [("", True), ("django.contrib.auth", "Each tenant has a table auth_user.")],
)
def test_django_tenants(in_tenants: str, expected: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "django", "djwto_export", "--allow-shared-secret"],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.served.tenants.settings",
            "TENANTS_APPS": in_tenants,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "python")]),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert (found["tenants"], found["database"]["vendor"]) == (True, "postgresql")
    assert found["capabilities"]["permissions"] == expected
