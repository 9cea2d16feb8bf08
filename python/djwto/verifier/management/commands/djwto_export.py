"""`manage.py djwto_export`, for a service that only verifies tokens: it says where to run it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    """Refuses, because such a service has no sessions and no users."""

    help = "Says where to run this command: in the project that logs users in."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the options of the command, so that the refusal is the answer to all of them."""
        parser.add_argument("--output")
        parser.add_argument("--check")
        parser.add_argument("--allow-shared-secret", action="store_true")

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Raise `CommandError`."""
        raise CommandError(
            "This service only verifies tokens: it has no sessions and no users to export. Run "
            "djwto_export in the project that logs users in."
        )
