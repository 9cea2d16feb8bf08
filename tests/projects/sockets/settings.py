"""A project with Channels, as several processes of real servers run it."""

import os
from datetime import timedelta

SECRET_KEY = "tests only"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
USE_TZ = True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "channels", "djwto"]
MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware"]
ROOT_URLCONF = "tests.projects.sockets.urls"
ASGI_APPLICATION = "tests.projects.sockets.asgi.application"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("SOCKETS_DATABASE", ":memory:"),
        "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL;", "timeout": 20},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

DJWTO_SIGNING_KEY = "a signing key for tests, of 64 bytes" + "." * 28
DJWTO_ISS_CLAIM = "sockets"
DJWTO_MODE = ("TWO-COOKIES", "JSON")
DJWTO_ACCESS_TOKEN_LIFETIME = timedelta(seconds=float(os.environ.get("SOCKETS_LIFETIME", "300")))
DJWTO_REVOCATION_INTERVAL = timedelta(seconds=float(os.environ.get("SOCKETS_INTERVAL", "1")))
DJWTO_REVOCATION_MAX_AGE = timedelta(seconds=float(os.environ.get("SOCKETS_MAX_AGE", "60")))
DJWTO_REVOCATION_URL = os.environ.get("SOCKETS_REDIS") or None
DJWTO_LOGIN_THROTTLE = None
