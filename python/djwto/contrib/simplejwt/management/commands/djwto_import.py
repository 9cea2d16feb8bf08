"""`manage.py djwto_import simplejwt`: print settings, and copy the ids of simplejwt's blacklist."""

import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connections

from djwto import url_patterns
from djwto.contrib.simplejwt import config, importing
from djwto.exceptions import SettingError
from djwto.management.base import BaseCommand
from djwto.models import JWTBlacklist

_BATCH = 500
"""Ids of one query. Some builds of SQLite take at most 999 parameters."""


class Command(BaseCommand):
    """Prints and copies. It may run again at any time: ids that were copied stay as they are."""

    help = "Prints SIMPLE_JWT as settings of djwto, and copies the blacklisted ids of simplejwt."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the source and `--dry-run`."""
        parser.add_argument("source", choices=["simplejwt"], help="the package to move from")
        parser.add_argument("--dry-run", action="store_true", help="copy nothing: only print")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the settings, then copy the ids. Raises `CommandError`."""
        try:
            config.build()
            lines = importing.lines()
        except SettingError as error:
            raise CommandError(f'SIMPLE_JWT["{error.field}"]: {error}.') from None
        self._print_settings(lines)
        self._copy(is_dry=options["dry_run"])

    def _print_settings(self, lines: list[str]) -> None:
        self.stdout.write(
            "# Paste these lines into settings.py, below SIMPLE_JWT. Keep SIMPLE_JWT."
        )
        for line in lines:
            self.stdout.write(line)
        self.stdout.write("")
        self.stdout.write(
            "# Tokens of simplejwt are accepted until DJWTO_SIMPLEJWT_UNTIL. The date leaves you a "
            "week to deploy. Run this again if you need longer."
        )
        found = [*importing.without_counterpart(), *_own_classes()]
        if found:
            self.stdout.write("# Not taken over:")
        for name, reason in found:
            self.stdout.write(f"#   {name}: {reason}")

    def _copy(self, *, is_dry: bool) -> None:
        if not config.has_blacklist():
            self.stdout.write(f"# Copied no ids: {config.BLACKLIST_APP} is not installed.")
            return
        rows = JWTBlacklist.rows()
        if rows.model._meta.db_table not in connections[rows.db].introspection.table_names():  # noqa: SLF001
            self.stdout.write(
                "# Copied no ids: the table is missing. Run `manage.py migrate`, then this again."
            )
            return
        copied = present = 0
        batch: list[tuple[str, Any]] = []
        for row in _blacklisted():
            batch.append(row)
            if len(batch) == _BATCH:
                new, old = _copied(batch, is_dry=is_dry)
                copied, present, batch = copied + new, present + old, []
        new, old = _copied(batch, is_dry=is_dry)
        verb = "would be copied" if is_dry else "copied"
        self.stdout.write(
            f"# {copied + new} blacklisted ids {verb}, {present + old} were there already. "
            "Tokens are never copied."
        )


def _blacklisted() -> Any:
    """Return the ids of simplejwt's blacklist, and when they expire."""
    rows = config.table("BlacklistedToken").order_by("pk")
    return rows.values_list("token__jti", "token__expires_at").iterator(chunk_size=_BATCH)


def _copied(batch: list[tuple[str, Any]], *, is_dry: bool) -> tuple[int, int]:
    """Copy the ids that are not there. Returns their number, and that of those that are."""
    rows = JWTBlacklist.rows()
    there = set(rows.filter(jti__in=[jti for jti, _ in batch]).values_list("jti", flat=True))
    new = [JWTBlacklist(jti=jti, expires=expires) for jti, expires in batch if jti not in there]
    if not is_dry:
        rows.bulk_create(new, ignore_conflicts=True)
    return len(new), len(batch) - len(new)


def _own_classes() -> Iterator[tuple[str, str]]:
    """Find the project's classes that derive from simplejwt's, once its URLs are loaded."""
    list(url_patterns.every())
    found = set()
    for module, name in _BASES:
        base = getattr(sys.modules.get(f"{_PACKAGE}.{module}"), name, None)
        found |= set() if base is None else _below(base)
    for one in sorted(f"{one.__module__}.{one.__qualname__}" for one in found):
        if not one.startswith(f"{_PACKAGE}."):
            yield one, "djwto does not call it. Add claims in djwto.tokens.process_claims"


def _below(base: type) -> set[type]:
    direct: set[type] = set(base.__subclasses__())
    return direct.union(*map(_below, direct))


_PACKAGE = "rest_framework_simplejwt"
_BASES = (
    ("serializers", "TokenObtainSerializer"),
    ("serializers", "TokenRefreshSerializer"),
    ("serializers", "TokenVerifySerializer"),
    ("serializers", "TokenBlacklistSerializer"),
    ("views", "TokenViewBase"),
    ("tokens", "Token"),
    ("authentication", "JWTAuthentication"),
)
