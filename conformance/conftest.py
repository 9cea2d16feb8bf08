"""Options, targets and clients; see README.md."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import urllib3

from conformance.client import Client
from conformance.farm import PLOTS, Farm, Plot
from conformance.forge import Forge
from conformance.target import Target


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance")
    group.addoption("--base-url", help="server to test; default: start examples/portal")
    group.addoption("--mode", default="JSON", help="its mode, or modes: TWO-COOKIES,JSON")
    group.addoption("--signing-key", help="its HS256 secret, to forge tokens")
    group.addoption("--ca", help="certificate to trust; default: none is checked")
    group.addoption("--trusted-origin", help="an origin that it trusts for CSRF")
    group.addoption("--access-seconds", type=int, default=300)
    group.addoption("--refresh-seconds", type=int, default=86_400)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "only(*kinds): run where the target is all of these kinds")
    if config.getoption("--base-url") and not config.getoption("--ca"):
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "target" not in metafunc.fixturenames:
        return
    wanted = {
        kind for mark in metafunc.definition.iter_markers("only") for kind in mark.args
    }
    offered = _plots(metafunc.config)
    plots = [plot for plot in offered if wanted <= _blank(plot).kinds]
    metafunc.parametrize("target", plots, indirect=True, scope="session", ids=str)


def _plots(config: pytest.Config) -> list[Plot]:
    if not config.getoption("--base-url"):
        return PLOTS
    modes = tuple(config.getoption("--mode").split(","))
    return [Plot("served", modes, mode) for mode in modes]


def _blank(plot: Plot) -> Target:
    return Target(base_url="", modes=plot.modes, mode=plot.mode, verify=False)


@pytest.fixture(scope="session")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    with ExitStack() as running:
        yield Farm(tmp_path_factory.mktemp("conformance"), running)


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    option, plot = request.config.getoption, request.param
    if option("--base-url"):
        yield Target(
            base_url=option("--base-url").rstrip("/"),
            modes=plot.modes,
            mode=plot.mode,
            verify=option("--ca") or False,
            signing_key=option("--signing-key"),
            trusted_origin=option("--trusted-origin"),
            access_seconds=option("--access-seconds"),
            refresh_seconds=option("--refresh-seconds"),
        )
        return
    served = request.getfixturevalue("farm").target(plot)
    yield served
    for client, _ in served.logins.values():
        for kind in ("access", "refresh"):
            assert client.token(kind) not in served.log(), f"the log holds the {kind} token"
    assert served.signing_key not in served.log(), "the log holds the signing key"


@pytest.fixture(autouse=True)
def quiet(target: Target) -> Iterator[None]:
    """Whatever a case sends, it must not make the server stumble."""
    before = len(target.log())
    yield
    news = target.log()[before:]
    assert "Traceback (most recent call last)" not in news, news
    assert "panicked at" not in news, news


@pytest.fixture
def visitor(target: Target) -> Client:
    """A client that holds nothing yet."""
    return Client(target)


@pytest.fixture
def alice(target: Target) -> Client:
    """A client that holds alice's shared login: for cases that do not end or renew it."""
    return shared(target, "alice")[0].copy()


@pytest.fixture
def own(target: Target) -> Callable[[str], Client]:
    """Give clients with a session of their own, which they may end."""

    def begin(user: str = "alice") -> Client:
        client = Client(target)
        if target.signing_key is None:
            assert client.login(user).status_code == 200
            return client
        # Signed by us rather than asked for: a login costs the server a password's hash.
        return client.hold(**forger(target, user).pair())

    return begin


@pytest.fixture
def forge(target: Target) -> Forge:
    """A maker of tokens for alice that no login ever issued."""
    return forger(target, "alice")


@pytest.fixture
def person(target: Target) -> Callable[[str], int]:
    """Give the id of a user beyond alice, carol and admin."""
    if not target.people:
        pytest.skip("needs users of the suite's own: only where it starts the server")
    return target.people.__getitem__


def shared(target: Target, user: str) -> tuple[Client, "object"]:
    """Log a user in once per target; gives the client and the reply."""
    if user not in target.logins:
        client = Client(target)
        reply = client.login(user)
        assert reply.status_code == 200, reply.text
        target.logins[user] = client, reply
    return target.logins[user]


def forger(target: Target, user: str) -> Forge:
    if target.signing_key is None:
        pytest.skip("needs --signing-key to forge tokens")
    client = shared(target, user)[0]
    return Forge(target.signing_key, {kind: client.claims(kind) for kind in ("access", "refresh")})
