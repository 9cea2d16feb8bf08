"""Who sent this request? For a service behind djwto-server: `pip install "pyjwt[crypto]"`."""

import os

import jwt

ISSUER = os.environ.get("ISSUER", "https://portal.example.com")
AUDIENCE = os.environ.get("AUDIENCE", "models.example.com")
KEYS = os.environ.get("KEYS", "http://127.0.0.1:9901/.well-known/djwto-assertions.json")

keys = jwt.PyJWKClient(KEYS, lifespan=300)


def user_of(assertion: str) -> str:
    """Return the user's primary key, as text. Raises `jwt.PyJWTError`."""
    if jwt.get_unverified_header(assertion).get("typ") != "djwto-assertion+jwt":
        raise jwt.InvalidTokenError("expected an assertion")
    claims = jwt.decode(
        assertion,
        keys.get_signing_key_from_jwt(assertion),
        algorithms=["EdDSA"],
        issuer=ISSUER,
        audience=AUDIENCE,
        options={"require": ["exp", "iss", "aud", "sub"]},
    )
    return claims["sub"]


if __name__ == "__main__":
    print(user_of(os.environ["ASSERTION"]))
