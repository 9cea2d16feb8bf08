"""`manage.py delete_tokens`: remove the rows of what has expired."""

import time
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import QuerySet

from djwto import _core, times
from djwto.management.base import BaseCommand
from djwto.models import JWTBlacklist, Session


class Command(BaseCommand):
    """Delete in batches, so that no lock is held for long."""

    help = "Removes expired rows of the blacklist and of sessions, in batches."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the size of a batch."""
        parser.add_argument("--batch-size", type=_size, default=1000, help="rows per DELETE")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Delete until nothing is left to delete."""
        size, now = _checked(options["batch_size"]), time.time()
        # No token of it is good any more, nor will one be if the clock is set back a little. An
        # app of djwto.contrib may take a token after its `exp`, within this margin.
        end = now - _core.MARGIN_SECONDS
        tokens, past = (
            _delete(JWTBlacklist.expired(end).order_by("expires"), size),
            times.micros(end),
        )
        expired = Session.rows().filter(expires_at__lt=past, access_until__lt=past)
        sessions = _delete(expired.order_by("expires_at"), size)
        self.stdout.write(f"{tokens} expired rows deleted, and {sessions} expired sessions.")


def _size(text: str) -> int:
    try:
        return _checked(int(text))
    except (ValueError, CommandError):
        raise ArgumentTypeError(_EXPECTED.format(text)) from None


def _checked(size: Any) -> int:
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise CommandError(f"--batch-size: {_EXPECTED.format(size)}.")
    return size


_EXPECTED = "expected a whole number from 1, found {!r}"


def _delete(expired: QuerySet[Any], size: int) -> int:
    deleted = 0
    while batch := list(expired.values_list("pk", flat=True)[:size]):
        # Asked again: a session may have been renewed in the meantime.
        deleted += expired.order_by().filter(pk__in=batch).delete()[0]
    return deleted
