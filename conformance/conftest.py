"""Options, targets and clients; see README.md."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from conformance import expect, left_out
from conformance.client import Client
from conformance.farm import PLOTS, Farm, Plot
from conformance.forge import Forge
from conformance.sessions import forger, shared
from conformance.sessions import own as begin
from conformance.target import Target

TOKENS = ("access", "refresh")


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
    config.addinivalue_line("markers", "left_out(reason): not before djwto-server, see left_out.py")
    if config.getoption("--base-url") and not config.getoption("--ca"):
        warning = "urllib3.exceptions.InsecureRequestWarning"
        config.addinivalue_line("filterwarnings", f"ignore::{warning}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "target" not in metafunc.fixturenames:
        return
    wanted = {kind for mark in metafunc.definition.iter_markers("only") for kind in mark.args}
    offered = _plots(metafunc.config)
    plots = [plot for plot in offered if wanted <= plot.kinds]
    metafunc.parametrize("target", plots, indirect=True, scope="session", ids=str)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        reason = left_out.reason(item)
        if reason and left_out.is_before_server(item):
            item.add_marker(pytest.mark.skip(reason))


def _plots(config: pytest.Config) -> list[Plot]:
    if not config.getoption("--base-url"):
        return PLOTS
    modes = tuple(config.getoption("--mode").split(","))
    return [Plot("served", modes, mode, carrier=True) for mode in modes]


@pytest.fixture(scope="session")
def farm(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    if pytestconfig.getoption("--base-url"):
        pytest.skip("needs settings of its own: only where the suite starts the server")
    with ExitStack() as running:
        yield Farm(tmp_path_factory.mktemp("conformance"), running)


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    config, plot = request.config, request.param
    if config.getoption("--base-url"):
        found = _served(config, plot)
    else:
        found = request.getfixturevalue("farm").target(plot)
    with found.http:
        yield found
    secrets = [client.token(kind) for client, _ in found.logins.values() for kind in TOKENS]
    for secret in (*secrets, found.signing_key or "no key"):
        assert secret not in found.log(), "the log holds a token or the signing key"


def _served(config: pytest.Config, plot: Plot) -> Target:
    return Target(
        base_url=config.getoption("--base-url").rstrip("/"),
        modes=plot.modes,
        mode=plot.mode,
        verify=config.getoption("--ca") or False,
        signing_key=config.getoption("--signing-key"),
        trusted_origin=config.getoption("--trusted-origin"),
        access_seconds=config.getoption("--access-seconds"),
        refresh_seconds=config.getoption("--refresh-seconds"),
    )


@pytest.fixture(autouse=True)
def quiet(target: Target) -> Iterator[None]:
    """Whatever a case sends, it must not make the server stumble."""
    with expect.quiet(target.log):
        yield


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

    return lambda user="alice": begin(target, user)


@pytest.fixture
def forge(target: Target) -> Forge:
    """A maker of tokens that no login ever issued, of a session of alice's."""
    return forger(target, "alice")


@pytest.fixture
def person(target: Target) -> Callable[[str], int]:
    """Give the id of a user beyond alice, carol and admin."""
    if not target.people:
        pytest.skip("needs users of the suite's own: only where it starts the server")
    return target.people.__getitem__
