"""The past of each shape, made once by the real package in its own process."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from django.core import serializers

from djwto.contrib.simplejwt import importing
from tests.projects.simplejwt.shapes import SHAPES

ROOT = Path(__file__).resolve().parents[3]


@cache
def past(shape: str) -> Any:
    """Tokens, rows, replies."""
    return _by_package(shape, keys_of(shape))


def back(shape: str, users: Any, tokens: dict[str, dict[str, str]], scheme: str = "Bearer") -> Any:
    """Give what the package says of tokens when the project goes back to it."""
    rows = serializers.serialize("json", users)
    return _by_package(shape, keys_of(shape), {"rows": rows, "tokens": tokens, "scheme": scheme})


def _by_package(shape: str, *given: Any) -> Any:
    command = [sys.executable, "-m", "tests.projects.simplejwt.before", shape]
    done = subprocess.run(
        [*command, *map(json.dumps, given)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@cache
def keys_of(shape: str) -> dict[str, str]:
    """Make the keys of a shape that has a pair."""
    if "ALGORITHM" not in SHAPES[shape]:
        return {}
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {"SIGNING_KEY": private.decode(), "VERIFYING_KEY": public.decode()}


def move_in(shape: str, settings: Any) -> Any:
    """Put on `SIMPLE_JWT` and the lines that `djwto_import` prints, and load the rows."""
    found = past(shape)
    settings.SIMPLE_JWT = {**SHAPES[shape], **keys_of(shape)}
    names = {"SECRET_KEY": settings.SECRET_KEY, "SIMPLE_JWT": settings.SIMPLE_JWT}
    exec("\n".join(importing.lines()), names)
    for name, value in names.items():
        if name.startswith("DJWTO_"):
            setattr(settings, name, value)
    for row in serializers.deserialize("json", found["rows"]):
        row.save()
    return found
