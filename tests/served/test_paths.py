"""The refresh cookie's path where the site is not at the root of its host, through real servers.

A client that keeps cookies as a browser does (RFC 6265) can renew only if the path is right.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
import requests

from tests.services import Nginx, Server, ServiceError, nginx, nginx_program, serve

REFRESH = "/api/token/refresh"
Kind = Literal["gunicorn", "granian", "uvicorn"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("paths")


@pytest.fixture
def program() -> str:
    try:
        return str(nginx_program())
    except ServiceError as missing:
        pytest.skip(str(missing))


@contextmanager
def stripping(server: Server, folder: Path, under: str, to: str = "/") -> Iterator[Nginx]:
    """A proxy that shows the server's `to` under another path."""
    location = f"location {under}/ {{ proxy_pass {server.base_url}{to}; }}"
    with nginx(folder, location, certificate=server.certificate, key=server.key) as proxy:
        yield proxy


@pytest.mark.parametrize("kind", ["gunicorn", "granian", "uvicorn"])
def test_a_proxy_strips_a_path(folder: Path, program: str, kind: Kind) -> None:
    with (
        serve(kind, env={"PORTAL_PUBLIC_PATH": "/backend"}, folder=folder) as server,
        stripping(server, folder, "/backend") as proxy,
    ):
        assert_visit(f"{proxy.base_url}/backend", server, path=f"/backend{REFRESH}")


def test_without_the_setting_the_cookie_misses(folder: Path, program: str) -> None:
    with (
        serve("granian", env={}, folder=folder) as server,
        stripping(server, folder, "/backend") as proxy,
        pytest.raises(AssertionError, match="cookie_missing"),
    ):
        assert_visit(f"{proxy.base_url}/backend", server, path=REFRESH)


def test_the_refusal_of_a_doubled_cookie_fits_through_a_proxy(folder: Path, program: str) -> None:
    """nginx answers 502 where the header of a reply is longer than its buffer."""
    prefix = "a_prefix_of_some_length_"
    env = {"PORTAL_PUBLIC_PATH": "/backend", "PORTAL_COOKIE_PREFIX": prefix}
    with (
        serve("granian", env=env, folder=folder) as server,
        stripping(server, folder, "/backend") as proxy,
    ):
        answer = requests.post(
            f"{proxy.base_url}/backend{REFRESH}/validate_refresh/",
            data={"jwt_type": "refresh"},
            headers={
                "Cookie": f"{prefix}jwt_refresh=a; {prefix}jwt_refresh=b",
                "Host": "a.long.app.demo.localhost",
            },
            verify=str(server.certificate),
            timeout=30,
        )
    assert (answer.status_code, answer.json()["code"]) == (401, "cookie_ambiguous")
    assert len(answer.raw.headers.getlist("Set-Cookie")) > 15


# What a server's environment and options are, and the path under which it then answers. uvicorn
# wants paths without the root, as a proxy hands them over; the others want them whole.
MOUNTED: dict[Kind, tuple[dict[str, str], tuple[str, ...], str]] = {
    "gunicorn": ({"SCRIPT_NAME": "/app"}, (), "/app"),
    "granian": ({}, ("--url-path-prefix", "/app"), "/app"),
    "uvicorn": ({}, ("--root-path", "/app"), ""),
}


@pytest.mark.parametrize("kind", list(MOUNTED))
@pytest.mark.parametrize("public", ["", "/backend"])
def test_a_server_mounts_django_under_a_path(
    folder: Path, program: str, kind: Kind, public: str
) -> None:
    env, options, mount = MOUNTED[kind]
    env = {**env, "PORTAL_PUBLIC_PATH": public}
    with (
        serve(kind, env=env, folder=folder, options=options, mount=mount) as server,
        stripping(server, folder, f"{public}/app", f"{mount}/") as proxy,
    ):
        assert_visit(f"{proxy.base_url}{public}/app", server, path=f"{public}/app{REFRESH}")


def assert_visit(base: str, server: Server, *, path: str) -> None:
    """Log in, renew twice and leave, as a browser at this address does."""
    with closing(requests.Session()) as session:
        session.verify, session.trust_env = str(server.certificate), False
        form = {"username": "alice", "password": "pass", "mode": "TWO-COOKIES"}
        assert session.post(f"{base}/login/", form, timeout=30).status_code == 200
        (cookie,) = [one for one in session.cookies if one.name == "jwt_refresh"]
        assert cookie.path == path
        for name in ("refresh_access", "update_refresh", "validate_refresh"):
            answer = send(session, base, "POST", name)
            assert answer.status_code == 200, answer.text
        back = {"next": f"{base}/api/status/"}
        window = {"Sec-Fetch-Mode": "navigate"}
        answer = session.get(f"{base}{REFRESH}/return/", params=back, headers=window, timeout=30)
        assert (answer.url, answer.json()) == (back["next"], {"msg": "open"})
        assert answer.history[0].cookies
        assert send(session, base, "DELETE", "logout").status_code == 200
        assert not [one for one in session.cookies if one.name.startswith("jwt_")]


def send(session: requests.Session, base: str, method: str, name: str) -> Any:
    headers = {"X-CSRFToken": session.cookies["csrftoken"], "Referer": f"{base}/"}
    data = {"jwt_type": "refresh"}
    url = f"{base}{REFRESH}/{name}/"
    return session.request(method, url, headers=headers, data=data, timeout=30)
