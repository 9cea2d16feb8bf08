"""A stack: portal, guard, proxy and service. Each program runs as its owner would start it."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests import services
from tests.proxies import proxies, wire
from tests.proxies.echo import Echo
from tests.proxies.proxies import KINDS, ROOT, Behind, Kind

APP = "app.demo.localhost"
MODELS = "models.demo.localhost"
LAX = "lax.demo.localhost"
LAX_PORT = 1
"""A host, and a port of the guarded one, that are for everyone. They are behind another proxy."""

_RULES = """
[hosts."{host}"]
audience = "models"
rules = [
    {{ path = "/static/*", allow = "public" }},
    {{ path = "/past/*", permissions = ["predictions.view_prediction"] }},
    {{ path = "/read/*", methods = ["GET"], allow = "login" }},
    {{ path = "/read/*", methods = ["POST"], permissions = ["predictions.view_prediction"] }},
    {{ path = "/page", allow = "login" }},
    {{ path = "/open/*", allow = "login" }},
    {{ path = "/.djwto/*", allow = "login" }},
]
[hosts."{lax}"]
rules = [{{ path = "/*", allow = "public" }}]
[hosts."{lax_port}"]
rules = [{{ path = "/*", allow = "public" }}]
"""
"""alice may see all but /past/ and what is posted to /read/. No rule has other paths."""


@dataclass
class Site:
    """The portal and the service, which all proxies of a test run stand before."""

    folder: Path
    portal: services.Server
    echo: Echo
    held: dict[Kind, socket.socket]
    """What listens on the proxies' ports until they do: the portal is told of them before."""

    @property
    def database(self) -> str:
        """The portal's database, as djwto.toml names it."""
        return self.portal.env["PORTAL_DATABASE"].replace("sqlite:///", "sqlite:")

    def __post_init__(self) -> None:
        self.ports: dict[Kind, int] = {k: one.getsockname()[1] for k, one in self.held.items()}


@contextmanager
def site(folder: Path, echo: Echo, **env: str) -> Iterator[Site]:
    """Run a portal whose cookies all hosts of its domain get."""
    held = {kind: _listening() for kind in KINDS}
    names = [f"{MODELS}:{one.getsockname()[1]}" for one in held.values()]
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.proxies.portal_settings",
        "PYTHONPATH": str(ROOT),
        "DJWTO_SIGNING_KEY": _private_key(),
        "PORTAL_MODE": "TWO-COOKIES,ONE-COOKIE,JSON",
        "PORTAL_DOMAIN": "demo.localhost",
        "TEST_RETURN_HOSTS": ",".join(names),
        **env,
    }
    with ExitStack() as ends:
        for one in held.values():
            ends.enter_context(one)
        portal = ends.enter_context(services.serve("granian", env=env, folder=folder))
        yield Site(folder, portal, echo, held)


def _listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", services.free_port()), backlog=1)


def _private_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


# --- djwto-server -------------------------------------------------------------------------------


@dataclass
class Guard:
    """A djwto-server. It can be stopped and started again, on the same port."""

    folder: Path
    port: int
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> Path:
        return self.folder / "guard.log"

    @property
    def config(self) -> Path:
        return self.folder / "djwto.toml"

    def run(self, *words: str) -> str:
        """Run a command of the program and give what it printed."""
        command = [str(guard_program()), "--config", str(self.config), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, page: str = "/readyz") -> None:
        """Start it, and wait until this page says 200."""
        command = [str(guard_program()), "--config", str(self.config), "serve"]
        self._process = services.spawn(command, log=self.log, cwd=self.folder)
        is_ready = partial(self._says_200, page)
        services.until_ready(is_ready, self._process, self.log, "djwto-server")

    def stop(self) -> None:
        if self._process is not None:
            services.end(self._process)
            self._process = None

    def kill(self) -> None:
        """Let it end at once, with nothing put in order."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        self._process = None

    def export(self, site: Site) -> None:
        """Let Django write anew what the guard has to know."""
        site.portal.manage("djwto_export", "--output", str(self.folder / "export.json"))

    def signal(self, what: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(what)

    def freeze(self) -> None:
        assert self._process is not None
        services.freeze(self._process.pid)

    def thaw(self) -> None:
        assert self._process is not None
        services.thaw(self._process.pid)

    def _says_200(self, page: str) -> bool:
        try:
            return wire.ask(self.port, page, tls=False).status == 200
        except OSError:
            return False


@contextmanager
def guard(site: Site, kind: Kind, rules: str = _RULES, more: str = "") -> Iterator[Guard]:
    """Run a guard for a proxy of this kind. ``more`` stands at the end of its djwto.toml."""
    folder = site.folder / f"guard-{kind}"
    folder.mkdir()
    made = Guard(folder, services.free_port())
    made.export(site)
    port = site.ports[kind]
    made.config.write_text(
        f"""
export = "export.json"
database = "{site.database}"
listen = ["127.0.0.1:{made.port}"]
portal = "https://{APP}:{port}"

[[peers]]
address = "127.0.0.1"
proxy = "{kind}"

[assertions]
issuer = "https://{APP}"
keys = "assertion-keys.json"
"""
        + rules.format(
            host=f"{MODELS}:{port}", lax=f"{LAX}:{port}", lax_port=f"{MODELS}:{LAX_PORT}"
        )
        + more
    )
    made.config.chmod(0o600)
    made.run("keys", "init")
    try:
        made.start()
        yield made
    finally:
        made.stop()


def guard_program() -> Path:
    """Find the development build. `services.ServiceError` where it is missing."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    found = ROOT / target / "debug" / "djwto-server"
    if found.exists():
        return found
    raise services.ServiceError(f"{found} is missing. `make test-proxies` builds it.")


# --- all of it ----------------------------------------------------------------------------------


@dataclass
class Stack:
    """A proxy, with all that is behind it."""

    kind: Kind
    site: Site
    guard: Guard
    port: int = field(init=False)

    def __post_init__(self) -> None:
        self.port = self.site.ports[self.kind]

    @property
    def echo(self) -> Echo:
        return self.site.echo

    @property
    def host(self) -> str:
        return f"{MODELS}:{self.port}"

    @property
    def access_log(self) -> Path:
        """What the proxy says of each request. Envoy's other lines stand there too."""
        name = "access" if self.kind == "nginx" else "log"
        return self.site.folder / f"{self.kind}-{self.port}" / name

    @property
    def origin(self) -> str:
        return f"https://{self.host}"

    @contextmanager
    def proxy(
        self, port: int, *, guard: int, changes: dict[str, str] | None = None
    ) -> Iterator[None]:
        """Run a proxy of this kind on another port, with another guard, or a changed file."""
        portal = self.site.portal
        port_of_portal = int(portal.base_url.rpartition(":")[2])
        behind = Behind(guard, self.echo.port, port_of_portal, self.host)
        folder = self.site.folder / f"{self.kind}-{port}"
        known = {
            "/etc/ssl/djwto/cert.pem": str(portal.certificate),
            "/etc/ssl/djwto/key.pem": str(portal.key),
        }
        with proxies.run(self.kind, folder, port, behind, {**(changes or {}), **known}):
            yield


@contextmanager
def stack(kind: Kind, site: Site, rules: str = _RULES, more: str = "") -> Iterator[Stack]:
    """Run guard and proxy before a site."""
    with guard(site, kind, rules, more) as running:
        made = Stack(kind, site, running)
        site.held[kind].close()
        with made.proxy(made.port, guard=running.port):
            yield made
