"""Start the library with one command: database, users, certificate, server.

    python examples/rest/start.py [--port 8003]

What it makes lies in the folder `var` beside this file, or where `--var` says.
"""

import argparse
import os
import secrets
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "portal")]

READY = """
  The library is at   {url}
  Log in as           alice   reads
                      carol   may do everything
  Password            pass    for both
  Clients             python {clients}/djwto_client.py {url} {cert}
                      python {clients}/simplejwt_client.py {url} {cert}

  The certificate is self-signed, so a browser asks once whether to go on. Ctrl-C stops it.
"""


def main() -> None:
    """Prepare what is not there yet, and become the server."""
    parser = argparse.ArgumentParser(description="Serve the library over https on this machine.")
    parser.add_argument("--port", type=int, default=8003, help="default: 8003")
    parser.add_argument(
        "--var",
        type=Path,
        default=HERE / "var",
        help="the folder for tables, keys and the certificate",
    )
    options = parser.parse_args()
    var = options.var.resolve()
    var.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "library.settings",
        "LIBRARY_VAR": str(var),
        "LIBRARY_SECRET_KEY": kept_secret(var / "secret.key"),
        "DJWTO_SIGNING_KEY": kept_secret(var / "signing.key"),
    }
    prepare()
    from demo import certificate  # the portal's

    cert, key = certificate(var)
    url = f"https://localhost:{options.port}/"
    print(READY.format(url=url, cert=cert, clients=HERE / "clients"), flush=True)
    command = [
        *(sys.executable, "-m", "granian", "--working-dir", str(HERE), "--interface", "wsgi"),
        *("--host", "127.0.0.1", "--port", str(options.port), "--log-level", "warning"),
        *("--blocking-threads", "4", "--workers-kill-timeout", "3"),
        *("--ssl-certificate", str(cert), "--ssl-keyfile", str(key)),
        "library.wsgi:application",
    ]
    os.execv(sys.executable, command)


def prepare() -> None:
    """Make the tables, the users and two books that are not there yet."""
    import django

    django.setup()
    from books.models import Book
    from django.contrib.auth.models import Permission, User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    if User.objects.exists():
        return
    of_books = Permission.objects.filter(content_type__app_label="books")
    alice = User.objects.create_user("alice", "alice@example.com", "pass")
    alice.user_permissions.set(of_books.filter(codename="view_book"))
    carol = User.objects.create_user("carol", "carol@example.com", "pass")
    carol.user_permissions.set(of_books)
    Book.objects.create(title="Kindred", author="Octavia E. Butler", added_by=carol)
    Book.objects.create(title="The Dispossessed", author="Ursula K. Le Guin", added_by=carol)


def kept_secret(path: Path) -> str:
    """Return the secret of a file that only this user reads; make it the first time."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    return path.read_text()


if __name__ == "__main__":
    main()
