"""Channels: `JWTAuthMiddleware` guards WebSockets, and closes them when their session ends.

A handshake is checked as a guard checks a GET request. `sockets.py` watches the open sockets.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from channels.db import database_sync_to_async  # type: ignore[import-untyped]
from django.core.handlers.asgi import ASGIRequest
from django.http.request import split_domain_port

from djwto import access, admission, conf, csrf, responses
from djwto.contrib.sockets import Socket, watched
from djwto.exceptions import JWTError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping

    from djwto.contrib.sockets import Receive, Scope, Send

    Application = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[Any]]
    Headers = Iterable[tuple[bytes, bytes]]

__all__ = ["JWTAuthMiddleware"]

BEARER = "bearer"
"""The subprotocol that the token follows."""


class JWTAuthMiddleware:
    """Guard the WebSockets of `app`: a handshake needs a good access token, else it gets 403.

    The token is in the access cookie together with a trusted `Origin`, in `Authorization`, or in
    the subprotocols `bearer, <token>`. The scope for `app` has `user`, `payload` and `jwt`, and no
    token. Connections that are not WebSockets pass unchanged.
    """

    def __init__(self, app: Application) -> None:
        """Take the ASGI application to guard, such as a `URLRouter`."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Answer one connection."""
        if scope["type"] != "websocket":
            return await self.app(scope, receive, send)
        request = _request_of(scope)
        # From here on only the caller's scope holds the token, and no variable does.
        scope, subprotocol = _without_tokens(scope, request), _offered(scope)
        try:
            user = await _let_in(request)
        except JWTError as error:
            return await _refuse(error.with_traceback(None), scope, receive, send)
        socket = Socket(receive, send, request, subprotocol)
        scope.update(user=user, payload=socket.payload, jwt=socket)
        del request
        async with watched(socket):
            return await self.app(scope, socket.receive, socket.send)


async def _let_in(request: ASGIRequest) -> Any:
    """Return the user of a handshake. Raises `JWTError`."""
    await admission.alet_in(request)
    if request.jwt_mode != "JSON":  # type: ignore[attr-defined]
        csrf.check_origin(request)
    return await database_sync_to_async(access.load_user)(request)


async def _refuse(error: JWTError, scope: Scope, receive: Receive, send: Send) -> None:
    if (await receive())["type"] != "websocket.connect":
        return  # the client has gone
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close"})  # which servers answer with 403
        return
    response = responses.refusal(error)
    headers = [*response.items(), ("Content-Length", str(len(response.content)))]
    headers += [("Set-Cookie", cookie.OutputString()) for cookie in response.cookies.values()]
    await send(
        {
            "type": "websocket.http.response.start",
            "status": 503 if error.status == 503 else 403,
            "headers": [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers],
        }
    )
    await send({"type": "websocket.http.response.body", "body": response.content})


def _request_of(scope: Scope) -> ASGIRequest:
    """Return a handshake as a request, so that the rules for requests apply."""
    # Django might fail on the rest of a handshake, which does not matter here.
    headers = [one for one in scope["headers"] if one[0] not in _ABOUT_BODIES]
    request = ASGIRequest(
        {
            "type": "http",
            "method": "GET",
            "scheme": _scheme(scope),
            "path": scope["path"],
            "query_string": b"",
            "headers": headers,
            **{name: scope.get(name) for name in ("client", "server", "root_path")},
        },
        BytesIO(),
    )
    lines = [value.decode("latin-1") for name, value in headers if name == b"cookie"]
    if len(lines) > 1:
        # HTTP/2 splits them (RFC 9113 §8.2.3). Django joins lines by commas.
        request.META["HTTP_COOKIE"] = "; ".join(lines)
    following = _following(scope)
    if following is not None:
        # Beside a Bearer header it makes two tokens, which the engine refuses.
        is_given = access.presented_by(request) == "header"
        before = [request.META["HTTP_AUTHORIZATION"]] if is_given else []
        request.META["HTTP_AUTHORIZATION"] = ",".join([*before, f"Bearer {following}"])
    return request


def _following(scope: Scope) -> str | None:
    """Return the subprotocol after `bearer`; "" if it is not exactly one, in ASCII."""
    offered = _subprotocols(scope)
    if BEARER not in offered:
        return None
    following = offered[offered.index(BEARER) + 1 :][:1]
    is_one = offered.count(BEARER) == 1 and following and following[0].isascii()
    return following[0] if is_one else ""


def _offered(scope: Scope) -> str | None:
    return BEARER if BEARER in _subprotocols(scope) else None


def _subprotocols(scope: Scope) -> list[str]:
    return list(scope.get("subprotocols") or ())


def _scheme(scope: Scope) -> str:
    """Return the scheme of the page's origin. Some servers, such as daphne, do not tell it.

    Then it is https: the cookies are `Secure`, and without TLS browsers send them only to a
    loopback host.
    """
    if scope.get("scheme"):
        return "https" if scope["scheme"] in ("wss", "https") else "http"
    headers = dict(scope["headers"])
    domain, _ = split_domain_port(headers.get(b"host", b"").decode("latin-1"))
    is_loopback = domain in _LOOPBACK or domain.endswith(".localhost")
    return "http" if is_loopback and headers.get(b"origin", b"").startswith(b"http:") else "https"


def _without_tokens(scope: Scope, request: ASGIRequest) -> Scope:
    """Return a copy of the scope without any token."""
    cookies = conf.engine().clear(request.META.get("HTTP_COOKIE"), "")
    names = {cookie.name.lower() for cookie in cookies}
    schemes = tuple(word.lower().encode() for word in (BEARER, *conf.other_schemes()))
    kept = []
    offered = _subprotocols(scope)
    left = [one for place, one in enumerate(offered) if BEARER not in offered[:place][-1:]]
    for name, value in scope["headers"]:
        if name == b"authorization" and value.strip().lower().startswith(schemes):
            continue
        if name == b"cookie":
            value = _without(names, value)  # noqa: PLW2901
        elif name == b"sec-websocket-protocol":
            value = ", ".join(left).encode("utf-8", "replace")  # noqa: PLW2901
        if value.strip():
            kept.append((name, value))
    scope = {**scope, "headers": kept, "subprotocols": left}
    if "cookies" in scope:  # of a middleware above, such as AuthMiddlewareStack
        scope["cookies"] = {
            name: value for name, value in scope["cookies"].items() if name.lower() not in names
        }
    return scope


def _without(names: set[str], cookies: bytes) -> bytes:
    """Return the header without these cookies. Servers may join lines by commas."""
    kept = []
    for part in cookies.split(b";"):
        left = [one for one in part.split(b",") if _name(one) not in names]
        if left:
            kept.append(b",".join(left))
    return b";".join(kept)


def _name(cookie: bytes) -> str:
    return cookie.partition(b"=")[0].strip().decode("latin-1").lower()


_ABOUT_BODIES = (b"content-type", b"content-length")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
