"""Tokens of other formats, which guards accept too.

Apps of `djwto.contrib` register their readers here, because djwto does not import them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.http import HttpRequest


@dataclass(frozen=True)
class OtherToken:
    """A verified token of another format: the attributes of `_core.Authenticated`, and its user."""

    claims: dict[str, Any]
    """As in a token of djwto: with `type`, and `user` with the primary key as `id`."""
    session: str
    token: str = field(repr=False)
    user: Any
    mode: str = "JSON"


FindUser = Callable[[], OtherToken]
"""Finds the user of a token whose signature and claims are good. Raises `JWTError`."""
readers: list[Callable[[Any], FindUser | None]] = []
"""Each verifies the access token of a request, without a query.

None where it is not of their format. They raise `JWTError` where it is, and is not good.
"""


def read(request: HttpRequest) -> FindUser | None:
    """Verify the access token of a request that djwto has refused. Raises `JWTError`."""
    for reader in readers:
        found = reader(request)
        if found is not None:
            return found
    return None
