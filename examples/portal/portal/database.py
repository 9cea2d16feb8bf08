"""A database address in one line, as servers are usually given it."""

from typing import Any
from urllib.parse import unquote, urlsplit


def database_from_url(url: str) -> dict[str, Any]:
    """Turn `sqlite:///path`, `postgresql://user@host:port/name` or `mariadb://…` into settings."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(unquote(parts.path.removeprefix("/")))
    if parts.scheme in _ENGINES:
        return {
            "ENGINE": f"django.db.backends.{_ENGINES[parts.scheme]}",
            "NAME": unquote(parts.path.removeprefix("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(parts.hostname or ""),
            "PORT": str(parts.port or ""),
        }
    raise ValueError(
        f"PORTAL_DATABASE must begin with sqlite:///, postgresql:// or mariadb://. Got {url!r}."
    )


_ENGINES = {"postgres": "postgresql", "postgresql": "postgresql", "mariadb": "mysql"}


def _sqlite(path: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        # Several threads write: a writer waits for its turn instead of failing half-way.
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
