"""`manage.py djwto_sessions`: list sessions, and end them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from djwto import sessions, times, users
from djwto.models import ENDED_BY_ADMIN, Session


class Command(BaseCommand):
    """One verb each; the users are named by what they log in with."""

    help = "Lists sessions (list), ends one (end), or all of a user (end_all)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a verb and what it needs."""
        verbs = parser.add_subparsers(dest="verb", required=True, parser_class=ArgumentParser)
        listing = verbs.add_parser("list", help="the live sessions, the latest first")
        listing.add_argument("username", nargs="?", help="only this user's")
        end = verbs.add_parser("end", help="end a session")
        end.add_argument("id", help="its id, the claim sid")
        end_all = verbs.add_parser("end_all", help="end all sessions of a user")
        end_all.add_argument("username")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do what the verb says."""
        {"list": self._list, "end": self._end, "end_all": self._end_all}[options["verb"]](options)

    def _list(self, options: dict[str, Any]) -> None:
        now = times.now()
        live = Session.live().filter(expires_at__gt=now, ends_at__gt=now).order_by("-renewed_at")
        if options["username"] is not None:
            live = sessions.own(_user(options["username"]).pk)
        for row in live.iterator():
            renewed = f"{times.as_datetime(row.renewed_at):%Y-%m-%d %H:%M:%S}"
            columns = (row.pk, row.user_id, row.mode, renewed)
            self.stdout.write("  ".join(map(str, (*columns, row.address or "-", row.device))))

    def _end(self, options: dict[str, Any]) -> None:
        if not sessions.end(options["id"], reason=ENDED_BY_ADMIN):
            raise CommandError(f"There is no live session {options['id']}.")
        self.stdout.write("1 session ended.")

    def _end_all(self, options: dict[str, Any]) -> None:
        user = _user(options["username"])
        number = sessions.end_all(user, reason=ENDED_BY_ADMIN)
        self.stdout.write(f"{number} sessions ended.")


def _user(username: str) -> Any:
    user = users.find_account(username)
    if user is None:
        raise CommandError(f"There is no user {username!r}.")
    return user
