"""`manage.py check` for the settings: each wrong one by name, with an id that never changes."""

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

_LONGER = "Make a longer one: python -c 'import secrets; print(secrets.token_urlsafe(64))'"

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
    "RETURN_HOSTS": "djwto.E055",
}
"""The check of each setting, by its name without the prefix."""


@register(Tags.security)
def check_settings(**_: Any) -> list[CheckMessage]:
    """djwto.E001 to E017 and from E020: a setting has a wrong value. Each setting has its own id.

    djwto.E041: two settings say what `sub` is.

    A missing key is a warning, with the id W005 or E022. Commands such as `migrate` run these
    checks, and they need no key.
    """
    return [
        _missing(problem)
        if problem.is_missing
        else Error(problem.message, id=problem.check or SETTING_IDS[problem.setting.name])
        for problem in conf.problems()
    ]


@register(Tags.security, deploy=True)
def check_key_for_deployment(**_: Any) -> list[CheckMessage]:
    """E010, E022: there is no key (with `--deploy`)."""
    return [
        Error(problem.message, id=SETTING_IDS[problem.setting.name])
        for problem in conf.problems()
        if problem.is_missing
    ]


def _missing(problem: conf.Problem) -> CheckMessage:
    is_file = problem.setting.name == "KEYS"
    return checks.Warning(
        f"{problem.message} Until then djwto issues and accepts no token: logins and guarded "
        "views answer 500.",
        id=SETTING_IDS["KEYS"] if is_file else "djwto.W005",
    )


@register(Tags.security)
def check_unknown(**_: Any) -> list[CheckMessage]:
    """W001: djwto does not know a setting whose name begins with `DJWTO_`."""
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
    """W003: a secret is short. It still works."""
    return [
        checks.Warning(sentence, hint=_LONGER, id="djwto.W003") for sentence in _short_secrets()
    ]


@register(Tags.security, deploy=True)
def check_secret_for_deployment(**_: Any) -> list[CheckMessage]:
    """E019: a secret is short (with `--deploy`)."""
    return [Error(sentence, hint=_LONGER, id="djwto.E019") for sentence in _short_secrets()]


@register(Tags.security)
def check_grace(**_: Any) -> list[CheckMessage]:
    """W032: an access token may expire within the grace period of its refresh token."""
    lifetime, grace = conf.valid("ACCESS_TOKEN_LIFETIME"), conf.valid("REFRESH_GRACE")
    if lifetime is None or grace is None or grace <= lifetime:
        return []
    return [
        checks.Warning(
            "DJWTO_REFRESH_GRACE is longer than DJWTO_ACCESS_TOKEN_LIFETIME. A used refresh token "
            "then works for longer than the access token that it was renewed into.",
            hint="Set DJWTO_REFRESH_GRACE to some seconds. It only has to cover a lost reply.",
            id="djwto.W032",
        )
    ]


@register(Tags.security, deploy=True)
def check_parties(**_: Any) -> list[CheckMessage]:
    """W033: no claim says who issued a token, or who it is for (with `--deploy`)."""
    if conf.valid("ISS_CLAIM") is not None or conf.valid("AUD_CLAIM") is not None:
        return []
    return [
        checks.Warning(
            "Neither DJWTO_ISS_CLAIM nor DJWTO_AUD_CLAIM is set. Tokens of another service with "
            "the same key are accepted here.",
            hint='Set one of them, such as DJWTO_ISS_CLAIM = "https://api.example.com".',
            id="djwto.W033",
        )
    ]


@register(Tags.security)
def check_signing(**_: Any) -> list[CheckMessage]:
    """W005: a key can verify tokens, and no key can sign them."""
    if conf.problems() or conf.is_verifier() or conf.engine().can_sign:
        return []
    in_keys = conf.valid("KEYS") is not None
    return [
        checks.Warning(
            f"{_NO_PRIVATE_KEY if in_keys else _NO_SIGNING_KEY} This server verifies tokens and "
            "cannot issue any: logins and renewals answer 500.",
            hint=_ADD_PRIVATE_KEY if in_keys else _SET_SIGNING_KEY,
            id="djwto.W005",
        )
    ]


@register(Tags.security)
def check_ignored(**_: Any) -> list[CheckMessage]:
    """W006: a setting is ignored, because `DJWTO_KEYS` replaces it."""
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
            f"DJWTO_{name} is ignored: DJWTO_KEYS gives the keys and their algorithms.",
            hint="Remove it. To go on accepting the tokens of an old key, put that key into "
            "DJWTO_SIGNING_KEY_FALLBACKS.",
            id="djwto.W006",
        )
        for name in ignored
    ]


@register(Tags.security, deploy=True)
def check_key_files(**_: Any) -> list[CheckMessage]:
    """W007: other accounts can read the private keys of `DJWTO_KEYS` (with `--deploy`)."""
    path = conf.keys_path()
    if path is None or conf.problems():
        return []
    return [
        checks.Warning(
            f"{exposed}: accounts other than the owner can read these private keys.",
            hint=f"chmod 600 {exposed}",
            id="djwto.W007",
        )
        for exposed in KeyFiles.read(path).exposed()
    ]


@register(Tags.security)
def check_skipped(**_: Any) -> list[CheckMessage]:
    """W008: a key of `DJWTO_KEYS` cannot be used."""
    if conf.problems():
        return []
    return [
        checks.Warning(f"DJWTO_KEYS: {reason}.", id="djwto.W008")
        for reason in conf.current().keys.skipped
    ]


@register(Tags.security, deploy=True)
def check_throttle_cache(**_: Any) -> list[CheckMessage]:
    """E040, W031: the cache of the throttle forgets or miscounts (with `--deploy`)."""
    limits = None if conf.is_verifier() or conf.problems() else conf.current().throttle
    if limits is None:
        return []
    cache = caches[limits.cache]
    where = f'DJWTO_LOGIN_THROTTLE: the cache "{limits.cache}" is a {type(cache).__name__}.'
    if isinstance(cache, (DummyCache, FileBasedCache, LocMemCache)):
        return [
            Error(
                f"{where} It does not count the attempts of several processes, or of the same "
                "instant, together. An attacker gets more attempts than the limits say.",
                hint="Use a cache in Redis, Memcached or a database. Add it to CACHES, and set "
                'DJWTO_LOGIN_THROTTLE = {"cache": "<its alias>"}. None turns the throttle off.',
                id="djwto.E040",
            )
        ]
    if isinstance(cache, DatabaseCache) and cache._max_entries < _FEWEST_ENTRIES:  # noqa: SLF001
        return [
            checks.Warning(
                f"{where} It holds {cache._max_entries} entries. Guesses at many accounts push "  # noqa: SLF001
                "counts out of it, and those accounts get new attempts.",
                hint=f'Set "MAX_ENTRIES" in its OPTIONS to {_FEWEST_ENTRIES} or more.',
                id="djwto.W031",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def check_proxies(**_: Any) -> list[CheckMessage]:
    """W030: all clients of a proxy are one client to the throttle (with `--deploy`)."""
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
            f"{name} is set, so there is a proxy. DJWTO_TRUSTED_PROXIES does not list it, so all "
            "clients have the address of the proxy. One client that guesses passwords then stops "
            "the logins of the others.",
            hint='Add the address of the proxy to DJWTO_TRUSTED_PROXIES, or "unix" for a Unix '
            "socket.",
            id="djwto.W030",
        )
        for name in named[:1]
    ]


@register(Tags.urls)
def check_names(**_: Any) -> list[CheckMessage]:
    """W002: other URLs have the names `login` or `logout` too."""
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
            f"URLs of djwto and others have the same names: {' and '.join(clashes)}. reverse() "
            "finds only one of the two.",
            hint='Give the other URLs a namespace: include(("app.urls", "accounts")).',
            id="djwto.W002",
        )
    ]


_NO_SIGNING_KEY = "DJWTO_SIGNING_KEY is not set."
_SET_SIGNING_KEY = "Set it if users log in here. If they do not, silence this check."
_NO_PRIVATE_KEY = "DJWTO_KEYS has no key that signs."
_ADD_PRIVATE_KEY = (
    "Add a private key to DJWTO_KEYS if users log in here. If they do not, silence this check."
)


def _short_secrets() -> list[str]:
    if conf.problems():
        return []
    short = conf.current().keys.short_secrets
    # Those of the fallbacks come last; beside a long secret they are alone.
    fallbacks = _core.KeyRing.load("HS256", b"." * 32, None, conf.fallbacks()).short_secrets
    own = short[: len(short) - len(fallbacks)]
    name = "KEYS" if conf.valid("KEYS") else "SIGNING_KEY"
    sentences = [_too_short(name, algorithm) for algorithm in own]
    sentences += [_too_short("SIGNING_KEY_FALLBACKS", algorithm) for algorithm in fallbacks]
    return list(dict.fromkeys(sentences))


def _too_short(name: str, algorithm: str) -> str:
    length = int(algorithm.removeprefix("HS")) // 8
    return (
        f"{PREFIX}{name}: expected a secret of at least {length} bytes for {algorithm} (RFC 7518 "
        "§3.2), found a shorter one."
    )


def _did_you_mean(name: str, known: list[str]) -> str | None:
    # The prefix, which they share, would make any name a near one.
    given = name.removeprefix(PREFIX)
    names = [one.removeprefix(PREFIX) for one in known]
    close = difflib.get_close_matches(given, names, 1, cutoff=_NEAR)
    return f"Did you mean {PREFIX}{close[0]}?" if close else None


def _is_own(pattern: URLPattern) -> bool:
    return pattern.callback.__module__ == "djwto.views"
