"""One site, with nginx and with Envoy before it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from conformance.client import Client
from conformance.target import Target
from tests import services
from tests.proxies import echo as echoing
from tests.proxies import proxies
from tests.proxies import stack as stacks
from tests.proxies.echo import Echo
from tests.proxies.proxies import KINDS, Kind
from tests.proxies.stack import Site, Stack
from tests.proxies.wire import Answer
from tests.served.browser.conftest import browser

__all__ = ["browser"]  # one Chromium for all files: Playwright runs once in a process

MODES = ("TWO-COOKIES", "ONE-COOKIE", "JSON")
Login = Callable[..., Client]


@pytest.fixture(scope="session")
def programs() -> None:
    """Skip where a program is missing, and name it."""
    try:
        stacks.guard_program()
        proxies.envoy_program()
        services.nginx_program()
    except services.ServiceError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def service() -> Iterator[Echo]:
    with echoing.serve() as running:
        yield running


@pytest.fixture
def echo(service: Echo) -> Echo:
    """The service, before any request of this test."""
    service.got.clear()
    return service


@pytest.fixture(scope="session")
def site(programs: None, service: Echo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with stacks.site(tmp_path_factory.mktemp("site"), service) as running:
        yield running


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def stack(kind: Kind, site: Site) -> Iterator[Stack]:
    with stacks.stack(kind, site) as running:
        yield running


@pytest.fixture(scope="session")
def fresh_login(site: Site) -> Iterator[Login]:
    """Log a user in at the portal. Each call opens a session."""
    with ExitStack() as targets:

        def login(name: str = "alice", mode: str = "TWO-COOKIES") -> Client:
            target = targets.enter_context(Target.of(site.portal, *MODES, mode=mode))
            client = Client(target)
            assert client.login(name).status_code == 200
            return client

        yield login


@pytest.fixture(scope="session")
def login(fresh_login: Login) -> Login:
    """Give a user who is logged in. Tests that only read share the session."""
    known: dict[tuple[str, str], Client] = {}

    def get(name: str = "alice", mode: str = "TWO-COOKIES") -> Client:
        if (name, mode) not in known:
            known[name, mode] = fresh_login(name, mode)
        return known[name, mode]

    return get


def cookies(login: Login, name: str = "alice", mode: str = "TWO-COOKIES") -> list[tuple[str, str]]:
    """Give all cookies of a user, as one header. The mode is one that has cookies."""
    held = login(name, mode).cookies
    return [("Cookie", "; ".join(f"{name}={cookie.value}" for name, cookie in held.items()))]


def refused(answer: Answer, echo: Echo, status: int = 401) -> bool:
    """Say whether a request was refused with this status, and did not reach the service."""
    return answer.status == status and not echo.got
