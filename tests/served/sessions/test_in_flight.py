"""Passwords change while users log in and renew: no session of an old password lives on."""

import json
import threading
from pathlib import Path

import pytest

from tests.served.sessions.clients import SECONDS, Client, served, until
from tests.services import Server

LOGINS = 4
CLIENTS = 4

# The same password each time, so that every login has the right one; its hash is another.
_CHANGE = """
from pathlib import Path
from django.contrib.auth import get_user_model
while not Path("{stop}").exists():
    user = get_user_model().objects.get(username="alice")
    user.set_password("pass")
    user.save()
"""
_OUTDATED = """
import json
from django.contrib.auth import get_user_model
from djwto.models import Session
user = get_user_model().objects.get(username="alice")
live = Session.live().filter(user_id=str(user.pk))
outdated = live.exclude(auth_hash=user.get_session_auth_hash())
print(json.dumps(list(map(str, outdated.values_list("pk", flat=True)))))
"""


@pytest.mark.long
def test_no_login_outlives_a_change_of_the_password(database: str, tmp_path: Path) -> None:
    with served(database, tmp_path) as server:
        clients = [Busy(server) for _ in range(CLIENTS)]
        stop = tmp_path / "stop"
        change = _CHANGE.format(stop=stop)
        work = [client.run for client in clients]
        work.append(lambda: server.manage("shell", "-c", change))
        threads = [threading.Thread(target=one) for one in work]
        for thread in threads:
            thread.start()
        try:
            until(lambda: all(one.logins >= LOGINS or one.wrong for one in clients))
        finally:
            stop.touch()
            for client in clients:
                client.is_stopped = True
            for thread in threads:
                thread.join(SECONDS)
        assert [client.wrong for client in clients] == [[]] * CLIENTS
        assert json.loads(server.manage("shell", "-c", _OUTDATED).splitlines()[-1]) == []
        assert "Traceback" not in server.log_text()


class Busy(Client):
    """Logs in, renews, and begins anew when its session has ended."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.is_stopped = False
        self.logins = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        while not self.is_stopped and not self.wrong:
            fields = {"username": "alice", "password": "pass"}
            reply = self.session.post(f"{self.base_url}/login/", fields, timeout=SECONDS)
            # Two changes during one login: it is told to log in again.
            if reply.status_code not in (200, 409):
                self.wrong.append(reply.text)
            if reply.status_code == 200:
                self.logins += 1
                self.pair = reply.json()
                if self.renew().status_code not in (200, 401):
                    self.wrong.append("renewal")
