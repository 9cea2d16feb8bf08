"""What `manage.py djwto_import simplejwt` prints: `SIMPLE_JWT` as settings of djwto."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model

from djwto import conf
from djwto.contrib.simplejwt import config

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAYS_TO_DEPLOY = 7
_OWN = frozenset(("iss", "aud", "iat", "nbf", "exp", "sid", "gen", "refresh_iat", "user"))


def lines(now: float | None = None) -> list[str]:
    """Give the lines to paste into settings."""
    return [
        "from datetime import date, timedelta",
        "",
        f"DJWTO_ALGORITHM = {config.value('ALGORITHM')!r}",
        *_key_lines(),
        f"DJWTO_ACCESS_TOKEN_LIFETIME = {_lifetime('ACCESS_TOKEN_LIFETIME')}",
        f"DJWTO_REFRESH_TOKEN_LIFETIME = {_lifetime('REFRESH_TOKEN_LIFETIME')}",
        f"DJWTO_ROTATE_REFRESH = {rotation()!r}",
        *_party_lines(),
        'DJWTO_MODE = "JSON"',
        f"DJWTO_SIMPLEJWT_UNTIL = {last_day(now)}",
    ]


def rotation() -> Any:
    """Give the `DJWTO_ROTATE_REFRESH` that does what simplejwt did."""
    return True if config.rotates() and config.value("BLACKLIST_AFTER_ROTATION") else "cookies"


def last_day(now: float | None = None) -> str:
    """Give the day from which on no token of simplejwt can be good, with a week to deploy."""
    lives = max(config.value("ACCESS_TOKEN_LIFETIME"), config.value("REFRESH_TOKEN_LIFETIME"))
    start = datetime.fromtimestamp(time.time() if now is None else now, timezone.utc)
    try:
        end = (start + lives + timedelta(days=_DAYS_TO_DEPLOY + 1)).date()
    except OverflowError:
        end = date.max
    return f"date({end.year}, {end.month}, {end.day})"


def without_counterpart() -> Iterator[tuple[str, str]]:
    """Give settings that djwto does not follow, each with what happens instead."""
    given = config.given()
    if config.value("AUTH_HEADER_NAME") != "HTTP_AUTHORIZATION":
        yield "AUTH_HEADER_NAME", "djwto reads the header Authorization alone"
    for word in config.header_types():
        if word not in config.schemes():
            yield "AUTH_HEADER_TYPES", f"{word!r} is no word that a header can begin with"
    for name in given:
        if name.endswith("_SERIALIZER"):
            yield name, f"{given[name]} is not called; djwto.tokens.process_user adds claims"
        elif name in _NOT_CALLED:
            yield name, _NOT_CALLED[name]
    if any("Sliding" in str(one) for one in given.get("AUTH_TOKEN_CLASSES", ())):
        yield "AUTH_TOKEN_CLASSES", "sliding tokens are refused: their users log in again"


def claims_taken() -> Iterator[tuple[str, str]]:
    """Give the settings that name a claim which djwto uses for something else."""
    claim = config.value("USER_ID_CLAIM")
    is_subject = claim == "sub" and conf.valid("USER_AS_SUB") and _is_key()
    if claim in {*_OWN, "type", "jti", "sub"} and not is_subject:
        yield "USER_ID_CLAIM", claim
    for name, own in (("TOKEN_TYPE_CLAIM", "type"), ("JTI_CLAIM", "jti")):
        if config.value(name) in {*_OWN, "sub", "type", "jti"} - {own}:
            yield name, config.value(name)


def _is_key() -> bool:
    return config.value("USER_ID_FIELD") in ("pk", get_user_model()._meta.pk.name)  # noqa: SLF001


def _key_lines() -> list[str]:
    """Name the keys, and show none."""
    given = config.given()
    signing = 'SIMPLE_JWT["SIGNING_KEY"]' if "SIGNING_KEY" in given else "SECRET_KEY"
    found = [f"DJWTO_SIGNING_KEY = {signing}"]
    if given.get("VERIFYING_KEY") and not str(config.value("ALGORITHM")).startswith("HS"):
        found.append('DJWTO_VERIFYING_KEY = SIMPLE_JWT["VERIFYING_KEY"]')
    return found


def _lifetime(name: str) -> str:
    return f"timedelta(seconds={int(config.value(name).total_seconds())})"


def _party_lines() -> Iterator[str]:
    if config.value("ISSUER") is not None:
        yield f"DJWTO_ISS_CLAIM = {config.value('ISSUER')!r}"
    if config.value("AUDIENCE") is not None:
        yield f"DJWTO_AUD_CLAIM = {config.value('AUDIENCE')!r}"
    if config.value("USER_ID_CLAIM") == "sub" and _is_key():
        yield "DJWTO_USER_AS_SUB = True"


_NOT_CALLED = {
    "USER_AUTHENTICATION_RULE": "it is not called; djwto.authentication.user_authenticate decides",
    "TOKEN_USER_CLASS": "it is not used; request.user is the user of the database",
    "JSON_ENCODER": "it is not used; claims are written by Django's encoder",
    "CHECK_USER_IS_ACTIVE": "it is not asked; inactive users are always refused",
    "UPDATE_LAST_LOGIN": "it is not asked; each login writes last_login, as Django's does",
}
