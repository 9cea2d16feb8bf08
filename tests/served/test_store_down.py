"""A database that is gone: 503 where it is needed, nothing half done, guarded views go on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.services import Postgres, Server, serve

ROOT = Path(__file__).resolve().parents[2]
CREDENTIALS = {"username": "alice", "password": "pass"}
REFRESH = "/api/token/refresh"


PLAIN, ATOMIC = "portal.settings", "tests.projects.atomic"
SERVED = [("granian", PLAIN), ("uvicorn", PLAIN), ("granian", ATOMIC)]


@pytest.fixture(params=SERVED, ids=["wsgi", "asgi", "wsgi with ATOMIC_REQUESTS"])
def server(request: pytest.FixtureRequest, cluster: Postgres, tmp_path: Path) -> Iterator[Server]:
    """The portal on its own database, over WSGI and over ASGI."""
    name, settings = request.param
    env = {
        "DJANGO_SETTINGS_MODULE": settings,
        "PYTHONPATH": str(ROOT),
        "PORTAL_MODE": "JSON,TWO-COOKIES",
        "PORTAL_DATABASE": cluster.create_database(f"portal_{name}_{settings.count('.')}"),
    }
    with serve(name, env=env, folder=tmp_path) as served:
        yield served


def test_a_database_that_is_gone(server: Server, cluster: Postgres) -> None:
    session = requests.Session()
    session.verify, session.trust_env = str(server.certificate), False

    def post(path: str, token: str | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = {} if token else CREDENTIALS
        return session.post(server.base_url + path, data=data, headers=headers, timeout=30)

    def account(token: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return session.get(f"{server.base_url}/api/account/", headers=headers, timeout=30)

    browser = requests.Session()
    browser.verify, browser.trust_env = session.verify, False
    in_cookies = {**CREDENTIALS, "mode": "TWO-COOKIES"}
    assert browser.post(f"{server.base_url}/login/", in_cookies, timeout=30).status_code == 200

    def come_back() -> requests.Response:
        return browser.get(
            f"{server.base_url}{REFRESH}/return/",
            params={"next": f"{server.base_url}/api/status/"},
            headers={"Sec-Fetch-Mode": "navigate"},
            allow_redirects=False,
            timeout=30,
        )

    tokens = post("/login/").json()
    # A process that has never seen the database knows of no session that has ended. (Django runs
    # no async view where ATOMIC_REQUESTS is on.)
    if server.env["DJANGO_SETTINGS_MODULE"] == PLAIN:
        assert account(tokens["access"]).status_code == 200
    cluster.stop()
    try:
        refused = [
            post("/login/"),
            *(
                post(f"{REFRESH}/{name}/", tokens["refresh"])
                for name in ("refresh_access", "update_refresh", "validate_refresh", "logout")
            ),
            post("/validate_access/", tokens["access"]),
            come_back(),
        ]
        guarded = account(tokens["access"])
    finally:
        cluster.start()
    for response in refused:
        assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
        assert int(response.headers["Retry-After"]) > 0
        assert "eyJ" not in response.text
    if server.env["DJANGO_SETTINGS_MODULE"] == PLAIN:
        # With ATOMIC_REQUESTS Django itself asks the database before any view of the project.
        assert (guarded.status_code, guarded.json()["msg"]) == (200, "worked!")
    # Nothing was half done: the login lives on, and ends when asked again.
    assert post(f"{REFRESH}/refresh_access/", tokens["refresh"]).status_code == 200
    assert post(f"{REFRESH}/logout/", tokens["refresh"]).status_code == 200
    assert come_back().headers["Location"] == f"{server.base_url}/api/status/"
    assert tokens["refresh"] not in server.log_text()
