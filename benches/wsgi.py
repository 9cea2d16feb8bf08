"""What the servers serve."""

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benches.settings"
django.setup()

from benches.views import Handler  # noqa: E402 (its models want the apps)

application = Handler()
