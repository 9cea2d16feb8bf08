"""A project without any key: what makes and verifies no token works, such as `migrate`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import ERROR, run_checks
from django.core.management import call_command
from django.test import Client

from djwto import sessions
from djwto.models import ENDED_BY_ADMIN

SETTINGS = """
INSTALLED_APPS += ["djwto"]
DJWTO_ISS_CLAIM = "iss"
STATIC_ROOT = BASE_DIR / "static"
{more}
"""


KEY_CHECKS = ("djwto.W005", "djwto.E010", "djwto.E022")


@pytest.fixture(
    scope="module", params=["", 'DJWTO_KEYS = BASE_DIR / "keys.json"'], ids=["no key", "no file"]
)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project fresh from `django-admin startproject`, with djwto and no key."""
    folder = tmp_path_factory.mktemp("project")
    command = [sys.executable, "-m", "django", "startproject", "mysite", str(folder)]
    subprocess.run(command, check=True, timeout=120)
    with (folder / "mysite" / "settings.py").open("a") as file:
        file.write(SETTINGS.format(more=request.param))
    urls = (
        'from django.urls import include, path\nurlpatterns = [path("", include("djwto.urls"))]\n'
    )
    (folder / "mysite" / "urls.py").write_text(urls)
    return folder


def manage(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(project, "manage.py", *words)


def run(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    without = {name: text for name, text in os.environ.items() if not name.startswith("DJ")}
    environment = {
        **without,
        "DJANGO_SUPERUSER_PASSWORD": "pass",
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
    }
    command = [sys.executable, *words]
    return subprocess.run(
        command,
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_commands_that_need_no_key_work_without_one(project: Path) -> None:
    name = ["--username", "root", "--email", "root@example.com"]
    commands = [
        ["makemigrations"],
        ["migrate"],
        ["createsuperuser", "--no-input", *name],
        ["delete_tokens"],
        ["djwto_delete_tokens", "--batch-size", "10"],
        ["djwto_sessions", "list"],
        ["djwto_sessions", "end", "--everyone", "--no-input"],
        ["collectstatic", "--no-input"],
        ["showmigrations"],
    ]
    # All in one process, each with the checks that it makes by itself.
    all_of_them = f"""
from django.core.management import execute_from_command_line
for words in {commands!r}:
    execute_from_command_line(["manage.py", *words])
"""
    done = run(project, "-c", all_of_them)
    assert done.returncode == 0, (done.stdout, done.stderr)
    done = manage(project, "check")
    assert done.returncode == 0
    # `check` says what is missing, and `check --deploy` insists.
    assert "logins and guarded views answer 500" in done.stderr
    deployed = manage(project, "check", "--deploy")
    assert deployed.returncode == 1
    is_file = "DJWTO_KEYS" in (project / "mysite" / "settings.py").read_text()
    assert ("djwto.E022" if is_file else "djwto.E010") in deployed.stderr


def test_a_command_that_needs_a_key_says_so_in_a_sentence(project: Path) -> None:
    done = manage(project, "djwto_openapi")
    assert done.returncode == 1
    name = "KEYS" if "DJWTO_KEYS" in (project / "mysite" / "settings.py").read_text() else ""
    assert done.stderr.splitlines()[-1].startswith(f"CommandError: DJWTO_{name or 'SIGNING_KEY'}: ")
    assert "Traceback" not in done.stderr


def test_a_wrong_key_stops_them(project: Path) -> None:
    wrong = 'DJWTO_KEYS, DJWTO_SIGNING_KEY = None, "-----BEGIN PUBLIC KEY-----"\n'
    settings = project / "mysite" / "settings.py"
    before = settings.read_text()
    settings.write_text(before + wrong)
    try:
        done = manage(project, "migrate")
    finally:
        settings.write_text(before)
    assert done.returncode == 1
    assert "djwto.E010" in done.stderr


def test_a_missing_key_is_a_warning_and_in_production_an_error(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DJWTO_SIGNING_KEY", raising=False)
    del settings.DJWTO_SIGNING_KEY
    assert levels() == {"djwto.W005": False}
    assert levels(include_deployment_checks=True)["djwto.E010"]
    settings.DJWTO_KEYS = tmp_path / "keys.json"
    assert levels() == {"djwto.E022": False}
    assert levels(include_deployment_checks=True)["djwto.E022"]
    # A file that is there and bad is always an error.
    settings.DJWTO_KEYS.write_text("{}")
    assert levels() == {"djwto.E022": True}


def levels(**options: Any) -> dict[str, bool]:
    """Each check of djwto, and whether it is an error."""
    found = {
        m.id: m.level >= ERROR for m in run_checks(**options) if str(m.id).startswith("djwto.")
    }
    return {str(name): level for name, level in found.items() if name in KEY_CHECKS}


@pytest.mark.django_db
def test_sessions_end_without_a_key(settings: Any, alice: Any, client: Client) -> None:
    assert client.post("/login/", {"username": "alice", "password": "pass"}).status_code == 200
    settings.DJWTO_SIGNING_KEY = None
    assert sessions.end_all(alice, reason=ENDED_BY_ADMIN) == 1
    call_command("delete_tokens")
