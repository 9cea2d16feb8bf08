"""`manage.py check`: what of `SIMPLE_JWT` djwto cannot take over, or contradicts."""

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
    """E071, E074: no token of simplejwt is read."""
    try:
        config.build()
    except SettingError as error:
        return [
            Error(
                f'SIMPLE_JWT["{error.field}"]: {error}. No token of simplejwt is read.',
                id="djwto.E071",
            )
        ]
    if config.has_tenants():
        return [
            Error(
                "DJWTO_TENANT is set, and simplejwt's tokens name no tenant: none is read, and "
                "their users log in again.",
                id="djwto.E074",
            )
        ]
    return []


def _mode() -> list[CheckMessage]:
    """E072: the endpoints answer in JSON, and that mode is not offered."""
    if "JSON" in as_modes(conf.valid("MODE")):
        return []
    return [
        Error(
            "DJWTO_MODE has no JSON: simplejwt's clients send their tokens in a header, and "
            "djwto.contrib.simplejwt answers them in the body.",
            hint='Add it, as in DJWTO_MODE = ("TWO-COOKIES", "JSON").',
            id="djwto.E072",
        )
    ]


def _rotation() -> list[CheckMessage]:
    """E073, W071: clients keep a refresh token that djwto has replaced, or the reverse."""
    always, expected = conf.valid("ROTATE_REFRESH") is True, importing.rotation()
    if always and not config.rotates():
        return [
            Error(
                'DJWTO_ROTATE_REFRESH replaces refresh tokens, and SIMPLE_JWT["ROTATE_REFRESH_'
                'TOKENS"] keeps the new ones from clients: they would be logged out.',
                hint='Set DJWTO_ROTATE_REFRESH = "cookies".',
                id="djwto.E073",
            )
        ]
    if always == (expected is True):
        return []
    return [
        checks.Warning(
            "DJWTO_ROTATE_REFRESH does not do what ROTATE_REFRESH_TOKENS and BLACKLIST_AFTER_"
            "ROTATION of SIMPLE_JWT did: a used refresh token is "
            f"{'refused' if always else 'still good'}.",
            hint=f"Set DJWTO_ROTATE_REFRESH = {expected!r}.",
            id="djwto.W071",
        )
    ]


def _end() -> list[CheckMessage]:
    """W070: nothing says when simplejwt's tokens are refused."""
    if conf.valid("SIMPLEJWT_UNTIL") is not None:
        return []
    return [
        checks.Warning(
            "DJWTO_SIMPLEJWT_UNTIL is not set: simplejwt's key goes on making good tokens.",
            hint="`manage.py djwto_import simplejwt` prints the date.",
            id="djwto.W070",
        )
    ]


def _ignored() -> list[CheckMessage]:
    """W072: settings that djwto does not follow."""
    return [
        checks.Warning(f'SIMPLE_JWT["{name}"]: {reason}.', id="djwto.W072")
        for name, reason in importing.without_counterpart()
    ]


def _taken() -> list[CheckMessage]:
    """W073: services find djwto's own claim where they look for simplejwt's."""
    return [
        checks.Warning(
            f'SIMPLE_JWT["{name}"] is "{claim}", a claim that djwto uses itself: new tokens do not '
            "hold there what simplejwt put in.",
            hint="DJWTO_USER_AS_SUB = True puts the user's key into sub." if claim == "sub" else "",
            id="djwto.W073",
        )
        for name, claim in importing.claims_taken()
    ]
