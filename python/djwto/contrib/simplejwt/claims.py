"""The claims of simplejwt in djwto's tokens, for other services that read them."""

from __future__ import annotations

from typing import Any

from djwto.contrib.simplejwt import config


def beside(user: Any, claims: dict[str, Any]) -> dict[str, Any]:
    """Return `USER_ID_CLAIM`, `TOKEN_TYPE_CLAIM` and `JTI_CLAIM` of a token.

    A name that djwto itself uses is left to djwto.
    """
    found = {config.value("TOKEN_TYPE_CLAIM"): claims.get("type")}
    if "jti" in claims:
        found[config.value("JTI_CLAIM")] = claims["jti"]
    if user is not None:
        # As a string for every type of field, like simplejwt 5.5.
        found[config.value("USER_ID_CLAIM")] = str(getattr(user, config.value("USER_ID_FIELD")))
    return {name: value for name, value in found.items() if isinstance(name, str)}
