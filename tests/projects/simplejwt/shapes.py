"""The common shapes of projects with simplejwt: `SIMPLE_JWT`, and which have a blacklist."""

from datetime import timedelta
from typing import Any

SHAPES: dict[str, dict[str, Any]] = {
    # What the package's own first page sets up.
    "defaults": {},
    # Clients of djangorestframework-jwt, its forerunner, which send `Authorization: JWT …`.
    "jwt header": {"AUTH_HEADER_TYPES": ("JWT",)},
    # A mobile app keeps one refresh token for a month.
    "kept token": {
        "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
        "REFRESH_TOKEN_LIFETIME": timedelta(days=30),
        "ROTATE_REFRESH_TOKENS": False,
    },
    # Other services verify access tokens, and read `user_id` and `token_type`.
    "services": {"ISSUER": "https://api.example.com", "AUDIENCE": ["reports", "mail"]},
    "rotated": {"ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True},
    "rotated, old ones kept": {"ROTATE_REFRESH_TOKENS": True},
    "by name": {"USER_ID_FIELD": "username"},
    "revoked by password": {"CHECK_REVOKE_TOKEN": True},
    "odd claims": {
        "USER_ID_CLAIM": "uid",
        "TOKEN_TYPE_CLAIM": "kind",
        "JTI_CLAIM": "tid",
        "LEEWAY": 30,
    },
    "key pair": {"ALGORITHM": "RS256"},
}
WITH_BLACKLIST = frozenset(("rotated", "services"))
