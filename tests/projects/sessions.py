"""The portal as the tests of sessions want it: a quick hasher, times from the environment.

Every reply says which process gave it; a replay that is noticed is written to the log.
"""

import os
from datetime import timedelta
from typing import Any

from portal.settings import *  # noqa: F403
from portal.settings import DATABASES, INSTALLED_APPS, MIDDLEWARE

from tests.projects import queries


def seconds(name: str, default: str) -> timedelta | None:
    """Read a time; `none` is None."""
    text = os.environ.get(f"SESSIONS_{name}") or default
    return None if text == "none" else timedelta(seconds=float(text))


INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.watching"]
MIDDLEWARE = ["tests.projects.watching.tell_process", *MIDDLEWARE]

DJWTO_ROTATE_REFRESH = True
DJWTO_REFRESH_TOKEN_LIFETIME = seconds("REFRESH", "86400")
DJWTO_REFRESH_GRACE = seconds("GRACE", "10")
DJWTO_SESSION_LIFETIME = seconds("LIFETIME", "none")
DJWTO_REVOCATION_INTERVAL = seconds("INTERVAL", "0.2")
DJWTO_REVOCATION_MAX_AGE = seconds("MAX_AGE", "60")
DJWTO_REVOCATION_URL = os.environ.get("SESSIONS_URL") or None

PASSWORD_HASHERS: list[Any] = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

TIME_ZONE = os.environ.get("SESSIONS_TIME_ZONE") or "UTC"
USE_TZ = os.environ.get("SESSIONS_USE_TZ") != "no"

if "SESSIONS_ISOLATION" in os.environ:
    level = os.environ["SESSIONS_ISOLATION"]
    DATABASES["default"]["OPTIONS"] = {"isolation_level": level}
if "SESSIONS_POOL" in os.environ:
    # Of one process. A request that gets no connection shall say so soon.
    size = int(os.environ["SESSIONS_POOL"])
    DATABASES["default"]["OPTIONS"] = {"pool": {"min_size": size, "max_size": size, "timeout": 5}}
DATABASES["default"]["CONN_MAX_AGE"] = int(os.environ.get("SESSIONS_CONN_MAX_AGE") or 0)

if "SESSIONS_QUERIES" in os.environ:
    queries.count(os.environ["SESSIONS_QUERIES"])
if "SESSIONS_PAGES" in os.environ:
    queries.limit_pages(os.environ["SESSIONS_PAGES"])
