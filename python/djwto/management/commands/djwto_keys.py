"""`manage.py djwto_keys`: make, list, rotate and retire the keys in the file of `DJWTO_KEYS`."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError
from django.db.models import Max

from djwto import _core, conf, times
from djwto.exceptions import SettingError
from djwto.keys import sets
from djwto.keys.files import KeyFiles, rsa_algorithm
from djwto.keys.sets import Key, KeySetError
from djwto.management.base import BaseCommand
from djwto.models import Session


class Command(BaseCommand):
    """Changes the file at once. Running servers read it again without a restart."""

    help = "Makes, lists, rotates and retires the keys in the file of DJWTO_KEYS."
    # The checks would fail before `generate` has made the file.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the actions and their options."""
        actions = parser.add_subparsers(dest="action", required=True, parser_class=_Parser)
        generate = actions.add_parser(
            "generate", help="make the file; if it exists, add a next key"
        )
        rotate = actions.add_parser(
            "rotate", help="let the next key sign, and retire the active one"
        )
        retire = actions.add_parser(
            "retire", help="remove retired keys whose last token has expired"
        )
        listing = actions.add_parser("list", help="list the keys, without their secret parts")
        for action, default in (
            (generate, "that of the active key, or EdDSA"),
            (rotate, "the same"),
        ):
            action.add_argument(
                "--algorithm",
                choices=_core.algorithms(),
                metavar="NAME",
                help=f"algorithm of the new key (default: {default})",
            )
        rotate.add_argument(
            "--kid", help="the kid of the next key that is to sign (default: the oldest)"
        )
        rotate.add_argument(
            "--force",
            action="store_true",
            help="rotate even if some servers and clients may not know the next key yet",
        )
        retire.add_argument(
            "--force",
            action="store_true",
            help="remove all retired keys now: users with their tokens are logged out",
        )
        listing.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the action. Raises `CommandError`."""
        path = conf.keys_path()
        if path is None:
            found = "a URL: its keys are made elsewhere" if conf.is_set("KEYS") else "none"
            raise CommandError(f"DJWTO_KEYS: expected the path of a JWK Set file, found {found}.")
        if options["action"] != "list" and path.is_dir():
            raise CommandError(_DIRECTORY.format(path))
        try:
            getattr(self, f"_{options['action']}")(path, options)
        except (KeySetError, SettingError) as error:
            raise CommandError(str(error)) from error

    def _generate(self, path: Path, options: dict[str, Any]) -> None:
        with sets.opened(path) as keys:
            made = keys.generate(options["algorithm"], sets.now())
        self._tell(made)

    def _rotate(self, path: Path, options: dict[str, Any]) -> None:
        chosen = {name: options[name] for name in ("kid", "algorithm", "force")}
        with _existing(path) as keys:
            changed = keys.rotate(sets.now(), **chosen)
        self._tell(changed)

    def _retire(self, path: Path, options: dict[str, Any]) -> None:
        with _existing(path) as keys:
            dropped, kept = keys.retire(
                sets.now(), _longest(), _last_of_sessions, force=options["force"]
            )
        for key in dropped:
            self.stdout.write(f"{key.kid}: removed")
        for key, left in kept:
            why = "do not expire" if left is None else f"expire within {left:.0f} seconds"
            self.stdout.write(f"{key.kid}: kept, its tokens {why}")
        if not dropped and not kept:
            self.stdout.write("There is no retired key.")

    def _list(self, path: Path, options: dict[str, Any]) -> None:
        keys = _listed(path)
        if options["json"]:
            self.stdout.write(json.dumps([asdict(key) for key in keys], indent=2))
            return
        rows = [("kid", "algorithm", "state", "since", "private", "file"), *map(_row, keys)]
        used = [column for column in zip(*rows, strict=True) if any(column[1:])]
        widths = [max(map(len, column)) for column in used]
        for row in zip(*used, strict=True):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())

    def _tell(self, keys: list[Key]) -> None:
        for key in keys:
            self.stdout.write(f"{key.kid}: {key.algorithm}, {key.state}")


class _Parser(CommandParser):
    """Takes a kid that begins with "-", as one base64url value in 64 does (RFC 7638 §3)."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        words = list(args)
        if "--kid" in words[:-1]:
            at = words.index("--kid")
            words[at : at + 2] = [f"--kid={words[at + 1]}"]
        return super().parse_known_args(words, namespace)


_DIRECTORY = (
    "{}: expected a JWK Set file, found a directory. Rotate PEM files by hand: first add the "
    "public half of the next key. Minutes later put its private key into signing.pem. Keep the "
    "public half of the old key until its last token has expired."
)


def _existing(path: Path) -> Any:
    if not path.exists():
        raise KeySetError(
            f"{path}: there is no such file. Make it: `manage.py djwto_keys generate`"
        )
    return sets.opened(path)


def _listed(path: Path) -> list[Key]:
    files = KeyFiles.read(path)
    # Refuses what servers would refuse, with the same messages.
    ring = files.ring(conf.valid("ALGORITHM"), [])
    if not files.is_directory:
        return sets.KeySet(json.loads(files.files[0][1])).keys()
    rsa = rsa_algorithm(conf.valid("ALGORITHM"))
    keys = [sets.described_file(name, text, rsa) for name, text in files.files]
    private = [key for key in keys if key.private]
    signing = [key for key in private if key.file == "signing.pem"] or private
    is_active = {id(key): "active" for key in signing if ring.can_sign}
    return [Key(**{**asdict(key), "state": is_active.get(id(key))}) for key in keys]


def _row(key: Key) -> tuple[str, ...]:
    since = "" if key.since is None else _date(key.since)
    private = "yes" if key.private else "no"
    usable = key.algorithm or "cannot be used"
    return key.kid or "", usable, key.state or "", since, private, key.file or ""


def _date(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return str(seconds)


def _last_of_sessions(until: float) -> float | None:
    """Return when the last token expires that a live session got until this moment.

    Both times are in seconds since 1970; None: never. Raises `KeySetError` if the database fails.
    """
    instant, live = times.micros(until), Session.live()
    try:
        lasts = [
            live.filter(issued_at__lte=instant).aggregate(last=Max("expires_at"))["last"],
            live.filter(renewed_at__lte=instant).aggregate(last=Max("access_until"))["last"],
        ]
    except (DatabaseError, ImproperlyConfigured) as error:
        raise KeySetError(
            f"cannot read from the database when the last tokens expire ({type(error).__name__}). "
            "Try again later, or use --force to remove the keys now"
        ) from error
    return times.seconds(max(0, *(last or 0 for last in lasts)))


def _longest() -> float | None:
    """Return the longest lifetime of a token in seconds; None: some tokens do not expire."""
    access, refresh = conf.valid("ACCESS_TOKEN_LIFETIME"), conf.valid("REFRESH_TOKEN_LIFETIME")
    if refresh is None:
        return None
    return float(max(refresh, access or timedelta()).total_seconds())
