"""Projects to export: the one of `vectors/export.json`, and one with secrets in every setting.

`python -m tests.exporting` writes the vectors anew.
"""

import base64
import json
import os
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

ROOT = Path(__file__).resolve().parent.parent
KEYS = ROOT / "vectors" / "keys"
VECTOR = ROOT / "vectors" / "export.json"

SECRET = "recognisable-secret-of-hmac-0123456789-0123456789-0123456789-0123456789"
PRIVATE = {
    "EdDSA": "ed25519.pem",
    "ES256": "p256.pem",
    "ES256K": "secp256k1.pem",
    "ES384": "p384.pem",
    "ES512": "p521.pem",
    "PS256": "rsa.pem",
    "RS256": "rsa.pem",
}
EXAMPLE = {
    "ROOT_URLCONF": "tests.export_urls",
    "CSRF_TRUSTED_ORIGINS": ["https://portal.example.org"],
    "DJWTO_ISS_CLAIM": "https://portal.example.org",
    "DJWTO_SUB_CLAIM": None,
    "DJWTO_USER_AS_SUB": True,
    "DJWTO_AUD_CLAIM": ["portal", "models"],
    "DJWTO_MODE": ("TWO-COOKIES", "JSON"),
    "DJWTO_DOMAIN": "example.org",
    "DJWTO_ALGORITHM": "EdDSA",
    "DJWTO_SIGNING_KEY": (KEYS / "ed25519.pem").read_text(),
    "DJWTO_SIGNING_KEY_FALLBACKS": [("ES256", (KEYS / "p256.public.pem").read_text())],
}

OTHER: dict[str, Any] = {
    "ROOT_URLCONF": "tests.guarded",  # it has no return/
    "AUTHENTICATION_BACKENDS": ["tests.exporting.Granting"],
    "CSRF_COOKIE_NAME": "__Host-csrf",
    "CSRF_TRUSTED_ORIGINS": ["https://*.example.org"],
    "CSRF_USE_SESSIONS": True,
    "DJWTO_AUD_CLAIM": "portal",
    "DJWTO_IAT_CLAIM": False,
    "DJWTO_JTI_CLAIM": False,
    "DJWTO_ACCESS_TOKEN_LIFETIME": None,
    "DJWTO_REFRESH_TOKEN_LIFETIME": None,
    "DJWTO_SESSION_LIFETIME": timedelta(days=30),
    "DJWTO_NBF_LIFETIME": timedelta(seconds=0.5),
    "DJWTO_MODE": "ONE-COOKIE",
    "DJWTO_COOKIE_PREFIX": "__Host-",
    "DJWTO_REFRESH_COOKIE_PATH": "/auth/",
    "DJWTO_PUBLIC_PATH": "/backend",
    "DJWTO_CSRF": False,
    "DJWTO_ACCEPT_LEGACY": False,
    "DJWTO_REVOCATION_INTERVAL": None,
    "DJWTO_REVOCATION_MAX_AGE": None,
    "DJWTO_TENANT": "tests.exporting.tenant",
    "DJWTO_SIGNING_KEY": (KEYS / "rsa.pem").read_text(),
    "DJWTO_ALGORITHM": "PS256",
    "DJWTO_SIGNING_KEY_FALLBACKS": [
        ("RS256", (KEYS / "rsa.public.pem").read_text()),
        ("HS256", (KEYS / "hmac.txt").read_text()),
        (
            "HS256",
            '{"kty": "oct", "kid": "older", "k": "YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcy4uLi4"}',
        ),
    ],
}
"""As unlike `EXAMPLE` as can be."""
EXAMPLES = {VECTOR: EXAMPLE, VECTOR.with_name("export_other.json"): OTHER}


class Granting:
    """A backend that gives other permissions."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return {"a.b"}


def tenant(_request: Any) -> str:
    return "a"


def run(*words: str) -> str:
    out = StringIO()
    call_command("djwto_export", *words, stdout=out)
    return out.getvalue()


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as error:
        run(*words)
    assert error.value.returncode == 1
    return str(error.value)


def exported(*words: str) -> dict[str, Any]:
    return json.loads(run(*words))


def vectors() -> dict[Path, str]:
    """Give the exports of the examples as they are on every machine, version and database."""
    return {path: _as_vector(values) for path, values in EXAMPLES.items()}


def _as_vector(values: dict[str, Any]) -> str:
    from djwto import export  # it needs the models of all apps

    with override_settings(**values):
        found = export.document(allow_shared_secret=True)
    found["djwto"], found["database"]["vendor"] = "0.1.0", "sqlite"
    found["fingerprint"] = export.fingerprint(found)
    return export.as_text(found)


def names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


class Settings:
    """A project whose settings hold recognisable secrets wherever Django and djwto take some."""

    PLACES = ("SECRET_KEY", "OLD_SECRET_KEY", "NAME", "USER", "PASSWORD", "HOST", "PASSFILE")
    PLACES += ("REDIS", "CACHE", "CACHE_PASSWORD", "EMAIL", "EMAIL_PASSWORD", "SIMPLE", "PROXY")

    def __init__(self, folder: Path, **more: str) -> None:
        self.folder = folder
        self.values = {
            "SECRET_KEY": "'seen-SECRET_KEY'",
            "SECRET_KEY_FALLBACKS": "['seen-OLD_SECRET_KEY']",
            "DATABASES": "{'default': {'ENGINE': 'django.db.backends.postgresql', "
            "'NAME': 'seen-NAME', 'USER': 'seen-USER', 'PASSWORD': 'seen-PASSWORD', "
            "'HOST': 'seen-HOST', 'PORT': 65432, 'OPTIONS': {'passfile': 'seen-PASSFILE'}}}",
            "CACHES": "{'default': {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}, "
            "'seen-CACHE': {'BACKEND': 'django.core.cache.backends.redis.RedisCache', "
            "'LOCATION': 'redis://:seen-CACHE_PASSWORD@localhost'}}",
            "EMAIL_HOST": "'seen-EMAIL'",
            "EMAIL_HOST_PASSWORD": "'seen-EMAIL_PASSWORD'",
            "SIMPLE_JWT": "{'SIGNING_KEY': 'seen-SIMPLE'}",
            "DJWTO_REVOCATION_URL": "'redis://:seen-REDIS@localhost:6379/0'",
            "DJWTO_LOGIN_THROTTLE": "{'cache': 'seen-CACHE', 'attempts': 7}",
            "DJWTO_TRUSTED_PROXIES": "['10.98.76.54']",
            **more,
        }
        self.secrets = [f"seen-{place}" for place in self.PLACES] + ["65432", "10.98.76.54"]

    def sign_with(self, algorithm: str) -> None:
        text = (KEYS / PRIVATE[algorithm]).read_text()
        self.values |= {"DJWTO_ALGORITHM": repr(algorithm), "DJWTO_SIGNING_KEY": repr(text)}
        self.secrets += private_texts(text.encode())

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        lines = ["from tests.projects.plain.settings import *  # noqa: F403"]
        lines += [f"{name} = {value}" for name, value in self.values.items()]
        (self.folder / "secretive.py").write_text("\n".join(lines))
        python_path = os.pathsep.join([str(self.folder), str(ROOT), str(ROOT / "python")])
        return subprocess.run(
            [sys.executable, "-m", "django", "djwto_export", "--settings=secretive", *words],
            env={**os.environ, "PYTHONPATH": python_path, **environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )


def private_texts(text: bytes) -> list[str]:
    """Give the private parts of a PEM key, in each way in which they could be written."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(text, None)
    lines = text.decode().splitlines()[1:-1]
    numbers = getattr(key, "private_numbers", None)
    if isinstance(key, rsa.RSAPrivateKey):
        found = key.private_numbers()
        parts = [found.d, found.p, found.q, found.dmp1, found.dmq1, found.iqmp]
    elif numbers is not None:
        parts = [numbers().private_value]
    else:
        return ways(key.private_bytes_raw())
    raw = [one.to_bytes((one.bit_length() + 7) // 8, "big") for one in parts]
    return [way for one in raw for way in ways(one)] + [line for line in lines if "AAA" not in line]


def ways(part: bytes) -> list[str]:
    standard = base64.b64encode(part).decode().rstrip("=")
    return [
        standard,
        standard.replace("+", "-").replace("/", "_"),
        part.hex(),
        str(int(part.hex(), 16)),
    ]


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.projects.plain.settings")
    django.setup()
    for place, text in vectors().items():
        place.write_text(text)
