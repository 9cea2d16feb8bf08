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
            'INSTALLED_APPS: expected "djwto" or "djwto.verifier", found both.',
            hint='Keep "djwto" if users log in here. Keep "djwto.verifier" if this service only '
            "verifies tokens of another one.",
            id="djwto.E075",
        )
    ]


@register(Tags.security)
def check_secrets(**_: Any) -> list[CheckMessage]:
    """W075: a service that only verifies tokens has a key that signs them."""
    if not conf.is_verifier() or conf.problems():
        return []
    has_secret = any(algorithm.startswith("HS") for algorithm, _ in conf.fallbacks())
    if not has_secret and not conf.engine().can_sign:
        return []
    return [
        checks.Warning(
            "This service only verifies tokens, but its key can also sign them. If the key leaks "
            "here, an attacker can log in as any user, everywhere.",
            hint="Let the issuer sign with a private key, and give this service the public key.",
            id="djwto.W075",
        )
    ]


@register(Tags.security)
def check_feed(**_: Any) -> list[CheckMessage]:
    """W076: a setting about ended sessions has no effect here."""
    if not conf.is_verifier():
        return []
    return [
        checks.Warning(
            f"{PREFIX}{name} has no effect here. This service does not learn of ended sessions: it "
            "accepts an access token until it expires.",
            hint="Remove it, and set a short DJWTO_ACCESS_TOKEN_LIFETIME on the issuer.",
            id="djwto.W076",
        )
        for name in _FEED
        if conf.is_set(name)
    ]


@register(Tags.security)
def check_users(**_: Any) -> list[CheckMessage]:
    """E076: `request.user` comes from a table that does not exist."""
    is_there = apps.is_installed("django.contrib.auth")
    if not conf.is_verifier() or is_there or conf.value("USER") != "database":
        return []
    return [
        Error(
            'DJWTO_USER: expected "token", because "django.contrib.auth" is not in INSTALLED_APPS, '
            "found 'database'. A view that reads request.user answers 500.",
            hint='Set DJWTO_USER = "token": request.user is then made from the claims.',
            id="djwto.E076",
        )
    ]
