"""The settings: read from Django's, checked once per change, live under `override_settings`."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

from djwto import _core
from djwto.exceptions import SettingError
from djwto.keyfiles import KeyFiles, Watch

PREFIX = "DJWTO_"

_log = logging.getLogger("djwto")


@dataclass(frozen=True)
class Setting:
    """One setting: its name, default, and what it must be."""

    name: str
    default: Any
    expected: str
    accepts: Callable[[Any], bool]
    field: str = ""
    """The engine's name for it."""
    secret: bool = False
    """Whether a complaint must not show the value."""


@dataclass(frozen=True)
class Problem:
    """A setting with a wrong value, in words."""

    setting: Setting
    message: str


@dataclass(frozen=True)
class Config:
    """Checked settings, with the engine built from them."""

    engine: _core.Engine
    keys: _core.KeyRing
    csrf: bool
    access_lifetime: timedelta | None
    refresh_lifetime: timedelta | None
    watch: Watch | None
    """Says when to look at the files of `DJWTO_KEYS` again."""


def _text(value: Any) -> bool:
    """Whether this is a text, not empty, and without halves of surrogate pairs."""
    return isinstance(value, str) and bool(value) and _as_bytes(value) is not None


def _text_or_none(value: Any) -> bool:
    return value is None or _text(value)


def _texts(value: Any) -> bool:
    is_list = isinstance(value, (list, tuple)) and bool(value)
    return _text_or_none(value) or (is_list and all(map(_text, value)))


def _bool(value: Any) -> bool:
    return isinstance(value, bool)


def _lifetime(value: Any) -> bool:
    return value is None or (isinstance(value, timedelta) and value >= timedelta(seconds=1))


def _delay(value: Any) -> bool:
    return value is None or (isinstance(value, timedelta) and value >= timedelta())


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _key(value: Any) -> bool:
    is_key = isinstance(value, (str, bytes)) and bool(value)
    return value is None or (is_key and _as_bytes(value, environment=True) is not None)


def _path(value: Any) -> bool:
    if not isinstance(value, (str, os.PathLike)):
        return value is None
    try:
        name = os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return bool(name) and b"\0" not in name


def _fallbacks(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_fallback, value))


def _fallback(value: Any) -> bool:
    is_pair = isinstance(value, (list, tuple)) and len(value) == 2
    return is_pair and value[0] in _core.algorithms() and value[1] is not None and _key(value[1])


def _modes(value: Any) -> bool:
    listed = as_modes(value)
    known = all(mode in _core.modes() for mode in listed)
    return known and len(listed) == len(set(listed)) > 0


def as_modes(value: Any) -> list[Any]:
    """One mode or several, as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


_COUNT = "a whole number that is not negative"
_LIFETIME = "a timedelta of at least one second, or None"
_KEY = "a text or bytes"

SETTINGS = (
    Setting("ISS_CLAIM", None, "a text or None", _text_or_none, "issuer"),
    Setting("SUB_CLAIM", None, "a text or None", _text_or_none, "subject"),
    Setting("AUD_CLAIM", None, "a text, a list of texts, or None", _texts, "audience"),
    Setting("IAT_CLAIM", True, "True or False", _bool, "issued_at"),
    Setting("JTI_CLAIM", True, "True or False", _bool, "jti"),
    Setting("ALLOW_REFRESH_UPDATE", True, "True or False", _bool),
    Setting("ACCESS_TOKEN_LIFETIME", timedelta(minutes=5), _LIFETIME, _lifetime, "access_lifetime"),
    Setting("REFRESH_TOKEN_LIFETIME", timedelta(days=1), _LIFETIME, _lifetime, "refresh_lifetime"),
    Setting(
        "NBF_LIFETIME",
        timedelta(),
        "a timedelta that is not negative, or None",
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
        "the path of a JWK Set file or of a directory of *.pem files, or None",
        _path,
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
)
_BY_NAME = {setting.name: setting for setting in SETTINGS}
_BY_FIELD = {setting.field: setting for setting in SETTINGS if setting.field}


def engine() -> _core.Engine:
    """The engine of the present settings. Raises `ImproperlyConfigured`."""
    return current().engine


def current() -> Config:
    """The present settings, checked. Raises `ImproperlyConfigured`, naming each wrong one."""
    global _cached  # noqa: PLW0603
    # Django swaps this object whenever settings are overridden, and at no other time. A lazy
    # object has a `__getattribute__` of its own, which takes its time.
    source = object.__getattribute__(django_settings, "_wrapped")
    seen, config = _cached
    if config is None or seen is not source:
        config, problems = _build()
        if config is None:
            raise ImproperlyConfigured(" ".join(problem.message for problem in problems))
        _tell_skipped(config)
        _cached = (source, config)
    elif config.watch is not None and config.watch.is_due():
        config = _with_present_keys(config, config.watch)
    return config


def problems() -> list[Problem]:
    """What is wrong with the present settings."""
    return _build()[1]


def value(name: str) -> Any:
    """The value of a setting as it stands, unchecked; `name` lacks the prefix."""
    found = getattr(django_settings, PREFIX + name, _BY_NAME[name].default)
    if name == "SIGNING_KEY" and not found:
        found = os.environ.get(PREFIX + name) or None
    return found


def valid(name: str) -> Any:
    """The value of a setting, or its default where the value is wrong (which a check reports)."""
    setting, found = _BY_NAME[name], value(name)
    return found if setting.accepts(found) else setting.default


def keys_path() -> Path | None:
    """Tell where the files of `DJWTO_KEYS` are."""
    path = valid("KEYS")
    return None if path is None else Path(os.fsdecode(path))


def is_set(name: str) -> bool:
    """Whether the settings themselves, and not the environment, give it a value."""
    return getattr(django_settings, PREFIX + name, None) not in (None, "", b"")


def fallbacks() -> list[tuple[str, bytes]]:
    """The keys of `DJWTO_SIGNING_KEY_FALLBACKS`, each with its algorithm; secrets as bytes."""
    pairs = ((name, _as_bytes(key, environment=True)) for name, key in valid(_FALLBACKS))
    return [(name, key) for name, key in pairs if key is not None]


_FALLBACKS = "SIGNING_KEY_FALLBACKS"
_cached: tuple[object, Config | None] = (None, None)


def _with_present_keys(config: Config, watch: Watch) -> Config:
    """The settings with the keys as their files are now, or were when they last were good."""
    global _cached  # noqa: PLW0603
    with watch.look() as is_ours:
        # Whoever had the turn before may have put another in its place.
        source, present = _cached
        if present is None or present.watch is not watch:
            return config
        if is_ours and (renewed := _renewed(present, watch)) is not None:
            _cached = (source, renewed)
            return renewed
        return present


def _renewed(config: Config, watch: Watch) -> Config | None:
    """The settings with keys that were changed; None where they were not, or are no good."""
    try:
        files = watch.changed()
    except SettingError as error:
        _log.error("DJWTO_KEYS: %s. The keys that were read before stay in use.", error)
        return None
    if files is None:
        return None
    renewed, problems = _build(files, watch)
    reason = " ".join(problem.message for problem in problems)
    if renewed is not None and config.keys.can_sign and not renewed.keys.can_sign:
        # More likely a directory in the middle of being copied than a wish.
        reason = "DJWTO_KEYS: expected a key to sign with, as there was one, found none."
    if renewed is None or reason:
        _log.error("%s The keys that were read before stay in use.", reason)
        return None
    _tell_skipped(renewed)
    _log.info("DJWTO_KEYS: the keys have changed, and are in use.")
    return renewed


def _tell_skipped(config: Config) -> None:
    for reason in config.keys.skipped:
        _log.warning("DJWTO_KEYS: %s.", reason)


def _build(
    files: KeyFiles | None = None, watch: Watch | None = None
) -> tuple[Config | None, list[Problem]]:
    values = {setting.name: value(setting.name) for setting in SETTINGS}
    problems = [
        _problem(setting, f"expected {setting.expected}", values[setting.name])
        for setting in SETTINGS
        if not setting.accepts(values[setting.name])
    ]
    if problems:
        return None, problems
    not_the_engines = ("signing_key", "verifying_key", "algorithm", "keys", "fallbacks")
    arguments = {
        setting.field: values[setting.name]
        for setting in SETTINGS
        if setting.field and setting.field not in not_the_engines
    }
    arguments |= {
        "not_before": arguments["not_before"] or timedelta(),
        "modes": as_modes(arguments["modes"]),
    }
    try:
        if values["KEYS"] is None:
            keys = _core.KeyRing.load(
                values["ALGORITHM"],
                _as_bytes(values["SIGNING_KEY"], environment=True),
                _as_bytes(values["VERIFYING_KEY"]),
                fallbacks(),
            )
        else:
            if files is None:
                watch = Watch(Path(os.fsdecode(values["KEYS"])))
                files = watch.first()
            keys = files.ring(values["ALGORITHM"], fallbacks())
        engine = _core.Engine(keys=keys, **arguments)
    except SettingError as error:
        setting = _BY_FIELD[error.field]
        return None, [Problem(setting, f"{PREFIX}{setting.name}: {error}.{_hint(setting, values)}")]
    lifetimes = values["ACCESS_TOKEN_LIFETIME"], values["REFRESH_TOKEN_LIFETIME"]
    return Config(engine, keys, values["CSRF"], *lifetimes, watch), []


def _hint(setting: Setting, values: dict[str, Any]) -> str:
    if setting.name == "SIGNING_KEY" and values["SIGNING_KEY"] is None:
        return " Set it, or the environment variable of that name."
    if setting.name == "KEYS" and not Path(os.fsdecode(values["KEYS"])).exists():
        return " `manage.py djwto_keys generate` makes it."
    return ""


def _problem(setting: Setting, expected: str, found: Any) -> Problem:
    shown = f"a {type(found).__name__}" if setting.secret else repr(found)
    return Problem(setting, f"{PREFIX}{setting.name}: {expected}, found {shown}.")


def _as_bytes(text: str | bytes | None, *, environment: bool = False) -> bytes | None:
    """Encode a text; None where it cannot be. The environment's odd bytes come as surrogates."""
    if not isinstance(text, str):
        return text
    try:
        return text.encode(errors="surrogateescape" if environment else "strict")
    except UnicodeEncodeError:
        return None
