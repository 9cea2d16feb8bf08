"""The portal's settings with simplejwt, as its docs say: rotate, and blacklist what was used."""

from portal.settings import *  # noqa: F403
from portal.settings import INSTALLED_APPS, MIDDLEWARE, env

INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework", "rest_framework_simplejwt.token_blacklist"]
MIDDLEWARE = ["tests.projects.watching.tell_process", *MIDDLEWARE]
ROOT_URLCONF = "benches.rivals.urls"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
SIMPLE_JWT = {
    "SIGNING_KEY": env("PORTAL_SECRET_KEY", ""),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
}
