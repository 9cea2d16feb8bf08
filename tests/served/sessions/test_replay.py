"""A refresh token that is used twice: forgiven at once, and the end of its session later."""

import time
from pathlib import Path

import requests

from tests.served.sessions.clients import SECONDS, Client, answer, claims_of, served, spread, until
from tests.services import Server

GRACE = 1.0
INTERVAL = 0.2
SLACK = 5.0
"""On top of the interval, for a machine that compiles."""


def test_a_replay_ends_the_session_in_every_process(database: str, tmp_path: Path) -> None:
    with served(database, tmp_path, SESSIONS_GRACE=f"{GRACE}") as server:
        clients = spread(server, 4)
        owner, other = clients[0], Client(server)
        stolen = owner.login()["refresh"]
        other.login()
        assert owner.renew(name="update_refresh").status_code == 200
        # Within the grace the token has its successor; after it, it has none.
        assert until(lambda: _refusal(clients[1], stolen)) == (401, "refresh_reused")
        ended = time.monotonic()
        until(lambda: all(answer(c.view(owner.pair["access"]))[0] == 401 for c in clients))
        assert time.monotonic() - ended < INTERVAL + SLACK
        for client in clients:
            assert answer(client.view(owner.pair["access"])) == (401, "token_blacklisted")
            for token in (owner.pair["refresh"], stolen):
                assert answer(client.renew(token)) == (401, "token_blacklisted")
        # The user's other sessions go on, and the one replay was told once.
        assert other.renew().status_code == 200
        sid = claims_of(stolen)["sid"]
        assert server.log_text().count(f"reuse of {sid} at RefreshAccessView") == 1
        assert stolen not in server.log_text()


def test_within_the_grace(database: str, tmp_path: Path) -> None:
    with served(database, tmp_path, SESSIONS_GRACE="60") as server:
        for name in ("refresh_access", "update_refresh"):
            _a_late_tab_is_told_so_and_nothing_else_happens(server, name)
        assert "reuse of" not in server.log_text()
        _an_older_generation_is_a_replay_all_the_same(server)


def _a_late_tab_is_told_so_and_nothing_else_happens(server: Server, name: str) -> None:
    owner, late = Browser(server), Browser(server)
    owner.login()
    late.take(owner)
    for _ in range(2):
        assert owner.renew(name).status_code == 200
    for _ in range(2):
        refused = late.renew(name)
        assert answer(refused) == (409, "refresh_superseded")
        assert "Set-Cookie" not in refused.headers
    assert owner.renew(name).status_code == 200


def _an_older_generation_is_a_replay_all_the_same(server: Server) -> None:
    client = Client(server)
    first = client.login()["refresh"]
    for _ in range(3):
        assert client.renew().status_code == 200
    assert answer(client.renew(first, "update_refresh")) == (401, "refresh_reused")
    assert answer(client.renew()) == (401, "token_blacklisted")
    assert server.log_text().count("at UpdateRefreshView") == 1


def test_without_a_grace(database: str, tmp_path: Path) -> None:
    with served(database, tmp_path, SESSIONS_GRACE="0") as server:
        owner, late = Browser(server), Browser(server)
        owner.login()
        late.take(owner)
        assert owner.renew("refresh_access").status_code == 200
        refused = late.renew("refresh_access")
        # A client that comes too late gets no answer that would log the other one out.
        assert answer(refused) == (401, "refresh_reused")
        assert "Set-Cookie" not in refused.headers


def _refusal(client: Client, token: str) -> tuple[int, str] | None:
    """What a token gets that is used once more, as soon as it is not a success."""
    given = answer(client.renew(token))
    return None if given[0] == 200 else given


class Browser(Client):
    """One that keeps its tokens in cookies."""

    csrf = ""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.session.headers["Referer"] = server.base_url

    def login(self, name: str = "alice") -> dict[str, str]:
        data = {"username": name, "password": "pass", "mode": "TWO-COOKIES"}
        response = self.session.post(f"{self.base_url}/login/", data, timeout=SECONDS)
        assert response.status_code == 200, response.text
        self.csrf = response.json()["csrf_token"]
        return {}

    def take(self, other: "Browser") -> None:
        """Be another tab of the same browser, as it is now."""
        self.session.cookies.update(other.session.cookies)
        self.csrf = other.csrf

    def renew(self, name: str) -> requests.Response:  # type: ignore[override]
        return self.session.post(
            f"{self.base_url}/api/token/refresh/{name}/",
            {"jwt_type": "refresh"},
            headers={"X-CSRFToken": self.csrf},
            timeout=SECONDS,
        )
