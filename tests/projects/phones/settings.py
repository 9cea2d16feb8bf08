"""A project whose users log in with a phone number, which is an object of another class."""

from tests.projects.plain.settings import *  # noqa: F403

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "tests.projects.phones.callers",
    "djwto",
]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
AUTH_USER_MODEL = "callers.Caller"
ROOT_URLCONF = "tests.projects.uuid.urls"
