"""Who is told that a look has ended, or that sessions have: those who keep something open."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Listener = Callable[[], None]

_listeners: tuple[Listener, ...] = ()


def subscribe(listener: Listener) -> None:
    """Call this, in any thread, when the set of ended sessions or its age may have changed."""
    global _listeners  # noqa: PLW0603 (bound anew, so that another thread may walk the old one)
    _listeners = (*_listeners, listener)


def unsubscribe(listener: Listener) -> None:
    """Call it no more."""
    global _listeners  # noqa: PLW0603
    _listeners = tuple(one for one in _listeners if one != listener)


def notify() -> None:
    """Call all of them. None of them may raise, or wait."""
    for listener in _listeners:
        listener()
