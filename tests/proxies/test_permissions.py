"""Django's guards and djwto-server give the same answers, those of `vectors/permissions.json`."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from tests import services
from tests.conftest import database_settings
from tests.proxies import stack as stacks
from tests.proxies.people import VECTOR, Question
from tests.proxies.proxies import ROOT
from tests.proxies.stack import Guard
from tests.services import Postgres

HOST = "models.example.org"
Key = tuple[str, str]
"""A project of `tests/projects`, and its user model."""
EXPORTS: dict[Key, list[str]] = {
    ("plain", "auth.User"): ["tables", "backend", "hook"],
    ("uuid", "people.Person"): ["tables"],
    ("accounts", "crm.ByCode"): ["tables"],
    ("accounts", "crm.Clerk"): ["tables"],
    ("routed", "auth.User"): ["databases"],
    ("simplejwt", "auth.User"): ["simplejwt", "one_secret"],
}
"""The projects with a file of SQLite, and their names in `people.exports`."""
ON_POSTGRES: list[Key] = [
    ("plain", "auth.User"),
    ("uuid", "people.Person"),
    ("accounts", "crm.ByCode"),
    ("accounts", "crm.Account"),
]


@dataclass
class Project:
    """The files of a Django project, after Django has answered."""

    folder: Path
    database: str
    asked: dict[str, list[Question]]
    """The questions by the name of the export that they belong to."""


Projects = dict[Key, "Future[Project]"]


def project(
    key: Key, folder: Path, database: str, databases: dict[str, Any], exports: list[str]
) -> Project:
    """Run Django alone: it makes all files, and answers every question."""
    folder.mkdir()
    ours = ("PORTAL_", "DJWTO_", "DJANGO_", "PYTHONWARNINGS")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    env |= {
        "DJANGO_SETTINGS_MODULE": "tests.proxies.people_settings",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "python")]),
        "TEST_DATABASES": json.dumps(databases),
        "TEST_KEYS": "keys.json",
    }
    env["TEST_PROJECT"], env["TEST_USER_MODEL"] = key
    command = [sys.executable, "-m", "tests.proxies.people", *exports]
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return Project(folder, database, json.loads(done.stdout))


@pytest.fixture(scope="module")
def on_sqlite(guard_program: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    place = tmp_path_factory.mktemp("sqlite")

    def made(key: Key, exports: list[str]) -> Project:
        folder = place / "-".join(key)
        aliases = ["default", "sessions"] if key[0] == "routed" else ["default"]
        engine = "django.db.backends.sqlite3"
        databases = {alias: {"ENGINE": engine, "NAME": f"{alias}.sqlite3"} for alias in aliases}
        address = f"sqlite:{folder / aliases[-1]}.sqlite3"
        return project(key, folder, address, databases, exports)

    with ThreadPoolExecutor(2) as pool:
        yield {key: pool.submit(made, key, exports) for key, exports in EXPORTS.items()}


@pytest.fixture(scope="module")
def on_postgres(
    guard_program: None, cluster: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Projects]:
    place = tmp_path_factory.mktemp("postgres")

    def made(key: Key) -> Project:
        name = f"people_{token_hex(4)}"
        address = cluster.create_database(name)
        databases = {"default": database_settings(address)}
        return project(key, place / "-".join(key), address, databases, ["tables"])

    with ThreadPoolExecutor(2) as pool:
        yield {key: pool.submit(made, key) for key in ON_POSTGRES}


@pytest.fixture(scope="module")
def guard_program() -> None:
    """Skip without djwto-server. These tests need no proxy."""
    try:
        stacks.guard_program()
    except services.ServiceError as missing:
        pytest.skip(str(missing))


Ask = Callable[[Question], list[Any]]


@contextmanager
def server(made: Project, export: str) -> Iterator[tuple[Guard, Ask]]:
    """Run a djwto-server with a rule for each question. Give it, and what asks it."""
    requirements = {tuple(one["required"]) for one in made.asked[export]}
    paths = {required: f"/{number}" for number, required in enumerate(sorted(requirements))}
    rules = "".join(
        f"    {{ path = {json.dumps(path)}, permissions = {toml(required)} }},\n"
        for required, path in paths.items()
    )
    guard = Guard(made.folder, services.free_port())
    guard.config.write_text(
        f"""
export = "{export}.json"
database = "{made.database}"
listen = ["127.0.0.1:{guard.port}"]
peers = [{{ address = "127.0.0.1", proxy = "nginx" }}]

[hosts."{HOST}"]
rules = [
{rules}]
"""
    )
    guard.start()
    try:
        with closing(HTTPConnection("127.0.0.1", guard.port, timeout=30)) as connection:

            def ask(one: Question) -> list[Any]:
                headers = {
                    "Authorization": f"Bearer {one['token']}",
                    "X-Forwarded-Method": "GET",
                    "X-Forwarded-Proto": "https",
                    "X-Forwarded-Host": HOST,
                    "X-Forwarded-Uri": paths[tuple(one["required"])],
                }
                connection.request("GET", "/auth", headers=headers)
                reply = connection.getresponse()
                reply.read()
                return [reply.status, reply.headers.get("X-Djwto-Code", "ok")]

            yield guard, ask
    finally:
        guard.stop()


def toml(names: tuple[str, ...]) -> str:
    """Write texts as TOML. JSON is the same, but for letters beyond the BMP as two escapes."""
    return json.dumps(names, ensure_ascii=False)


def differing(questions: list[Question], ask: Ask) -> list[str]:
    """Say which answers are not those of the vector."""
    answers = [(one, [VECTOR["statuses"][one["expect"]], one["expect"]]) for one in questions]
    return [
        f"{one['name']}: {found}, expected {expected}"
        for one, expected in answers
        if (found := ask(one)) != expected
    ]


def answer_of_django(one: Question) -> list[Any]:
    found: list[Any] = one["found"]
    return found


@pytest.mark.parametrize(
    ("database", "key"),
    [
        *(("on_sqlite", "/".join(key)) for key in EXPORTS if "tables" in EXPORTS[key]),
        *(("on_postgres", "/".join(key)) for key in ON_POSTGRES),
    ],
)
def test_both_answer_as_the_vector_says(
    database: str, key: str, request: pytest.FixtureRequest
) -> None:
    project, model = key.split("/")
    made = request.getfixturevalue(database)[project, model].result()
    questions = made.asked["tables"]
    assert len(questions) > 500
    assert differing(questions, answer_of_django) == []
    with server(made, "tables") as (_, ask):
        assert differing(questions, ask) == []


OWN_BACKEND = "AUTHENTICATION_BACKENDS: tests.exporting.Granting gives permissions in its own way"


@pytest.mark.parametrize(
    ("project", "export", "reason"),
    [
        ("plain", "backend", OWN_BACKEND),
        ("plain", "hook", "tokens.process_perms is replaced"),
        ("routed", "databases", "auth.User is in another database than djwto's sessions"),
    ],
)
def test_the_server_does_not_guess_what_a_project_decides(
    on_sqlite: Projects, project: str, export: str, reason: str
) -> None:
    """Django answers by its own code. The server refuses, unless the token has the permissions."""
    made = on_sqlite[project, "auth.User"].result()
    questions = made.asked[export]
    assert differing(questions, answer_of_django) == []
    unknown = {"expect": "permissions_unavailable"}
    expected = [one | unknown if one["name"].startswith("omitted") else one for one in questions]
    with server(made, export) as (guard, ask):
        assert differing(expected, ask) == []
        note = "note: a token that leaves its permissions out is refused where a rule asks for some"
        assert f"{note}: {reason}\n" in guard.run("check")


@pytest.mark.parametrize(
    ("export", "code"), [("simplejwt", "algorithm_refused"), ("one_secret", "claim_missing")]
)
def test_tokens_of_simplejwt_are_refused_by_name(
    on_sqlite: Projects, export: str, code: str
) -> None:
    """Django takes them. The server does not, even if they are signed with djwto's own secret."""
    made = on_sqlite["simplejwt", "auth.User"].result()
    questions = made.asked[export]
    assert differing(questions, answer_of_django) == []
    with server(made, export) as (guard, ask):
        assert differing([{**one, "expect": code} for one in questions], ask) == []
        note = "note: Django also takes tokens of simplejwt. This server refuses them"
        assert note in guard.run("check")
