"""What the cases run against: an address, and what is known about the server behind it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Literal

import requests

if TYPE_CHECKING:
    from tests.services import Server


@dataclass(frozen=True)
class Target:
    """A server, and the one of its modes in which a client speaks to it."""

    base_url: str
    modes: tuple[str, ...]
    """The server's modes; the first is its default."""
    mode: str
    verify: str | Literal[False]
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
    http: requests.Session = field(default_factory=requests.Session)
    """One connection for all clients of this target; cookies are theirs to keep."""
    csrf: list[str] = field(default_factory=list)
    """A CSRF secret of this server, once one was asked for."""

    def __post_init__(self) -> None:
        self.http.trust_env = False
        self.http.verify = self.verify
        # The library's jar unquotes and joins; the client keeps what came.
        self.http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    @classmethod
    @contextmanager
    def of(cls, server: "Server", *modes: str, mode: str = "") -> Iterator["Target"]:
        """Give a server that the suite has started, in the first of its modes or another."""
        target = cls(server.base_url, modes, mode or modes[0], str(server.certificate))
        with target.http:
            yield target

    @property
    def mode_field(self) -> dict[str, str]:
        """The form field with which a login asks for this mode; none for the default."""
        return {} if self.mode == self.modes[0] else {"mode": self.mode}
