"""What the cases run against: an address, and what is known about the server behind it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Target:
    """A server, and the one of its modes in which a client speaks to it."""

    base_url: str
    modes: tuple[str, ...]
    """The server's modes; the first is its default."""
    mode: str
    verify: str | bool
    """A certificate to trust, or ``False``."""
    signing_key: str | None = None
    trusted_origin: str | None = None
    access_seconds: int = 300
    refresh_seconds: int = 86_400
    people: dict[str, int] = field(default_factory=dict)
    """Users beyond alice, carol and admin, with their ids; none where we do not own the server."""
    log: Callable[[], str] = str
    """Gives everything the server has logged, where we can see it."""

    logins: dict[str, Any] = field(default_factory=dict)
    """Logins shared by the cases that only read: a password's hash takes the server a while."""
    csrf: list[str] = field(default_factory=list)
    """A CSRF secret of this server, once one was asked for."""

    @property
    def mode_field(self) -> dict[str, str]:
        """The form field with which a login asks for this mode; none for the default."""
        return {} if self.mode == self.modes[0] else {"mode": self.mode}

    @property
    def kinds(self) -> set[str]:
        """What the marker ``only`` may name."""
        kinds = {self.mode, "json" if self.mode == "JSON" else "cookies"}
        kinds.add("single" if len(self.modes) == 1 else "several")
        if self.mode == self.modes[0]:
            kinds.add("default")
        return kinds
