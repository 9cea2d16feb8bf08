"""The portal with a key pair, beside services on other hosts of its domain."""

import os

from portal.settings import *  # noqa: F403 (a settings module is its names)

DJWTO_ALGORITHM = "EdDSA"
DJWTO_RETURN_HOSTS = os.environ["TEST_RETURN_HOSTS"].split(",")
