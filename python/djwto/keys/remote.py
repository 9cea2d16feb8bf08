"""The public keys of another service, by the URL of its JWK Set (`DJWTO_KEYS = "https://…"`).

A thread fetches them when the first token comes, and again after the `max-age` of the answer. A
token with an unknown `kid` starts a fetch sooner, once in `UNKNOWN_SECONDS`. While the URL fails,
the old keys stay in use. A JWK Set without a usable key is not a failure: it revokes all keys. Only
public keys are accepted, because anyone may read the URL.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from base64 import urlsafe_b64decode
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import URLError

from djwto import _core
from djwto.exceptions import JWTError, SettingError
from djwto.keys import fetching
from djwto.keys.fetching import LEAST_SECONDS, MOST_SECONDS
from djwto.keys.files import Fallbacks, is_private

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_SECONDS = fetching.SILENT_SECONDS
"""How long a request waits at most for a fetch, from its start, in seconds."""
KNOWN_SECONDS = 1
"""The same if there are keys already: anyone can send a token with an unknown `kid`."""
MOST_WAITERS = 4
"""The most threads of a process that wait, if there are keys already."""
UNKNOWN_SECONDS = 30
"""How long after a fetch an unknown `kid` starts no other one, in seconds."""
RETRY_SECONDS = 5
"""The pause after a failed fetch while there are no keys, in seconds."""
RETRY_AFTER = 5
"""`Retry-After` of a request that finds no keys, in seconds."""
MOST_KEYS = 100

_log = logging.getLogger("djwto")


def watch(url: str) -> RemoteWatch:
    """Watch the keys of a URL. A process fetches them once, also after settings change."""
    with _making:
        if url not in _known:
            _known[url] = RemoteKeys(url)
        return RemoteWatch(_known[url])


def kid_of(token: str) -> str | None:
    """Return the `kid` that a token names, unverified; None where it names none."""
    header = token.partition(".")[0]
    return _kid_in(header) if len(header) <= _LONGEST_HEADER else None


class FetchedKeys:
    """A fetched JWK Set, with only its public keys."""

    def __init__(self, url: str, text: bytes, *, lack: str = "") -> None:
        self.url = url
        self.text = text
        self.lack = lack
        """Why there is no key in it; "" where there is one."""
        keys = [] if lack else json.loads(text)["keys"]
        self.count = len(keys)
        self.kids = frozenset(kid for key in keys if isinstance(kid := key.get("kid"), str))

    @classmethod
    def read(cls, url: str, answer: bytes) -> FetchedKeys:
        """Read an answer. Raises `SettingError` if it is not a JWK Set (RFC 7517 §5)."""
        try:
            keys = json.loads(answer)["keys"]
        except (ValueError, KeyError, TypeError, RecursionError):
            keys = None
        if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
            raise SettingError("keys", "expected a JWK Set, found something else")
        if len(keys) > MOST_KEYS:
            raise SettingError("keys", f"expected at most {MOST_KEYS} keys, found {len(keys)}")
        public = [key for key in keys if key.get("kty") != "oct" and not is_private(key)]
        if keys and not public:
            return cls.none(url, "expected public keys, found only secrets and private keys")
        text = json.dumps({"keys": _one_for_each_kid(public)}).encode()
        try:
            _core.KeyRing.from_jwks(text, [])
        except SettingError as error:
            return cls.none(url, str(error))
        return cls(url, text)

    @classmethod
    def none(cls, url: str, lack: str = "nothing has been fetched yet") -> FetchedKeys:
        """Return a set without usable keys: one public key whose private half was thrown away."""
        key = json.loads(_core.generate_jwk("EdDSA", None))
        public = {name: key[name] for name in ("kty", "crv", "x")}
        return cls(url, json.dumps({"keys": [public]}).encode(), lack=lack)

    def is_as(self, other: FetchedKeys) -> bool:
        """Whether the other set has the same keys, or lacks them for the same reason."""
        return self.lack == other.lack if self.lack else self.text == other.text

    def ring(self, _algorithm: str, fallbacks: Fallbacks) -> _core.KeyRing:
        """Load the keys. Raises `SettingError`."""
        return _core.KeyRing.from_jwks(self.text, fallbacks)


class Wanted(NamedTuple):
    """A fetch to wait for, and the most seconds to wait."""

    fetch: Future[None]
    seconds: float


class RemoteKeys:
    """The keys of one URL, and the thread that fetches them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._fetched: FetchedKeys | None = None
        self._forget()

    def _forget(self) -> None:
        """Start without a thread. A forked child does not have that of its parent."""
        self._lock = threading.Lock()
        self.turn = threading.Lock()
        """Held by who puts fetched keys to use."""
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._fetch: Future[None] | None = None
        self._started = -MOST_SECONDS * 1.0
        self._waiters = 0
        self._was_slow = False
        """Whether the last fetch took longer than `KNOWN_SECONDS`."""
        self._has_complained = False

    def wanted(self, kid: str | None) -> Wanted | None:
        """Return the fetch that a token with this `kid` has to wait for; None if there is none.

        Starts the fetch if it is due. If there are keys already, only the start of a fetch is
        waited for, and not after one that failed or was slow.
        """
        if self._fetched is not None and (kid is None or kid in self._fetched.kids):
            if self._thread is None:
                self._begin()  # in a forked child
            return None
        with self._lock:
            age = _clock() - self._started
            # A test may have set this clock back.
            is_recent = 0 <= age < UNKNOWN_SECONDS
            if self._thread is None or (self._fetch is None and not is_recent):
                self._start()
                age = 0
            if self._fetched is None:
                left = WAIT_SECONDS - age
            elif self._was_slow or self._has_complained:
                return None
            else:
                left = KNOWN_SECONDS - age
            return Wanted(self._fetch, left) if self._fetch is not None and left > 0 else None

    def require(self, kid: str | None) -> None:
        """Wait for the keys that a token with this `kid` needs. Blocks no event loop.

        Raises `JWTError` (`store_unavailable`) if there are no keys at all.
        """
        wanted = self.wanted(kid)
        if wanted is not None and not _is_on_loop():
            with self._place() as is_free, suppress(TimeoutError, FutureTimeoutError):
                if is_free:
                    wanted.fetch.result(wanted.seconds)
        if self._fetched is None:
            raise JWTError.of("store_unavailable", retry_after=RETRY_AFTER)

    async def wait_for(self, kid: str | None) -> None:
        """Do what `require` does, without blocking the event loop and without an error."""
        wanted = self.wanted(kid)
        if wanted is not None:
            await asyncio.wait([asyncio.wrap_future(wanted.fetch)], timeout=wanted.seconds)

    @contextmanager
    def _place(self) -> Iterator[bool]:
        """Become one of the waiting threads; False if there are keys, and enough threads wait."""
        with self._lock:
            is_free = self._fetched is None or self._waiters < MOST_WAITERS
            self._waiters += is_free
        try:
            yield is_free
        finally:
            with self._lock:
                self._waiters -= is_free

    @property
    def present(self) -> FetchedKeys | None:
        """The keys of the last fetch; None before the first one."""
        return self._fetched

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._start()

    def _start(self) -> None:
        """Let the thread fetch now. The caller holds the lock."""
        self._fetch, self._started = _future(), _clock()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="djwto-keys", daemon=True)
            self._thread.start()
        else:
            self._wake.set()

    def _run(self) -> None:
        while True:
            pause = self._try_to_fetch()
            with self._lock:
                self._wake.clear()
                fetch, self._fetch = self._fetch, None
            if fetch is not None:
                fetch.set_result(None)
            self._wake.wait(pause)
            with self._lock:
                if self._fetch is None:
                    self._fetch, self._started = _future(), _clock()

    def _try_to_fetch(self) -> float:
        """Fetch once. Returns the seconds until the next fetch."""
        try:
            answer, seconds = fetching.get(self.url)
            fetched = FetchedKeys.read(self.url, answer)
        except Exception as error:  # noqa: BLE001 (it is tried again after any failure)
            self._complain(error)
            return RETRY_SECONDS if self._fetched is None else LEAST_SECONDS
        self._was_slow = _clock() - self._started > KNOWN_SECONDS
        if self._fetched is None or not fetched.is_as(self._fetched):
            self._fetched = fetched
            if fetched.lack:
                _log.error("DJWTO_KEYS: %s: %s. %s.", self.url, fetched.lack, _NO_KEYS)
            else:
                _log.info("DJWTO_KEYS: %s: fetched %d keys.", self.url, fetched.count)
        elif self._has_complained:
            _log.info("DJWTO_KEYS: %s: it answers again.", self.url)
        self._has_complained = False
        return LEAST_SECONDS if fetched.lack else seconds

    def _complain(self, error: Exception) -> None:
        """Log a failure once, until a fetch succeeds."""
        if self._has_complained:
            return
        self._has_complained = True
        rest = "The keys that were fetched before stay in use"
        if self._fetched is None:
            rest = "No token can be verified until it answers"
        elif self._fetched.lack:
            rest = "All tokens are refused until it answers"
        reason = error.reason if isinstance(error, URLError) else error
        _log.error("DJWTO_KEYS: %s: %s. %s.", self.url, reason or type(error).__name__, rest)


@lru_cache(maxsize=64)
def _kid_in(header: str) -> str | None:
    try:
        kid = json.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return kid if isinstance(kid, str) else None


class RemoteWatch:
    """Says whether newer keys were fetched than those in use, as `Watch` does for files."""

    def __init__(self, keys: RemoteKeys) -> None:
        self.keys = keys
        self._in_use: FetchedKeys | None = None

    def first(self) -> FetchedKeys:
        """Return the present keys, without a fetch."""
        self._in_use = self.keys.present
        return self._in_use or FetchedKeys.none(self.keys.url)

    def is_due(self) -> bool:
        """Whether there are other keys."""
        return self._in_use is not self.keys.present

    @contextmanager
    def look(self) -> Iterator[bool]:
        """Wait for the turn to change keys; False if another thread did it in the meantime."""
        with self.keys.turn:
            fetched = self.keys.present
            try:
                yield self.is_due()
            finally:
                self._in_use = fetched

    def changed(self) -> FetchedKeys | None:
        """Return the keys that are to be used from now on."""
        return self.keys.present


def _future() -> Future[None]:
    found: Future[None] = Future()
    found.set_running_or_notify_cancel()  # a request that is given up does not cancel it
    return found


def _is_on_loop() -> bool:
    """Whether an event loop runs in this thread, and must not wait."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _one_for_each_kid(keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the keys, each once, and without different keys of the same `kid`."""
    once = [key for number, key in enumerate(keys) if key not in keys[:number]]
    named = [key.get("kid") for key in once]
    return [
        key for key, kid in zip(once, named, strict=True) if kid is None or named.count(kid) == 1
    ]


_NO_KEYS = "The answer has no usable key, so all tokens are refused"
_clock = time.monotonic
_LONGEST_HEADER = 2048
_known: dict[str, RemoteKeys] = {}
_making = threading.Lock()


def _forget() -> None:
    global _making  # noqa: PLW0603
    _making = threading.Lock()
    for keys in _known.values():
        keys._forget()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
