"""The portal with keys from a file, as the environment says; a quick hasher lets many log in."""

import json
import os

from portal.settings import *  # noqa: F403

DJWTO_KEYS = os.environ.get("KEYED_FILE")
DJWTO_SIGNING_KEY_FALLBACKS = json.loads(os.environ.get("KEYED_FALLBACKS", "[]"))

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
