"""`manage.py djwto_export`: write what `djwto-server` has to know of this project."""

import os
import shlex
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from djwto import export, private_files
from djwto.export import ExportError
from djwto.management.base import BaseCommand


class Command(BaseCommand):
    """Prints the export, writes it to a file, or compares a file with the settings."""

    help = "Exports the settings, public keys and table names that djwto-server needs, as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        actions = parser.add_mutually_exclusive_group()
        actions.add_argument(
            "--output",
            type=Path,
            metavar="FILE",
            help="write FILE, for its owner alone (default: print the export)",
        )
        actions.add_argument(
            "--check",
            type=Path,
            metavar="FILE",
            help="exit with 1 if the settings have changed since FILE was written",
        )
        parser.add_argument(
            "--group",
            metavar="GROUP",
            help="with --output: let the members of GROUP read FILE",
        )
        parser.add_argument(
            "--allow-shared-secret",
            action="store_true",
            help="export the secrets of HS256, HS384 and HS512 too",
        )
        parser.add_argument(
            "--keys-url",
            metavar="URL",
            help="export URL, from which the server fetches the public keys, in their place",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Export or compare. Raises `CommandError`."""
        choices = {
            "allow_shared_secret": options["allow_shared_secret"],
            "keys_url": options["keys_url"],
        }
        try:
            group = _group(options)
            if options["check"] is not None:
                self._check(options["check"], options["keys_url"])
            elif options["output"] is not None:
                path = _target(options["output"])
                # No variable holds the text: error trackers show those of every frame.
                private_files.replace(path, _text(**choices).encode(), group=group)
            else:
                self.stdout.write(_text(**choices), ending="")
        except ExportError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            place = options["check"] or options["output"]
            raise CommandError(f"{place}: {error.strerror or type(error).__name__}.") from error

    def _check(self, path: Path, keys_url: str | None) -> None:
        keys_url = keys_url or export.keys_url_of(path)
        names = ", ".join(export.moved_on(path, keys_url=keys_url))
        if names:
            # The file may hold escape sequences, which a terminal would obey.
            names = "".join(one if one.isprintable() else "?" for one in names)
            option = f" --keys-url {shlex.quote(keys_url)}" if keys_url else ""
            raise CommandError(
                f"{path} is out of date: {names}. "
                f"Write it again: `manage.py djwto_export --output {path}{option}`."
            )
        self.stdout.write(f"{path} is up to date.")


def _text(**choices: Any) -> str:
    return export.as_text(export.document(**choices))


def _group(options: dict[str, Any]) -> int | None:
    """Return the id of the group that may read the file, if any. Raises `ExportError`."""
    name: str | None = options["group"]
    if name is None:
        return None
    if options["output"] is None:
        raise ExportError("--group says who may read the file of --output, which is missing.")
    if options["allow_shared_secret"]:
        raise ExportError(
            "--group cannot be used with --allow-shared-secret: who reads a shared secret can sign "
            "tokens of any user. Let the account of djwto-server own the file instead."
        )
    try:
        import grp  # Windows has none

        return grp.getgrnam(name).gr_gid
    except (ImportError, KeyError):
        raise ExportError(f"--group: there is no group {name!r} on this machine.") from None


def _target(path: Path) -> Path:
    """Return the file behind links. Raises `ExportError` if it is something else."""
    real = Path(os.path.realpath(path))
    if real.exists() and not real.is_file():
        raise ExportError(f"{path}: expected a file, found something else.")
    return real
