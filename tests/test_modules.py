"""Modules: what may be imported where, and under which names."""

import subprocess
import sys
from pathlib import Path

import pytest

import djwto.models
import djwto.urls
from djwto import _core, replies, responses

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = """
from django.conf import settings
settings.configure(
    AUTH_USER_MODEL="accounts.User",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "accounts", "djwto"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
import django
django.setup()
"""
MODEL = """
from django.contrib.auth.models import AbstractUser
from djwto import {}

class User(AbstractUser):
    pass
"""


@pytest.mark.parametrize(
    "name", ["csrf", "exceptions", "responses", "sessions", "signals", "test", "tokens", "types"]
)
def test_the_module_of_the_user_model_may_import(tmp_path: Path, name: str) -> None:
    package = tmp_path / "accounts"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "models.py").write_text(MODEL.format(name))
    path = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT / 'python')!r}]"
    done = subprocess.run(
        [sys.executable, "-c", f"{path}\n{SETTINGS}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_urls_can_be_imported_by_a_star() -> None:
    names: dict[str, list[object]] = {}
    exec("from djwto.urls import *", names)
    assert [one.name for one in names["urlpatterns"]] == [  # type: ignore[attr-defined]
        one.name for one in djwto.urls.urlpatterns
    ]


def test_the_first_name_of_responses_is_the_same() -> None:
    assert replies.refusal is responses.refusal
    assert replies.keep_private is responses.keep_private


def test_reasons_are_those_of_the_engine() -> None:
    names = ["REUSE", "LOGOUT", "PASSWORD_CHANGED", "USER_DELETED", "USER_DEACTIVATED"]
    names += ["USER_CHANGED", "TOO_MANY", "ENDED_BY_USER", "ENDED_BY_ADMIN"]
    assert [getattr(djwto.models, name) for name in names] == _core.end_reasons()
