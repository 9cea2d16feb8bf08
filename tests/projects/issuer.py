"""The portal with keys from a file, as the issuer of `docs/verify-only.md`."""

from tests.projects.keyed import *  # noqa: F403

DJWTO_ISS_CLAIM = "https://example.com"
DJWTO_SUB_CLAIM = None
DJWTO_AUD_CLAIM = ["example.com", "reports"]
