"""A project unlike `startproject`'s: its own users, cookies, a key pair, few middlewares."""

from tests.projects.plain.settings import *  # noqa: F403
from tests.projects.plain.settings import DATABASES
from tests.projects.uuid.keys import PRIVATE_KEY

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "tests.projects.uuid.people",
    "djwto",
]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
AUTH_USER_MODEL = "people.Person"
ROOT_URLCONF = "tests.projects.uuid.urls"
DATABASES["default"]["ATOMIC_REQUESTS"] = True

DJWTO_MODE = "TWO-COOKIES"
DJWTO_ALGORITHM = "ES256"
DJWTO_SIGNING_KEY = PRIVATE_KEY
