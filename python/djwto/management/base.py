"""What djwto's commands share."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management import base


class BaseCommand(base.BaseCommand):
    """Settings that cannot be used are told in a sentence, as other failures of a command are."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it. Raises `CommandError`."""
        try:
            return super().execute(*args, **options)
        except ImproperlyConfigured as error:
            raise base.CommandError(str(error)) from error
