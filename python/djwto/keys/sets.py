"""The life of the keys in a JWK Set file: next, then active, then retired.

A key is published before it signs, so that every reader knows it by then, and verifies until its
last token has expired. The members `djwto_state` and `djwto_since` (seconds since 1970) say where
it stands; other readers ignore them (RFC 7517 §4).
"""

import json
import os
import secrets
import stat
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from djwto import _core, private_files
from djwto.exceptions import SettingError
from djwto.keys.files import JWKS_SECONDS, RELOAD_SECONDS, is_private
from djwto.private_files import OWNER_ONLY

Jwk = dict[str, Any]

UNDER_WAY_SECONDS = 60
"""How long a reply may be under way that an older key has signed, in seconds."""


class KeySetError(Exception):
    """What was asked for cannot be done to these keys; the sentence never shows one."""


@dataclass(frozen=True)
class Key:
    """One key of a set, or of a PEM file, without what is secret of it."""

    kid: str | None
    algorithm: str | None
    """None: it cannot be used."""
    state: str | None
    since: int | None
    """When it came into this state, in seconds since 1970."""
    private: bool
    file: str | None = None


@contextmanager
def opened(path: Path) -> Iterator["KeySet"]:
    """Open a set to change it, and write it when the block ends well; one process at a time.

    Raises `KeySetError`, also where the file cannot be read or written.
    """
    real = Path(os.path.realpath(path))
    try:
        with _locked(real):
            key_set = KeySet.read(real) if real.exists() else KeySet({"keys": []})
            yield key_set
            _write(real, key_set.text())
    except OSError as error:
        raise KeySetError(f"{error.filename or real}: {error.strerror}") from error


class KeySet:
    """The JSON of a set. What it does not know, it keeps."""

    def __init__(self, members: dict[str, Any]) -> None:
        self._members = members
        self._adopt()

    @classmethod
    def read(cls, path: Path) -> "KeySet":
        """Read a set, which must be one that the engine takes. Raises `KeySetError`."""
        text = path.read_bytes()
        try:
            _core.KeyRing.from_jwks(text, [])
        except SettingError as error:
            del text  # error trackers show the variables of every frame
            raise KeySetError(f"{path}: {error}") from None
        return cls(json.loads(text))

    def text(self) -> bytes:
        """Write the set down, if the engine takes it. Raises `KeySetError`."""
        text = (json.dumps(self._members, indent=2) + "\n").encode()
        try:
            _core.KeyRing.from_jwks(text, [])
        except SettingError as error:
            del text
            raise KeySetError(str(error)) from None
        return text

    def keys(self) -> list[Key]:
        """Describe the keys, in the order of their file."""
        return [_described(jwk) for jwk in self._jwks()]

    def generate(self, algorithm: str | None, now: int) -> list[Key]:
        """Add a next key, and an active one where there is none. Returns the new ones."""
        active = self._in_state("active")
        if algorithm is None:
            algorithm = _described(active[0]).algorithm if active else None
        states = ["next"] if active else ["active", "next"]
        return [self._add(algorithm or "EdDSA", state, now) for state in states]

    def rotate(
        self, now: int, *, kid: str | None = None, algorithm: str | None = None, force: bool = False
    ) -> list[Key]:
        """Let the next key sign (the oldest, or `kid`), retire the active one, and add a next one.

        A key that was published less than `published_seconds` ago is refused, unless by `force`.
        Returns the keys that changed. Raises `KeySetError`.
        """
        waiting = [jwk for jwk in self._in_state("next") if kid in (None, jwk.get("kid"))]
        if not waiting:
            named = "" if kid is None else f" with the kid {kid!r}"
            raise KeySetError(
                f"there is no next key{named}. Add one: `manage.py djwto_keys generate`"
            )
        upcoming = min(waiting, key=lambda jwk: _since(jwk) or 0)
        refused = None if force else self._too_early(upcoming, now)
        if refused is not None:
            del waiting, upcoming  # error trackers show the variables of every frame
            raise KeySetError(refused)
        changed = self._in_state("active")
        for jwk in changed:
            _move(jwk, "retired", now)
            # No server signs with it from now on. A secret stays: it also verifies.
            for name in ("d", "p", "q", "dp", "dq", "qi"):
                jwk.pop(name, None)
        _move(upcoming, "active", now)
        keys = [_described(jwk) for jwk in (*changed, upcoming)]
        if not self._in_state("next"):
            keys.append(self._add(algorithm or keys[-1].algorithm or "EdDSA", "next", now))
        return keys

    def retire(
        self,
        now: int,
        longest: float | None,
        last_of: Callable[[float], float | None],
        *,
        force: bool = False,
    ) -> tuple[list[Key], list[tuple[Key, float | None]]]:
        """Drop the retired keys whose last token has expired; all of them by `force`.

        `longest` is the longest lifetime of a token in seconds; None: tokens do not expire.
        `last_of` gives when the last token expires that a live session got until a moment, both in
        seconds since 1970; None: never. A session may live longer than the settings say.
        Returns those dropped, and those kept with the seconds until they can go, if ever.
        """
        dropped: list[Key] = []
        kept: list[tuple[Key, float | None]] = []
        for jwk in self._in_state("retired"):
            since, key = _since(jwk), _described(jwk)
            left = None
            if longest is not None and since is not None and not force:
                left = _left(since, longest, last_of, now)
            if force or (left is not None and left <= 0):
                self._jwks().remove(jwk)
                dropped.append(key)
            else:
                kept.append((key, left))
        return dropped, kept

    def published_seconds(self) -> float:
        """How long a key must be known before it signs: until every reader has looked again.

        For secrets too: what is a cached JWK Set elsewhere is a slow copy of the file there.
        """
        return 2 * RELOAD_SECONDS + JWKS_SECONDS

    def _too_early(self, jwk: Jwk, now: int) -> str | None:
        """Return why a key may not sign yet; None where it may."""
        needed, since = self.published_seconds(), _since(jwk)
        if since is not None and since <= now - needed:
            return None
        age = "at an unknown time" if since is None else f"{max(0, now - since)} seconds ago"
        return (
            f"the next key was published {age}. Servers and clients take up to {needed:.0f} seconds"
            " to learn of it. Wait, or use --force to rotate now"
        )

    def _add(self, algorithm: str, state: str, now: int) -> Key:
        # A thumbprint would help to guess a secret (RFC 7638 §7).
        kid = secrets.token_urlsafe(16) if algorithm.startswith("HS") else None
        jwk: Jwk = json.loads(_core.generate_jwk(algorithm, kid))
        _move(jwk, state, now)
        self._jwks().append(jwk)
        return _described(jwk)

    def _adopt(self) -> None:
        """Take over a set of another program: the only key that can sign becomes the active one."""
        private = [jwk for jwk in self._jwks() if is_private(jwk) and _described(jwk).algorithm]
        if len(private) == 1 and not any("djwto_state" in jwk for jwk in self._jwks()):
            private[0]["djwto_state"] = "active"

    def _in_state(self, state: str) -> list[Jwk]:
        return [
            jwk
            for jwk in self._jwks()
            if isinstance(jwk, dict)
            and jwk.get("djwto_state") == state
            and _described(jwk).algorithm is not None
        ]

    def _jwks(self) -> list[Jwk]:
        keys: list[Jwk] = self._members["keys"]
        return keys


def described_file(name: str, text: bytes, algorithm: str) -> Key:
    """Describe the key of a PEM file; `algorithm` is that of RSA keys. Raises `SettingError`."""
    ring = _core.KeyRing.from_files([(name, text)], algorithm, [])
    (jwk,) = json.loads(ring.public_jwks())["keys"]
    return Key(jwk["kid"], jwk["alg"], None, None, ring.can_sign, f"{name}.pem")


def shared_secrets(text: bytes) -> list[tuple[str, str | None, bytes]]:
    """Return the secrets of a set that the engine takes: algorithm, `kid` and bytes."""
    try:
        return [
            (known.algorithm, known.kid, secret_of(jwk))
            for jwk in json.loads(text)["keys"]
            if (known := _described(jwk)).algorithm is not None and jwk["kty"] == "oct"
        ]
    finally:
        del text  # error trackers show the variables of every frame


def secret_of(jwk: Jwk) -> bytes:
    """Return the bytes of a secret that the engine takes (RFC 7518 §6.4.1)."""
    encoded: str = jwk["k"]
    return urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


def _described(jwk: Any) -> Key:
    if not isinstance(jwk, dict):
        return Key(None, None, None, None, private=False)
    kid, algorithm = jwk.get("kid"), None
    try:
        ring = _core.KeyRing.from_jwks(json.dumps({"keys": [jwk]}).encode(), [])
    except SettingError:
        pass
    else:
        # As the engine reads it: the `kid` of a key pair without one is its thumbprint.
        known = [*json.loads(ring.public_jwks())["keys"], jwk][0]
        kid, algorithm = known.get("kid"), known.get("alg")
    return Key(kid, algorithm, jwk.get("djwto_state"), _since(jwk), is_private(jwk))


def _left(
    since: int, longest: float, last_of: Callable[[float], float | None], now: int
) -> float | None:
    """Return the seconds until the last token of a key has expired that signed until `since`."""
    signed_until = since + 2 * RELOAD_SECONDS + UNDER_WAY_SECONDS
    last = last_of(signed_until)
    return None if last is None else max(signed_until + longest, last) - now


def _move(jwk: Jwk, state: str, now: int) -> None:
    jwk["djwto_state"], jwk["djwto_since"] = state, now


def _since(jwk: Jwk) -> int | None:
    since = jwk.get("djwto_since")
    return since if isinstance(since, int) and not isinstance(since, bool) else None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait until no other process changes the file. The lock goes with its process."""
    try:
        import fcntl
    except ImportError as error:
        raise KeySetError("expected a POSIX system, with file locks, found another") from error
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, OWNER_ONLY)
    try:
        if path.exists() and private_files.owner(lock) != (owner := private_files.owner(path)):
            # The owner of the file can then lock it too.
            with suppress(PermissionError):
                os.fchown(lock, *owner)
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _write(path: Path, text: bytes) -> None:
    """Put the file in its place at once and for good, for its owner alone."""
    try:
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeySetError(f"{path}: other accounts can read it. First run: chmod 600 {path}")
        private_files.replace(path, text)
    finally:
        del text  # error trackers show the variables of every frame


def now() -> int:
    """Return the time in seconds since 1970."""
    return int(time.time())
