"""What `startproject` makes, with djwto and simplejwt side by side on the very same tokens."""

import os
from datetime import timedelta
from urllib.parse import urlsplit

SECRET_KEY = "benches only"
ALLOWED_HOSTS = ["localhost"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STARTPROJECT_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
INSTALLED_APPS = [*STARTPROJECT_APPS, "rest_framework", "knox", "djwto"]
INSTALLED_APPS += ["rest_framework_simplejwt.token_blacklist"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "benches.views"
# The fastest database there is: it favours whoever asks it. Servers share a file.
DATABASE = os.environ.get("BENCHES_DATABASE", ":memory:")
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE}}
if DATABASE.startswith("postgresql:"):
    _url = urlsplit(DATABASE)
    DATABASES["default"] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _url.path.strip("/"),
        "USER": _url.username,
        "HOST": _url.hostname,
        "PORT": _url.port,
        "CONN_MAX_AGE": None,
    }
STATIC_URL = "static/"
# Each guard is shown a bad token before it is timed; those refusals are no news.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"django.request": {"level": "CRITICAL"}},
}

ISSUER, SUBJECT, AUDIENCE = "https://auth.example", "portal", "api"
SIGNING_KEY = "a signing key for benches, of 64 bytes" + "." * 26

DJWTO_ISS_CLAIM = ISSUER
DJWTO_SUB_CLAIM = SUBJECT
DJWTO_AUD_CLAIM = AUDIENCE
DJWTO_ACCESS_TOKEN_LIFETIME = timedelta(hours=1)
DJWTO_SIGNING_KEY = SIGNING_KEY
# The thread that asks for ended sessions would see another database in memory. Tokens are compared
# with the set all the same.
DJWTO_REVOCATION_INTERVAL = None
DJWTO_MODE = ("TWO-COOKIES", "JSON")

SIMPLE_JWT = NINJA_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": SIGNING_KEY,
    "ISSUER": ISSUER,
    "AUDIENCE": AUDIENCE,
    "TOKEN_TYPE_CLAIM": "type",
    "USER_ID_CLAIM": "user_id",
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
}
