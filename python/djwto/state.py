"""The state that djwto keeps for a request while it is answered."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, Any

from djwto._core import Authenticated
from djwto.formats import OtherToken

if TYPE_CHECKING:
    from djwto.exceptions import JWTError

Seen = Authenticated | OtherToken
"""A verified token."""
Users = tuple[Seen, Any, Callable[[], Any]]
"""A token, with what `request.user` and `request.auser` are for it."""


class State:
    """The state of one request of Django; `of` returns it."""

    owner: int
    """The `id` of its request."""
    is_guarded = False
    """Whether the reply is private: a guard ran, or the request had a token."""
    seen: Seen | None = None
    """The token that names the user."""
    users: Users | None = None
    """The users of the latest token, loaded or not."""
    replaced: tuple[Users, Any, Callable[[], Any]] | None = None
    """The users of a token, and those with which a middleware replaced them."""
    opened_by: Seen | None = None
    """The token that let the request in, whose session Django's `login` and `logout` end."""
    is_settled = False
    """Django's `login` and `logout` end no session: the request was refused, or djwto's own login
    or logout goes on."""
    refusal: JWTError | None = None
    """Why there is no user, for the reply of a view that may go on without one."""
    is_exempted = False
    """`csrf.leave_out` has exempted the request from CSRF checks, and nothing else has."""
    clears_cookies = False
    """The reply is to clear the token cookies."""

    @property
    def claims(self) -> dict[str, Any] | None:
        """The claims of the token that names the user. `request.payload` may be a project's own."""
        return None if self.seen is None else self.seen.claims

    def open_by(self, seen: Seen) -> None:
        """Store the token that lets the request in."""
        self.opened_by, self.is_settled = seen, False

    def settle(self) -> None:
        """Let Django's `login` and `logout` end no session."""
        self.opened_by, self.is_settled = None, True

    def refuse(self, error: JWTError) -> None:
        """Store why there is no user."""
        # Without its traceback, whose frames would live as long as the request.
        self.refusal = error.with_traceback(None)

    def forget_user(self) -> None:
        """Forget the token and its users."""
        self.seen = self.users = self.replaced = None
        self.settle()


def inner_of(request: Any) -> Any:
    """Return Django's own request: Django REST framework wraps it, and is slow to give it."""
    return getattr(request, "_request", request)


def of(request: Any) -> State:
    """Return the state of a request, or of the one inside it."""
    inner = inner_of(request)
    known: State | None = getattr(inner, "_djwto", None)
    if known is not None and known.owner == id(inner):
        return known
    # A request that `copy` has made brings the state of the first one. A guard of the copy may see
    # another token, which must not become the first one's.
    inner._djwto = known = State() if known is None else copy(known)  # noqa: SLF001
    known.owner = id(inner)
    return known
