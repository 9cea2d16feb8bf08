"""`manage.py check` for a service that only verifies tokens."""

from typing import Any

from django.apps import apps
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from djwto import conf
from djwto.settings import PREFIX

_FEED = ("REVOCATION_INTERVAL", "REVOCATION_MAX_AGE", "REVOCATION_URL")


@register(Tags.security)
def check_one_app(**_: Any) -> list[CheckMessage]:
    """E075: both apps are installed."""
    if conf.is_verifier():
        return []
    return [
        Error(
            'Both "djwto" and "djwto.verifier" are in INSTALLED_APPS.',
            hint='Keep "djwto" where users log in, and "djwto.verifier" where tokens of another '
            "service are verified.",
            id="djwto.E075",
        )
    ]


@register(Tags.security)
def check_secrets(**_: Any) -> list[CheckMessage]:
    """W075: this service could make tokens itself."""
    if not conf.is_verifier() or conf.problems():
        return []
    has_secret = any(algorithm.startswith("HS") for algorithm, _ in conf.fallbacks())
    if not has_secret and not conf.engine().can_sign:
        return []
    return [
        checks.Warning(
            "This service only verifies tokens, and has a key that makes them: a leak here lets "
            "others log in as any user, everywhere.",
            hint="Let the issuer sign with a key pair, and give this service the public keys.",
            id="djwto.W075",
        )
    ]


@register(Tags.security)
def check_feed(**_: Any) -> list[CheckMessage]:
    """W076: settings that only a project with djwto's tables reads."""
    if not conf.is_verifier():
        return []
    return [
        checks.Warning(
            f"{PREFIX}{name} does nothing here: this service does not learn of ended sessions, and "
            "accepts an access token until it expires.",
            hint="Keep DJWTO_ACCESS_TOKEN_LIFETIME of the issuer short.",
            id="djwto.W076",
        )
        for name in _FEED
        if conf.is_set(name)
    ]


@register(Tags.security)
def check_users(**_: Any) -> list[CheckMessage]:
    """E076: `request.user` would be read from a table that is not there."""
    is_there = apps.is_installed("django.contrib.auth")
    if not conf.is_verifier() or is_there or conf.value("USER") != "database":
        return []
    return [
        Error(
            'DJWTO_USER: expected "token" without "django.contrib.auth" in INSTALLED_APPS, found '
            "'database': a view that touches request.user answers 500.",
            hint='Set DJWTO_USER = "token": users are made of the token, without a table.',
            id="djwto.E076",
        )
    ]
