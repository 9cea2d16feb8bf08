"""djwto-server and nginx before a portal, at one address.

nginx has the files of `deploy/nginx`. It asks the server about the portal's guarded views, and
passes the endpoints that the server has on to it. All else goes to Django.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import services
from tests.proxies.proxies import DEPLOY, ROOT
from tests.proxies.stack import Guard

ISSUER = "https://portal.example.com"
AUDIENCE = "portal"

_CONFIG = """
export = "export.json"
database = "{database}"
listen = ["127.0.0.1:{guard}"]
portal = "{base_url}"

[[peers]]
address = "127.0.0.1"
proxy = "nginx"

[assertions]
issuer = "{issuer}"
keys = "assertion-keys.json"

[limits]
header_bytes = 1048576

[hosts."localhost:{port}"]
audience = "{audience}"
csrf = "token"
rules = [
    {{ path = "/api/status/*", allow = "public" }},
    {{ path = "/api/account/*", allow = "login" }},
    {{ path = "/api/predict/*", allow = "login" }},
    {{ path = "/api/predictions/*", permissions = ["predictions.view_prediction"] }},
]
"""

_NGINX = """
daemon off;
{user}
pid {folder}/pid;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
{temporary}
    # As the portal's own servers have it: what is too long is then djwto's to refuse.
    client_header_buffer_size 64k;
    large_client_header_buffers 8 1m;
    upstream djwto_guard {{ server 127.0.0.1:{guard}; keepalive 8; }}
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    proxy_ssl_protocols TLSv1.2 TLSv1.3;
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name localhost;
        client_max_body_size 4m;
        set $djwto_host localhost:{port};
        include djwto.conf;
        include djwto-endpoints.conf;
        location / {{
            auth_request off;
            proxy_pass {portal};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
        }}
        location /api/status/ {{ proxy_pass {portal}; }}
        location /api/account/ {{ proxy_pass {portal}; }}
        location /api/predict/ {{ proxy_pass {portal}; }}
        location /api/predictions/ {{ proxy_pass {portal}; }}
    }}
}}
"""


@dataclass(frozen=True)
class Ports:
    """The ports of a front, which the portal behind it is told of before."""

    nginx: int
    guard: int

    @property
    def base_url(self) -> str:
        """The one address of all."""
        return f"https://localhost:{self.nginx}"

    @property
    def env(self) -> dict[str, str]:
        """What the portal has to know: how to verify assertions."""
        return {
            "DJANGO_SETTINGS_MODULE": "conformance.behind_settings",
            "PYTHONPATH": f"{ROOT}:{ROOT / 'examples' / 'assertions'}",
            "ISSUER": ISSUER,
            "AUDIENCE": AUDIENCE,
            "KEYS": f"http://127.0.0.1:{self.guard}/.well-known/djwto-assertions.json",
        }


def ports() -> Ports:
    """Choose two free ports."""
    return Ports(services.free_port(), services.free_port())


@dataclass(frozen=True)
class Front:
    """A portal with the server before it."""

    base_url: str
    portal: services.Server
    guard: Guard

    def log_text(self) -> str:
        """Give what both have written so far."""
        return self.portal.log_text() + services.text_of(self.guard.log)


@contextmanager
def before(portal: services.Server, ports: Ports) -> Iterator[Front]:
    """Run server and nginx until the block ends."""
    folder = portal.folder / f"front-{ports.nginx}"
    folder.mkdir()
    guard = _guard(portal, ports, folder)
    try:
        guard.start()
        with _nginx(portal, ports, folder):
            yield Front(ports.base_url, portal, guard)
    finally:
        guard.stop()


def _guard(portal: services.Server, ports: Ports, folder: Path) -> Guard:
    guard = Guard(folder, ports.guard)
    export = ["djwto_export", "--allow-shared-secret", "--output", str(folder / "export.json")]
    portal.manage(*export)
    guard.config.write_text(
        _CONFIG.format(
            database=portal.env["PORTAL_DATABASE"].replace("sqlite:///", "sqlite:"),
            guard=ports.guard,
            port=ports.nginx,
            base_url=ports.base_url,
            issuer=ISSUER,
            audience=AUDIENCE,
        )
    )
    guard.run("keys", "init")
    return guard


@contextmanager
def _nginx(portal: services.Server, ports: Ports, folder: Path) -> Iterator[None]:
    for name in ("djwto.conf", "djwto-upstream.conf", "djwto-endpoints.conf"):
        shutil.copy(DEPLOY / "nginx" / name, folder)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    config, log = folder / "nginx.conf", folder / "nginx.log"
    config.write_text(
        _NGINX.format(
            user="user root;" if services.is_root() else "",
            folder=folder,
            temporary="\n".join(f"    {kind}_temp_path {folder}/{kind};" for kind in kinds),
            guard=ports.guard,
            port=ports.nginx,
            portal=portal.base_url,
            certificate=portal.certificate,
            key=portal.key,
        )
    )
    program = str(services.nginx_program())
    command = [program, "-c", str(config), "-p", str(folder), "-e", str(log)]
    process = services.spawn(command, log=log, cwd=folder)
    try:
        services.until_ready(lambda: services.listens(ports.nginx), process, log, "nginx")
        yield
    finally:
        services.end(process)
