"""The portal for many logins: a quick hasher, and what a test wants of keys and times."""

import os
from datetime import timedelta

from tests.proxies.portal_settings import *  # noqa: F403
from tests.proxies.portal_settings import DATABASES

DJWTO_KEYS = os.environ.get("TEST_KEYS")
DJWTO_REVOCATION_INTERVAL = timedelta(seconds=1)
DJWTO_REVOCATION_MAX_AGE = timedelta(seconds=float(os.environ.get("TEST_MAX_AGE") or 60))

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

if os.environ.get("TEST_JOURNAL"):
    # Without WAL, a writer can lock readers out.
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=DELETE"
