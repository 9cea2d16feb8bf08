"""The project of most tests: what `startproject` makes, with djwto in JSON mode."""

from datetime import timedelta

SECRET_KEY = "tests only"
ALLOWED_HOSTS = ["testserver", "localhost"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "djwto",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "tests.projects.plain.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
# The tests are about tokens: a fast hasher keeps the loop short.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STATIC_URL = "static/"

DJWTO_SIGNING_KEY = "a signing key for tests, of 64 bytes" + "." * 28
DJWTO_ISS_CLAIM = "iss"
DJWTO_SUB_CLAIM = "sub"
DJWTO_AUD_CLAIM = "aud"
DJWTO_ACCESS_TOKEN_LIFETIME = timedelta(minutes=5)
DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(days=1)
