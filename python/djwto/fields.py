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
    """A `CharField` that holds any Unicode, and is compared letter by letter where `exact`.

    MySQL and MariaDB take both from the table: one in latin1 holds no Chinese, and most of their
    collations call "Ab1" and "aB1" equal. So the column says itself what it is.
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
        """Add the collation, where it is not the database's alone."""
        found = super().db_parameters(connection)
        if connection.vendor == "mysql":
            found["collation"] = _exact(connection) if self.exact else "utf8mb4_unicode_ci"
        return found


def _exact(connection: Any) -> str:
    """Name the collation in which no two texts are equal, not even by blanks at the end."""
    if connection.mysql_is_mariadb:
        return "utf8mb4_nopad_bin"
    return "utf8mb4_0900_bin" if connection.mysql_version >= (8, 0, 17) else "utf8mb4_bin"
