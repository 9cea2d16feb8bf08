"""A project whose user model has unusual names, in a schema; beside it are many other models.

Run with `pytest --ds=tests.projects.accounts.settings tests/projects/accounts`.
"""

from tests.projects.plain.settings import *  # noqa: F403

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "tests.projects.accounts.crm",
    "djwto",
]
AUTH_USER_MODEL = "crm.Account"
ROOT_URLCONF = "tests.projects.uuid.urls"
