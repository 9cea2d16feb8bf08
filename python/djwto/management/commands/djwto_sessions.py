"""`manage.py djwto_sessions`: list sessions and end them."""

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from djwto import sessions, tenants, times, user_rows
from djwto.management.base import BaseCommand
from djwto.models import ENDED_BY_ADMIN, Session


class Command(BaseCommand):
    """Lists or ends sessions. Users are named by what they log in with."""

    help = "Lists sessions, or ends one of them, all of a user, or those of all users."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the verbs and their arguments."""
        verbs = parser.add_subparsers(dest="verb", required=True, parser_class=ArgumentParser)
        listing = verbs.add_parser("list", help="list the live sessions, the latest first")
        listing.add_argument("username", nargs="?", help="list only those of this user")
        listing.add_argument(
            "--json", action="store_true", help="print JSON, with times in ISO 8601"
        )
        end = verbs.add_parser("end", help="end one session, or with --everyone all of them")
        end.add_argument("id", nargs="?", help="the id of the session, which is the claim sid")
        end.add_argument(
            "--everyone",
            action="store_true",
            help="end every session of all users, such as after a restore",
        )
        end.add_argument(
            *("--no-input", "--noinput"),
            action="store_false",
            dest="interactive",
            help="do not ask for confirmation of --everyone",
        )
        end_all = verbs.add_parser("end_all", help="end all sessions of a user")
        end_all.add_argument("username")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the verb. Raises `CommandError`."""
        {"list": self._list, "end": self._end, "end_all": self._end_all}[options["verb"]](options)

    def _list(self, options: dict[str, Any]) -> None:
        now, tenant = times.now(), tenants.present()
        live = Session.of_tenant(tenant).filter(
            revoked_at=None, expires_at__gt=now, ends_at__gt=now
        )
        live = live.order_by("-renewed_at")
        if options["username"] is not None:
            live = sessions.own(_user(options["username"]).pk, tenant)
        batches = _with_names(live.iterator())
        if options["json"]:
            members = [_members(row, name) for batch in batches for row, name in batch]
            self.stdout.write(json.dumps(members, indent=2))
            return
        self._table(batches)

    def _table(self, batches: Iterable[list[tuple[Session, str | None]]]) -> None:
        widths = [len(title) for title in _TITLES]
        for at, batch in enumerate(batches):
            lines = [_cells(row, name) for row, name in batch]
            if at == 0:
                lines = [_TITLES, *lines]
            widths = [
                max(width, *map(len, column))
                for width, column in zip(widths, zip(*lines, strict=True), strict=True)
            ]
            for line in lines:
                cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
                self.stdout.write("  ".join(cells).rstrip())

    def _end(self, options: dict[str, Any]) -> None:
        if options["everyone"] == (options["id"] is not None):
            raise CommandError("Expected the id of a session, or --everyone.")
        if options["everyone"]:
            self._end_everyone(options)
            return
        if not (_is_here(options["id"]) and sessions.end(options["id"], reason=ENDED_BY_ADMIN)):
            raise CommandError(f"There is no live session {options['id']}.")
        self.stdout.write("Sessions ended: 1.")

    def _end_everyone(self, options: dict[str, Any]) -> None:
        if options["interactive"] and not _is_wanted():
            raise CommandError("No session was ended.")
        number = sessions.end_rows(Session.of_tenant(tenants.present()), ENDED_BY_ADMIN)
        self.stdout.write(f"Sessions ended: {number}.")

    def _end_all(self, options: dict[str, Any]) -> None:
        user = _user(options["username"])
        number = sessions.end_all(user, reason=ENDED_BY_ADMIN)
        self.stdout.write(f"Sessions ended: {number}.")


_TITLES = ("session", "user", "key", "mode", "renewed (UTC)", "address", "device")
_BATCH = 500


def _with_names(rows: Iterator[Session]) -> Iterator[list[tuple[Session, str | None]]]:
    """Yield the rows with what their users log in with: one query for each batch; once at least."""
    batch = list(islice(rows, _BATCH))
    while True:
        names = user_rows.names(row.user_id for row in batch)
        yield [(row, names.get(row.user_id)) for row in batch]
        batch = list(islice(rows, _BATCH))
        if not batch:
            return


def _cells(row: Session, name: str | None) -> tuple[str, ...]:
    renewed = f"{times.as_datetime(row.renewed_at):%Y-%m-%d %H:%M:%S}"
    cells = (str(row.pk), name or "-", row.user_id, row.mode, renewed, row.address, row.device)
    # Names and devices may hold escape sequences, which a terminal would obey.
    return tuple(
        "".join(one if one.isprintable() else "?" for one in cell or "-") for cell in cells
    )


def _members(row: Session, name: str | None) -> dict[str, Any]:
    stamps = ("created_at", "renewed_at", "expires_at", "ends_at", "access_until")
    dates = {stamp: times.as_datetime(getattr(row, stamp)) for stamp in stamps}
    return {
        "id": str(row.pk),
        "username": name,
        "user_id": row.user_id,
        "mode": row.mode,
        **{stamp: None if date is None else date.isoformat() for stamp, date in dates.items()},
        "address": row.address,
        "device": row.device,
    }


def _is_here(session_id: str) -> bool:
    """Whether a session belongs to the present tenant."""
    try:
        return Session.of_tenant(tenants.present()).filter(pk=UUID(session_id)).exists()
    except ValueError:
        return False


def _is_wanted() -> bool:
    try:
        return input(_QUESTION).strip().lower() == "yes"
    except EOFError:
        return False


_QUESTION = "This ends every session, and all users must log in again. Type 'yes' to go on: "


def _user(username: str) -> Any:
    user = user_rows.find_account(username)
    if user is None:
        raise CommandError(f"There is no user {username!r}.")
    return user
