"""The device of a login or renewal, in words for the user's list of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djwto import _core
from djwto.addresses import client_address

if TYPE_CHECKING:
    from django.http import HttpRequest


def describe(request: HttpRequest) -> tuple[str, str, str | None]:
    """Return the label of a request's device, its user agent, and its address.

    Both texts are printable ASCII, which every table holds.
    """
    device, user_agent = _core.device(request.META.get("HTTP_USER_AGENT", ""))
    return device, user_agent, client_address(request) or None
