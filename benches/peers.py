"""The libraries that are measured, each as `token → claims` and `claims → token` with one key.

Keys are parsed before the clock starts. Each gets djwto's checks, as far as it has them. All are
called through a function of Python, as djwto must be, so that what that costs hits all alike.
"""

import importlib
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import djwto_floor
import jwt
import jwt_rs
import oxyjwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.test import override_settings
from joserfc import jwk
from joserfc import jwt as joserfc
from rest_framework_simplejwt.backends import TokenBackend

from benches import settings
from djwto import conf

try:
    import ryjwt
except ImportError:  # wants Python 3.12
    ryjwt = None

Decoder = Callable[[str], Any]
Encoder = Callable[[dict[str, Any]], str]

REQUIRED = ["exp", "iat", "jti", "iss", "sub", "aud"]
PARTIES: dict[str, Any] = {
    "issuer": settings.ISSUER,
    "subject": settings.SUBJECT,
    "audience": settings.AUDIENCE,
}
GENERATE: dict[str, Callable[[], Any]] = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}
OURS = "djwto"


@dataclass(frozen=True)
class KeyPair:
    """One algorithm with its key; for HS256 both halves are the secret."""

    algorithm: str
    private: Any
    public: Any

    @classmethod
    def generate(cls, algorithm: str) -> "KeyPair":
        if algorithm == "HS256":
            secret = settings.SIGNING_KEY.encode()
            return cls(algorithm, secret, secret)
        private = GENERATE[algorithm]()
        return cls(algorithm, private, private.public_key())

    @cached_property
    def private_text(self) -> bytes:
        if self.algorithm == "HS256":
            return self.private
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def public_text(self, encoding: Encoding) -> bytes:
        if self.algorithm == "HS256":
            return self.public
        return self.public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)

    def engine(self, **options: Any) -> Any:
        """Make djwto's engine with this key; `options` are settings without their prefix."""
        prefixed = {f"DJWTO_{name}": value for name, value in options.items()}
        with override_settings(
            DJWTO_ALGORITHM=self.algorithm, DJWTO_SIGNING_KEY=self.private_text, **prefixed
        ):
            return conf.engine()


def decoders(key: KeyPair) -> dict[str, Decoder]:
    """djwto, the floor, and each peer."""
    floor = djwto_floor.Floor(key.algorithm, key.public_text(Encoding.DER)).decode
    found = {
        OURS: djwto_decoder(key.engine()),
        "floor: no checks": lambda token: floor(token),  # noqa: PLW0108 (as costly as the others)
        **_ryjwt_decoder(key),
        "oxyjwt": _oxyjwt_decoder(key),
        "pyjwt-rs": _like_pyjwt(jwt_rs, key),
        "joserfc": _joserfc_decoder(key),
        f"PyJWT {jwt.__version__}": _like_pyjwt(jwt, key),
    }
    if OLD_PYJWT is not None:
        found[f"PyJWT {OLD_PYJWT.__version__}"] = _like_pyjwt(OLD_PYJWT, key)
    backend = TokenBackend(
        key.algorithm,
        signing_key=key.private_text.decode(),
        verifying_key=key.public_text(Encoding.PEM).decode(),
        audience=settings.AUDIENCE,
        issuer=settings.ISSUER,
    )
    found["simplejwt: TokenBackend"] = lambda token: backend.decode(token)  # noqa: PLW0108
    return found


def encoders(key: KeyPair) -> dict[str, Encoder]:
    """djwto and the peers that encode."""
    algorithm, engine = key.algorithm, key.engine()
    joserfc_key = jwk.import_key(key.private_text, _KINDS[algorithm])
    found: dict[str, Encoder] = {OURS: lambda claims: engine.encode(claims)}  # noqa: PLW0108
    if algorithm == "HS256":
        floor = djwto_floor.Floor(algorithm, key.private_text).encode
        found["floor: no checks"] = lambda claims: floor(claims)  # noqa: PLW0108
    if ryjwt:
        kind = ryjwt.SecretKey if algorithm == "HS256" else ryjwt.PrivateKey
        ours = kind(key.private_text, algorithms=[algorithm])
        found["ryjwt"] = lambda claims: ours.encode(claims)  # noqa: PLW0108
    oxyjwt_key = getattr(oxyjwt.EncodingKey, _FROM[algorithm])(key.private_text)
    found |= {
        "oxyjwt": lambda claims: oxyjwt.encode(claims, oxyjwt_key, algorithm),
        "joserfc": lambda claims: joserfc.encode(
            {"alg": algorithm}, claims, joserfc_key, [algorithm]
        ),
        "PyJWT": lambda claims: jwt.encode(claims, key.private, algorithm),
    }
    if algorithm != "HS256":
        found["PyJWT, key as PEM text"] = lambda claims: jwt.encode(
            claims, key.private_text, algorithm
        )
    return found


def djwto_decoder(engine: Any) -> Decoder:
    """Decode with djwto."""
    return lambda token: engine.decode(token, "access", time.time())


_FROM = {
    "HS256": "from_secret",
    "RS256": "from_rsa_pem",
    "ES256": "from_ec_pem",
    "EdDSA": "from_ed_pem",
}
_KINDS = {"HS256": "oct", "RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}


def _ryjwt_decoder(key: KeyPair) -> dict[str, Decoder]:
    if not ryjwt:
        return {}
    kind = ryjwt.SecretKey if key.algorithm == "HS256" else ryjwt.PublicKey
    theirs = kind(
        key.public_text(Encoding.PEM),
        algorithms=[key.algorithm],
        audience=settings.AUDIENCE,
        issuer=settings.ISSUER,
    )
    return {"ryjwt": lambda token: theirs.decode(token)}  # noqa: PLW0108


def _oxyjwt_decoder(key: KeyPair) -> Decoder:
    parsed = getattr(oxyjwt.DecodingKey, _FROM[key.algorithm])(key.public_text(Encoding.PEM))
    algorithms, options = [key.algorithm], {"require": REQUIRED}
    return lambda token: oxyjwt.decode(token, parsed, algorithms, options=options, **PARTIES)


def _joserfc_decoder(key: KeyPair) -> Decoder:
    parsed = jwk.import_key(key.public_text(Encoding.PEM), _KINDS[key.algorithm])
    parties = {
        name: {"essential": True, "value": value}
        for name, value in zip(("iss", "sub", "aud"), PARTIES.values(), strict=True)
    }
    present = {name: {"essential": True} for name in ("exp", "iat", "jti")}
    rules, algorithms = joserfc.JWTClaimsRegistry(**parties, **present), [key.algorithm]

    def decode(token: str) -> Any:
        claims = joserfc.decode(token, parsed, algorithms).claims
        rules.validate(claims)
        return claims

    return decode


def _like_pyjwt(library: Any, key: KeyPair) -> Decoder:
    algorithms, options = [key.algorithm], {"require": REQUIRED}
    return lambda token: library.decode(
        token, key.public, algorithms=algorithms, options=options, **PARTIES
    )


def _old_pyjwt() -> Any:
    """PyJWT of the folder that `make bench` made, beside the one that is installed."""
    folder = os.environ.get("BENCHES_PYJWT")
    if folder is None:
        return None
    present = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_pyjwt(name)}
    sys.path.insert(0, folder)
    try:
        return importlib.import_module("jwt")
    finally:
        sys.path.remove(folder)
        for name in filter(_is_pyjwt, list(sys.modules)):
            del sys.modules[name]
        sys.modules.update(present)


def _is_pyjwt(module: str) -> bool:
    return module.partition(".")[0] == "jwt"


OLD_PYJWT = _old_pyjwt()
