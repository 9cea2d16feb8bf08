"""What `manage.py djwto_import simplejwt` prints: `SIMPLE_JWT` as settings of djwto."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.utils.functional import Promise

from djwto import conf, times
from djwto.contrib.simplejwt import config
from djwto.exceptions import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAYS_TO_DEPLOY = 7
_OWN = frozenset(("iss", "aud", "iat", "nbf", "exp", "sid", "gen", "refresh_iat", "user"))


def lines(now: float | None = None) -> list[str]:
    """Return the lines to paste into settings. Raises `SettingError` for a wrong lifetime."""
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
    """Return the `DJWTO_ROTATE_REFRESH` that does what simplejwt did."""
    return True if config.rotates() and config.value("BLACKLIST_AFTER_ROTATION") else "cookies"


def last_day(now: float | None = None) -> str:
    """Return the day from which on no token of simplejwt can be good, with a week to deploy."""
    lives = max(_delta("ACCESS_TOKEN_LIFETIME"), _delta("REFRESH_TOKEN_LIFETIME"))
    start = datetime.fromtimestamp(time.time() if now is None else now, timezone.utc)
    try:
        end = (start + lives + timedelta(days=_DAYS_TO_DEPLOY + 1)).date()
    except OverflowError:
        end = date(9998, 12, 31)
    return f"date({end.year}, {end.month}, {end.day})"


def without_counterpart() -> Iterator[tuple[str, str]]:
    """Yield settings that djwto does not follow, each with what happens instead."""
    given = config.given()
    if config.value("AUTH_HEADER_NAME") != "HTTP_AUTHORIZATION":
        yield "AUTH_HEADER_NAME", "djwto reads only the header Authorization"
    for word in config.header_types():
        if word not in config.schemes():
            yield "AUTH_HEADER_TYPES", f"{word!r} is not a valid scheme of the header Authorization"
    for name in given:
        if name.endswith("_SERIALIZER"):
            how = "Add claims in djwto.tokens.process_claims, then remove the key"
            yield name, f"djwto does not call {given[name]}. {how}"
        elif name in _NOT_CALLED:
            yield name, _NOT_CALLED[name]
    for name in ("ISSUER", "AUDIENCE"):
        found = config.value(name)
        if found is not None and _party(name) is None:
            yield name, f"djwto cannot put {found!r} into its tokens"
    if "Sliding" in str(given.get("AUTH_TOKEN_CLASSES")):
        yield (
            "AUTH_TOKEN_CLASSES",
            "djwto refuses sliding tokens: users who hold one must log in again",
        )


def claims_taken() -> Iterator[tuple[str, str]]:
    """Yield the settings that name a claim which djwto uses for something else."""
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


def _delta(name: str) -> timedelta:
    found = config.value(name)
    if not isinstance(found, timedelta):
        raise SettingError(name, f"expected a timedelta, found {found!r}")
    return found


def _lifetime(name: str) -> str:
    """Return the nearest that djwto takes: at least a second, and None for thousands of years."""
    found = max(_delta(name), timedelta(seconds=1))
    if not times.is_bounded(found):
        return "None"
    return f"timedelta(seconds={int(found.total_seconds())})"


def _party(name: str) -> Any:
    """Return `ISSUER` or `AUDIENCE` as djwto takes it; None where it cannot."""
    found = config.value(name)
    if isinstance(found, (str, Promise)):
        return str(found) or None
    if name == "AUDIENCE" and isinstance(found, (list, tuple, set, frozenset)):
        every = [str(one) for one in found if isinstance(one, (str, Promise)) and str(one)]
        return every if every and len(every) == len(found) else None
    return None


def _party_lines() -> Iterator[str]:
    for name, own in (("ISSUER", "DJWTO_ISS_CLAIM"), ("AUDIENCE", "DJWTO_AUD_CLAIM")):
        if (found := _party(name)) is not None:
            yield f"{own} = {found!r}"
    if config.value("USER_ID_CLAIM") == "sub" and _is_key():
        yield "DJWTO_USER_AS_SUB = True"


_NOT_CALLED = {
    "USER_AUTHENTICATION_RULE": (
        "djwto does not call it. Use the hook djwto.authentication.user_authenticate"
    ),
    "TOKEN_USER_CLASS": "djwto does not use it: request.user is the user of the database",
    "JSON_ENCODER": "djwto does not use it: Django's encoder writes the claims",
    "CHECK_USER_IS_ACTIVE": "djwto does not read it: inactive users are always refused",
    "UPDATE_LAST_LOGIN": "each login writes last_login anyway. Remove the key",
}
