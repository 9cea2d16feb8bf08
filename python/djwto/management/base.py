"""The base class of djwto's commands."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management import base


class BaseCommand(base.BaseCommand):
    """A command that reports wrong settings as a sentence, without a traceback."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command. Raises `CommandError`."""
        try:
            return super().execute(*args, **options)
        except ImproperlyConfigured as error:
            raise base.CommandError(str(error)) from error
