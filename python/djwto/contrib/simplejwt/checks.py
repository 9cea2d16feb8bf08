"""`manage.py check`: settings of `SIMPLE_JWT` that djwto cannot follow, or that contradict it."""

from __future__ import annotations

from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from djwto import conf
from djwto.contrib.simplejwt import config, importing
from djwto.exceptions import SettingError
from djwto.settings import as_modes


@register(Tags.security)
def check_simplejwt(**_: Any) -> list[CheckMessage]:
    """E071 to E074, W070 to W073: see `docs/settings.md`."""
    return [*_not_read(), *_mode(), *_rotation(), *_end(), *_ignored(), *_taken()]


def _not_read() -> list[CheckMessage]:
    """E071, E074: no token of simplejwt is accepted."""
    try:
        config.build()
    except SettingError as error:
        return [
            Error(
                f'SIMPLE_JWT["{error.field}"]: {error}. No token of simplejwt is accepted.',
                id="djwto.E071",
            )
        ]
    if config.has_tenants():
        return [
            Error(
                "DJWTO_TENANT is set, and tokens of simplejwt name no tenant. None of them is "
                "accepted: users must log in again.",
                hint='Remove "djwto.contrib.simplejwt" from INSTALLED_APPS, or unset DJWTO_TENANT '
                "until the old tokens have expired.",
                id="djwto.E074",
            )
        ]
    return []


def _mode() -> list[CheckMessage]:
    """E072: the endpoints answer in JSON mode, which is not in `DJWTO_MODE`."""
    if "JSON" in as_modes(conf.valid("MODE")):
        return []
    return [
        Error(
            f'DJWTO_MODE: expected "JSON" among the modes, found {conf.valid("MODE")!r}. Clients '
            "of simplejwt send and receive tokens in that mode.",
            hint='Add it, as in DJWTO_MODE = ("TWO-COOKIES", "JSON").',
            id="djwto.E072",
        )
    ]


def _rotation() -> list[CheckMessage]:
    """E073, W071: djwto rotates refresh tokens in another way than simplejwt did."""
    always, expected = conf.valid("ROTATE_REFRESH") is True, importing.rotation()
    if always and not config.rotates():
        return [
            Error(
                "DJWTO_ROTATE_REFRESH rotates refresh tokens, but SIMPLE_JWT["
                '"ROTATE_REFRESH_TOKENS"] does not send the new ones. Clients would be logged out.',
                hint='Set DJWTO_ROTATE_REFRESH = "cookies".',
                id="djwto.E073",
            )
        ]
    if always == (expected is True):
        return []
    return [
        checks.Warning(
            "DJWTO_ROTATE_REFRESH differs from ROTATE_REFRESH_TOKENS and "
            "BLACKLIST_AFTER_ROTATION of SIMPLE_JWT: a used refresh token is "
            f"{'refused' if always else 'still accepted'}.",
            hint=f"Set DJWTO_ROTATE_REFRESH = {expected!r}.",
            id="djwto.W071",
        )
    ]


def _end() -> list[CheckMessage]:
    """W070: no date ends the acceptance of simplejwt's tokens."""
    if conf.valid("SIMPLEJWT_UNTIL") is not None:
        return []
    return [
        checks.Warning(
            "DJWTO_SIMPLEJWT_UNTIL is not set, so tokens of simplejwt are accepted for ever.",
            hint="Set it to the date that `manage.py djwto_import simplejwt` prints.",
            id="djwto.W070",
        )
    ]


def _ignored() -> list[CheckMessage]:
    """W072: djwto does not follow a setting of `SIMPLE_JWT`."""
    return [
        checks.Warning(f'SIMPLE_JWT["{name}"]: {reason}.', id="djwto.W072")
        for name, reason in importing.without_counterpart()
    ]


def _taken() -> list[CheckMessage]:
    """W073: `SIMPLE_JWT` gives a claim a name that djwto uses for another claim."""
    return [
        checks.Warning(
            f'SIMPLE_JWT["{name}"] is "{claim}", and djwto uses that claim itself. Services that '
            "read it in new tokens get djwto's value.",
            hint="Set DJWTO_USER_AS_SUB = True: sub is then the primary key of the user."
            if claim == "sub"
            else "Let those services read another claim, and change the setting.",
            id="djwto.W073",
        )
        for name, claim in importing.claims_taken()
    ]
