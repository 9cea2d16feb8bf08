"""Two tenants of django-tenants under two hosts, each of which has a user 1.

Through real servers: WSGI in two processes, and ASGI. Users are in a table of each tenant, or
shared by all of them. A user who is shared is one person: what happens to them happens everywhere.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import services
from tests.services import Postgres

ROOT = Path(__file__).resolve().parents[3]
AUTH = "django.contrib.contenttypes django.contrib.auth"
REFRESH = "/api/token/refresh"
COMMANDS = {
    "gunicorn": [
        "-m",
        "gunicorn",
        "--workers",
        "2",
        "--worker-class",
        "gthread",
        "--threads",
        "4",
        "--graceful-timeout",
        "2",
    ],
    "uvicorn": ["-m", "uvicorn", "--no-access-log"],
}
PREPARE = """
import django
django.setup()
from django.core.management import call_command

call_command("migrate_schemas", "--shared", verbosity=0)
call_command("createcachetable")
from tests.served.tenants.customers.models import Customer, Domain

for name in ("a", "b"):
    customer = Customer(schema_name=name)
    customer.save(verbosity=0)
    Domain.objects.create(domain=f"{name}.demo.localhost", tenant=customer, is_primary=True)
"""


@dataclass
class Site:
    """The project, served."""

    url: str
    env: dict[str, str]
    are_shared: bool

    def manage(self, *words: str) -> str:
        """Run a command of the project."""
        return run(self.env, "-m", "django", *words)

    def change(self, host: str, what: str, **fields: str) -> None:
        """Let a view of the project change user 1, at a host."""
        fields = {"name": f"alice of {host}", **fields}
        reply = ask(self, host, "POST", f"/change/{what}/", data=fields)
        assert reply.status_code == 200, reply.text

    def person(self, host: str, password: str = "pass") -> "Person":
        """Log user 1 in at a host."""
        person = Person(self, host)
        reply = person.login(password)
        assert reply.status_code == 200, reply.text
        return person


class Person:
    """User 1 at one host, with tokens."""

    def __init__(self, site: Site, host: str) -> None:
        self.site, self.host = site, host
        self.tokens: dict[str, str] = {}

    def login(self, password: str) -> requests.Response:
        """Log in."""
        name = "alice of a" if self.site.are_shared else f"alice of {self.host}"
        fields = {"username": name, "password": password}
        reply = ask(self.site, self.host, "POST", "/login/", data=fields)
        if reply.status_code == 200:
            self.tokens = reply.json()
        return reply

    def ask(self, method: str, path: str, kind: str = "access", **more: Any) -> requests.Response:
        """Send a token."""
        headers = {"Authorization": f"Bearer {self.tokens[kind]}"}
        return ask(self.site, self.host, method, path, headers=headers, **more)

    def refresh(self, name: str, **more: Any) -> requests.Response:
        """Send the refresh token to an endpoint."""
        return self.ask("POST", f"{REFRESH}/{name}/", "refresh", **more)

    def at(self, host: str) -> "Person":
        """The same tokens at another host."""
        thief = Person(self.site, host)
        thief.tokens = self.tokens
        return thief

    def sessions(self) -> list[str]:
        """List the sessions."""
        reply = self.ask("GET", f"{REFRESH}/sessions/", "refresh")
        return [one["id"] for one in reply.json()["sessions"]]

    def works(self) -> bool:
        """Whether guards of both kinds let this token in, and whose it is there."""
        replies = [self.ask("GET", path) for path in ("/whoami/", "/awhoami/")]
        name = "alice of a" if self.site.are_shared else f"alice of {self.host}"
        for reply in replies:
            if reply.status_code == 200:
                assert reply.json()["tenant"] == self.host
                # A user who is gone has no name, until the session is known to have ended.
                assert reply.json()["name"] in (name, "")
            else:
                assert reply.json()["code"] == "token_blacklisted", reply.text
        return all(reply.status_code == 200 for reply in replies)

    def is_out(self) -> bool:
        """Whether every process refuses the token soon: each of them learns of it by itself."""
        deadline = time.monotonic() + 10
        refused = 0
        while refused < 10:
            refused = 0 if self.works() else refused + 1
            if time.monotonic() > deadline:
                return False
        return True


def ask(site: Site, host: str, method: str, path: str, **more: Any) -> requests.Response:
    headers = {"Host": f"{host}.demo.localhost", **more.pop("headers", {})}
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method, f"{site.url}{path}", headers=headers, timeout=30, allow_redirects=False, **more
        )


def run(env: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment(**own: str) -> dict[str, str]:
    ours = ("DJANGO_", "DJWTO_", "TENANTS_", "PYTHONWARNINGS")
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
    return {**inherited, "DJANGO_SETTINGS_MODULE": "tests.served.tenants.settings", **own}


@contextmanager
def served(server: str, env: dict[str, str], folder: Path) -> Iterator[Site]:
    port, log = services.free_port(), folder / "log.txt"
    where = ["--bind", f"127.0.0.1:{port}"] if server == "gunicorn" else ["--port", str(port)]
    site = Site(f"http://127.0.0.1:{port}", env, are_shared=AUTH not in env["TENANTS_APPS"])
    name = "wsgi" if server == "gunicorn" else "asgi"
    command = [sys.executable, *COMMANDS[server], *where, f"tests.served.tenants.site:{name}"]
    process = services.spawn(command, log=log, cwd=ROOT, env=env)
    try:
        services.until_ready(lambda: _answers(site), process, log, server)
        yield site
    finally:
        services.end(process)
    text = log.read_text()
    assert "Traceback" not in text, text
    assert "eyJ" not in text, text


def _answers(site: Site) -> bool:
    try:
        return ask(site, "a", "GET", "/csrf/").status_code == 200
    except requests.ConnectionError:
        return False


WSGI = {"wsgi, users of each tenant": ("gunicorn", AUTH), "wsgi, shared users": ("gunicorn", "")}
ASGI = {"asgi, users of each tenant": ("uvicorn", AUTH)}


def on(sites: dict[str, tuple[str, str]]) -> Any:
    """Run a test on each of these sites, which are served once."""
    return pytest.mark.parametrize(
        "site", sites.values(), ids=list(sites), indirect=True, scope="module"
    )


@pytest.fixture(scope="module")
def site(
    request: pytest.FixtureRequest, cluster: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    server, apps = request.param
    database = cluster.create_database(f"tenants_{server}_{'own' if apps else 'shared'}")
    env = environment(TENANTS_DATABASE=database, TENANTS_APPS=apps)
    run(env, "-c", PREPARE)
    with served(server, env, tmp_path_factory.mktemp("tenants")) as site:
        yield site


@pytest.fixture
def both(site: Site) -> tuple[Person, Person]:
    """User 1 of two tenants, with the one session that each of them has."""
    for host in ("a",) if site.are_shared else ("a", "b"):
        site.change(host, "end_all")
        site.change(host, "activate")
    return site.person("a"), site.person("b")


@on(WSGI | ASGI)
def test_no_token_crosses(both: tuple[Person, Person]) -> None:
    for here, there in (both, both[::-1]):
        for _ in range(4):
            assert here.works()
            thief = here.at(there.host)
            replies = [thief.ask("GET", path) for path in ("/whoami/", "/awhoami/")]
            replies.append(thief.ask("POST", "/validate_access/"))
            names = ("refresh_access", "update_refresh", "validate_refresh", "logout", "logout_all")
            replies += [thief.refresh(name) for name in names]
            found = {(reply.status_code, reply.json()["code"]) for reply in replies}
            assert found == {(401, "tenant_invalid")}
            assert thief.ask("DELETE", f"{REFRESH}/logout/", "refresh").status_code == 204
        renewed = here.refresh("update_refresh").json()
        here.tokens = renewed
        assert here.works()


@on(WSGI)
def test_no_list_and_no_logout_crosses(site: Site, both: tuple[Person, Person]) -> None:
    in_a, in_b = both
    second = site.person("a")
    assert len(in_a.sessions()) == 2
    (of_b,) = in_b.sessions()
    assert of_b not in in_a.sessions()
    foreign = in_a.ask("DELETE", f"{REFRESH}/sessions/{of_b}/", "refresh")
    assert foreign.json()["code"] == "session_not_found"
    assert in_a.refresh("logout_all").json()["ended"] == 2
    assert second.is_out()
    assert in_a.is_out()
    assert in_b.works()
    assert in_b.sessions() == [of_b]


@on(WSGI)
def test_no_cap_crosses(site: Site, both: tuple[Person, Person]) -> None:
    in_a, in_b = both
    for _ in range(3):
        site.person("b")
    assert in_b.is_out()
    assert in_a.works()
    assert len(in_a.sessions()) == 1


@on(WSGI)
def test_no_failed_login_crosses(site: Site, both: tuple[Person, Person]) -> None:
    in_a, in_b = both
    found = [in_a.login("wrong").status_code for _ in range(4)]
    assert found == [401, 401, 401, 429]
    assert in_b.login("pass").status_code == 200
    site.change("a", "forget")


@on(WSGI | ASGI)
@pytest.mark.parametrize("change", ["deactivate", "password", "delete"])
def test_a_changed_user_ends_where_the_user_is(
    site: Site, both: tuple[Person, Person], change: str
) -> None:
    in_a, in_b = both
    site.change("a", change, password="another")
    assert in_a.is_out()
    assert in_a.refresh("update_refresh").status_code in (401, 403)
    if site.are_shared:
        assert in_b.is_out()
    else:
        assert in_b.works()
        assert in_b.refresh("update_refresh").status_code == 200


@on(WSGI)
def test_a_new_password_keeps_its_own_session(site: Site, both: tuple[Person, Person]) -> None:
    in_a, in_b = both
    second = site.person("a")
    fields = {"old_password": "pass", "new_password1": "xkcd 936 b", "new_password2": "xkcd 936 b"}
    reply = in_a.ask("POST", "/password/", data=fields)
    assert reply.status_code == 200, reply.text
    assert second.is_out()
    assert in_a.works()
    if site.are_shared:
        assert in_b.is_out()
    else:
        assert in_b.works()


@on(WSGI)
def test_a_project_ends_the_sessions_of_the_present_tenant(
    site: Site, both: tuple[Person, Person]
) -> None:
    in_a, in_b = both
    site.change("b", "end_all")
    assert in_b.is_out()
    if site.are_shared:
        assert in_a.is_out()
    else:
        assert in_a.works()


@on(WSGI)
def test_the_command_lists_the_tenants_sessions(site: Site, both: tuple[Person, Person]) -> None:
    listed = site.manage("tenant_command", "djwto_sessions", "list", "--json", "--schema=b")
    found = {one["id"] for one in json.loads(listed)}
    (in_a,), (in_b,) = both[0].sessions(), both[1].sessions()
    assert found == ({in_a, in_b} if site.are_shared else {in_b})


CHECKS = """
import django
django.setup()
from django.core.checks import run_checks
from django.test import override_settings

AUTH, OTHERS = "django.contrib.auth", ["django_tenants", "tests.served.tenants.customers"]
for shared, own, more in (
    (["djwto"], [AUTH], {}),
    (["djwto"], [AUTH, "djwto"], {}),
    ([], [AUTH, "djwto"], {}),
    ([], [AUTH, "djwto.apps.DjwtoConfig"], {}),
    (["djwto"], [AUTH], {"DJWTO_TENANT": None}),
):
    with override_settings(SHARED_APPS=[*OTHERS, *shared], TENANT_APPS=own, **more):
        print(*(one.id for one in run_checks() if one.id.startswith("djwto.")), end=";")
"""


def test_checks_say_what_to_do() -> None:
    found = run(environment(), "-c", CHECKS)
    assert found == ";djwto.E066;djwto.E066;djwto.E066;djwto.W065;"
