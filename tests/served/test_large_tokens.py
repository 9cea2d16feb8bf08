"""Tokens that do not fit, or just fit, through real servers that cut long headers (contract §2)."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.large import COOKIES, MODES, RIGHTS, SIZES, SPARE, claims_of, person, room
from tests.served.people import serve_people
from tests.services import Server

REFRESH = "/api/token/refresh"

everybody = pytest.mark.parametrize(
    ("mode", "size", "right"),
    [(mode, size, right) for mode in MODES for size in SIZES for right in RIGHTS],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One database for all servers; the people in it are made once."""
    return tmp_path_factory.mktemp("large")


@pytest.fixture(scope="module", params=["gunicorn", "granian"])
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[Server]:
    """Servers as they come."""
    with serve_people(request.param, folder) as served:
        yield served


@everybody
def test_permissions_decide_whether_or_not_they_fit(
    server: Server, mode: str, size: str, right: str
) -> None:
    with closing(Caller(server, mode)) as caller:
        caller.login(person(mode, size, right))
        assert_size(caller, size)
        assert_right(caller.send("GET", "/api/predictions/"), right)
        assert caller.send("POST", "/validate_access/").status_code == 200


@pytest.mark.parametrize("mode", MODES)
def test_superuser_opens_everything(server: Server, mode: str) -> None:
    with closing(Caller(server, mode)) as caller:
        caller.login("admin")
        assert claims_of(caller.access)["user"]["perms"] == ["*"]
        assert len(caller.access) < 1000
        assert_right(caller.send("GET", "/api/predictions/"), "may")


@everybody
def test_renewal_and_logout_work_at_any_size(
    server: Server, mode: str, size: str, right: str
) -> None:
    with closing(Caller(server, mode)) as caller:
        if mode != "JSON":
            # Another kilobyte of cookies, of other applications: gunicorn cuts at 8,190 bytes.
            caller.session.cookies.set("of_others", "x" * 1024)
        caller.login(person(mode, size, right))
        for name in ("validate_refresh", "refresh_access", "update_refresh"):
            assert caller.refresh("POST", name).status_code == 200
        assert_size(caller, size)
        assert_right(caller.send("GET", "/api/predictions/"), right)
        assert caller.refresh("DELETE", "logout").status_code == (204 if mode == "JSON" else 200)
        assert caller.session.cookies.get("jwt_refresh") is None


def assert_size(caller: "Caller", size: str) -> None:
    claim = claims_of(caller.access)["user"]
    if size == "fits":
        assert 0 <= room(caller.mode, caller.access, caller.token("refresh")) < SPARE[caller.mode]
        assert "perms_omitted" not in claim
    else:
        assert (claim["perms"], claim["perms_omitted"]) == ([], True)


def assert_right(answer: requests.Response, right: str) -> None:
    if right == "may":
        assert (answer.status_code, list(answer.json())) == (200, ["predictions"])
    else:
        assert answer.status_code == 403
        assert answer.json()["code"] == "permissions_insufficient"


@dataclass
class Caller:
    """A program that talks to the portal in one mode."""

    server: Server
    mode: str
    session: requests.Session = field(default_factory=requests.Session)
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.session.verify, self.session.trust_env = str(self.server.certificate), False

    @property
    def access(self) -> str:
        return self.token("access")

    def token(self, kind: str) -> str:
        if self.mode == "JSON":
            return self.tokens[kind]
        return self.session.cookies["jwt_refresh" if kind == "refresh" else COOKIES[self.mode]]

    def close(self) -> None:
        self.session.close()

    def login(self, username: str) -> None:
        fields = {"username": username, "password": "pass", "mode": self.mode}
        answer = self.session.post(f"{self.server.base_url}/login/", fields, timeout=30)
        assert answer.status_code == 200, answer.text
        self._keep(answer)

    def refresh(self, method: str, name: str) -> requests.Response:
        fields = {} if self.mode == "JSON" else {"jwt_type": "refresh"}
        answer = self.send(method, f"{REFRESH}/{name}/", kind="refresh", data=fields)
        self._keep(answer)
        return answer

    def send(
        self, method: str, path: str, *, kind: str = "access", **extra: Any
    ) -> requests.Response:
        if self.mode == "JSON":
            headers = {"Authorization": f"Bearer {self.tokens[kind]}"}
        else:
            csrf_token = self.session.cookies["csrftoken"]
            headers = {"X-CSRFToken": csrf_token, "Referer": self.server.base_url}
        url = self.server.base_url + path
        return self.session.request(method, url, headers=headers, timeout=30, **extra)

    def _keep(self, answer: requests.Response) -> None:
        if self.mode == "JSON" and answer.status_code == 200 and "access" in answer.json():
            self.tokens = {**self.tokens, **answer.json()}
