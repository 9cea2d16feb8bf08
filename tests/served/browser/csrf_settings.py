"""The portal with CSRF settings that a project may change."""

import os

from portal.settings import *  # noqa: F403 (a settings module is its names)

CSRF_HEADER_NAME = os.environ.get("TEST_CSRF_HEADER", "HTTP_X_CSRFTOKEN")
CSRF_COOKIE_NAME = os.environ.get("TEST_CSRF_COOKIE", "csrftoken")
CSRF_USE_SESSIONS = "TEST_CSRF_SESSIONS" in os.environ
CSRF_COOKIE_HTTPONLY = "TEST_CSRF_HTTPONLY" in os.environ
