"""Keys change while clients send requests, and not one of these is refused."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest

from conformance.client import Client
from conformance.target import Target
from djwto.keys import sets as keysets
from tests.proxies import stack as stacks
from tests.proxies.echo import Echo
from tests.proxies.load import Load, Question, load, question
from tests.proxies.stack import APP, Guard, Stack
from tests.proxies.wire import ask

CLIENTS = 4
AUDIENCE, ASSERTION = "models", "x-djwto-assertion"


@pytest.fixture
def keyed(programs: None, echo: Echo, tmp_path: Path) -> Iterator[Stack]:
    """A portal whose keys are in a file, a guard, and nginx."""
    file = tmp_path / "keys.json"
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.proxies.load_settings",
        "TEST_KEYS": str(file),
        "PORTAL_MODE": "JSON",
    }
    with keysets.opened(file) as keys:
        keys.generate("EdDSA", keysets.now())
    with stacks.site(tmp_path / "site", echo, **env) as site, stacks.stack("nginx", site) as made:
        yield made


def test_the_portals_key(keyed: Stack, echo: Echo) -> None:
    """A new key is made, exported, and signs. The old tokens stay good."""
    with requests(keyed) as run:
        held = {kid_of(token) for token in run.tokens}
        for _ in range(2):
            made = keyed.site.portal.manage("djwto_keys", "generate")
            kid = made.split(":")[0]
            assert kid not in held
            keyed.guard.export(keyed.site)
            run.load.until(lambda kid=kid: kid in published(keyed.guard, "jwks"))
            keyed.site.portal.manage("djwto_keys", "rotate", "--force", "--kid", kid)
            run.load.until(lambda kid=kid: run.login() == kid)
            run.load.more(100)
            keyed.guard.export(keyed.site)
            run.load.more(100)
            held.add(kid)
        assert {kid_of(token) for token in run.tokens} == held
        # Each token was used after the last change.
        last = run.load.answered[-1].received
        run.load.until(lambda: {one.token for one in run.load.since(last)} == set(run.tokens))
    report(run.load, "keys of the portal")
    assert not [one for one in run.load.answered if one.status != 200]
    assert len(echo.got) == len(run.load.answered)


def test_the_key_of_assertions(keyed: Stack, echo: Echo) -> None:
    """The service has fetched the public keys before a rotation, and does not do so again."""
    with requests(keyed) as run:
        signed, seen = [], 0
        for _ in range(2):
            cached = published(keyed.guard, "djwto-assertions")
            upcoming = state_of(keyed.guard, "next")
            keyed.guard.run("keys", "rotate", "--force")
            arrived: dict[str, None] = {}

            def arrives(kid: str = upcoming, arrived: dict[str, None] = arrived) -> bool:
                nonlocal seen
                for got in echo.got[seen:]:
                    arrived[got.one(ASSERTION) or ""] = None
                    seen += 1
                return bool(arrived) and kid_of(next(reversed(arrived))) == kid

            run.load.until(arrives)
            run.load.more(100)
            arrives()
            for assertion in arrived:
                kid = kid_of(assertion)
                jwt.decode(
                    assertion,
                    cached[kid],
                    algorithms=["EdDSA"],
                    audience=AUDIENCE,
                    issuer=f"https://{APP}",
                )
                signed.append(kid)
        assert len(set(signed)) == 3
    report(run.load, "keys of assertions")
    assert not [one for one in run.load.answered if one.status != 200]
    assert len(echo.got) == len(run.load.answered)


# --- what both need -----------------------------------------------------------------------------


class Requests:
    """Clients with the tokens of several logins."""

    def __init__(self, stack: Stack, target: Target) -> None:
        self.stack, self.target = stack, target
        self.tokens: list[str] = []
        self.questions: list[Question] = []
        self.load: Load

    def login(self) -> str:
        """Log in, let the clients use the token, and give the key that signed it."""
        client = Client(self.target)
        assert client.login("alice").status_code == 200
        token = client.token("access")
        self.tokens.append(token)
        bearer = [*client.bearer().items()]
        self.questions.append(question(self.stack.port, "/open/a", token, bearer))
        return kid_of(token)

    def ask(self, chance: random.Random) -> Question:
        return chance.choice(self.questions)


@contextmanager
def requests(stack: Stack) -> Iterator[Requests]:
    """Keep nginx at work, with one session to begin with."""
    with Target.of(stack.site.portal, "JSON") as target:
        run = Requests(stack, target)
        run.login()
        with load(stack.port, CLIENTS, run.ask) as run.load:
            yield run


def published(guard: Guard, name: str) -> dict[str, Any]:
    """Give the public keys that the guard shows, by their names."""
    found = ask(guard.port, f"/.well-known/{name}.json", tls=False).json()
    return {key["kid"]: jwt.PyJWK(key).key for key in found["keys"]}


def state_of(guard: Guard, state: str) -> str:
    """Give the key of assertions that is in this state."""
    keys = json.loads((guard.folder / "assertion-keys.json").read_text())["keys"]
    (kid,) = [key["kid"] for key in keys if key["djwto_state"] == state]
    return str(kid)


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def report(run: Load, what: str) -> None:
    seconds = run.answered[-1].received - run.answered[0].sent
    print(f"\n{what}: {len(run.answered)} requests in {seconds:.1f} s, none refused")
