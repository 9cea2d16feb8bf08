"""Where a request comes from, as far as its headers can be believed."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.http import HttpRequest

from djwto import conf

Address = IPv4Address | IPv6Address

_HOPS = 32
"""How many proxies in a row are believed to be ours; what a client wrote is left of them."""

_PREFIX = 64
"""The bits of an IPv6 address that name a network: one customer has all the rest (RFC 6177)."""
_SITE_PREFIX = 48
"""The bits that a provider gives to a large customer (RFC 6177 §2)."""


def client_address(request: HttpRequest) -> str:
    """Give the address of the client in canonical text; "" where there is none.

    It is the peer's, unless `DJWTO_TRUSTED_PROXIES` lists the peer: then the last one in
    `X-Forwarded-For` that the setting does not list, since each proxy puts its own peer at the end.
    Nothing that a client writes there is believed, and nothing raises.
    """
    proxies = conf.current().proxies
    found = _parsed(request.META.get("REMOTE_ADDR") or "")
    if found in proxies:
        header = request.META.get("HTTP_X_FORWARDED_FOR") or ""
        for text in reversed(header.rsplit(",", _HOPS)[-_HOPS:]):
            address = _parsed(text)
            if address is None:
                # Our own proxy says nothing that can be read: its address must do.
                break
            found = address
            if address not in proxies:
                break
    return "" if found is None else str(found)


def network(address: str) -> str:
    """Give the network that counts as one client: an IPv4 address itself, an IPv6 one by /64."""
    if ":" not in address:
        return address
    return str(ip_network((address, _PREFIX), strict=False))


def site(address: str) -> str:
    """Give the /48 of an IPv6 address, which is all that one customer has at most; "" for IPv4."""
    if ":" not in address:
        return ""
    return str(ip_network((address, _SITE_PREFIX), strict=False))


def _parsed(text: str) -> Address | None:
    """Read an address as proxies write them: with a port, in brackets, with a zone.

    An IPv4 address inside an IPv6 one (RFC 4291 §2.5.5.2) is the same client.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
