"""An app for projects that move from djangorestframework-simplejwt: see `docs/from-simplejwt.md`.

Its `urls` answer as those of simplejwt do. Guards accept simplejwt's tokens until a date. New
tokens also carry simplejwt's claims, for other services that read them.
"""

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

if apps.apps_ready and not apps.is_installed(__name__):
    raise ImproperlyConfigured(
        'INSTALLED_APPS: expected "djwto.contrib.simplejwt", because this package is an app. '
        "Without it djwto accepts no token of simplejwt, and new tokens lack simplejwt's claims."
    )
