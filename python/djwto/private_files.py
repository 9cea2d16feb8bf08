"""Files that only their owner may read, or a group too, written as a whole."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

OWNER_ONLY = 0o600
GROUP_READS = 0o640


def replace(path: Path, text: bytes, *, group: int | None = None) -> None:
    """Put a file in its place in one step, for its owner and perhaps a group. Raises `OSError`.

    No other account can read it at any moment, and no program reads half of it. If the file exists,
    its owner stays the same: a server must go on reading what an administrator has written.
    """
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(new, path, text, group)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    finally:
        del text  # error trackers show the variables of every frame
    if os.name != "nt":  # Windows opens no folders
        _keep(path.parent)


def _write(new: Path, old: Path, text: bytes, group: int | None) -> None:
    try:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with os.fdopen(handle, "wb") as file:
            if old.exists() and owner(handle) != (present := owner(old)):
                os.fchown(handle, *present)
            if group is not None:
                os.fchown(handle, -1, group)
                os.fchmod(handle, GROUP_READS)
            file.write(text)
            file.flush()
            os.fsync(handle)
    finally:
        del text


def owner(file: int | Path) -> tuple[int, int]:
    """Return the user and the group that a file, or the file of a handle, belongs to."""
    found = os.stat(file)  # noqa: PTH116 (of a handle, too)
    return found.st_uid, found.st_gid


def _keep(folder: Path) -> None:
    """Let the names in a folder outlast a power failure."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
