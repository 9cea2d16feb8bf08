"""Decoding: the text of a token becomes a verified dict of claims."""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)
from django.test import override_settings
from rest_framework_simplejwt.state import token_backend

from benches import settings
from benches.timing import interleave, middle, ratio, table
from benches.views import REQUIRED
from djwto import conf
from djwto.tokens import decode_token

ROUNDS = 30
TOKENS = 200
"""A round's tokens. Each is new: nobody has seen it before, and a cache would not help."""


def run() -> None:
    """Measure and print."""
    _secret()
    _key_pairs()


def claims() -> dict[str, Any]:
    """An access token's twelve claims, as djwto issues them: with two that a hook added."""
    now = int(time.time())
    return {
        "iss": settings.ISSUER,
        "sub": settings.SUBJECT,
        "aud": settings.AUDIENCE,
        "iat": now,
        "exp": now + 3600,
        "jti": str(uuid.uuid4()),
        "sid": str(uuid.uuid4()),
        "type": "access",
        "refresh_iat": now,
        "user": {
            "username": "alice",
            "id": 1,
            "perms": [f"app.view_model{number:02}" for number in range(20)],
        },
        "user_id": "1",
        "email": "alice@example.com",
    }


def access_token() -> str:
    """A signed access token."""
    return _signed(conf.engine())


def _signed(engine: Any) -> str:
    return engine.sign(json.dumps(claims(), separators=(",", ":"))).text


def _secret() -> None:
    engine = conf.engine()
    works = {
        "djwto: Engine.decode": lambda token: engine.decode(token, "access", time.time()),
        "djwto: tokens.decode_token": decode_token,
        "PyJWT: decode": _pyjwt("HS256", settings.SIGNING_KEY.encode()),
        "simplejwt: TokenBackend.decode": token_backend.decode,
    }
    samples = _measure(works, partial(_signed, engine))
    first = samples["djwto: Engine.decode"]
    table(
        f"HS256, a token of 12 claims and 20 permissions, {len(access_token()):,} bytes → dict",
        ["µs", "vs djwto"],
        [[name, middle(values), ratio(values, first)] for name, values in samples.items()],
    )


def _key_pairs() -> None:
    rows = []
    for algorithm, private in {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }.items():
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        with override_settings(DJWTO_ALGORITHM=algorithm, DJWTO_SIGNING_KEY=pem):
            engine = conf.engine()
        works = {
            "djwto": lambda token, engine=engine: engine.decode(token, "access", time.time()),
            "PyJWT": _pyjwt(algorithm, load_pem_public_key(public)),
        }
        samples = _measure(works, partial(_signed, engine))
        djwto, pyjwt = samples["djwto"], samples["PyJWT"]
        rows.append([algorithm, middle(djwto), middle(pyjwt), ratio(pyjwt, djwto)])
    table(
        "The same claims under a key pair, at first sight, PEM parsed before",
        ["djwto µs", "PyJWT µs", "vs djwto"],
        rows,
    )


def _pyjwt(algorithm: str, key: Any) -> Callable[[str], Any]:
    return partial(
        jwt.decode,
        key=key,
        algorithms=[algorithm],
        issuer=settings.ISSUER,
        subject=settings.SUBJECT,
        audience=settings.AUDIENCE,
        options={"require": REQUIRED},
    )


def _measure(works: dict[str, Callable[[str], Any]], sign: Callable[[], str]) -> Any:
    token = sign()
    answers = [work(token) for work in works.values()]
    if any(answer != answers[0] for answer in answers):
        raise SystemExit("the libraries read different claims from one token")
    return interleave(works, _batches(works, sign))


def _batches(works: Iterable[str], sign: Callable[[], str]) -> Iterator[dict[str, list[str]]]:
    for _ in range(ROUNDS + 1):
        fresh = [sign() for _ in range(TOKENS)]
        yield {name: fresh for name in works}  # noqa: C420
