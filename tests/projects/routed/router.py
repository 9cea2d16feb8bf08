"""Where each app's tables are."""

from typing import Any


class Router:
    """djwto's tables are in a database of their own."""

    def db_for_read(self, model: Any, **_: Any) -> str:
        return "sessions" if model._meta.app_label == "djwto" else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool:
        return (app_label == "djwto") == (db == "sessions")
