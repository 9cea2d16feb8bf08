"""Tokens made by hand, so that any byte of one can be wrong while its signature is right."""

import base64
import hmac
import json
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

HEADER = b'{"alg":"HS256","typ":"JWT"}'

Claims = dict[str, Any]


def sign(key: str, header: bytes, payload: bytes, digest: str = "sha256") -> str:
    """Make a compact token of these very bytes."""
    return seal(key, f"{b64(header)}.{b64(payload)}", digest)


def seal(key: str, text: str, digest: str = "sha256") -> str:
    """Append the signature of ``header.payload``, which need not be well-formed."""
    return f"{text}.{b64(hmac.digest(key.encode(), text.encode(), digest))}"


def b64(data: bytes) -> str:
    """Encode as RFC 7515 wants it: the URL alphabet, no padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def read(token: str) -> Claims:
    """Give a token's claims without any check."""
    return _json(token.split(".")[1])


def read_header(token: str) -> Claims:
    """Give a token's header without any check."""
    return _json(token.partition(".")[0])


def genuine(key: str, token: str) -> bool:
    """Say whether the token carries this key's HS256 signature."""
    text = token.rpartition(".")[0]
    return hmac.compare_digest(seal(key, text), token)


def _json(part: str) -> Claims:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@dataclass(frozen=True)
class Raw:
    """A claim's value as JSON text that Python would not write: ``NaN``, 400 digits, …"""

    text: str


GONE = Raw("")
"""Stands for a claim that is left out."""


@dataclass(frozen=True)
class Forge:
    """Makes tokens of one user's session, right in all but what is asked for."""

    key: str
    model: dict[str, Claims]
    """The claims of a real pair of tokens, by type."""

    def access(self, **changes: Any) -> str:
        """Make an access token with some claims changed, or left out with ``GONE``."""
        return self.signed(self.payload("access", **changes))

    def refresh(self, **changes: Any) -> str:
        """Make a refresh token with some claims changed, or left out with ``GONE``."""
        return self.signed(self.payload("refresh", **changes))

    def signed(self, payload: bytes, header: bytes = HEADER) -> str:
        """Make a token of these very bytes."""
        return sign(self.key, header, payload)

    def payload(self, type_: str = "access", **changes: Any) -> bytes:
        """Write the claims of a token of the session that was never issued, with the changes."""
        claims = {**self.model[type_], "jti": str(uuid.uuid4()), **changes}
        members = [
            f"{json.dumps(name)}:{value.text if isinstance(value, Raw) else json.dumps(value)}"
            for name, value in claims.items()
            if value is not GONE
        ]
        return ("{" + ",".join(members) + "}").encode()


def random_key() -> str:
    """Give a key that no server has."""
    return secrets.token_urlsafe(48)
