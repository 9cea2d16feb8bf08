"""The present settings: read from Django's settings, and checked again after each change.

`settings.py` says which values each setting takes.
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
"""The ended sessions that this process knows of. It stays when settings change."""

_log = logging.getLogger("djwto")


@dataclass(frozen=True)
class Problem:
    """A setting with a wrong value, and the message about it."""

    setting: Setting
    message: str
    check: str | None = None
    """The id of its check; None: the one of the setting."""
    is_missing: bool = False
    """Whether the only problem is a missing key. Commands such as `migrate` need none."""


@dataclass(frozen=True)
class Revocation:
    """How a process learns of sessions that other processes ended."""

    interval: float | None
    """Seconds between two queries; None: the process does not ask."""
    max_age: float | None
    """Seconds until the known ended sessions are too old to be trusted; None: never."""
    url: str | None = field(repr=False)
    """The URL of a Redis server that tells of them at once. It may hold a password."""


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
    """None: the number of CPUs."""


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
    """The peers whose header `X-Forwarded-For` is trusted."""
    return_hosts: Sequence[str]
    """The hosts, beside the request's own, to which `return/` sends browsers."""
    tenant: Callable[[Any], Any] | None
    """Returns the tenant of a request; None: there are no tenants."""
    watch: Watch | RemoteWatch | None
    """Says when to read the files of `DJWTO_KEYS` again; None: the keys do not come from there."""
    remote: RemoteKeys | None
    """The keys behind the URL of `DJWTO_KEYS`, which may not have been fetched yet."""


_schemes: list[Callable[[], Iterable[str]]] = []
_BY_NAME = {setting.name: setting for setting in SETTINGS}
_BY_FIELD = {setting.field: setting for setting in SETTINGS if setting.field}


def engine() -> _core.Engine:
    """Return the engine of the present settings. Raises `ImproperlyConfigured`."""
    return current().engine


def current() -> Config:
    """Return the present settings. Raises `ImproperlyConfigured`, which names each wrong one."""
    global _cached  # noqa: PLW0603
    # Django replaces this object when settings are overridden, and at no other time. Reading it by
    # the lazy object around it would be slow.
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
    """Read more schemes of `Authorization` as `Bearer`: those that this function returns.

    It is for apps of `djwto.contrib`, which find the schemes in settings of other packages.
    """
    global _cached  # noqa: PLW0603
    if give not in _schemes:
        _schemes.append(give)
        _cached = (None, None)


def other_schemes() -> list[str]:
    """Return the schemes of `Authorization` that are read as `Bearer`."""
    return [scheme for give in _schemes for scheme in give()]


def problems() -> list[Problem]:
    """Return the problems of the present settings."""
    return _build()[1]


def value(name: str) -> Any:
    """Return the value of a setting without checking it; `name` is without `DJWTO_`."""
    found = getattr(django_settings, PREFIX + name, _BY_NAME[name].default)
    if name == "SIGNING_KEY" and not found:
        found = os.environ.get(PREFIX + name) or None
    return found


def valid(name: str) -> Any:
    """Return the value of a setting; its default if the value is wrong, which a check reports."""
    setting, found = _BY_NAME[name], value(name)
    return found if setting.accepts(found) else setting.default


def keys_path() -> Path | None:
    """Return the path of `DJWTO_KEYS`; None if it is not set, or is a URL."""
    path = valid("KEYS")
    return None if path is None or is_url(path) else Path(os.fsdecode(path))


def is_verifier() -> bool:
    """Whether this project only verifies tokens: it does not install the app `djwto`."""
    return apps.apps_ready and not apps.is_installed("djwto")


def tenant_function() -> Callable[[Any], Any] | None:
    """Return the function of `DJWTO_TENANT`, or None. It needs no key, so commands can call it.

    Raises `ImportError` if there is no such function.
    """
    path = value("TENANT")
    return None if path is None else import_string(path)


def is_set(name: str) -> bool:
    """Whether the settings give it a value, rather than the environment."""
    return getattr(django_settings, PREFIX + name, None) not in (None, "", b"")


def is_test_run() -> bool:
    """Whether the tests of a project run: Django's `setup_test_environment` was called."""
    utils: Any = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")  # noqa: SLF001


def fallbacks() -> list[tuple[str, bytes]]:
    """Return the keys of `DJWTO_SIGNING_KEY_FALLBACKS`: pairs of an algorithm and bytes."""
    pairs = ((name, as_bytes(key, environment=True)) for name, key in valid(_FALLBACKS))
    return [(name, key) for name, key in pairs if key is not None]


_FALLBACKS = "SIGNING_KEY_FALLBACKS"
_cached: tuple[object, Config | None] = (None, None)


def _with_present_keys(config: Config, watch: Watch | RemoteWatch) -> Config:
    """Return the settings with the keys as they are now, or as they last were usable."""
    global _cached  # noqa: PLW0603
    with watch.look() as is_ours:
        # Another thread may have replaced it in the meantime.
        source, present = _cached
        if present is None or present.watch is not watch:
            return config
        if is_ours and (renewed := _renewed(present, watch)) is not None:
            _cached = (source, renewed)
            return renewed
        return present


def _renewed(config: Config, watch: Watch | RemoteWatch) -> Config | None:
    """Return the settings with changed keys; None if none changed, or they are not usable."""
    try:
        files = watch.changed()
    except SettingError as error:
        _log.error("DJWTO_KEYS: %s. %s", error, _STAY)
        return None
    if files is None:
        return None
    renewed, problems = _build(files, watch)
    reason = " ".join(problem.message for problem in problems)
    if renewed is not None and config.keys.can_sign and not renewed.keys.can_sign:
        # More likely the directory is just being copied.
        reason = "DJWTO_KEYS: expected a key that signs, as before, found none."
    if renewed is None or reason:
        _log.error("%s %s", reason, _STAY)
        return None
    _tell_skipped(renewed)
    _log.info("DJWTO_KEYS: the keys have changed. The new ones are in use.")
    return renewed


_STAY = "The keys that were read before stay in use."


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
        return_hosts=tuple(values["RETURN_HOSTS"]),
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
    "DJWTO_USER_AS_SUB: expected False, because DJWTO_SUB_CLAIM is set, found True. Both set the "
    "claim sub: keep one of the two."
)


def _redis_problem(url: str | None) -> str:
    """Return what is wrong with the URL of Redis or with this installation; "" if nothing is."""
    if url is None:
        return ""
    if find_spec("redis") is None:
        return 'expected the package redis to be installed. Install it: pip install "djwto[redis]"'
    from redis import ConnectionPool  # here, because the package is optional

    try:
        options = ConnectionPool.from_url(url).connection_kwargs
    except (ValueError, TypeError):
        # The error itself may hold a part of the password.
        return (
            "expected a URL that the package redis can read. Write the characters / # ? @ of a "
            "password as %2F %23 %3F %40."
        )
    if options.get("decode_responses"):
        return "expected a URL without decode_responses, because messages are bytes. Remove it."
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
        return " Set it in settings.py, or as the environment variable DJWTO_SIGNING_KEY."
    if setting.name == "KEYS" and _is_missing(setting, values):
        return " Make it: `manage.py djwto_keys generate`."
    return ""


def _problem(setting: Setting, expected: str, found: Any) -> Problem:
    shown = f"a {type(found).__name__}" if setting.secret else repr(found)
    return Problem(setting, f"{PREFIX}{setting.name}: {expected}, found {shown}.")
