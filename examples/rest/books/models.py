"""What the library has."""

from django.conf import settings
from django.db import models


class Book(models.Model):
    """A book, and who has put it on the shelf."""

    title = models.CharField(max_length=200)
    author = models.CharField(max_length=200)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, editable=False)

    class Meta:
        """Permissions besides those that Django makes."""

        ordering = ("pk",)
        permissions = (("read_statistics", "Can read statistics"),)

    def __str__(self) -> str:
        """Name it."""
        return self.title
