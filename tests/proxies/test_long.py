"""A minute of everything at once: kills, reloads, a lost database, logouts, new rules, new keys.

Every answer is compared with what the test itself did (`history`). No fault excuses a request that
passed and was not to. The log of the guard has to tell the same as the clients.
"""

import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from secrets import token_hex

import jwt
import psycopg
import pytest

from conformance.client import Client
from conformance.target import Target
from djwto.keys import sets as keysets
from tests.proxies import many
from tests.proxies import stack as stacks
from tests.proxies.echo import Echo
from tests.proxies.evidence import check_assertions, check_log
from tests.proxies.history import Fact, History, Token
from tests.proxies.load import Load, Question, load, question
from tests.proxies.proxies import Kind
from tests.proxies.stack import Stack
from tests.proxies.wire import ask
from tests.services import Postgres, text_of

SECONDS = float(os.environ.get("LOAD_SECONDS") or 60)
"""Less is for a quick look. Every event happens once at least."""
CLIENTS, RATE = 8, 500
INTERVAL, MARGIN = 1.0, 0.1
"""`DJWTO_REVOCATION_INTERVAL`, and what the guard may take beyond it, in seconds."""

PATHS = ("/static/a", "/past/a", "/changing/a", "/open/a")
"""In the order of their rules."""
RULES = """
[hosts."{{host}}"]
audience = "models"
rules = [
    {{{{ path = "/static/*", allow = "public" }}}},
    {{{{ path = "/past/*", permissions = ["predictions.view_prediction"] }}}},
    {{{{ path = "/changing/*", {} }}}},
    {{{{ path = "/open/*", allow = "login" }}}},
]
"""
CHANGING = {
    "login": 'allow = "login"',
    "permission": 'permissions = ["predictions.view_prediction"]',
    "public": 'allow = "public"',
}
LOG = """
[log]
format = "json"
"""


@pytest.fixture
def guarded(
    programs: None, kind: Kind, cluster: Postgres, echo: Echo, tmp_path: Path
) -> Iterator[Stack]:
    keys = tmp_path / "keys.json"
    with keysets.opened(keys) as made:
        made.generate("EdDSA", keysets.now())
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.proxies.load_settings",
        "TEST_KEYS": str(keys),
        "PORTAL_MODE": "JSON",
        "PORTAL_DATABASE": cluster.create_database(f"guarded_{token_hex(4)}"),
    }
    rules = RULES.format(CHANGING["login"])
    with (
        stacks.site(tmp_path / "site", echo, **env) as site,
        stacks.stack(kind, site, rules, LOG) as made,
    ):
        many.make(site.portal)
        yield made


@pytest.mark.long
def test_not_one_wrong_answer(guarded: Stack, cluster: Postgres, echo: Echo) -> None:
    with Target.of(guarded.site.portal, "JSON") as target:
        events = Events(guarded, cluster, target)
        for user in ("alice", "carol", many.NAME):
            events.log_in(user)
        start = time.time()
        with load(guarded.port, CLIENTS, events.ask) as events.load:
            events.go_on_until(start + SECONDS)
        seconds = time.time() - start
    history, answered = events.history, events.load.answered
    refused = [one for one in answered if one.status != 200]
    excused = [one for one in refused if history.right(one) == {True} and history.excuse(one)]
    wrong = history.wrong_refusals(answered)
    print(
        f"\n{guarded.kind}: {len(answered)} requests in {seconds:.1f} s, "
        f"{len(answered) / seconds:.0f} a second; "
        f"{len(refused)} refused, {len(excused)} of them by a fault: "
        f"{dict(Counter(history.excuse(one) for one in excused))}; "
        f"wrong refusals {len(wrong)}; events {dict(events.done)}"
    )
    assert history.wrong_allows(answered) == []
    assert wrong == []
    assert set(events.done) == {event.__name__ for event in events.all}
    assert len(answered) >= RATE * seconds
    # What reached the service is what passed.
    assert {got.one("x-load") for got in echo.got} == {o.id for o in answered if o.status == 200}
    check_log(text_of(guarded.guard.log), history, answered, PATHS)
    check_assertions(guarded, echo, history, answered, events.sessions)


# --- what happens -------------------------------------------------------------------------------


@dataclass
class Events:
    """What the test does while the clients send requests, and the facts that follow from it."""

    stack: Stack
    cluster: Postgres
    target: Target
    done: Counter[str] = field(default_factory=Counter)
    sessions: dict[str, str] = field(default_factory=dict)
    """The session of each token."""
    load: Load = field(init=False)

    def __post_init__(self) -> None:
        rules = zip(PATHS, ("public", "permission", "login", "login"), strict=True)
        self.history = History({path: Fact(rule) for path, rule in rules}, {})
        self.permitted = {
            "alice": Fact(first=False),
            "carol": Fact(first=True),
            many.NAME: Fact(first=True),
        }
        self.trusted: dict[str, Fact[bool]] = {}
        self.live: dict[str, tuple[Client, list[Question]]] = {}
        self.dead: list[list[Question]] = []
        nothing = self._questions("", {})
        forged = self._questions("forged", {"Authorization": f"Bearer {_forged()}"})
        self.strange = [nothing, forged]
        self.all = [
            self.change_a_permission,
            self.change_the_rules,
            self.reload,
            self.kill_the_guard,
            self.rotate_the_key_of_assertions,
            self.stop_the_database,
            self.rotate_the_key_of_the_portal,
        ]

    def ask(self, chance: random.Random) -> Question:
        """Choose what a client sends."""
        place = chance.random()
        if place < 0.15:
            questions = chance.choice(self.strange)
        elif place < 0.4 and self.dead:
            questions = chance.choice(self.dead[-6:])
        else:
            questions = chance.choice(list(self.live.values()))[1]
        return chance.choice(questions)

    def go_on_until(self, end: float) -> None:
        for event in cycle(self.all):
            for user in ("alice", "carol", many.NAME):
                self.log_in(user)
                self.log_out(next(name for name in self.live if name.startswith(user)))
            event()
            self.done[event.__name__] += 1
            if time.time() > end and len(self.done) == len(self.all):
                return

    def log_in(self, user: str) -> None:
        client = Client(self.target)
        until(lambda: client.login(user).status_code == 200)
        token, name = client.token("access"), f"{user}-{len(self.history.tokens)}"
        kid = jwt.get_unverified_header(token)["kid"]
        trusted = self.trusted.setdefault(kid, Fact(first=True))
        live = Fact(first=True, lag=INTERVAL + MARGIN)
        self.history.tokens[name] = Token(live, self.permitted[user], trusted)
        self.sessions[name] = client.claims("access")["sid"]
        self.live[name] = client, self._questions(name, client.bearer())

    def log_out(self, name: str) -> None:
        client, questions = self.live.pop(name)
        with self.history.tokens[name].live.becoming(False):
            assert client.post("/api/token/refresh/logout/").status_code == 200
        self.dead.append(questions)

    def change_a_permission(self) -> None:
        """The guard reads it at each request, so the next one gets the new answer."""
        fact = self.permitted[many.NAME]
        change = _GRANT if not fact.value else _TAKE
        database = self.stack.site.database
        with (
            psycopg.connect(database, autocommit=True) as connection,
            fact.becoming(not fact.value),
        ):
            connection.execute(change, [many.NAME, many.PERMISSION])
        self.load.more(RATE // 2)

    def change_the_rules(self) -> None:
        fact, guard = self.history.rules["/changing/a"], self.stack.guard
        kinds = list(CHANGING)
        after = kinds[(kinds.index(fact.value) + 1) % len(kinds)]
        text = guard.config.read_text()
        assert CHANGING[fact.value] in text
        old, new = (f'"/changing/*", {CHANGING[kind]}' for kind in (fact.value, after))
        changed = guard.config.with_name("new")
        changed.write_text(text.replace(old, new))
        with fact.becoming(after):
            changed.replace(guard.config)
            self._until_read()
        self.load.more(RATE // 2)

    def reload(self) -> None:
        self._until_read()

    def kill_the_guard(self) -> None:
        with self.history.fault("killed"):
            self.stack.guard.kill()
            self.load.more(RATE // 5)
            self.stack.guard.start()
        self.load.more(RATE // 2)

    def rotate_the_key_of_assertions(self) -> None:
        self.stack.guard.run("keys", "rotate", "--force")
        self._until_read()

    def stop_the_database(self) -> None:
        # What is not known yet would stay unknown for as long as the database is away.
        start, ended = time.time(), {questions[0].token for questions in self.dead[-3:]}
        self.load.until(lambda: ended <= {one.token for one in self.load.since(start) if one.code})
        with self.history.fault("no database"):
            self.cluster.stop()
            stopped = time.time()
            self.load.more(RATE)
            # Sessions are known for a while yet.
            assert any(
                one.status == 200 and one.path == "/open/a" for one in self.load.since(stopped)
            )
            self.cluster.start()
            looks = self._metric("looks_succeeded")
            self.load.until(lambda: self._metric("looks_succeeded") > looks)
        self.load.more(RATE // 2)

    def rotate_the_key_of_the_portal(self) -> None:
        """A new key signs. In the end the tokens of the old one are worth nothing."""
        portal, guard = self.stack.site.portal, self.stack.guard
        portal.manage("djwto_keys", "generate")
        guard.export(self.stack.site)
        self._until_read()
        portal.manage("djwto_keys", "rotate", "--force")
        known = set(self.trusted)
        while set(self.trusted) == known:
            self.log_in("carol")
        for user in ("alice", many.NAME):
            self.log_in(user)
        self.load.more(RATE)
        (fact,) = (self.trusted[kid] for kid in known if self.trusted[kid].value)
        with fact.becoming(False):
            portal.manage("djwto_keys", "retire", "--force")
            guard.export(self.stack.site)
            self._until_read()
        for name, (_, questions) in list(self.live.items()):
            if not self.history.tokens[name].trusted.value:
                self.live.pop(name)
                self.dead.append(questions)
        self.load.more(RATE)

    def _until_read(self) -> None:
        """Wait until the guard has read its files, from the first to the last, after this."""
        # One may be under way that began before.
        goal = self._reloads() + 2
        while self._reloads() < goal:
            before = self._reloads()
            self.stack.guard.signal(signal.SIGHUP)
            self.load.until(lambda before=before: self._reloads() > before)
        assert self._metric('reloads_total{result="failed"}') == 0

    def _reloads(self) -> float:
        return self._metric('reloads_total{result="succeeded"}')

    def _metric(self, name: str) -> float:
        page = ask(self.stack.guard.port, "/metrics", tls=False).body.decode()
        found = re.search(rf"^djwto_{re.escape(name)} (\S+)$", page, re.MULTILINE)
        assert found, page
        return float(found[1])

    def _questions(self, name: str, headers: dict[str, str]) -> list[Question]:
        return [question(self.stack.port, path, name, [*headers.items()]) for path in PATHS]


_ROW = """
    FROM auth_user, auth_permission WHERE username = %s AND codename = %s
"""
_GRANT = f"""
    INSERT INTO auth_user_user_permissions (user_id, permission_id)
    SELECT auth_user.id, auth_permission.id {_ROW}
"""
_TAKE = f"""
    DELETE FROM auth_user_user_permissions WHERE (user_id, permission_id) IN
    (SELECT auth_user.id, auth_permission.id {_ROW})
"""


def _forged() -> str:
    """Give a token whose key the guard does not know."""
    return jwt.encode({"type": "access", "exp": time.time() + 999}, "x" * 32, algorithm="HS256")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "in vain"
