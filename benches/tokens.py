"""The tokens that are measured, and decoding and encoding them beside the peers."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from benches import settings
from benches.peers import OURS, KeyPair, decoders, encoders
from benches.timing import alike, interleave, middle, ratio, table
from djwto import conf

ROUNDS = 30
TOKENS = 100
"""A round's tokens. Each is new, so a cache does not help."""
FLOOR = "floor: no checks"
ALGORITHMS = ("HS256", "RS256", "ES256", "EdDSA")


def run() -> None:
    """Measure and print."""
    for algorithm in ALGORITHMS:
        _decode(KeyPair.generate(algorithm))
    for algorithm in ALGORITHMS:
        _encode(KeyPair.generate(algorithm))


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
    """Sign an access token as the settings say."""
    return signed(conf.engine())


def signed(engine: Any) -> str:
    """Sign an access token."""
    return engine.sign(json.dumps(claims(), separators=(",", ":"))).text


def _decode(key: KeyPair) -> None:
    engine = key.engine()
    works = decoders(key)
    token = signed(engine)
    answers = [work(token) for work in works.values()]
    if any(answer != answers[0] for answer in answers):
        raise SystemExit("the libraries read different claims from one token")
    samples = interleave(works, _batches(works, lambda: signed(engine)))
    ours, floor = samples[OURS], samples[FLOOR]
    table(
        f"Decode {key.algorithm}, first sight: 12 claims, 20 permissions, {len(token):,} bytes",
        ["µs", "vs djwto", "vs floor"],
        [
            [name, middle(values), ratio(values, ours), ratio(values, floor)]
            for name, values in samples.items()
        ],
    )


def _encode(key: KeyPair) -> None:
    works = encoders(key)
    decode = decoders(key)[OURS]
    content = claims()
    if any(decode(work(content)) != content for work in works.values()):
        raise SystemExit("a library's token does not say what it was to say")
    # From PEM text an RSA key takes PyJWT tens of milliseconds: it gets fewer tokens.
    slow = {name: works.pop(name) for name in list(works) if "PEM" in name}
    samples = interleave(works, _batches(works, claims))
    if slow:
        samples |= interleave(slow, _batches(slow, claims, tokens=2))
    ours, peer = samples[OURS], samples.get("ryjwt")
    rows = [
        [name, middle(values), ratio(values, ours), ratio(values, peer) if peer else ""]
        for name, values in samples.items()
    ]
    table(f"Encode {key.algorithm}", ["µs", "vs djwto", "vs ryjwt"], rows)


def _batches(
    works: dict[str, Any], make: Callable[[], Any], tokens: int = TOKENS
) -> Iterator[dict[str, list[Any]]]:
    for _ in range(ROUNDS + 1):
        yield alike(works, [make() for _ in range(tokens)])
