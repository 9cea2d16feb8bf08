"""The settings of djwto: each with its default and the values that it takes."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction
from django.conf import settings as django_settings
from django.utils.module_loading import import_string

from djwto import _core, times

PREFIX = "DJWTO_"


@dataclass(frozen=True)
class Setting:
    """One setting: its name without `DJWTO_`, its default, and the values that it takes."""

    name: str
    default: Any
    expected: str
    accepts: Callable[[Any], bool]
    field: str = ""
    """The name of the setting in the engine; "" if the engine does not read it."""
    secret: bool = False
    """Whether messages hide the value."""


def _text(value: Any) -> bool:
    """Whether this is a string that is not empty, and that UTF-8 can encode."""
    return isinstance(value, str) and bool(value) and as_bytes(value) is not None


def _plain_text(value: Any) -> bool:
    return value == "" or _text(value)


def _text_or_none(value: Any) -> bool:
    return value is None or _text(value)


def _texts(value: Any) -> bool:
    is_list = isinstance(value, (list, tuple)) and bool(value)
    return _text_or_none(value) or (is_list and all(map(_text, value)))


def _bool(value: Any) -> bool:
    return isinstance(value, bool)


def _lifetime(value: Any) -> bool:
    return value is None or (_delay(value) and value >= timedelta(seconds=1))


def _delay(value: Any) -> bool:
    if not isinstance(value, timedelta):
        return value is None
    return value >= timedelta() and times.is_bounded(value)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _key(value: Any) -> bool:
    is_key = isinstance(value, (str, bytes)) and bool(value)
    return value is None or (is_key and as_bytes(value, environment=True) is not None)


def _date(value: Any) -> bool:
    is_naive = isinstance(value, datetime) and value.utcoffset() is None
    return value is None or (isinstance(value, date) and not is_naive)


def _path(value: Any) -> bool:
    if not isinstance(value, (str, os.PathLike)):
        return value is None
    try:
        name = os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return bool(name) and b"\0" not in name


def _keys(value: Any) -> bool:
    return is_safe(value) if is_url(value) else _path(value)


def is_url(value: Any) -> bool:
    """Whether a value of `DJWTO_KEYS` is a URL."""
    return isinstance(value, str) and value.lower().startswith(("https://", "http://"))


def is_safe(url: str) -> bool:
    """Whether keys may come from a URL: by https or from this machine, without a password in it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or not re.fullmatch(r"[!-~]+", url):
        return False
    return parts.scheme == "https" or is_loopback(host)


def is_loopback(host: str) -> bool:
    """Whether the host of a URL is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _fallbacks(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_fallback, value))


def _fallback(value: Any) -> bool:
    is_pair = isinstance(value, (list, tuple)) and len(value) == 2
    return is_pair and value[0] in _core.algorithms() and value[1] is not None and _key(value[1])


def _modes(value: Any) -> bool:
    listed = as_modes(value)
    known = all(mode in _core.modes() for mode in listed)
    return known and len(listed) == len(set(listed)) > 0


def _redis_url(value: Any) -> bool:
    schemes = ("redis://", "rediss://", "unix://")
    return value is None or (isinstance(value, str) and value.startswith(schemes))


def _throttle(value: Any) -> bool:
    if not isinstance(value, dict):
        return value is None
    found = {**DEFAULT_THROTTLE, **value}
    few, many = ("attempts", "account_attempts"), ("network_attempts", "day_attempts")
    hashes = found.get("password_hashes")
    return (
        found.keys() == DEFAULT_THROTTLE.keys()
        and isinstance(found["cache"], str)
        and found["cache"] in django_settings.CACHES
        and all(_count(found[key]) and 1 <= found[key] <= _MOST_ATTEMPTS for key in few)
        and all(_count(found[key]) and 1 <= found[key] <= _MOST_IN_ALL for key in many)
        and (hashes is None or (_count(hashes) and 1 <= hashes <= _MOST_ATTEMPTS))
        and found["window"] is not None
        and _lifetime(found["window"])
    )


def _proxies(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_proxy, value))


def _proxy(value: Any) -> bool:
    try:
        return isinstance(value, str) and (value == UNIX or ip_network(value) is not None)
    except ValueError:
        return False


def _hosts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_host, value))


def _host(value: Any) -> bool:
    """Whether this is `host` or `host:port`, as a browser writes it in a URL."""
    found = _HOST.fullmatch(value) if isinstance(value, str) else None
    if found is None or len(found["host"]) > _LONGEST_HOST or int(found["port"] or 443) >= 2**16:
        return False
    try:
        return found["ipv6"] is None or ip_address(found["ipv6"]) is not None
    except ValueError:
        return False


def is_function(path: Any) -> bool:
    """Whether this is the dotted path of a function that is not async."""
    try:
        function = import_string(path) if isinstance(path, str) else None
    except (ImportError, ValueError):
        return False
    return callable(function) and not iscoroutinefunction(function)


def as_modes(value: Any) -> list[Any]:
    """Return one mode or several as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _rotation(value: Any) -> bool:
    return isinstance(value, (bool, str)) and value in ROTATIONS


ROTATIONS = {"cookies": "cookies", True: "always", False: "never"}
_COUNT = "a whole number of at least 0"
_LIFETIME = "a timedelta of at least one second that ends before the year 9998, or None"
_DELAY = "a timedelta of at least 0 that ends before the year 9998, or None"
_KEY = "a string or bytes, not empty"
_MOST_ATTEMPTS = 1000
_MOST_IN_ALL = 10_000
"""Each attempt is a key in the cache, and all keys of a full counter are read at once."""
DEFAULT_THROTTLE = {
    "cache": "default",
    "attempts": 5,
    "account_attempts": 50,
    "window": timedelta(minutes=5),
    "network_attempts": 200,
    "day_attempts": 200,
    "password_hashes": None,
}
UNIX = "unix"
_HOST = re.compile(
    r"(?P<host>\w(?:[\w-]*\w)?(?:\.\w(?:[\w-]*\w)?)*|\[(?P<ipv6>[0-9a-f:.]+)\])"
    r"(?::(?P<port>[1-9]\d{0,4}))?",
    re.ASCII | re.IGNORECASE,
)
_LONGEST_HOST = 253
USERS = ("database", "token")

SETTINGS = (
    Setting("ISS_CLAIM", None, "a string or None", _text_or_none, "issuer"),
    Setting("SUB_CLAIM", None, "a string or None", _text_or_none, "subject"),
    Setting("AUD_CLAIM", None, "a string, a list of strings, or None", _texts, "audience"),
    Setting("IAT_CLAIM", True, "True or False", _bool, "issued_at"),
    Setting("JTI_CLAIM", True, "True or False", _bool, "jti"),
    Setting("ALLOW_REFRESH_UPDATE", True, "True or False", _bool),
    Setting("ACCESS_TOKEN_LIFETIME", timedelta(minutes=5), _LIFETIME, _lifetime, "access_lifetime"),
    Setting("REFRESH_TOKEN_LIFETIME", timedelta(days=1), _LIFETIME, _lifetime, "refresh_lifetime"),
    Setting(
        "NBF_LIFETIME",
        timedelta(),
        _DELAY,
        _delay,
        "not_before",
    ),
    Setting("SIGNING_KEY", None, _KEY, _key, "signing_key", secret=True),
    Setting("VERIFYING_KEY", None, f"{_KEY} (PEM), or None", _key, "verifying_key", secret=True),
    Setting(
        "ALGORITHM",
        "HS256",
        f"one of {', '.join(_core.algorithms())}",
        lambda value: value in _core.algorithms(),
        "algorithm",
    ),
    Setting(
        "MODE",
        "JSON",
        f"one of {', '.join(_core.modes())}, or a tuple of different ones",
        _modes,
        "modes",
    ),
    Setting(
        "REFRESH_COOKIE_PATH",
        "api/token/refresh",
        'a path such as "api/token/refresh"',
        _text,
        "refresh_path",
    ),
    Setting(
        "SAME_SITE",
        "Lax",
        '"Lax", "Strict", "None" or None',
        lambda value: (
            value is None or (isinstance(value, str) and value.lower() in ("lax", "strict", "none"))
        ),
        "same_site",
    ),
    Setting("DOMAIN", None, "a host name or None", _text_or_none, "domain"),
    Setting("CSRF", True, "True or False", _bool),
    Setting("TOKEN_CACHE_ENTRIES", 4096, _COUNT, _count, "cache_entries"),
    Setting("TOKEN_CACHE_BYTES", 16 * 2**20, _COUNT, _count, "cache_bytes"),
    Setting(
        "KEYS",
        None,
        "the path of a JWK Set file or of a directory of *.pem files, the https URL of a JWK Set, "
        "or None",
        _keys,
        "keys",
    ),
    Setting(
        "SIGNING_KEY_FALLBACKS",
        [],
        "a list of pairs (algorithm, key)",
        _fallbacks,
        "fallbacks",
        secret=True,
    ),
    Setting(
        "LOGIN_THROTTLE",
        DEFAULT_THROTTLE,
        'None, or a dict with any of "cache" (an alias of CACHES), "attempts" and '
        f'"account_attempts" (whole numbers from 1 to {_MOST_ATTEMPTS}), "network_attempts" and '
        f'"day_attempts" (from 1 to {_MOST_IN_ALL}), "window" (a timedelta of at least one second) '
        f'and "password_hashes" (from 1 to {_MOST_ATTEMPTS}, or None)',
        _throttle,
    ),
    Setting(
        "TRUSTED_PROXIES",
        [],
        f'a list of IP addresses, of networks such as "10.0.0.0/8", and of "{UNIX}"',
        _proxies,
    ),
    Setting("ROTATE_REFRESH", "cookies", '"cookies", True or False', _rotation, "rotation"),
    Setting("REFRESH_GRACE", timedelta(seconds=10), _DELAY, _delay, "refresh_grace"),
    Setting("SESSION_LIFETIME", None, _LIFETIME, _lifetime, "session_lifetime"),
    Setting("ACCEPT_LEGACY", True, "True or False", _bool, "accept_legacy"),
    Setting(
        "REVOCATION_INTERVAL",
        timedelta(seconds=1),
        "a timedelta from 10 milliseconds to 365 days, or None",
        lambda value: (
            value is None
            or (_delay(value) and timedelta(milliseconds=10) <= value <= timedelta(days=365))
        ),
    ),
    Setting("REVOCATION_MAX_AGE", timedelta(minutes=1), _LIFETIME, _lifetime),
    Setting(
        "REVOCATION_URL",
        None,
        'the URL of a Redis server, such as "redis://localhost:6379/0", or None',
        _redis_url,
        secret=True,
    ),
    Setting(
        "MAX_SESSIONS",
        1000,
        "a whole number of at least 1, or None",
        lambda value: value is None or (_count(value) and value >= 1),
    ),
    Setting("USER_AS_SUB", False, "True or False", _bool, "user_as_subject"),
    Setting("USER", "database", '"database" or "token"', lambda value: value in USERS),
    Setting("COOKIE_PREFIX", "", 'a string such as "__Host-"', _plain_text, "cookie_prefix"),
    Setting("PUBLIC_PATH", "", '"" or a path such as "/backend"', _plain_text, "public_path"),
    Setting(
        "TENANT",
        None,
        "the dotted path of a function (not an async one), or None",
        lambda value: value is None or is_function(value),
    ),
    Setting("SIMPLEJWT_UNTIL", None, "a date, a datetime with a time zone, or None", _date),
    Setting(
        "RETURN_HOSTS",
        [],
        'a list of hosts such as "models.example.com" or "models.example.com:8443"',
        _hosts,
    ),
)


def as_bytes(text: str | bytes | None, *, environment: bool = False) -> bytes | None:
    """Return a string as UTF-8; bytes and None stay as they are. None if UTF-8 cannot encode it.

    `environment` is for values of `os.environ`, where surrogates stand for other bytes.
    """
    if not isinstance(text, str):
        return text
    try:
        return text.encode(errors="surrogateescape" if environment else "strict")
    except UnicodeEncodeError:
        return None
