"""A project of REST framework's users: djwto for all views, and drf-spectacular's document."""

from tests.projects.plain.settings import *  # noqa: F403
from tests.projects.plain.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework", "drf_spectacular"]
ROOT_URLCONF = "tests.projects.rest.urls"
DJWTO_MODE = ("TWO-COOKIES", "JSON")
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["djwto.contrib.rest_framework.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_RATES": {"user": "2/day"},
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Groups",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "djwto.contrib.spectacular.add_endpoints",
    ],
}
