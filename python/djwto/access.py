"""The token of a request, verified, and the user that it names.

What sets a user on a request is here; what a request needs beside that is in `admission`.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from asgiref.sync import sync_to_async
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest
from django.utils.functional import LazyObject, SimpleLazyObject, empty

from djwto import _core, conf, formats, responses, revocation, state, stores, tenants
from djwto.exceptions import JWTError, JWTValidationError
from djwto.user_rows import find_user
from djwto.users import TokenUser, anonymous

if TYPE_CHECKING:
    from djwto.keys.remote import RemoteKeys

ResultT = TypeVar("ResultT")

_MISSING = ("authorization_missing", "cookie_missing")
"""The codes of a request without a token."""

_log = logging.getLogger("djwto")


def authenticate(
    request: HttpRequest, kind: str = "access", *, allow_revoked: bool = False
) -> _core.Authenticated:
    """Do what `authentication.jwt_authenticate` does, and return the token with its mode."""
    inner, known = state.inner_of(request), state.of(request)
    try:
        found = verified(inner, kind, allow_revoked=allow_revoked)
        seen: _core.Authenticated = set_user(request, known, found)
    except SynchronousOnlyOperation as error:
        # `jwt_authenticate` in an async view, outside a thread.
        _log.error("Cannot load the user of a token in an async view: %s", error)
        raise JWTError.of("store_unavailable") from None
    force_user(inner, seen.claims)
    return seen


def recognize(request: HttpRequest) -> Any:
    """Make the user of the request's access token `request.user`, and return the token.

    Returns None if the request has no token. It is for middleware, and does not check CSRF. Raises
    `JWTError`.
    """
    found = None if _brings_none(request) else _found(request)
    return None if found is None else set_user(request, state.of(request), found)


async def arecognize(request: HttpRequest) -> Any:
    """Do what `recognize` does, without blocking the event loop."""
    found = None if _brings_none(request) else await awaited(request, _found, request)
    if found is None:
        return None
    known = state.of(request)
    if isinstance(found, _core.Authenticated):
        return set_user(request, known, found)
    return await sync_to_async(set_user)(request, known, found)


def presented_by(request: HttpRequest) -> Literal["header", "cookie"] | None:
    """Return where the access token of the request is, good or bad; None if there is none."""
    if _has_no_headers(request):
        return None
    try:
        mode = conf.engine().find(*headers_of(request), "access")[1]
    except JWTValidationError as error:
        if error.code in _MISSING:
            return None
        return "header" if error.code == "authorization_invalid" else "cookie"
    return "header" if mode == "JSON" else "cookie"


def answering_mode(request: HttpRequest) -> str:
    """Return the mode in which a request is answered, whether its token is good or not."""
    return conf.engine().answering_mode(*headers_of(request))


def raw_token(request: HttpRequest, kind: str) -> str:
    """Return the text of a request's token, unverified. Raises `JWTValidationError`."""
    try:
        return conf.engine().find(*headers_of(request), kind)[0]
    except JWTValidationError as error:
        raise _mended(error, request) from None


def headers_of(request: Any) -> tuple[str | None, str | None]:
    """Return the headers that may hold a token.

    Pass them on to a call, and keep them in no variable: error trackers show those of every frame.
    """
    return request.META.get("HTTP_AUTHORIZATION"), request.META.get("HTTP_COOKIE")


async def awaited(inner: Any, function: Callable[..., ResultT], *args: Any) -> ResultT:
    """Call what verifies the token of a request, without blocking the event loop.

    First this waits for keys and ended sessions. Then it calls the function in the loop. With
    `DJWTO_TENANT` it calls it in a thread: the project's function may ask a database, and
    django-tenants keeps the schema on a connection of the thread of its middleware.
    """
    config = conf.current()
    if config.remote is not None:
        with suppress(JWTValidationError):
            await config.remote.wait_for(_kid_of(config, inner, "access"))
    await revocation.aload()
    if conf.current().tenant is not None:
        return await sync_to_async(function)(*args)
    return function(*args)


def verified(
    inner: Any, kind: str = "access", *, allow_revoked: bool = False
) -> "_core.Authenticated | formats.FindUser":
    """Verify the token of a request. A token of another format still needs a query.

    Raises `JWTError`.
    """
    config = conf.current()
    if config.remote is not None:
        config = _with_keys(config, config.remote, inner, kind)
    if not allow_revoked:
        revocation.require(config)
    tenant = None if config.tenant is None else tenants.of(inner)
    # No variable holds a header or a token: error trackers show those of every frame.
    try:
        return config.engine.authenticate(
            inner.META.get("HTTP_AUTHORIZATION"),
            inner.META.get("HTTP_COOKIE"),
            kind,
            time.time(),
            tenant=tenant,
            allow_revoked=allow_revoked,
        )
    except JWTValidationError as error:
        other = formats.read(inner) if kind == "access" else None
        if other is None:
            raise _mended(error, inner) from None
        return other


def set_user(
    request: Any, known: state.State, found: "_core.Authenticated | formats.FindUser"
) -> Any:
    """Set `payload`, `token`, `jwt_mode` and the user of a result of `verified` on the request.

    Returns the token. Makes a query if the token has another format. Raises `JWTError`.
    """
    seen: Any = found if isinstance(found, _core.Authenticated) else run(found)
    known.seen = seen
    request.payload, request.token, request.jwt_mode = seen.claims, seen.token, seen.mode
    # A guard inside another one, or under `JWTMiddleware`, goes on with the user that was loaded.
    users = known.users
    if users is None or users[0].token != seen.token:
        users = known.users = (seen, *_users_of(seen))
    _, request.user, request.auser = users
    if known.replaced is not None and known.replaced[0] is users:
        _, request.user, request.auser = known.replaced
    return seen


def force_user(inner: Any, claims: Any) -> None:
    """Let Django REST framework keep this user: otherwise it sets another one on the request."""
    inner._force_auth_user, inner._force_auth_token = inner.user, claims  # noqa: SLF001


def set_nobody(request: Any) -> None:
    """Set the lazy anonymous user that Django's middleware sets for a request without a session."""
    request.user = user = _lazy(anonymous)
    request.auser = partial(_touched, user)


def make_anonymous(request: Any) -> None:
    """Make the user of a request anonymous, whether a token or Django's session gave it."""
    inner = state.inner_of(request)
    state.of(inner).forget_user()
    user = anonymous()
    for one in (inner,) if inner is request else (inner, request):
        one.payload = one.token = one.jwt_mode = None
        one.user, one.auser = user, partial(_itself, user)


def keep_replaced(request: Any, known: state.State) -> None:
    """Let guards keep the user with which a middleware replaced the user of the token.

    That middleware runs between `JWTMiddleware` and the view: it verifies a second factor, or
    impersonates a user. A user that is set later, as by REST framework, does not count.
    """
    user = request.user
    if known.users is None or user is known.users[1]:
        return
    # Of a lazy user it is not asked, which would load it.
    is_lazy = issubclass(type(user), LazyObject)
    if is_lazy or getattr(user, "is_authenticated", False):
        known.replaced = (known.users, user, request.auser)


def load_user(request: HttpRequest) -> Any:
    """Load the user of a request that was let in, and return it without its lazy wrapper.

    Raises `JWTError` (`store_unavailable`).
    """
    user: Any = request.user
    if not isinstance(user, SimpleLazyObject):
        return user
    run(partial(bool, user))
    return user._wrapped  # noqa: SLF001


def run(work: Callable[[], ResultT]) -> ResultT:
    """Run work that may ask the database. Raises `JWTError` (`store_unavailable`) if that fails."""
    try:
        return work()
    except (DatabaseError, InterfaceError) as error:
        if not stores.is_gone(error):
            raise
        _log.exception("The database failed while a guard checked a token.%s", stores.advice(error))
        stores.let_go(error)
        raise JWTError.of("store_unavailable") from error


def _found(request: HttpRequest) -> Any:
    """Verify the token of a request; None where it has none. Raises `JWTError`."""
    try:
        return verified(request)
    except JWTError as error:
        if error.code in _MISSING:
            return None
        # It is not known which sessions have ended, for one: no matter, where there is no token.
        if not isinstance(error, JWTValidationError) and presented_by(request) is None:
            return None
        raise


def _brings_none(request: Any) -> bool:
    """Whether a request has no token, as far as is seen without waiting for anything.

    What has none must not wait for ended sessions to be known, or for its tenant.
    """
    if _has_no_headers(request):
        return True
    config = conf.current()
    may_wait = config.tenant is not None or revocation.is_loading(config)
    return may_wait and presented_by(request) is None


def _has_no_headers(request: Any) -> bool:
    """Whether a request has no header that holds tokens. No setting is asked for that."""
    return not (request.META.get("HTTP_AUTHORIZATION") or request.META.get("HTTP_COOKIE"))


def _users_of(seen: Any) -> tuple[Any, Callable[[], Any]]:
    """Return what `request.user` and `request.auser` are."""
    if conf.current().has_token_users:
        of_token = TokenUser(seen.claims)
        return of_token, partial(_itself, of_token)
    if isinstance(seen, formats.OtherToken):
        return seen.user, partial(_itself, seen.user)
    user = _lazy(partial(_load_user, seen.claims["user"]["id"]))
    return user, partial(_load_user_async, user)


def _lazy(load: Callable[[], Any]) -> Any:
    """Do what `SimpleLazyObject(load)` does, without going through its own `__getattribute__`."""
    lazy = object.__new__(SimpleLazyObject)
    object.__setattr__(lazy, "_setupfunc", load)
    object.__setattr__(lazy, "_wrapped", empty)
    return lazy


def _load_user(pk: Any) -> Any:
    """Return the present user of a token; `AnonymousUser` if it was deleted or is inactive."""
    return find_user(pk) or anonymous()


async def _load_user_async(user: Any) -> Any:
    # Touching the lazy object loads it, once for both ways of asking.
    await sync_to_async(bool)(user)
    return user


async def _itself(user: Any) -> Any:
    return user


async def _touched(user: Any) -> Any:
    bool(user)
    return user


def _with_keys(config: conf.Config, remote: "RemoteKeys", inner: Any, kind: str) -> conf.Config:
    """Wait for keys behind a URL that the request's token needs. Raises `JWTError`."""
    try:
        remote.require(_kid_of(config, inner, kind))
    except JWTValidationError:
        return config  # what is wrong with the request is told without keys
    return conf.current()


def _kid_of(config: conf.Config, inner: Any, kind: str) -> str | None:
    """Return the `kid` of the request's token. Raises `JWTValidationError` where there is none."""
    from djwto.keys.remote import kid_of

    return kid_of(config.engine.find(*headers_of(inner), kind)[0])  # no variable holds the token


def _mended(error: JWTValidationError, request: HttpRequest) -> JWTValidationError:
    """Let the refusal of a doubled cookie clear it, or the user is locked out while it lives."""
    if error.code == "cookie_ambiguous":
        error.cookies = responses.clearing_doubled(request)
    return error
