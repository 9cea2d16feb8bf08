"""What `djwto-server` has to know of this project, as plain data: `manage.py djwto_export`.

It holds no private key, no `SECRET_KEY`, and nothing of how a database is reached. Secrets for HMAC
are in it only if the operator says so.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections
from django.utils.encoding import iri_to_uri

from djwto import conf, export_tables, openapi, openapi_security, url_patterns
from djwto.keys import sets
from djwto.keys.files import KeyFiles
from djwto.models import Session
from djwto.settings import as_bytes, as_modes, is_safe, is_url

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]
Secret = tuple[str, str | None, bytes]
"""The algorithm, the `kid` and the bytes of a secret for HMAC."""

FORMAT = 1
"""The version of the format. `djwto-server` reads no other."""


class ExportError(Exception):
    """The project cannot be exported. The sentence says what to do, and shows no secret."""


def document(*, allow_shared_secret: bool = False, keys_url: str | None = None) -> Json:
    """Return the export of the present settings.

    With `keys_url` it holds the URL of the public keys in their place. Raises `ExportError`, and
    `ImproperlyConfigured` if a setting is wrong.
    """
    config = conf.current()
    exported: Json = {
        "format": FORMAT,
        "djwto": version("djwto"),
        "policy": _policy(),
        "transport": _transport(),
        "csrf": _csrf(),
        "forms": _forms(),
        "login": {"return_path": _return_path()},
        "revocation": {
            "interval": config.revocation.interval,
            "max_age": config.revocation.max_age,
        },
        "tenants": config.tenant is not None,
        "database": _database(),
        "capabilities": _capabilities(),
        # Last, so that no failure of another part has secrets in its frame.
        "keys": _keys_at(keys_url) or _keys(allow_shared_secret=allow_shared_secret),
    }
    exported["fingerprint"] = fingerprint(exported)
    return {name: exported[name] for name in _ORDER}


def as_text(exported: Json) -> str:
    """Return an export as the text of its file. All of it is ASCII."""
    return json.dumps(exported, indent=2, allow_nan=False) + "\n"


def fingerprint(exported: Json) -> str:
    """Return a hash of an export without its own member `fingerprint`.

    It is SHA-256 of the JSON in UTF-8, with sorted names and no blanks.
    """
    rest = {name: value for name, value in exported.items() if name != "fingerprint"}
    return "sha256:" + hashlib.sha256(_canonical(rest).encode()).hexdigest()


def keys_url_of(path: Path) -> str | None:
    """Return the URL of the keys that an older file holds; None if it holds none.

    Raises `OSError`, and `ExportError` if it is another file.
    """
    # The setting is compared with the file.
    return None if is_url(conf.value("KEYS")) else _url_in(_read(path).get("keys"))


def _url_in(keys: Any) -> str | None:
    url = keys.get("url") if isinstance(keys, dict) else None
    return url if isinstance(url, str) and is_url(url) and is_safe(url) else None


def moved_on(path: Path, *, keys_url: str | None = None) -> list[str]:
    """Return the members in which an older file differs from the present settings; [] if in none.

    They are paths such as `policy.access_lifetime`, without values. `keys_url` is that of
    `document`. Raises `OSError`, `ExportError` if it is another file, and what `document` raises.
    """
    # Secrets stay here, and no variable holds them: error trackers show those of every frame.
    changed = _differences(_read(path), document(allow_shared_secret=True, keys_url=keys_url))
    return [name for name in changed if name != "fingerprint"] or changed


def _read(path: Path) -> Json:
    text: bytes | None = path.read_bytes()
    try:
        known = json.loads(text or b"")
    except (ValueError, RecursionError):
        known = None
    finally:
        text = None
    if isinstance(known, dict) and "format" in known:
        return known
    known = None
    raise ExportError(f"{path}: expected a file of djwto_export, found another one.")


def _differences(known: Json, present: Json, prefix: str = "") -> list[str]:
    found: list[str] = []
    for name in {**present, **known}:
        path = prefix + name
        if name not in known or name not in present:
            found.append(path)
        elif isinstance(known[name], dict) and isinstance(present[name], dict):
            found += _differences(known[name], present[name], f"{path}.")
        elif _canonical(known[name]) != _canonical(present[name]):
            found.append(path)
    return found


def _canonical(value: Any) -> str:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def _policy() -> Json:
    audience = conf.value("AUD_CLAIM")
    return {
        "issuer": conf.value("ISS_CLAIM"),
        "subject": conf.value("SUB_CLAIM"),
        "user_as_subject": conf.value("USER_AS_SUB"),
        "audience": list(audience) if isinstance(audience, tuple) else audience,
        "issued_at": conf.value("IAT_CLAIM"),
        "id": conf.value("JTI_CLAIM"),
        "access_lifetime": _seconds("ACCESS_TOKEN_LIFETIME"),
        "refresh_lifetime": _seconds("REFRESH_TOKEN_LIFETIME"),
        "session_lifetime": _seconds("SESSION_LIFETIME"),
        "not_before": _seconds("NBF_LIFETIME") or 0.0,
        "leeway": 0.0,  # there is no setting for it
        "accept_legacy": conf.value("ACCEPT_LEGACY"),
    }


def _seconds(name: str) -> float | None:
    found = conf.value(name)
    return None if found is None else float(found.total_seconds())


def _transport() -> Json:
    return {
        "modes": as_modes(conf.value("MODE")),
        "cookie_prefix": conf.value("COOKIE_PREFIX"),
        "refresh_path": conf.value("REFRESH_COOKIE_PATH"),
        "public_path": conf.value("PUBLIC_PATH"),
        "domain": conf.value("DOMAIN"),
        "schemes": conf.other_schemes(),
    }


def _csrf() -> Json:
    return {
        "on": conf.current().csrf,
        "cookie_name": str(settings.CSRF_COOKIE_NAME),
        "header_name": openapi_security.csrf_header(),
        "use_sessions": bool(settings.CSRF_USE_SESSIONS),
        # Their order says nothing, and a set has none.
        "trusted_origins": sorted(map(str, settings.CSRF_TRUSTED_ORIGINS)),
    }


def _forms() -> Json:
    return {
        "max_bytes": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
        "max_fields": settings.DATA_UPLOAD_MAX_NUMBER_FIELDS,
        "max_files": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
        "name_field": get_user_model().USERNAME_FIELD,
    }


def _return_path() -> str | None:
    """Return the path of `return/` as browsers see it; None if the project has no such URL."""
    prefix = openapi.public_prefix().rstrip("/")
    for place in url_patterns.every():
        view = url_patterns.view_class(place.pattern.callback)
        parents = () if view is None else view.__mro__
        if place.pattern.name == "return" and any(map(_is_of_djwto, parents)):
            # A path with a converter, or of a regular expression, is not one.
            plain = (path for path in place.paths if not _PATTERN.search(path))
            return next((iri_to_uri(prefix + path) for path in plain), None)
    return None


_PATTERN = re.compile(r"[<>()\[\]{}\\^$*+?|]")


def _is_of_djwto(parent: type) -> bool:
    return parent.__module__.startswith("djwto.")


def _database() -> Json:
    return {
        "vendor": connections[Session.database()].vendor,
        "sessions": export_tables.sessions(),
        "permissions": None if export_tables.obstacle() else export_tables.of_permissions(),
    }


def _capabilities() -> Json:
    others = ["simplejwt"] if apps.is_installed("djwto.contrib.simplejwt") else []
    return {
        "permissions": export_tables.obstacle() or True,
        "csrf_token": _csrf_obstacle() or True,
        "formats": others,
    }


def _csrf_obstacle() -> str:
    """Return why Django's CSRF token cannot be compared elsewhere; "" if it can."""
    if settings.CSRF_USE_SESSIONS:
        return "CSRF_USE_SESSIONS: the CSRF token is in Django's session, not in a cookie."
    if not str(settings.CSRF_HEADER_NAME).startswith("HTTP_"):
        return "CSRF_HEADER_NAME: no header of a request has this name, which needs HTTP_ in front."
    return ""


def _keys_at(url: str | None) -> Json | None:
    """Return the URL of the keys; None if there is none, and the keys stand in the export."""
    setting = conf.value("KEYS")
    if is_url(setting):
        if url not in {None, setting}:
            raise ExportError(_TWO_URLS)
        url = setting
    elif url is None:
        return None
    if not (is_url(url) and is_safe(url)):
        raise ExportError(_NO_URL)
    if _older_secrets() or (not is_url(setting) and _secrets()):
        raise ExportError(_SHARED_AT_URL)
    return {"url": url}


def _keys(*, allow_shared_secret: bool) -> Json:
    found: Json = {}
    public = json.loads(conf.current().keys.public_jwks())
    if public["keys"]:
        found["jwks"] = public
    if not allow_shared_secret:
        if _secrets():
            name = "DJWTO_SIGNING_KEY" if conf.keys_path() is None else "DJWTO_KEYS"
            raise ExportError(f"{name}: {_SHARED.format(_SIGN_BY_PAIR)}")
        if _older_secrets():
            raise ExportError(f"DJWTO_SIGNING_KEY_FALLBACKS: {_SHARED.format(_REMOVE_IT)}")
    shared = [
        {"algorithm": algorithm, "kid": kid, "secret": b64encode(secret).decode()}
        for algorithm, kid, secret in _secrets() + _older_secrets()
    ]
    return {**found, "shared": shared} if shared else found


def _secrets() -> list[Secret]:
    """Return the secrets of `DJWTO_KEYS`, or the one of `DJWTO_SIGNING_KEY`."""
    path, algorithm = conf.keys_path(), conf.value("ALGORITHM")
    if path is not None:
        files = KeyFiles.read(path)
        return [] if files.is_directory else sets.shared_secrets(files.files[0][1])
    secret = as_bytes(conf.value("SIGNING_KEY"), environment=True)
    return [(algorithm, None, secret)] if secret and algorithm.startswith("HS") else []


def _older_secrets() -> list[Secret]:
    return [_fallback(*pair) for pair in conf.fallbacks() if pair[0].startswith("HS")]


def _fallback(algorithm: str, text: bytes) -> Secret:
    """Read a fallback as the engine does: as a JWK, or as the secret itself."""
    try:
        jwk = json.loads(text)
    except (ValueError, RecursionError):
        jwk = None
    if not isinstance(jwk, dict):
        return algorithm, None, text
    return algorithm, jwk.get("kid"), sets.secret_of(jwk)


_ORDER = (
    *("format", "djwto", "fingerprint", "policy", "transport", "keys", "csrf", "forms"),
    *("login", "revocation", "tenants", "database", "capabilities"),
)
_SHARED = (
    "the export would hold a shared secret (HS256, HS384 or HS512). A program that reads it can "
    "sign tokens of any user. {} Or use --allow-shared-secret."
)
_SIGN_BY_PAIR = (
    "Sign with a key pair instead: set DJWTO_KEYS, and run `manage.py djwto_keys generate`."
)
_REMOVE_IT = "Remove it when its last token has expired."
_NO_URL = (
    "--keys-url: expected an https URL without a password, or an http URL of this machine, such as "
    "https://portal.example.org/.well-known/jwks.json."
)
_TWO_URLS = (
    "--keys-url: expected the URL of DJWTO_KEYS, or no option: keys come from there already."
)
_SHARED_AT_URL = (
    "keys by URL are public keys, and tokens are also verified with a shared secret (HS256, HS384 "
    "or HS512), which a URL must not show. Export without --keys-url until its last token has "
    "expired."
)
