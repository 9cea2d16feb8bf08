"""Where a login or renewal came from, in words for the users who look at their sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djwto.addresses import client_address, network

if TYPE_CHECKING:
    from django.http import HttpRequest

MAX_USER_AGENT_LETTERS = 500
MAX_LABEL_LETTERS = 100


def describe(request: HttpRequest) -> tuple[str, str, str | None]:
    """Give the label of a request's device, its user agent, and its address.

    Both texts are printable ASCII, which every table holds: other letters become "?".
    """
    agent = request.META.get("HTTP_USER_AGENT", "").encode("ascii", "replace").decode()
    printable = "".join(letter for letter in agent if letter.isprintable())
    return label(printable), printable[:MAX_USER_AGENT_LETTERS], client_address(request) or None


def is_same(request: HttpRequest, device: str, address: str | None) -> bool:
    """Whether a request is of this device (browser and system, no version) and network."""
    own_device, _, own_address = describe(request)
    return own_device == device and network(own_address or "") == network(address or "")


def label(user_agent: str) -> str:
    """Name a device: browser and system where they are well known, else the first word."""
    browser = _first(_BROWSERS, user_agent)
    if not browser:
        return user_agent.partition(" ")[0].partition("/")[0][:MAX_LABEL_LETTERS]
    system = _first(_SYSTEMS, user_agent)
    return f"{browser} on {system}" if system else browser


# What a user agent says, and what that means; the first that is found counts. Most claim to be
# Safari, and Edge and Opera to be Chrome.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "Windows": "Windows",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "CrOS": "ChromeOS",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


def _first(names: dict[str, str], text: str) -> str:
    return next((name for mark, name in names.items() if mark in text), "")
