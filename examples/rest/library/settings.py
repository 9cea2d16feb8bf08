"""Settings of the library. What is djwto's, and what leads to it, stands at the end."""

import os
from datetime import date
from pathlib import Path

from django.core.management.utils import get_random_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("LIBRARY_VAR") or BASE_DIR / "var")

SECRET_KEY = os.environ.get("LIBRARY_SECRET_KEY") or get_random_secret_key()
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "djwto",
    "djwto.contrib.simplejwt",
    "books",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
ROOT_URLCONF = "library.urls"
WSGI_APPLICATION = "library.wsgi.application"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": VAR / "library.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
CSRF_COOKIE_SECURE = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"django.request": {"level": "ERROR"}},
}

# --- djwto -------------------------------------------------------------------------------------
# The signing key is in the environment variable DJWTO_SIGNING_KEY.

DJWTO_ISS_CLAIM = "library"
DJWTO_MODE = ("TWO-COOKIES", "JSON")
CSRF_FAILURE_VIEW = "djwto.csrf.failure"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["djwto.contrib.rest_framework.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["djwto.contrib.rest_framework.TokenPermissions"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "The library",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "djwto.contrib.spectacular.add_endpoints",
    ],
}
# What the project had before it moved. djwto reads it for the clients that have not.
SIMPLE_JWT = {"AUTH_HEADER_TYPES": ("JWT",)}
DJWTO_SIMPLEJWT_UNTIL = date(2027, 1, 1)
