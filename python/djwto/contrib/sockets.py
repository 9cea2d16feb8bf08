"""Open WebSockets: each is closed when its session ends or its token expires.

One task per event loop watches all of them. It wakes when the process learns of ended sessions,
and when a token expires.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import TYPE_CHECKING, Any
from uuid import UUID
from weakref import WeakKeyDictionary

from djwto import conf, revocation, state, tenants, tokens
from djwto.exceptions import JWTError
from djwto.revocation import listeners

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from django.http import HttpRequest

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ENDED = 4401
"""The close code after the session has ended or the token has expired."""
UNKNOWN = 4503
"""The close code while it is not known which sessions have ended."""
TICK_SECONDS = 1.0
"""The longest pause between two checks, in seconds: the clock may be set, or the process frozen."""
SPACING_SECONDS = 0.02
"""The shortest pause between two checks, in seconds."""
SLICE = 1000
"""How many sockets are checked before other tasks get a turn."""

_log = logging.getLogger("djwto")


class Socket:
    """An open WebSocket of a user: `scope["jwt"]` of a consumer."""

    def __init__(
        self, receive: Receive, send: Send, request: HttpRequest, subprotocol: str | None
    ) -> None:
        """Take the server's channels, the handshake's request, and what to choose at accept."""
        seen: Any = state.of(request).seen
        self.payload: tokens.Claims = request.payload  # type: ignore[attr-defined]
        self.key = UUID(seen.session).bytes
        self.expires = _expires(self.payload)
        self._session, self._user = seen.session, str(self.payload["user"]["id"])
        self._tenant = tenants.of_claims(self.payload)
        self._receive, self._send, self._subprotocol = receive, send, subprotocol
        self._code = asyncio.get_running_loop().create_future()
        """The close code, once the socket was closed from here."""
        self._reason = ""
        self._arriving: asyncio.Future[Message] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._is_open = True

    async def renew(self, token: str) -> tokens.Claims:
        """Go on with a later access token of the same user and session, and return its claims.

        `scope["payload"]` then has these claims. Raises `JWTError` if the token is not good, and
        the socket goes on as before.
        """
        try:
            if not isinstance(token, str) or not token.isascii():
                raise JWTError.of("token_malformed")
            await tokens.wait_for_keys(token)
            await revocation.arequire()
            claims = tokens.decode_token(token, kind="access", tenant=self._tenant)
        finally:
            del token  # error trackers show the variables of every frame
        self._check(claims)
        self.expires = _expires(claims)
        self.payload.clear()
        self.payload.update(claims)
        return claims

    def _check(self, claims: tokens.Claims) -> None:
        if self._code.done():
            raise JWTError.of(self._reason)
        if str(claims["user"]["id"]) != self._user:
            raise JWTError.of("claim_invalid", "user")
        if tokens.session_of(claims) != self._session:
            raise JWTError.of("claim_invalid", "sid")
        if _expires(claims) < self.expires:
            raise JWTError.of("claim_invalid", "exp")

    async def receive(self) -> Message:
        """Return the next message of the client, or `websocket.disconnect` once it is closed."""
        if not self._code.done():
            message = await self._arrived()
            if message is not None:
                return message
        return {"type": "websocket.disconnect", "code": self._code.result(), "reason": self._reason}

    async def send(self, message: Message) -> None:
        """Send a message of the consumer. Does nothing if the socket is closed."""
        if self._code.done():
            return
        if message["type"] == "websocket.close":
            self._is_open = False
        elif message["type"] == "websocket.accept" and not message.get("subprotocol"):
            message = {**message, "subprotocol": self._subprotocol}
        await self._send(message)

    def fault(self, now: float) -> str | None:
        """Return the slug of why the socket must close, or None. `now` is `time.time()`."""
        if self.key in conf.ended_sessions:
            return "token_blacklisted"
        return "token_expired" if now >= self.expires else None

    def close(self, reason: str) -> None:
        """Close the socket if it is open, without waiting for the client."""
        if self._code.done():
            return
        code = UNKNOWN if reason == "store_unavailable" else ENDED
        self._reason = reason
        if self._is_open:
            # Before the consumer gets the message, because the consumer may end the connection.
            self._closing = asyncio.ensure_future(self._send_close(code))
        self._code.set_result(code)

    async def finish(self) -> None:
        """Cancel the pending receive. A close that has begun is sent first."""
        if self._arriving is not None:
            self._arriving.cancel()
        left = [task for task in (self._closing, self._arriving) if task is not None]
        await asyncio.gather(*left, return_exceptions=True)

    async def _arrived(self) -> Message | None:
        """Wait for a message; None if the socket was closed meanwhile, or is to be closed."""
        if self._arriving is None:
            self._arriving = asyncio.ensure_future(self._receive())
        await asyncio.wait({self._arriving, self._code}, return_when=asyncio.FIRST_COMPLETED)
        if self._code.done():
            return None
        arrived, self._arriving = self._arriving, None
        message = arrived.result()
        if message["type"] == "websocket.disconnect":
            self._is_open = False
        elif message["type"] == "websocket.receive" and (reason := await self._fault()):
            self.close(reason)
            return None
        return message

    async def _fault(self) -> str | None:
        """Check a message as a guard checks a request."""
        try:
            await revocation.arequire()
        except JWTError as error:
            return error.code
        return self.fault(time.time())

    async def _send_close(self, code: int) -> None:
        try:
            await self._send({"type": "websocket.close", "code": code, "reason": self._reason})
        except Exception:  # noqa: BLE001 (servers raise what they like where the client has gone)
            _log.debug("A socket was closed already.", exc_info=True)


class Watcher:
    """Closes the sockets of one event loop whose session has ended or token has expired."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._sockets: set[Socket] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, socket: Socket) -> None:
        """Watch a socket; the first one starts the task."""
        self._sockets.add(socket)
        if self._task is None:
            listeners.subscribe(self._wake)
            self._task = self._loop.create_task(self._run(), name="djwto-sockets")

    def discard(self, socket: Socket) -> asyncio.Task[None] | None:
        """Stop watching a socket. Returns the cancelled task if it was the last one."""
        self._sockets.discard(socket)
        if self._sockets or self._task is None:
            return None
        listeners.unsubscribe(self._wake)
        task, self._task = self._task, None
        task.cancel()
        return task

    def _wake(self) -> None:
        """Check the sockets now. It may be called in any thread."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._news.set)

    async def _run(self) -> None:
        while True:
            self._news.clear()
            try:
                pause = await self._look()
            except Exception:  # noqa: BLE001 (after any failure, the next look may succeed)
                _log.exception(
                    "Failed to check the open sockets. The next check is in %s seconds.",
                    TICK_SECONDS,
                )
                pause = TICK_SECONDS
            await asyncio.sleep(SPACING_SECONDS)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), pause)

    async def _look(self) -> float:
        """Close the sockets that must close. Returns the seconds until the next token expires."""
        is_unknown = revocation.is_known(conf.current()) is False
        now, first = time.time(), inf
        for number, socket in enumerate(list(self._sockets), 1):
            reason = socket.fault(now) or ("store_unavailable" if is_unknown else None)
            if reason is not None:
                socket.close(reason)
            elif socket.expires < first:
                first = socket.expires
            if number % SLICE == 0:
                await asyncio.sleep(0)
        return max(0.0, min(first - time.time(), TICK_SECONDS))


@asynccontextmanager
async def watched(socket: Socket) -> AsyncIterator[None]:
    """Watch a socket while the block runs."""
    loop = asyncio.get_running_loop()
    watcher = _watchers.get(loop)
    if watcher is None:
        watcher = _watchers[loop] = Watcher()
    watcher.add(socket)
    try:
        yield
    finally:
        ended = watcher.discard(socket)
        if ended is not None:
            _watchers.pop(loop, None)
        try:
            await socket.finish()
        finally:
            if ended is not None:
                await asyncio.wait({ended})


_watchers: WeakKeyDictionary[asyncio.AbstractEventLoop, Watcher] = WeakKeyDictionary()


def _expires(claims: tokens.Claims) -> float:
    return float(claims.get("exp", inf))
