"""The servers that the suite starts itself: the portal on WSGI and ASGI, on three databases.

Two of the pairs are run in every mode; the others in one server that speaks two of them, for what
only shows where an interface meets a database. In one more stack, djwto-server guards the portal's
views and answers the endpoints that it has.
"""

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance import front
from conformance.target import Target
from tests import services
from tests.mariadb import MariaDB, mariadb

SINGLE = ("JSON", "ONE-COOKIE", "TWO-COOKIES")
SEVERAL = ("TWO-COOKIES", "JSON")
SERVERS = {"wsgi": "granian", "asgi": "uvicorn", "server": "granian"}
THOROUGH = ("wsgi-sqlite", "asgi-postgresql")
SERVER = "server-sqlite"
"""The stack with djwto-server."""
CROSSED = ("wsgi-postgresql", "asgi-sqlite", "wsgi-mariadb")
CLUSTERS = {"postgresql": services.postgres, "mariadb": mariadb}
TRUSTED = "https://app.demo.localhost:9443"

ROOM = 4 * 1024 * 1024
"""Bytes of headers that our servers take: what is too long is then djwto's to refuse."""

OPTIONS = {
    "granian": ["--http1-buffer-size", str(ROOM)],
    "uvicorn": ["--http", "h11", "--h11-max-incomplete-event-size", str(ROOM)],
}


@dataclass(frozen=True)
class Plot:
    """One server in one of its modes."""

    stack: str
    modes: tuple[str, ...]
    mode: str
    carrier: bool
    """One of those that stand for all, where only header or cookie makes a difference."""

    def __str__(self) -> str:
        return "-".join((self.stack, *(["tuple"] if len(self.modes) > 1 else []), self.mode))

    @property
    def kinds(self) -> set[str]:
        """What the marker ``only`` may name."""
        kinds = {self.mode, "json" if self.mode == "JSON" else "cookies"}
        kinds.add("single" if len(self.modes) == 1 else "several")
        if self.mode == self.modes[0]:
            kinds.add("default")
        if self.carrier:
            kinds.add("carrier")
        return kinds


PLOTS = [
    Plot(stack, modes, mode, carrier=modes in {("JSON",), ("TWO-COOKIES",)})
    for stack in (*THOROUGH, *CROSSED)
    for modes in (*([(mode,) for mode in SINGLE] if stack in THOROUGH else []), SEVERAL)
    for mode in modes
]
PLOTS += [Plot(SERVER, (mode,), mode, carrier=True) for mode in ("JSON", "TWO-COOKIES")]


class Farm:
    """Starts a server when its first case asks for it, and keeps it until the last case is done."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        self.folder = folder
        self.running = running
        self.clusters: dict[str, services.Postgres | MariaDB] = {}
        self.databases: dict[str, str] = {}
        self.people: dict[str, dict[str, int]] = {}
        self.servers: dict[tuple[str, str], services.Server] = {}
        self.fronts: dict[tuple[str, ...], front.Front] = {}

    def target(self, plot: Plot) -> Target:
        """Give what the cases need to know about a plot."""
        modes = ",".join(plot.modes)
        server: services.Server | front.Front
        if plot.stack == SERVER:
            server = self.front(plot.modes)
            portal = server.portal
        else:
            server = portal = self.server(plot.stack, PORTAL_MODE=modes)
        return Target(
            base_url=server.base_url,
            modes=plot.modes,
            mode=plot.mode,
            verify=str(portal.certificate),
            signing_key=portal.signing_key,
            trusted_origin=TRUSTED,
            people=self.people[plot.stack],
            log=server.log_text,
        )

    def front(self, modes: tuple[str, ...]) -> front.Front:
        """Serve the portal behind djwto-server, in these modes."""
        if modes not in self.fronts:
            ports = front.ports()
            portal = self.server(SERVER, PORTAL_MODE=",".join(modes), **ports.env)
            self.fronts[modes] = self.running.enter_context(front.before(portal, ports))
        return self.fronts[modes]

    def server(self, stack: str, **env: str) -> services.Server:
        """Serve the portal with these settings; the stack's servers share database and folder."""
        name = (stack, json.dumps(env, sort_keys=True))
        program = SERVERS[stack.partition("-")[0]]
        if name not in self.servers:
            served = services.serve(
                program,
                env={**self._base(stack), **env},
                folder=self.folder / stack,
                options=OPTIONS[program],
            )
            self.servers[name] = self.running.enter_context(served)
        if stack not in self.people:
            printed = self.servers[name].manage("shell", "-c", _PEOPLE)
            self.people[stack] = json.loads(printed.splitlines()[-1])
        return self.servers[name]

    def _base(self, stack: str) -> dict[str, str]:
        env = {
            "PORTAL_TRUSTED_ORIGINS": TRUSTED,
            "DJANGO_SETTINGS_MODULE": "conformance.portal_settings",
            "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
        }
        store = stack.partition("-")[2]
        if store in CLUSTERS:
            if stack not in self.databases:
                name = stack.replace("-", "_")
                self.databases[stack] = self._cluster(store).create_database(name)
            env["PORTAL_DATABASE"] = self.databases[stack]
        return env

    def _cluster(self, store: str) -> "services.Postgres | MariaDB":
        if store not in self.clusters:
            running: Any = CLUSTERS[store](self.folder / store)
            self.clusters[store] = self.running.enter_context(running)
        return self.clusters[store]


# Names of three lengths, so that base64 must pad one payload cookie with "=" and another with "==";
# letters beyond ASCII, which a cookie cannot carry as they are; one whom no two cases share; one
# who may not come in; and two with so many permissions that a cookie has no room for them, or that
# not even a header has.
_PEOPLE = """
import json
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission

User, password = get_user_model(), make_password("pass")
view = Permission.objects.get(codename="view_prediction")
rows = [("mia", True), ("mias", True), ("miasm", True), ("zo\\u00eb", True), ("otto", True)]
rows += [("gone", False)]
for name, active in rows:
    values = {"password": password, "is_active": active, "email": name + "@b\\u00fccher.example"}
    User.objects.update_or_create(username=name, defaults=values)
for name, count in [("some", 90), ("many", 250)]:
    names = [f"may_do_one_more_thing_{n}" for n in range(count)]
    kind = {"content_type": view.content_type}
    perms = [Permission.objects.get_or_create(codename=n, **kind)[0] for n in names]
    user, _ = User.objects.update_or_create(username=name, defaults={"password": password})
    user.user_permissions.set([view, *perms])
print(json.dumps({user.username: user.pk for user in User.objects.all()}))
"""
