"""The portal's settings, but for the password hasher: a good one takes a third of a second.

The portal's users are made with the good one; each one's first login brings the quick one.
"""

from portal.settings import *  # noqa: F403

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
