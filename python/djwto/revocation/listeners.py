"""Callbacks for code that keeps something open, such as sockets: sessions may have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Listener = Callable[[], None]

_listeners: tuple[Listener, ...] = ()


def subscribe(listener: Listener) -> None:
    """Add a callback. Any thread calls it when the set of ended sessions or its age changes."""
    global _listeners  # noqa: PLW0603 (bound anew, so that another thread may walk the old one)
    _listeners = (*_listeners, listener)


def unsubscribe(listener: Listener) -> None:
    """Remove a callback."""
    global _listeners  # noqa: PLW0603
    _listeners = tuple(one for one in _listeners if one != listener)


def notify() -> None:
    """Call all callbacks. They must not raise or wait."""
    for listener in _listeners:
        listener()
