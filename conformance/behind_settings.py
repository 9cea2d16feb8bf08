"""The portal behind djwto-server: its guarded views are without guards, and the server decides.

What a guard of Django's would decide, nothing of Django decides here. See `behind.py`.
"""

from datetime import timedelta

from conformance.portal_settings import *  # noqa: F403

ROOT_URLCONF = "conformance.behind"
MIDDLEWARE = ["conformance.behind.Asserted", *MIDDLEWARE]  # noqa: F405
# Cases look at once whether a logout counts.
DJWTO_REVOCATION_INTERVAL = timedelta(milliseconds=10)
