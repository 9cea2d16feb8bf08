"""What the database is asked, and how much it may hold."""

import os
from pathlib import Path
from typing import Any

from django.db.backends.signals import connection_created


def count(path: str) -> None:
    """Add a line to a file for each statement of this process."""
    sink = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def wrap(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        os.write(sink, sql.replace("\n", " ").encode() + b"\n")
        return execute(sql, params, many, context)

    def watch(connection: Any, **_: Any) -> None:
        if wrap not in connection.execute_wrappers:
            connection.execute_wrappers.append(wrap)

    connection_created.connect(watch, weak=False, dispatch_uid="queries.count")


def limit_pages(path: str) -> None:
    """Let SQLite's file have no more pages than a file says, as on a disk that is full.

    SQLite takes no limit below the present size: 1 means "no more than now".
    """

    file = Path(path)

    def limit(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        if file.exists():
            pages = int(file.read_text())
            context["connection"].connection.execute(f"PRAGMA max_page_count = {pages}")
        return execute(sql, params, many, context)

    def watch(connection: Any, **_: Any) -> None:
        if limit not in connection.execute_wrappers:
            connection.execute_wrappers.append(limit)

    connection_created.connect(watch, weak=False, dispatch_uid="queries.limit")
