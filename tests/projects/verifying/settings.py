"""A service that only verifies the tokens of another: no users, no sessions, no tables of djwto."""

import os

SECRET_KEY = "tests only, of the service"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["djwto.verifier", *os.environ.get("VERIFYING_APPS", "").split()]
MIDDLEWARE = [
    "djwto.middleware.PrivateRepliesMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    *os.environ.get("VERIFYING_MIDDLEWARE", "").split(),
]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["djwto.contrib.rest_framework.JWTAuthentication"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"
    if "drf_spectacular" in INSTALLED_APPS
    else "rest_framework.schemas.openapi.AutoSchema",
}
CSRF_FAILURE_VIEW = "djwto.csrf.failure"
ROOT_URLCONF = os.environ.get("VERIFYING_URLS", "tests.projects.verifying.urls")
DATABASES = (
    {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["VERIFYING_DATABASE"]}}
    if "VERIFYING_DATABASE" in os.environ
    else {}
)
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DJWTO_KEYS = os.environ["VERIFYING_KEYS"]
DJWTO_ISS_CLAIM = os.environ.get("VERIFYING_ISSUER", "iss")
DJWTO_SUB_CLAIM = os.environ.get("VERIFYING_SUBJECT", "sub") or None
DJWTO_AUD_CLAIM = os.environ.get("VERIFYING_AUDIENCE", "aud") or None
DJWTO_USER = "token"
DJWTO_TENANT = os.environ.get("VERIFYING_TENANT")
DJWTO_MODE = ("JSON", "ONE-COOKIE")
