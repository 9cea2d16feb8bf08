"""For projects that move in from djangorestframework-simplejwt: `docs/from-simplejwt.md`.

An app. Its `urls` answer as simplejwt's do, guards read simplejwt's tokens until a date, and
djwto's tokens carry the claims that other services read.
"""

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

if apps.apps_ready and not apps.is_installed(__name__):
    raise ImproperlyConfigured(
        'djwto.contrib.simplejwt is an app: expected "djwto.contrib.simplejwt" in INSTALLED_APPS, '
        'beside "djwto", found none. Without it no token of simplejwt is good, and new tokens lack '
        "the claims that other services read."
    )
