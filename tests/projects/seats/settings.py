"""A project whose users log in with a number that is a foreign key."""

from tests.projects.plain.settings import *  # noqa: F403

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "tests.projects.seats.theatre",
    "djwto",
]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
AUTH_USER_MODEL = "theatre.Guest"
ROOT_URLCONF = "tests.projects.uuid.urls"
