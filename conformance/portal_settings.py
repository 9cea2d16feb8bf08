"""The portal's settings, but for the password hasher: a good one takes a third of a second.

The portal's users are made with the good one; each one's first login brings the quick one. And the
cases come from one address, and many log in wrongly: they have more attempts than people have.
"""

import os

from portal.settings import *  # noqa: F403

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

ATTEMPTS = int(os.environ.get("CONFORMANCE_ATTEMPTS", "1000"))
DJWTO_LOGIN_THROTTLE = {
    "attempts": ATTEMPTS,
    "account_attempts": 1000,
    "network_attempts": int(os.environ.get("CONFORMANCE_NETWORK_ATTEMPTS", "10000")),
    "day_attempts": 10_000,
}

# One user logs in some thousand times, and cases share logins.
LIMIT = os.environ.get("CONFORMANCE_MAX_SESSIONS")
DJWTO_MAX_SESSIONS = None if LIMIT is None else int(LIMIT)
