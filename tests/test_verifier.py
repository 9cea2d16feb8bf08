"""`djwto.verifier`: djwto without its tables, and without what a project does not use.

What is imported and installed is a matter of the whole process, so each test has its own.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jwt
import pytest

from djwto import _core
from tests.signing import published, token_of
from tests.test_docs import ROOT

FRAMEWORKS = ("rest_framework", "ninja", "channels", "drf_spectacular", "strawberry", "redis")


def run(program: str, *arguments: str, ok: bool = True, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        env={"PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout if ok else done.stderr


# --- the doors ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_core.generate_jwk("EdDSA", None))
    return found


@pytest.fixture
def public(key: dict[str, Any], tmp_path: Path) -> str:
    path = tmp_path / "public.json"
    path.write_bytes(published(key))
    return str(path)


def token_by(key: dict[str, Any], **user: Any) -> str:
    user = {"id": 1, "username": "alice", "perms": ["auth.view_user"], **user}
    return token_of(key, sid="7d444840-9dc0-11d1-b245-5ffdce74fad2", user=user)


ASK = """
import json, sys, django; django.setup()
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
for token, path in json.loads(sys.argv[2]):
    name, _, value = token.rpartition("=")
    headers = {"authorization": f"Bearer {token}"} if token and not name else {}
    method, path = path.split() if " " in path else ("get", path)
    clients = [make(enforce_csrf_checks=True) for make in (Client, AsyncClient)]
    for client in clients if name else ():
        client.cookies[name] = value
    one = getattr(clients[0], method)(path, headers=headers)
    other = async_to_sync(getattr(clients[1], method))(path, headers=headers)
    assert (one.status_code, one.content) == (other.status_code, other.content), path
    print(json.dumps([one.status_code, one.json()]))
print(json.dumps([name for name in sys.argv[1].split() if name in sys.modules]))
"""


def ask(public: str, tokens: str | list[str], *paths: str, **env: str) -> list[Any]:
    """Send each token to each path, under WSGI and ASGI; give status and body."""
    tokens = tokens if isinstance(tokens, list) else [tokens]
    pairs = json.dumps([(token, path) for token in tokens for path in paths])
    models = "djwto.models django.contrib.auth.models django.contrib.contenttypes.models"
    settings = "tests.projects.verifying.settings"
    env = {"DJANGO_SETTINGS_MODULE": settings, "VERIFYING_KEYS": public, **env}
    *replies, loaded = run(ASK, models, pairs, **env).splitlines()
    assert "djwto.models" not in loaded
    if "django.contrib.auth" not in env.get("VERIFYING_APPS", ""):
        assert json.loads(loaded) == []
    return [json.loads(one) for one in replies]


def test_a_service_of_one_tenant_takes_its_tokens_alone(public: str, key: dict[str, Any]) -> None:
    claims = jwt.decode(token_by(key), options={"verify_signature": False})
    private = jwt.PyJWK(key, "EdDSA").key
    tokens = [
        jwt.encode({**claims, **more}, private, "EdDSA", headers={"kid": key["kid"]})
        for more in ({"tenant": "a"}, {"tenant": "b"}, {})
    ]
    where = "tests.projects.verifying.tenants.tenant"
    mine, *others = ask(public, tokens, "/who/", VERIFYING_TENANT=where)
    assert mine[0] == 200
    assert [(status, body["code"]) for status, body in others] == [(401, "tenant_invalid")] * 2


APPS = ["", "django.contrib.auth django.contrib.contenttypes"]


@pytest.mark.parametrize("apps", APPS, ids=["alone", "with-auth"])
def test_guards(apps, public, key):
    token = token_by(key)
    paths = "/who/", "/loop/", "/report/"
    good = {
        "user": {"id": 1, "username": "alice", "perms": ["auth.view_user"]},
        "named": [1, "alice", True, False],
        "may": True,
    }
    assert ask(public, token, *paths, VERIFYING_APPS=apps) == [[200, good]] * 3
    for status, body in ask(public, "", *paths, VERIFYING_APPS=apps):
        assert (status, body["code"]) == (401, "authorization_missing")


def test_cookies(public, key):
    who, posted = ask(public, f"jwt_access={token_by(key)}", "/who/", "post /who/")
    assert (who[0], who[1]["named"][1]) == (200, "alice")
    assert (posted[0], posted[1]["code"]) == (403, "csrf_failed")


@pytest.mark.parametrize("apps", APPS, ids=["alone", "with-auth"])
def test_permissions_that_the_token_does_not_carry_are_refused(apps, public, key):
    """No table is asked: the user of that key may be another person here."""
    token = token_by(key, perms=[], perms_omitted=True)
    who, report = ask(public, token, "/who/", "/report/", VERIFYING_APPS=apps)
    assert (who[0], who[1]["may"]) == (200, False)
    assert report[0] == 403


@pytest.mark.parametrize("apps", APPS, ids=["alone", "with-auth"])
def test_the_middleware(apps, public, key):
    env = {"VERIFYING_APPS": apps, "VERIFYING_MIDDLEWARE": "djwto.middleware.JWTMiddleware"}
    assert ask(public, [token_by(key), "", "a.b.c"], "/plain/", **env) == [
        [200, ["alice", True, True, None]],
        [200, ["", False, False, None]],
        [200, ["", False, False, "token_malformed"]],
    ]


@pytest.mark.parametrize(
    "apps", [*APPS, "drf_spectacular"], ids=["alone", "with-auth", "with-spectacular"]
)
def test_rest_framework(apps, public, key):
    env = {"VERIFYING_APPS": f"{apps} rest_framework", "VERIFYING_REST": "1"}
    for path in ("/rest/", "/rest/guarded/"):
        good, *bad = ask(public, [token_by(key), "", "a.b.c"], path, **env)
        assert good == [200, {"named": "alice", "claims": 1}]
        codes = [(status, body["code"]) for status, body in bad]
        assert codes == [(401, "authorization_missing"), (401, "token_malformed")]


SCHEMA = """
import sys, django; django.setup()
from django.core.management import call_command
hooks = ["djwto.contrib.spectacular.add_endpoints"]
from drf_spectacular.settings import patched_settings
with patched_settings({"POSTPROCESSING_HOOKS": hooks} if "hook" in sys.argv else {}):
    call_command("spectacular", "--format=openapi-json", "--validate", "--fail-on-warn")
"""


@pytest.mark.parametrize("hook", ["", "hook"])
@pytest.mark.parametrize("apps", APPS, ids=["alone", "with-auth"])
def test_the_schema_of_rest_framework(apps, hook, public):
    """Spectacular warns of an authentication class that it does not know."""
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.projects.verifying.settings",
        "VERIFYING_APPS": f"{apps} rest_framework drf_spectacular",
        "VERIFYING_REST": "1",
        "VERIFYING_KEYS": public,
    }
    found = json.loads(run(SCHEMA, hook, **env))
    # No refresh token opens anything here, and there are no endpoints.
    assert set(found["components"]["securitySchemes"]) == {
        "jwtAccess",
        "jwtAccessCookie",
        "jwtCsrf",
    }
    assert set(found["paths"]) == {"/rest/", "/rest/guarded/"}
    needs = [{"jwtAccess": []}, {"jwtAccessCookie": []}]
    for path in found["paths"].values():
        assert path["get"]["security"] == needs


# --- checks -------------------------------------------------------------------------------------

WITH_AUTH = "INSTALLED_APPS += ['django.contrib.auth', 'django.contrib.contenttypes']"
SQLITE = "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}"
CHECK = """
import json, django; django.setup()
from django.core.checks import run_checks
found = run_checks(include_deployment_checks=True)
print(json.dumps(sorted(one.id for one in found if one.id.startswith("djwto."))))
"""


@pytest.mark.parametrize(
    ("lines", "ids"),
    [
        ([], []),
        (["DJWTO_USER = 'database'"], ["djwto.E076"]),
        (["DJWTO_USER = 'database'", WITH_AUTH], []),
        (["DJWTO_REVOCATION_URL = 'redis://localhost'"], ["djwto.W076"]),
        (["DJWTO_KEYS = None", "DJWTO_SIGNING_KEY = 'x' * 64"], ["djwto.W075"]),
        (["DJWTO_SIGNING_KEY_FALLBACKS = [('HS256', 'x' * 64)]"], ["djwto.W075"]),
        (["DJWTO_KEYS = 'http://issuer.example/keys'"], ["djwto.E022"]),
        (
            [WITH_AUTH, "INSTALLED_APPS += ['djwto']", SQLITE],
            ["djwto.E040", "djwto.E075", "djwto.W005"],
        ),
    ],
)
def test_checks(lines, ids, public, tmp_path):
    start = "from tests.projects.verifying.settings import *"
    (tmp_path / "checked.py").write_text("\n".join([start, *lines]))
    env = {"PYTHONPATH": f"{ROOT}:{tmp_path}", "VERIFYING_KEYS": public}
    assert json.loads(run(CHECK, DJANGO_SETTINGS_MODULE="checked", **env)) == ids


@pytest.mark.parametrize("name", ["urls", "sessions", "models", "test", "renewal"])
def test_what_needs_tables_says_so(name, public):
    env = {"DJANGO_SETTINGS_MODULE": "tests.projects.verifying.settings"}
    program = f"import django; django.setup(); import djwto.{name}"
    said = run(program, ok=False, VERIFYING_KEYS=public, **env)
    assert said.splitlines()[-1].startswith(
        'django.core.exceptions.ImproperlyConfigured: INSTALLED_APPS: expected "djwto"'
    )


# --- what is not used costs nothing -------------------------------------------------------------


@pytest.mark.parametrize("project", ["plain", "verifying"])
def test_no_framework_is_imported(project, public):
    """Nor a client of HTTP, which only keys by URL need."""
    names = (*FRAMEWORKS, "djwto.contrib.rest_framework", "djwto.keys.remote", "urllib.request")
    program = (
        "import sys, django; django.setup()\n"
        "before = set(sys.modules)\n"
        "import djwto, djwto.authentication, djwto.middleware, djwto.users, djwto.csrf\n"
        "from djwto import conf; conf.current()\n"
        "print(*sorted(set(sys.modules) & set(sys.argv[1:])))"
    )
    env = {"DJANGO_SETTINGS_MODULE": f"tests.projects.{project}.settings"}
    assert run(program, *names, VERIFYING_KEYS=public, **env).split() == []


def test_the_package_alone_imports_nothing():
    program = (
        "import sys; before = set(sys.modules); import djwto; print(*set(sys.modules) - before)"
    )
    assert run(program).split() == ["djwto"]
