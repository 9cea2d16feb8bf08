"""The portal with `ATOMIC_REQUESTS`, from which djwto's endpoints are exempt."""

from portal.settings import *  # noqa: F403
from portal.settings import DATABASES

DATABASES["default"]["ATOMIC_REQUESTS"] = True
