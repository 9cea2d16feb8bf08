"""The portal with what tests of the browser's client need: CORS, other lifetimes, a short grace."""

import os
from datetime import timedelta

from portal import settings as portal
from portal.settings import *  # noqa: F403 (a settings module is its names)

INSTALLED_APPS = [*portal.INSTALLED_APPS, "corsheaders"]
MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *portal.MIDDLEWARE]
CORS_ALLOWED_ORIGINS = portal.CSRF_TRUSTED_ORIGINS
CORS_ALLOW_CREDENTIALS = True
CORS_EXPOSE_HEADERS = ["Retry-After"]

DJWTO_REFRESH_GRACE = timedelta(seconds=float(os.environ.get("TEST_GRACE", "10")))
if "TEST_ENDLESS" in os.environ:
    DJWTO_ACCESS_TOKEN_LIFETIME = DJWTO_REFRESH_TOKEN_LIFETIME = None
