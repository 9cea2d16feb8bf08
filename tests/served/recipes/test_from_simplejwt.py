"""`docs/from-simplejwt.md`: tokens that simplejwt made before the move go on."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.served.recipes.project import REST_VIEW, Project, served

# What users held when the project was moved: made by the package itself, by its defaults.
TOKENS = """
import json
from pathlib import Path
from rest_framework_simplejwt.tokens import RefreshToken

refresh = RefreshToken.for_user(alice)
texts = {"refresh": str(refresh), "access": str(refresh.access_token)}
Path("tokens.json").write_text(json.dumps(texts))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("simplejwt")
    with served("from-simplejwt", folder, script=TOKENS, urls=REST_VIEW) as project:
        yield project


@pytest.fixture
def held(project: Project) -> Any:
    return json.loads((project.folder / "tokens.json").read_text())


def test_who_was_logged_in_stays_so(project: Project, held: Any) -> None:
    with project.visitor() as app:
        app.carry(held["access"])
        assert app.get("/whoami/").json() == {"name": "alice"}
        app.carry(None)
        for _ in range(2):
            renewed = app.post("/api/token/refresh/", json={"refresh": held["refresh"]})
            assert list(renewed.json()) == ["access"]
        app.carry(renewed.json()["access"])
        assert app.get("/whoami/").json() == {"name": "alice"}


def test_who_logs_in_gets_what_simplejwt_gave(project: Project) -> None:
    with project.visitor() as app:
        form = {"username": "alice", "password": "pass"}
        pair = app.post("/api/token/", json=form).json()
        assert list(pair) == ["refresh", "access"]
        assert app.post("/api/token/verify/", json={"token": pair["access"]}).json() == {}
        app.carry(pair["access"])
        assert app.get("/whoami/").json() == {"name": "alice"}
        assert app.post("/api/token/blacklist/", json={"refresh": pair["refresh"]}).json() == {}
        refused = app.post("/api/token/refresh/", json={"refresh": pair["refresh"]})
        assert refused.status_code == 401
        assert refused.json() == {"detail": "Token is blacklisted", "code": "token_not_valid"}
        assert app.get("/whoami/").json()["code"] == "token_not_valid"


def test_the_command_prints_what_the_page_shows(project: Project) -> None:
    """All but the date, which is the reader's own."""
    script = """
import django
django.setup()
from django.core.management import call_command
from io import StringIO
out = StringIO()
call_command("djwto_import", "simplejwt", "--dry-run", stdout=out)
printed = out.getvalue()
settings = open("mysite/settings.py").read()
for line in printed.splitlines():
    if line.startswith("DJWTO_") and not line.startswith("DJWTO_SIMPLEJWT_UNTIL"):
        assert line.replace("'", '"') in settings.replace("'", '"'), line
assert "DJWTO_SIMPLEJWT_UNTIL = date(" in printed
"""
    project.run(script)
