"""Columns of text that are the same on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    _CharField = models.CharField[str, str]
else:
    _CharField = models.CharField


class UnicodeField(_CharField):
    """A `CharField` that holds any Unicode. If `exact`, it compares character by character.

    In MySQL and MariaDB both depend on the table: latin1 cannot hold Chinese, and with most
    collations "Ab1" and "aB1" are equal. So the column has its own collation.
    """

    def __init__(self, *args: Any, exact: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.exact = exact

    def deconstruct(self) -> Any:
        """Return what a migration writes down."""
        name, path, args, kwargs = super().deconstruct()
        if not self.exact:
            kwargs["exact"] = False
        return name, path, args, kwargs

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """Add the collation, if the database needs it."""
        found = super().db_parameters(connection)
        if connection.vendor == "mysql":
            found["collation"] = _exact(connection) if self.exact else "utf8mb4_unicode_ci"
        return found


def _exact(connection: Any) -> str:
    """Name the collation in which no two texts are equal, not even by blanks at the end."""
    if connection.mysql_is_mariadb:
        return "utf8mb4_nopad_bin"
    return "utf8mb4_0900_bin" if connection.mysql_version >= (8, 0, 17) else "utf8mb4_bin"
