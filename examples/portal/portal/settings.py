"""Settings of the portal. Every PORTAL_* environment variable is read here and nowhere else."""

import os
from datetime import timedelta
from pathlib import Path

from django.core.management.utils import get_random_secret_key

from portal.database import database_from_url

BASE_DIR = Path(__file__).resolve().parent.parent


def env(name: str, default: str) -> str:
    """Return the variable; one that is set but empty counts as absent."""
    return os.environ.get(name) or default


def env_list(name: str, default: str = "") -> list[str]:
    """Return a comma list without the blanks."""
    return [item.strip() for item in env(name, default).split(",") if item.strip()]


DEBUG = False
# Without the variable each process has its own key: then one process alone can renew what it has
# issued, and the admin's sessions end with it. demo.py keeps one.
SECRET_KEY = env("PORTAL_SECRET_KEY", "") or get_random_secret_key()
ALLOWED_HOSTS = env_list("PORTAL_HOSTS", "localhost,127.0.0.1,[::1],.localhost")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "djwto",
    "predictions",
]

MIDDLEWARE = [
    "djwto.middleware.PrivateRepliesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "portal.headers.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": database_from_url(
        env("PORTAL_DATABASE", f"sqlite:///{BASE_DIR / 'var' / 'portal.sqlite3'}")
    ),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Failed logins are counted in it. The memory of the process will do for the one process of the
# demo; several share a Redis, such as redis://127.0.0.1:6379/0.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
if REDIS := env("PORTAL_REDIS", ""):
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS,
    }

STATIC_URL = "/static/"
USE_TZ = True
TIME_ZONE = "UTC"

# --- djwto -------------------------------------------------------------------------------------
# The signing key is not here: djwto reads the environment variable DJWTO_SIGNING_KEY itself.

DJWTO_ISS_CLAIM = "iss"
DJWTO_SUB_CLAIM = "sub"
DJWTO_AUD_CLAIM = "aud"
DJWTO_ACCESS_TOKEN_LIFETIME = timedelta(seconds=float(env("PORTAL_ACCESS_SECONDS", "300")))
DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(seconds=float(env("PORTAL_REFRESH_SECONDS", "86400")))
# The first mode is the default; a program asks login for JSON with the form field `mode`.
DJWTO_MODE = tuple(env_list("PORTAL_MODE", "TWO-COOKIES,JSON"))
DJWTO_SAME_SITE = env("PORTAL_SAME_SITE", "Lax")
DJWTO_DOMAIN = os.environ.get("PORTAL_DOMAIN") or None
DJWTO_COOKIE_PREFIX = env("PORTAL_COOKIE_PREFIX", "")
DJWTO_PUBLIC_PATH = env("PORTAL_PUBLIC_PATH", "")
DJWTO_CSRF = env("PORTAL_CSRF", "1") == "1"
DJWTO_TRUSTED_PROXIES = env_list("PORTAL_TRUSTED_PROXIES")
# The page has the login form. After a login it sends the browser on to `next`.
DJWTO_RETURN_HOSTS = env_list("PORTAL_RETURN_HOSTS")
LOGIN_URL = "page"

# --- Security ----------------------------------------------------------------------------------

CSRF_FAILURE_VIEW = "djwto.csrf.failure"
CSRF_TRUSTED_ORIGINS = env_list("PORTAL_TRUSTED_ORIGINS")
CSRF_COOKIE_SECURE = True
# The page reads this cookie and sends it back, so it travels as the tokens do.
CSRF_COOKIE_SAMESITE = DJWTO_SAME_SITE
SESSION_COOKIE_SECURE = True
SECURE_REFERRER_POLICY = "same-origin"

# Django's own hashes, computed faster; what Django's hasher has stored is verified as well.
PASSWORD_HASHERS = ["djwto.hashers.PBKDF2PasswordHasher"]

# With DEBUG off Django prints nothing, and the reason for a 500 would be lost. Refusals (401, 403)
# are the portal's daily business and stay out of the log.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.security.csrf": {"level": "ERROR"},
    },
}
