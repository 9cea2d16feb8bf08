"""A project whose users log in with a badge, a row of another table; their key is a badge too."""

from tests.projects.plain.settings import *  # noqa: F403

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "tests.projects.badges.staff",
    "djwto",
]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
AUTH_USER_MODEL = "staff.Member"
ROOT_URLCONF = "tests.projects.uuid.urls"
DJWTO_SUB_CLAIM = None
DJWTO_USER_AS_SUB = True
