"""`manage.py delete_tokens`: delete expired rows of the blacklist and expired sessions."""

import time
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import QuerySet

from djwto import _core, times
from djwto.management.base import BaseCommand
from djwto.models import JWTBlacklist, Session


class Command(BaseCommand):
    """Deletes in batches, so that no lock is held for long."""

    help = "Deletes expired rows of the blacklist and expired sessions. Run it regularly."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--batch-size`."""
        parser.add_argument(
            "--batch-size",
            type=_size,
            default=1000,
            help="how many rows one DELETE statement deletes (default: 1000)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Delete until no expired row is left."""
        size, now = _checked(options["batch_size"]), time.time()
        # The margin covers a clock that is set back a little, and apps of djwto.contrib that accept
        # a token shortly after its `exp`.
        end = now - _core.MARGIN_SECONDS
        tokens, past = (
            _delete(JWTBlacklist.expired(end).order_by("expires"), size),
            times.micros(end),
        )
        expired = Session.rows().filter(expires_at__lt=past, access_until__lt=past)
        sessions = _delete(expired.order_by("expires_at"), size)
        self.stdout.write(
            f"Deleted {tokens} expired rows of the blacklist and {sessions} expired sessions."
        )


def _size(text: str) -> int:
    try:
        return _checked(int(text))
    except (ValueError, CommandError):
        raise ArgumentTypeError(_EXPECTED.format(text)) from None


def _checked(size: Any) -> int:
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise CommandError(f"--batch-size: {_EXPECTED.format(size)}.")
    return size


_EXPECTED = "expected a whole number of at least 1, found {!r}"


def _delete(expired: QuerySet[Any], size: int) -> int:
    deleted = 0
    while batch := list(expired.values_list("pk", flat=True)[:size]):
        # The query filters again: a session may have been renewed in the meantime.
        deleted += expired.order_by().filter(pk__in=batch).delete()[0]
    return deleted
