"""The settings as they stand: read from Django's, checked once per change, live.

What each must be is in `settings.py`.
"""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from djwto import _core
from djwto.exceptions import SettingError
from djwto.keys.files import KeyFiles, Watch
from djwto.settings import (
    DEFAULT_THROTTLE,
    PREFIX,
    ROTATIONS,
    SETTINGS,
    UNIX,
    Setting,
    as_bytes,
    as_modes,
    is_url,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from djwto.keys.remote import FetchedKeys, RemoteKeys, RemoteWatch

ended_sessions = _core.Revocations()
"""The sessions that this process knows to have ended. It outlives every change of settings."""

_log = logging.getLogger("djwto")


@dataclass(frozen=True)
class Problem:
    """A setting with a wrong value, in words."""

    setting: Setting
    message: str
    check: str | None = None
    """The id of its check, where that is not the setting's own."""
    is_missing: bool = False
    """Whether there is just no key yet: what makes and verifies no token works without."""


@dataclass(frozen=True)
class Revocation:
    """How a process learns of sessions that others have ended."""

    interval: float | None
    """Seconds between two looks; None: never."""
    max_age: float | None
    """Seconds until what is known is too old to be trusted; None: it never is."""
    url: str | None = field(repr=False)
    """A Redis server that tells at once; the address may hold a password."""


@dataclass(frozen=True)
class Throttle:
    """How many logins may fail: `DJWTO_LOGIN_THROTTLE`."""

    cache: str
    """An alias of Django's `CACHES`."""
    attempts: int
    account_attempts: int
    window: timedelta
    network_attempts: int
    day_attempts: int
    password_hashes: int | None
    """None: as many as there are processors."""


@dataclass(frozen=True)
class Config:
    """Checked settings, with the engine built from them."""

    engine: _core.Engine
    keys: _core.KeyRing
    csrf: bool
    access_lifetime: timedelta | None
    refresh_lifetime: timedelta | None
    session_lifetime: timedelta | None
    max_sessions: int | None
    user_as_subject: bool
    has_token_users: bool
    """Whether `request.user` is a `TokenUser`."""
    revocation: Revocation
    throttle: Throttle | None
    proxies: _core.Proxies
    """The peers whose `X-Forwarded-For` is believed."""
    tenant: Callable[[Any], Any] | None
    """Says which tenant a request is for; None: there are no tenants."""
    watch: Watch | RemoteWatch | None
    """Says when to look at the files of `DJWTO_KEYS` again."""
    remote: RemoteKeys | None
    """The keys behind the URL of `DJWTO_KEYS`, which may be still to come."""


_schemes: list[Callable[[], Iterable[str]]] = []
_BY_NAME = {setting.name: setting for setting in SETTINGS}
_BY_FIELD = {setting.field: setting for setting in SETTINGS if setting.field}


def engine() -> _core.Engine:
    """The engine of the present settings. Raises `ImproperlyConfigured`."""
    return current().engine


def current() -> Config:
    """The present settings, checked. Raises `ImproperlyConfigured`, naming each wrong one."""
    global _cached  # noqa: PLW0603
    # Django swaps this object whenever settings are overridden, and at no other time. The
    # `__getattribute__` of a lazy object is slow, so it is passed by.
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


def read_schemes_of(give: Callable[[], Iterable[str]]) -> None:
    """Read other schemes of `Authorization` as `Bearer` is: those that this gives.

    For apps of `djwto.contrib`, which know them by settings of other packages.
    """
    global _cached  # noqa: PLW0603
    if give not in _schemes:
        _schemes.append(give)
        _cached = (None, None)


def other_schemes() -> list[str]:
    """Give the schemes of `Authorization` that bring a token, beside `Bearer`."""
    return [scheme for give in _schemes for scheme in give()]


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
    """Tell where the files of `DJWTO_KEYS` are; None where there are none, or a URL."""
    path = valid("KEYS")
    return None if path is None or is_url(path) else Path(os.fsdecode(path))


def is_verifier() -> bool:
    """Whether this project only verifies tokens: djwto's own app, with its tables, is not there."""
    return apps.apps_ready and not apps.is_installed("djwto")


def tenant_function() -> Callable[[Any], Any] | None:
    """Give the function of `DJWTO_TENANT`, or None. Needs no key, so that commands may ask.

    Raises `ImportError` where there is no such function.
    """
    path = value("TENANT")
    return None if path is None else import_string(path)


def is_set(name: str) -> bool:
    """Whether the settings themselves, and not the environment, give it a value."""
    return getattr(django_settings, PREFIX + name, None) not in (None, "", b"")


def is_test_run() -> bool:
    """Whether a project's tests run: they all begin with Django's `setup_test_environment`."""
    utils: Any = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")  # noqa: SLF001


def fallbacks() -> list[tuple[str, bytes]]:
    """The keys of `DJWTO_SIGNING_KEY_FALLBACKS`, each with its algorithm; secrets as bytes."""
    pairs = ((name, as_bytes(key, environment=True)) for name, key in valid(_FALLBACKS))
    return [(name, key) for name, key in pairs if key is not None]


_FALLBACKS = "SIGNING_KEY_FALLBACKS"
_cached: tuple[object, Config | None] = (None, None)


def _with_present_keys(config: Config, watch: Watch | RemoteWatch) -> Config:
    """The settings with the keys as their files are now, or were when they last were good."""
    global _cached  # noqa: PLW0603
    with watch.look() as is_ours:
        # A thread that had the turn before may have replaced it.
        source, present = _cached
        if present is None or present.watch is not watch:
            return config
        if is_ours and (renewed := _renewed(present, watch)) is not None:
            _cached = (source, renewed)
            return renewed
        return present


def _renewed(config: Config, watch: Watch | RemoteWatch) -> Config | None:
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
    files: KeyFiles | FetchedKeys | None = None, watch: Watch | RemoteWatch | None = None
) -> tuple[Config | None, list[Problem]]:
    values = {setting.name: value(setting.name) for setting in SETTINGS}
    problems = [
        _problem(setting, f"expected {setting.expected}", values[setting.name])
        for setting in SETTINGS
        if not setting.accepts(values[setting.name])
    ]
    if not problems and (sentence := _redis_problem(values["REVOCATION_URL"])):
        setting = _BY_NAME["REVOCATION_URL"]
        problems = [Problem(setting, f"{PREFIX}{setting.name}: {sentence}")]
    if not problems and values["USER_AS_SUB"] and values["SUB_CLAIM"] is not None:
        problems = [Problem(_BY_NAME["USER_AS_SUB"], _TWO_SUBJECTS, "djwto.E041")]
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
        "refresh_grace": arguments["refresh_grace"] or timedelta(),
        "rotation": ROTATIONS[arguments["rotation"]],
        "revocations": ended_sessions,
        "modes": as_modes(arguments["modes"]),
        "schemes": other_schemes(),
    }
    try:
        if values["KEYS"] is None:
            keys = _core.KeyRing.load(
                values["ALGORITHM"],
                as_bytes(values["SIGNING_KEY"], environment=True),
                as_bytes(values["VERIFYING_KEY"]),
                fallbacks(),
            )
        else:
            if files is None or watch is None:
                watch = _watch(values["KEYS"])
                files = watch.first()
            keys = files.ring(values["ALGORITHM"], fallbacks())
        engine = _core.Engine(keys=keys, **arguments)
    except SettingError as error:
        setting = _BY_FIELD[error.field]
        sentence = f"{PREFIX}{setting.name}: {error}.{_hint(setting, values)}"
        return None, [Problem(setting, sentence, is_missing=_is_missing(setting, values))]
    throttle = values["LOGIN_THROTTLE"]
    config = Config(
        engine,
        keys,
        csrf=values["CSRF"],
        access_lifetime=values["ACCESS_TOKEN_LIFETIME"],
        refresh_lifetime=values["REFRESH_TOKEN_LIFETIME"],
        session_lifetime=values["SESSION_LIFETIME"],
        max_sessions=values["MAX_SESSIONS"],
        user_as_subject=values["USER_AS_SUB"],
        has_token_users=values["USER"] == "token",
        revocation=_NO_REVOCATION
        if is_verifier()
        else Revocation(
            interval=_seconds(values["REVOCATION_INTERVAL"]),
            max_age=_seconds(values["REVOCATION_MAX_AGE"]),
            url=values["REVOCATION_URL"],
        ),
        throttle=None if throttle is None else Throttle(**{**DEFAULT_THROTTLE, **throttle}),
        proxies=_proxies(values["TRUSTED_PROXIES"]),
        tenant=tenant_function(),
        watch=watch,
        remote=None if watch is None or isinstance(watch, Watch) else watch.keys,
    )
    return config, []


def _watch(keys: Any) -> Watch | RemoteWatch:
    if not is_url(keys):
        return Watch(Path(os.fsdecode(keys)))
    from djwto.keys import remote  # here, because few need a client of HTTP

    return remote.watch(keys)


_NO_REVOCATION = Revocation(interval=None, max_age=None, url=None)


_TWO_SUBJECTS = (
    "DJWTO_USER_AS_SUB: expected False beside DJWTO_SUB_CLAIM, found True. A token has one `sub`: "
    "set one of the two."
)


def _redis_problem(url: str | None) -> str:
    """What is wrong with the address of Redis, or with this installation; "" if nothing is."""
    if url is None:
        return ""
    if find_spec("redis") is None:
        return "expected the package redis, found none. pip install djwto[redis]"
    from redis import ConnectionPool  # here, because the package is optional

    try:
        options = ConnectionPool.from_url(url).connection_kwargs
    except (ValueError, TypeError):
        # What it says may hold a part of the password.
        return (
            "expected an address that the package redis takes. A sign such as / # ? or @ in its "
            "password is written as %2F, %23, %3F or %40."
        )
    if options.get("decode_responses"):
        return "expected an address without decode_responses: what travels is no text."
    return ""


def _proxies(names: Sequence[str]) -> _core.Proxies:
    networks = [ip_network(name) for name in names if name != UNIX]
    return _core.Proxies(
        [(network.network_address, network.prefixlen) for network in networks], UNIX in names
    )


def _seconds(time: timedelta | None) -> float | None:
    return None if time is None else time.total_seconds()


def _is_missing(setting: Setting, values: dict[str, Any]) -> bool:
    """Whether there is no key at all, or no file at the path of `DJWTO_KEYS`."""
    if setting.name == "KEYS":
        return not is_url(values["KEYS"]) and not Path(os.fsdecode(values["KEYS"])).exists()
    return setting.name == "SIGNING_KEY" and values["SIGNING_KEY"] is None


def _hint(setting: Setting, values: dict[str, Any]) -> str:
    if setting.name == "SIGNING_KEY" and values["SIGNING_KEY"] is None:
        return " Set it, or the environment variable of that name."
    if setting.name == "KEYS" and _is_missing(setting, values):
        return " `manage.py djwto_keys generate` makes it."
    return ""


def _problem(setting: Setting, expected: str, found: Any) -> Problem:
    shown = f"a {type(found).__name__}" if setting.secret else repr(found)
    return Problem(setting, f"{PREFIX}{setting.name}: {expected}, found {shown}.")
