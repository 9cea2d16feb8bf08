"""Where a request comes from, as far as its headers can be believed."""

from django.http import HttpRequest

from djwto import conf

__all__ = ["client_address"]


def client_address(request: HttpRequest) -> str:
    """Give the address of the client in canonical text; "" where there is none.

    It is the peer's, unless `DJWTO_TRUSTED_PROXIES` lists the peer: then the last one in
    `X-Forwarded-For` that the setting does not list. Never raises for what a client sends.
    """
    meta = request.META
    return conf.current().proxies.client_address(
        meta.get("REMOTE_ADDR") or "", meta.get("HTTP_X_FORWARDED_FOR") or ""
    )
