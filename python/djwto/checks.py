"""`manage.py check`: every wrong setting by name, with an id that never changes."""

import difflib
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.cache import caches
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern

from djwto import _core, conf, url_patterns
from djwto.keys.files import KeyFiles, rsa_algorithm
from djwto.settings import PREFIX, SETTINGS

_SHORT = "DJWTO_{}: the secret is shorter than the hash of {} (RFC 7518 §3.2)."
_LONGER = "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(64))'"

_FEWEST_ENTRIES = 10_000
_NEAR = 0.75
"""How alike two names must be, from 0 to 1."""

# An id never changes. E018, E019 and E040 belong to other checks.
SETTING_IDS = {
    "ISS_CLAIM": "djwto.E001",
    "SUB_CLAIM": "djwto.E002",
    "AUD_CLAIM": "djwto.E003",
    "IAT_CLAIM": "djwto.E004",
    "JTI_CLAIM": "djwto.E005",
    "ALLOW_REFRESH_UPDATE": "djwto.E006",
    "ACCESS_TOKEN_LIFETIME": "djwto.E007",
    "REFRESH_TOKEN_LIFETIME": "djwto.E008",
    "NBF_LIFETIME": "djwto.E009",
    "SIGNING_KEY": "djwto.E010",
    "VERIFYING_KEY": "djwto.E011",
    "ALGORITHM": "djwto.E012",
    "MODE": "djwto.E013",
    "REFRESH_COOKIE_PATH": "djwto.E014",
    "SAME_SITE": "djwto.E015",
    "DOMAIN": "djwto.E016",
    "CSRF": "djwto.E017",
    "TOKEN_CACHE_ENTRIES": "djwto.E020",
    "TOKEN_CACHE_BYTES": "djwto.E021",
    "KEYS": "djwto.E022",
    "SIGNING_KEY_FALLBACKS": "djwto.E023",
    "LOGIN_THROTTLE": "djwto.E024",
    "TRUSTED_PROXIES": "djwto.E025",
    "ROTATE_REFRESH": "djwto.E026",
    "REFRESH_GRACE": "djwto.E027",
    "SESSION_LIFETIME": "djwto.E028",
    "ACCEPT_LEGACY": "djwto.E029",
    "REVOCATION_INTERVAL": "djwto.E030",
    "REVOCATION_MAX_AGE": "djwto.E031",
    "REVOCATION_URL": "djwto.E032",
    "MAX_SESSIONS": "djwto.E036",
    "USER_AS_SUB": "djwto.E035",
    "USER": "djwto.E050",
    "COOKIE_PREFIX": "djwto.E033",
    "PUBLIC_PATH": "djwto.E034",
    "TENANT": "djwto.E065",
    "SIMPLEJWT_UNTIL": "djwto.E070",
}
"""The check of each setting, by its name without the prefix."""


@register(Tags.security)
def check_settings(**_: Any) -> list[CheckMessage]:
    """E001 to E017 and from E020: one for each setting, in the order of the documentation.

    djwto.E041: two settings say what `sub` is.

    No key at all is a warning, W005 or E022: `migrate` and its like run these checks, and need no
    key.
    """
    return [
        _missing(problem)
        if problem.is_missing
        else Error(problem.message, id=problem.check or SETTING_IDS[problem.setting.name])
        for problem in conf.problems()
    ]


@register(Tags.security, deploy=True)
def check_key_for_deployment(**_: Any) -> list[CheckMessage]:
    """E010, E022: there is no key, and this is production."""
    return [
        Error(problem.message, id=SETTING_IDS[problem.setting.name])
        for problem in conf.problems()
        if problem.is_missing
    ]


def _missing(problem: conf.Problem) -> CheckMessage:
    is_file = problem.setting.name == "KEYS"
    return checks.Warning(
        f"{problem.message} Without it no token is made or accepted: logins and guarded views "
        "answer 500.",
        id=SETTING_IDS["KEYS"] if is_file else "djwto.W005",
    )


@register(Tags.security)
def check_unknown(**_: Any) -> list[CheckMessage]:
    """W001: a `DJWTO_` setting that djwto does not know."""
    known = [PREFIX + setting.name for setting in SETTINGS]
    return [
        checks.Warning(
            f"{name} is not a setting of djwto.", hint=_did_you_mean(name, known), id="djwto.W001"
        )
        for name in dir(settings)
        if name.startswith(PREFIX) and name not in known
    ]


@register(Tags.security)
def check_secret(**_: Any) -> list[CheckMessage]:
    """W003: a secret is short. It works."""
    return [
        checks.Warning(sentence, hint=_LONGER, id="djwto.W003") for sentence in _short_secrets()
    ]


@register(Tags.security, deploy=True)
def check_secret_for_deployment(**_: Any) -> list[CheckMessage]:
    """E019: a secret is short, and this is production."""
    return [Error(sentence, hint=_LONGER, id="djwto.E019") for sentence in _short_secrets()]


@register(Tags.security)
def check_grace(**_: Any) -> list[CheckMessage]:
    """W032: an access token may expire within the grace period of its refresh token."""
    lifetime, grace = conf.valid("ACCESS_TOKEN_LIFETIME"), conf.valid("REFRESH_GRACE")
    if lifetime is None or grace is None or grace <= lifetime:
        return []
    return [
        checks.Warning(
            "DJWTO_REFRESH_GRACE is longer than DJWTO_ACCESS_TOKEN_LIFETIME: a refresh token that "
            "was used can be used again for longer than the access token that it bought lives.",
            hint="A grace period of some seconds is enough for a reply that was lost.",
            id="djwto.W032",
        )
    ]


@register(Tags.security, deploy=True)
def check_parties(**_: Any) -> list[CheckMessage]:
    """W033: no claim says where tokens come from, or who they are for."""
    if conf.valid("ISS_CLAIM") is not None or conf.valid("AUD_CLAIM") is not None:
        return []
    return [
        checks.Warning(
            "Neither DJWTO_ISS_CLAIM nor DJWTO_AUD_CLAIM is set: a token of another service that "
            "has the same key is good here.",
            hint='Set one of them, such as DJWTO_ISS_CLAIM = "https://api.example.com".',
            id="djwto.W033",
        )
    ]


@register(Tags.security)
def check_signing(**_: Any) -> list[CheckMessage]:
    """W005: there is a key to verify with, and none to sign with."""
    if conf.problems() or conf.is_verifier() or conf.engine().can_sign:
        return []
    lack = "DJWTO_KEYS has no key to sign with" if conf.valid("KEYS") else _NO_SIGNING_KEY
    return [
        checks.Warning(
            f"{lack}: this server verifies tokens, and every login and renewal answers 500.",
            id="djwto.W005",
        )
    ]


@register(Tags.security)
def check_ignored(**_: Any) -> list[CheckMessage]:
    """W006: settings that DJWTO_KEYS replaces are there too."""
    path = conf.keys_path()
    if conf.valid("KEYS") is None:
        return []
    ignored = [name for name in ("SIGNING_KEY", "VERIFYING_KEY") if conf.is_set(name)]
    algorithm = conf.valid("ALGORITHM")
    is_for_files = path is not None and path.is_dir() and algorithm == rsa_algorithm(algorithm)
    if conf.is_set("ALGORITHM") and not is_for_files:
        ignored.append("ALGORITHM")
    return [
        checks.Warning(
            f"DJWTO_{name} is ignored: the keys and their algorithms are those of DJWTO_KEYS.",
            hint="Take it out. A key whose tokens are still to be accepted goes into "
            "DJWTO_SIGNING_KEY_FALLBACKS.",
            id="djwto.W006",
        )
        for name in ignored
    ]


@register(Tags.security, deploy=True)
def check_key_files(**_: Any) -> list[CheckMessage]:
    """W007: others can read the private keys of DJWTO_KEYS, and this is production."""
    path = conf.keys_path()
    if path is None or conf.problems():
        return []
    return [
        checks.Warning(
            f"{exposed}: others than its owner may read these private keys.",
            hint=f"chmod 600 {exposed}",
            id="djwto.W007",
        )
        for exposed in KeyFiles.read(path).exposed()
    ]


@register(Tags.security)
def check_skipped(**_: Any) -> list[CheckMessage]:
    """W008: keys of DJWTO_KEYS that cannot be used."""
    if conf.problems():
        return []
    return [
        checks.Warning(f"DJWTO_KEYS: {reason}.", id="djwto.W008")
        for reason in conf.current().keys.skipped
    ]


@register(Tags.security, deploy=True)
def check_throttle_cache(**_: Any) -> list[CheckMessage]:
    """E040, W031: the throttle's cache forgets or miscounts, and this is production."""
    limits = None if conf.is_verifier() or conf.problems() else conf.current().throttle
    if limits is None:
        return []
    cache = caches[limits.cache]
    where = f'DJWTO_LOGIN_THROTTLE: the cache "{limits.cache}" is a {type(cache).__name__}'
    if isinstance(cache, (DummyCache, FileBasedCache, LocMemCache)):
        return [
            Error(
                f"{where}, where other processes, or attempts at the same instant, are not counted "
                "together.",
                hint="Use Redis, Memcached or a database: an alias of CACHES for it goes into "
                'DJWTO_LOGIN_THROTTLE as "cache". None turns the throttle off.',
                id="djwto.E040",
            )
        ]
    if isinstance(cache, DatabaseCache) and cache._max_entries < _FEWEST_ENTRIES:  # noqa: SLF001
        return [
            checks.Warning(
                f"{where} of {cache._max_entries} entries: guesses at many accounts would push "  # noqa: SLF001
                "its counts out.",
                hint=f'Set "MAX_ENTRIES" among its OPTIONS to {_FEWEST_ENTRIES} or more.',
                id="djwto.W031",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def check_proxies(**_: Any) -> list[CheckMessage]:
    """W030: there is a proxy, and to the throttle all of its clients are one."""
    if conf.is_verifier() or conf.problems() or conf.current().throttle is None:
        return []
    if conf.valid("TRUSTED_PROXIES"):
        return []
    named = [
        name
        for name in ("SECURE_PROXY_SSL_HEADER", "USE_X_FORWARDED_HOST", "USE_X_FORWARDED_PORT")
        if getattr(settings, name)
    ]
    return [
        checks.Warning(
            f"{name} says that there is a proxy, and DJWTO_TRUSTED_PROXIES does not list it: all "
            "clients have its address, and one who guesses passwords keeps others from logging in.",
            hint='List its address there, or "unix" for a Unix socket.',
            id="djwto.W030",
        )
        for name in named[:1]
    ]


@register(Tags.urls)
def check_names(**_: Any) -> list[CheckMessage]:
    """W002: other URLs named `login` or `logout`."""
    named = [one.pattern for one in url_patterns.every() if not one.in_namespace]
    clashes = sorted(
        {
            str(pattern.name)
            for pattern in named
            if pattern.name in ("login", "logout") and not _is_own(pattern)
        }
    )
    if not clashes or not any(map(_is_own, named)):
        return []
    return [
        checks.Warning(
            f"djwto and other URLs are both named {' and '.join(clashes)}: reverse() finds only "
            "one of them.",
            hint="Give the other URLs a namespace, as with include((urls, 'accounts')).",
            id="djwto.W002",
        )
    ]


_NO_SIGNING_KEY = "DJWTO_SIGNING_KEY is not set"


def _short_secrets() -> list[str]:
    if conf.problems():
        return []
    short = conf.current().keys.short_secrets
    # Those of the fallbacks come last; beside a long secret they are alone.
    fallbacks = _core.KeyRing.load("HS256", b"." * 32, None, conf.fallbacks()).short_secrets
    own = short[: len(short) - len(fallbacks)]
    name = "KEYS" if conf.valid("KEYS") else "SIGNING_KEY"
    sentences = [_SHORT.format(name, algorithm) for algorithm in own]
    sentences += [_SHORT.format("SIGNING_KEY_FALLBACKS", algorithm) for algorithm in fallbacks]
    return list(dict.fromkeys(sentences))


def _did_you_mean(name: str, known: list[str]) -> str | None:
    # The prefix, which they share, would make any name a near one.
    given = name.removeprefix(PREFIX)
    names = [one.removeprefix(PREFIX) for one in known]
    close = difflib.get_close_matches(given, names, 1, cutoff=_NEAR)
    return f"Did you mean {PREFIX}{close[0]}?" if close else None


def _is_own(pattern: URLPattern) -> bool:
    return pattern.callback.__module__ == "djwto.views"
