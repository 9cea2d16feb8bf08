"""The programs of `examples/assertions`, which the docs show, with the real guard's keys."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.proxies.conftest import Login, cookies
from tests.proxies.echo import Echo
from tests.proxies.proxies import ROOT
from tests.proxies.stack import APP, Stack
from tests.proxies.wire import ask
from tools import npm

EXAMPLES = ROOT / "examples" / "assertions"
LANGUAGES = {
    "python": [sys.executable, str(EXAMPLES / "verify.py")],
    "node": npm.command("--node", str(EXAMPLES / "verify.mjs")),
}

Verify = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=LANGUAGES)
def verify(
    request: pytest.FixtureRequest, stack: Stack, echo: Echo, login: Login
) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    assert ask(stack.port, "/open/a", cookies(login)).status == 200
    (got,) = echo.got
    right = {
        "ISSUER": f"https://{APP}",
        "AUDIENCE": "models",
        "KEYS": f"http://127.0.0.1:{stack.guard.port}/.well-known/djwto-assertions.json",
        "ASSERTION": got.one("x-djwto-assertion") or "",
    }

    def run(**changed: str) -> "subprocess.CompletedProcess[str]":
        env = {**os.environ, **right, **changed}
        command = LANGUAGES[request.param]
        return subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def test_a_service_learns_who_the_user_is(verify: Verify, login: Login) -> None:
    done = verify()
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(login().claims("access")["user"]["id"])


@pytest.mark.parametrize(
    "changed", [{"AUDIENCE": "dashboards"}, {"ISSUER": "https://other.example"}], ids=str
)
def test_an_assertion_for_others_is_refused(verify: Verify, changed: dict[str, str]) -> None:
    done = verify(**changed)
    assert done.returncode != 0
    assert done.stdout == ""


def test_an_access_token_is_no_assertion(verify: Verify, login: Login) -> None:
    done = verify(ASSERTION=login().token("access"))
    assert done.returncode != 0
    assert done.stdout == ""
