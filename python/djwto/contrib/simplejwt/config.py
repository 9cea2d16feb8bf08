"""The settings of simplejwt (`SIMPLE_JWT`), read live."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

from django.apps import apps
from django.conf import settings

from djwto import _core, conf
from djwto.exceptions import SettingError
from djwto.settings import as_bytes

DEFAULTS: dict[str, Any] = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    "ROTATE_REFRESH_TOKENS": False,
    "BLACKLIST_AFTER_ROTATION": False,
    "UPDATE_LAST_LOGIN": False,
    "ALGORITHM": "HS256",
    "VERIFYING_KEY": "",
    "AUDIENCE": None,
    "ISSUER": None,
    "JWK_URL": None,
    "LEEWAY": 0,
    "AUTH_HEADER_TYPES": ("Bearer",),
    "AUTH_HEADER_NAME": "HTTP_AUTHORIZATION",
    "USER_ID_FIELD": "id",
    "USER_ID_CLAIM": "user_id",
    "TOKEN_TYPE_CLAIM": "token_type",
    "JTI_CLAIM": "jti",
    "CHECK_REVOKE_TOKEN": False,
    "REVOKE_TOKEN_CLAIM": "hash_password",
}
"""The defaults of simplejwt 5.5. The default of `SIGNING_KEY` is `SECRET_KEY`."""

BLACKLIST_APP = "rest_framework_simplejwt.token_blacklist"


@dataclass(frozen=True)
class Config:
    """How simplejwt's tokens are verified."""

    keys: _core.KeyRing
    audience: tuple[str, ...] | None
    issuer: str | None
    leeway: float
    user_field: str
    user_claim: str
    type_claim: str
    jti_claim: str
    revoke_claim: str | None
    """The claim that must hold a hash of the password; None: it is not checked."""


def given() -> dict[str, Any]:
    """Return `SIMPLE_JWT`; an empty dict if there is none."""
    found = getattr(settings, "SIMPLE_JWT", None)
    return found if isinstance(found, dict) else {}


def value(name: str) -> Any:
    """Return a setting of simplejwt, or its default."""
    if name == "SIGNING_KEY":
        return given().get(name, settings.SECRET_KEY)
    return given().get(name, DEFAULTS[name])


def current() -> Config | None:
    """Return how to verify simplejwt's tokens; None if a setting is wrong, which a check says."""
    global _cached  # noqa: PLW0603
    # As `conf.current`: Django swaps this object whenever settings are overridden.
    source = object.__getattribute__(settings, "_wrapped")
    if _cached[0] is not source:
        try:
            _cached = (source, build())
        except SettingError:
            _cached = (source, None)
    return _cached[1]


def is_on() -> bool:
    """Whether simplejwt's tokens are still accepted: `DJWTO_SIMPLEJWT_UNTIL`.

    They name no tenant, so a project with `DJWTO_TENANT` does not accept them.
    """
    if has_tenants():
        return False
    end = until()
    return end is None or time.time() < end


def has_tenants() -> bool:
    """Whether a token must name its tenant."""
    return bool(getattr(settings, "DJWTO_TENANT", None))


def until() -> float | None:
    """Return when simplejwt's tokens are refused from, in seconds since 1970; None: never."""
    found = conf.valid("SIMPLEJWT_UNTIL")
    if isinstance(found, datetime):
        return found.timestamp()
    if isinstance(found, date):
        return datetime(found.year, found.month, found.day, tzinfo=timezone.utc).timestamp()
    return None


def schemes() -> list[str]:
    """Return the schemes of `AUTH_HEADER_TYPES` that a header can hold."""
    return [word for word in header_types() if isinstance(word, str) and _WORD.fullmatch(word)]


def header_types() -> list[Any]:
    """Return `AUTH_HEADER_TYPES` as a list."""
    found = value("AUTH_HEADER_TYPES")
    return list(found) if isinstance(found, (list, tuple)) else [found]


def rotates() -> bool:
    """Whether the reply of a renewal has a new refresh token."""
    return bool(value("ROTATE_REFRESH_TOKENS"))


def has_blacklist() -> bool:
    """Whether simplejwt's blacklist app is installed."""
    return BLACKLIST_APP in settings.INSTALLED_APPS


def table(name: str) -> Any:
    """Return the manager of a model of that app."""
    models = apps.get_app_config("token_blacklist")
    model: Any = models.get_model(name)
    return model._default_manager  # noqa: SLF001


def build() -> Config:
    """Read the settings. Raises `SettingError`, whose `field` is simplejwt's name."""
    if value("JWK_URL"):
        raise SettingError(
            "JWK_URL", "expected None, because djwto does not fetch keys for simplejwt's tokens"
        )
    revokes = bool(value("CHECK_REVOKE_TOKEN"))
    for name in (*_TEXTS, *(["REVOKE_TOKEN_CLAIM"] if revokes else ())):
        if not isinstance(value(name), str) or not value(name):
            raise SettingError(name, f"expected a string, found {value(name)!r}")
    issuer = value("ISSUER")
    return Config(
        keys=_keys(),
        audience=_texts("AUDIENCE"),
        issuer=None if issuer is None else str(issuer),
        leeway=_leeway(),
        user_field=value("USER_ID_FIELD"),
        user_claim=value("USER_ID_CLAIM"),
        type_claim=value("TOKEN_TYPE_CLAIM"),
        jti_claim=value("JTI_CLAIM"),
        revoke_claim=value("REVOKE_TOKEN_CLAIM") if revokes else None,
    )


def _keys() -> _core.KeyRing:
    algorithm = value("ALGORITHM")
    name = "SIGNING_KEY" if str(algorithm).startswith("HS") else "VERIFYING_KEY"
    key = value(name)
    text = as_bytes(key) if isinstance(key, (str, bytes)) and key else None
    if text is None:
        raise SettingError(name, "expected the key that verifies simplejwt's tokens, found none")
    secret, public = (text, None) if name == "SIGNING_KEY" else (None, text)
    try:
        return _core.KeyRing.load(str(algorithm), secret, public, [])
    except SettingError as error:
        raise SettingError(
            "ALGORITHM" if error.field == "algorithm" else name, str(error)
        ) from None


def _texts(name: str) -> tuple[str, ...] | None:
    found = value(name)
    if found is None:
        return None
    return (found,) if isinstance(found, str) or not isinstance(found, Iterable) else tuple(found)


def _leeway() -> float:
    found = value("LEEWAY")
    if found is None:
        return 0.0
    seconds = found.total_seconds() if isinstance(found, timedelta) else found
    # Beyond the margin, `delete_tokens` removes the row of a token that is still good.
    most = _core.MARGIN_SECONDS
    if isinstance(seconds, (int, float)) and -most <= seconds <= most:
        return float(seconds)
    raise SettingError(
        "LEEWAY", f"expected at most {most} seconds, as a number or a timedelta, found {found!r}"
    )


_cached: tuple[object, Config | None] = (None, None)
_TEXTS = ("TOKEN_TYPE_CLAIM", "JTI_CLAIM", "USER_ID_CLAIM", "USER_ID_FIELD")
_WORD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
