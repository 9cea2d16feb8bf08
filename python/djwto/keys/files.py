"""The files of `DJWTO_KEYS`: a JWK Set or a directory of PEM files, read again while serving."""

import hashlib
import json
import os
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakSet

from djwto import _core
from djwto.exceptions import SettingError

RELOAD_SECONDS = 1.0
"""The pause between two looks at the files, in seconds. A server that answers requests knows of a
change after at most twice this time."""

REREAD_SECONDS = 60.0
"""How long times and sizes of files are trusted, in seconds: a change may keep them."""

JWKS_SECONDS = 300
"""How long other services may cache the public keys, in seconds (`max-age` of the JWK Set)."""

MAX_BYTES = 2**20
"""The longest file that is read, in bytes."""

clock = time.monotonic

_RACY_SECONDS = 2.0
"""The coarsest clock of a file system, in seconds: within it, a change may keep the times."""
_WAIT_SECONDS = 1.0
"""The longest wait of a request while another one reads the files, in seconds."""

Fallbacks = Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class KeyFiles:
    """The content of the files when they were read. Its `repr` shows no key."""

    path: Path
    is_directory: bool
    files: tuple[tuple[str, bytes], ...] = field(repr=False)
    """Names and bytes; the names of PEM files lack their ending."""

    @classmethod
    def read(cls, path: Path) -> "KeyFiles":
        """Read the file, or the PEM files of the directory. Raises `SettingError`."""
        try:
            if not path.is_dir():
                return cls(path, False, ((path.name, _bytes_of(path)),))
            names = _pem_files(path)
            return cls(path, True, tuple((name.stem, _bytes_of(name)) for name in names))
        except OSError as error:
            raise SettingError("keys", f"{error.filename}: {error.strerror}") from None

    def ring(self, algorithm: str, fallbacks: Fallbacks) -> _core.KeyRing:
        """Load the keys; `algorithm` is that of RSA keys in PEM files. Raises `SettingError`."""
        try:
            if self.is_directory:
                return _core.KeyRing.from_files(self.files, rsa_algorithm(algorithm), fallbacks)
            return _core.KeyRing.from_jwks(self.files[0][1], fallbacks)
        except SettingError as error:
            if error.field != "keys":
                raise
            sentence = f"{self.path}: {error}{self._hint()}"
        raise SettingError("keys", sentence)

    def digest(self) -> str:
        """Return a hash of the content."""
        whole = hashlib.sha256()
        for name, text in self.files:
            whole.update(b"%d %d %s" % (len(name), len(text), os.fsencode(name)))
            whole.update(text)
        return whole.hexdigest()

    def exposed(self) -> list[Path]:
        """Return the files with private or secret keys that too many accounts can read.

        The group may read a file that is read-only or belongs to another user: that is how a server
        reads a mounted Secret (`fsGroup` of Kubernetes, mode 0440).
        """
        return [path for path in self._private() if _is_exposed(path.stat())]

    def _hint(self) -> str:
        """Return what to do where there is no file that is read."""
        if not self.is_directory or self.files:
            return ""
        try:
            names = {one.name for one in self.path.iterdir()}
        except OSError:
            return ""
        if "tls.key" in names:
            return (
                ", but tls.key, as in a Secret of the type kubernetes.io/tls. Mount that file as "
                "signing.pem: `items: [{key: tls.key, path: signing.pem}]`"
            )
        others = sorted(name for name in names if name.endswith((".key", ".crt", ".pub", ".json")))
        if not others:
            return ""
        return f", but {others[0]}. Rename the file with the signing key to signing.pem"

    def _private(self) -> Iterator[Path]:
        if not self.is_directory:
            if any(is_private(jwk) for jwk in json.loads(self.files[0][1])["keys"]):
                yield self.path
            return
        for name, text in self.files:
            if _core.KeyRing.from_files([(name, text)], "RS256", []).can_sign:
                yield self.path / f"{name}.pem"


def is_private(jwk: Any) -> bool:
    """Whether a JWK has a private or a secret part (RFC 7518 §§6.2.2, 6.3.2, 6.4)."""
    return isinstance(jwk, dict) and ("d" in jwk or "k" in jwk)


def rsa_algorithm(algorithm: str) -> str:
    """Return which algorithm RSA keys in PEM files are for, as `DJWTO_ALGORITHM` stands."""
    return algorithm if algorithm.startswith(("RS", "PS")) else "RS256"


class Watch:
    """Says when to read the files again, and whether they have changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._looked = clock()
        self._stamp: object = None
        self._seen = ""
        self._read = clock()
        _watches.add(self)

    def is_due(self) -> bool:
        """Whether it is time to look at the files. Most requests only ask this."""
        return clock() - self._looked >= RELOAD_SECONDS

    @contextmanager
    def look(self) -> Iterator[bool]:
        """Take the turn to look; False if another thread has it, or just had it.

        One thread looks, and the others go on with the present keys. They wait only if the last
        look was long ago, as after a quiet night, because keys may have changed since.
        """
        started = clock()
        is_recent = started - self._looked < 2 * RELOAD_SECONDS
        if not self._lock.acquire(timeout=0 if is_recent else _WAIT_SECONDS):
            yield False
            return
        try:
            if not self.is_due():
                yield False
                return
            try:
                yield True
            finally:
                self._looked = started
        finally:
            self._lock.release()

    def first(self) -> KeyFiles:
        """Read the files. Raises `SettingError`."""
        stamp = _stamp(self.path)
        files = KeyFiles.read(self.path)
        self._stamp, self._seen, self._read = stamp, files.digest(), clock()
        return files

    def changed(self) -> KeyFiles | None:
        """Read the files if they are not what was read last. Raises `SettingError` once."""
        stamp = _stamp(self.path)
        is_recent = clock() - self._read < REREAD_SECONDS
        if stamp is not None and stamp == self._stamp and is_recent:
            return None
        try:
            files = KeyFiles.read(self.path)
        except SettingError as error:
            self._stamp, seen = None, str(error)
            if seen == self._seen:
                return None
            self._seen = seen
            raise
        self._stamp, seen, self._read = stamp, files.digest(), clock()
        if seen == self._seen:
            return None
        self._seen = seen
        return files


def _is_exposed(file: os.stat_result) -> bool:
    if file.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        return True
    is_read_only = not file.st_mode & stat.S_IWUSR
    is_others = hasattr(os, "geteuid") and file.st_uid != os.geteuid()
    return bool(file.st_mode & stat.S_IRGRP) and not is_read_only and not is_others


def _pem_files(path: Path) -> list[Path]:
    return sorted(name for name in path.glob("*.pem") if not name.name.startswith("."))


def _bytes_of(path: Path) -> bytes:
    # A pipe would never end, and opening one would wait for its writer.
    with os.fdopen(os.open(path, os.O_RDONLY | _O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise SettingError("keys", f"{path}: expected a file or a directory")
        text = file.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        del text  # error trackers show the variables of every frame
        raise SettingError("keys", f"{path}: expected a file of at most {MAX_BYTES} bytes")
    return text


_O_NONBLOCK: int = getattr(os, "O_NONBLOCK", 0)


def _stamp(path: Path) -> object:
    """Return the times and sizes of the files; None if those could hide a change."""
    try:
        paths = _pem_files(path) if path.is_dir() else [path]
        stats = [(str(one), one.stat()) for one in paths]
    except OSError:
        return None
    now = time.time()
    if any(abs(now - one.st_mtime) < _RACY_SECONDS for _, one in stats):
        return None
    # `ctime` changes with the contents even where a program sets `mtime` back.
    return [
        (name, one.st_mtime_ns, one.st_ctime_ns, one.st_size, one.st_ino) for name, one in stats
    ]


_watches: WeakSet[Watch] = WeakSet()


def _forget() -> None:
    """Make new locks in a forked child, which does not have the thread that held them."""
    for watch in _watches:
        watch._lock = threading.Lock()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
