"""`manage.py delete_tokens`: remove blacklist rows whose tokens have expired."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from djwto.models import JWTBlacklist


class Command(BaseCommand):
    """Delete in batches, so that no lock is held for long."""

    help = "Removes expired rows of the blacklist, in batches."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the size of a batch."""
        parser.add_argument("--batch-size", type=int, default=1000, help="rows per DELETE")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Delete until nothing is left to delete."""
        size, deleted, now = max(1, options["batch_size"]), 0, timezone.now()
        # The database that is written: a replica may show rows that are gone.
        expired = JWTBlacklist.rows().filter(expires__lt=now).order_by("pk")
        while batch := list(expired.values_list("pk", flat=True)[:size]):
            deleted += JWTBlacklist.rows().filter(pk__in=batch, expires__lt=now).delete()[0]
        self.stdout.write(f"{deleted} expired rows deleted.")
