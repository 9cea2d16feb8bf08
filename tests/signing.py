"""Access tokens of an issuer that is elsewhere, signed by another library."""

import json
import time
from typing import Any

import jwt

_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "djwto_state"}


def published(*keys: dict[str, Any]) -> bytes:
    """Give the JWK Set in which an issuer publishes keys."""
    public = [{name: key[name] for name in key.keys() - _PRIVATE} for key in keys]
    return json.dumps({"keys": public}).encode()


def token_of(key: dict[str, Any], **claims: Any) -> str:
    """Sign an access token of user 1 with a JWK."""
    now = int(time.time())
    parties = {"iss": "iss", "sub": "sub", "aud": "aud"}
    times = {"iat": now, "refresh_iat": now, "exp": now + 60}
    all_claims = {**parties, **times, "type": "access", "jti": "1", "user": {"id": 1}, **claims}
    private = jwt.PyJWK({name: key[name] for name in key.keys() - {"djwto_state"}})
    return jwt.encode(all_claims, private.key, key["alg"], headers={"kid": key["kid"]})
