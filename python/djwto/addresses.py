"""The address of the client, behind trusted proxies too."""

from django.http import HttpRequest

from djwto import conf

__all__ = ["client_address"]


def client_address(request: HttpRequest) -> str:
    """Return the IP address of the client, in canonical form; "" if there is none.

    It is the address of the peer. If `DJWTO_TRUSTED_PROXIES` lists the peer, it is the last address
    in `X-Forwarded-For` that the setting does not list. It raises for no request.
    """
    meta = request.META
    return conf.current().proxies.client_address(
        meta.get("REMOTE_ADDR") or "", meta.get("HTTP_X_FORWARDED_FOR") or ""
    )
