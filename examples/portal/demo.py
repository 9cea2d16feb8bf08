"""Show the portal with one command: database, users, certificate, server.

    python examples/portal/demo.py [--port 8002] [--server granian|uvicorn]

Everything it makes lies in the folder `var` beside this file (or where `--var` says). A second run
finds it there. The PORTAL_* variables that `portal/settings.py` reads are honoured.
"""

import argparse
import contextlib
import errno
import importlib.util
import ipaddress
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
START_SECONDS = 60
STOP_SECONDS = 5
NAMES = ("localhost", "*.localhost", "*.demo.localhost")
ADDRESSES = ("127.0.0.1", "::1")

READY = """
  The portal is at   {url}
  Log in as          alice   may ask for predictions
                     carol   may also list past predictions
                     admin   may do everything, also at {url}admin/
  Password           pass    for all three
  As a program       curl --cacert {cert} -d username=alice -d password=pass \\
                          -d mode=JSON {url}login/

  The certificate is self-signed, so a browser asks once whether to go on. Ctrl-C stops the portal.
"""


def main() -> int:
    """Run the demo; return the exit status."""
    options = _options()
    # A closed terminal and a `kill` end the demo as Ctrl-C does: in order, with the server.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        problem = _missing(options.server) or port_problem(options.port)
        if problem:
            print(problem, file=sys.stderr)
            return 1
        return _run(options.var.resolve(), options.port, options.server)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0


def prepare(var: Path) -> None:
    """Make the folder, the keys, the tables and the users that are not there yet."""
    var.mkdir(parents=True, exist_ok=True)
    step("Database tables")
    _manage(var, "migrate")
    step("Users alice, carol and admin")
    _manage(var, "demo_users")


def environment(var: Path) -> dict[str, str]:
    """Return the environment of the portal's processes. What is set outside wins."""
    return {
        "PORTAL_DATABASE": f"sqlite:///{var / 'portal.sqlite3'}",
        "PORTAL_SECRET_KEY": kept_secret(var / "secret.key"),
        "DJWTO_SIGNING_KEY": kept_secret(var / "signing.key"),
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }


def certificate(var: Path) -> tuple[Path, Path]:
    """Return the paths of the certificate and of its key; make both when there is no valid one."""
    cert, key = var / "cert.pem", var / "key.pem"
    if not (key.exists() and _still_valid(cert)):
        var.mkdir(parents=True, exist_ok=True)
        _make_certificate(cert, key)
    return cert, key


def server_command(server: str, port: int, cert: Path, key: Path) -> list[str]:
    """Return the command that serves the portal over https on the loopback address."""
    listen = ["--host", HOST, "--port", str(port), "--log-level", "warning"]
    if server == "uvicorn":
        tls = ["--ssl-certfile", str(cert), "--ssl-keyfile", str(key)]
        target = ["--app-dir", str(HERE), "--lifespan", "off", "portal.asgi:application"]
    else:
        tls = ["--ssl-certificate", str(cert), "--ssl-keyfile", str(key)]
        target = ["--working-dir", str(HERE), "--interface", "wsgi", "--blocking-threads", "4"]
        target += ["--workers-kill-timeout", "3", "portal.wsgi:application"]
    return [sys.executable, "-m", server, *listen, *tls, *target]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve the portal over https on this machine.")
    parser.add_argument("--port", type=_port, default=8002, help="default: 8002")
    parser.add_argument("--server", choices=("granian", "uvicorn"), default="granian")
    parser.add_argument(
        "--var",
        type=Path,
        default=HERE / "var",
        help="the folder for tables, keys and the certificate",
    )
    return parser.parse_args()


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return int(text)


def _missing(server: str) -> str | None:
    for name in ("django", "djwto", "cryptography", server):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed for {sys.executable}. `make demo` installs it."
    return None


def port_problem(port: int) -> str | None:
    # A browser tries ::1 first for `localhost`, so somebody else's server there is in the way too.
    return _bind_problem(socket.AF_INET, HOST, port) or _bind_problem(socket.AF_INET6, "::1", port)


def _bind_problem(family: socket.AddressFamily, host: str, port: int) -> str | None:
    try:
        with socket.socket(family) as probe:
            # As servers do; without it a port that was closed a minute ago looks taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"Port {port} is in use on {host}; choose another with --port."
        if error.errno == errno.EACCES:
            return f"Port {port} is not open to this user; choose another with --port."
        if family == socket.AF_INET:  # a machine without IPv6 is fine
            return f"Port {port} cannot be opened: {error.strerror}."
    return None


def _run(var: Path, port: int, server: str) -> int:
    print(f"The demo keeps its tables, keys and certificate in {shown(var)}")
    prepare(var)
    step("Certificate for localhost")
    cert, key = certificate(var)
    step(f"Server ({server})")
    # In a session of its own: Ctrl-C reaches this process alone, and the server is told once.
    command = server_command(server, port, cert, key)
    process = subprocess.Popen(command, cwd=HERE, env=environment(var), start_new_session=True)
    try:
        if not _answers(process, port, cert):
            print("The server did not start. Its output is above.", file=sys.stderr)
            return 1
        print(READY.format(url=f"https://localhost:{port}/", cert=shown(cert)), flush=True)
        return process.wait()
    finally:
        _stop(process)


def _answers(process: subprocess.Popen[bytes], port: int, cert: Path) -> bool:
    trust = ssl.create_default_context(cafile=str(cert))
    # Straight to this machine, whatever proxy the environment names.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
    )
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _is_open(opener, f"https://{HOST}:{port}/api/status/"):
            return True
        time.sleep(0.1)
    return False


def _is_open(opener: urllib.request.OpenerDirector, url: str) -> bool:
    try:
        with opener.open(url, timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second Ctrl-C
    process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    # A worker that was still loading has missed the signal.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _manage(var: Path, command: str) -> None:
    # Its output is kept back, so that Ctrl-C here prints no traceback of the child.
    done = subprocess.run(
        [sys.executable, str(HERE / "manage.py"), command],
        env=environment(var),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode < 0:
        raise KeyboardInterrupt
    if done.returncode:
        sys.exit(f"`manage.py {command}` failed:\n{done.stdout}{done.stderr}")


def kept_secret(path: Path) -> str:
    try:
        with _private(path) as file:
            file.write(secrets.token_urlsafe(48).encode())
    except FileExistsError:
        pass
    return path.read_text()


def _private(path: Path):
    """Open a new file that nobody else may read, not even for a moment."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _still_valid(cert: Path) -> bool:
    from cryptography import x509

    if not cert.exists():
        return False
    end = x509.load_pem_x509_certificate(cert.read_bytes()).not_valid_after_utc
    return end > datetime.now(timezone.utc) + timedelta(days=1)


def _make_certificate(cert: Path, key: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "djwto demo portal")])
    alternatives = [
        *(x509.DNSName(host) for host in NAMES),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES),
    ]
    now = datetime.now(timezone.utc)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    key.unlink(missing_ok=True)
    with _private(key) as file:
        file.write(
            private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))


def step(text: str) -> None:
    print(f"  · {text}", flush=True)


def shown(path: Path) -> str:
    """Return the path as short as it is from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


if __name__ == "__main__":
    sys.exit(main())
