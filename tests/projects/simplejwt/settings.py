"""A project of REST framework whose users had tokens of simplejwt. `before.py` has its past.

Run with `pytest --ds=tests.projects.simplejwt.settings tests/projects/simplejwt`.
"""

from tests.projects.plain.settings import *  # noqa: F403
from tests.projects.plain.settings import INSTALLED_APPS

SECRET_KEY = "the secret key of a project that had simplejwt before djwto"
INSTALLED_APPS = [
    *INSTALLED_APPS,
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "djwto.contrib.simplejwt",
]
ROOT_URLCONF = "tests.projects.simplejwt.after"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "djwto.contrib.simplejwt.authentication.JWTAuthentication",
    ],
}
DJWTO_ISS_CLAIM = DJWTO_SUB_CLAIM = DJWTO_AUD_CLAIM = None
