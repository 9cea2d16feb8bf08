"""The token of a request, and the guards: decorators that let requests into views.

Guards work on functions and, through `method_decorator`, on methods and `dispatch`; on sync and
async views; on Django REST framework's views. They make one call into the engine, and no query.
"""

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial, wraps
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.core.exceptions import SynchronousOnlyOperation, ValidationError
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest
from django.utils.functional import LazyObject, SimpleLazyObject, empty

from djwto import (
    _core,
    api_views,
    conf,
    csrf,
    formats,
    responses,
    revocation,
    stores,
    tenants,
    tokens,
)
from djwto.exceptions import JWTError, JWTValidationError
from djwto.responses import WWWAUTHENTICATE
from djwto.types import THttpRequest
from djwto.users import TokenUser, anonymous, find_user, spelling_of

if TYPE_CHECKING:
    from djwto.keys.remote import RemoteKeys

__all__ = [
    "WWWAUTHENTICATE",
    "THttpRequest",
    "get_raw_token_from_request",
    "jwt_authenticate",
    "jwt_is_refresh",
    "jwt_login_required",
    "jwt_optional",
    "jwt_passes_test",
    "jwt_perm_required",
    "user_account",
    "user_authenticate",
]

View = TypeVar("View", bound=Callable[..., Any])
Work = Callable[[], Any]
"""The part of a check that may wait for a database or a cache."""
Check = Callable[[Any, Any, Any], "Work | None"]
"""Takes the request, Django's own request inside it, and the guarded view.

Raises `JWTError`, or returns the rest to do.
"""

_MISSING = ("authorization_missing", "cookie_missing")
"""The codes of a request without a token."""

_log = logging.getLogger("djwto")


def user_authenticate(request: HttpRequest) -> Any:
    """Hook: the user whose credentials are in `request.POST`; None where they are wrong.

    Raises `ValidationError`, which says more.
    """
    from djwto.forms import LoginForm  # here: `django.contrib.auth` may not be installed

    form = LoginForm(request, data=request.POST)
    if not form.is_valid():
        raise ValidationError(form.errors.as_data())
    return form.get_user()


def user_account(request: HttpRequest) -> str:
    """Hook: the name that `user_authenticate` would look for; failed logins are counted under it.

    "" where none is given: then only the client's address counts.
    """
    return spelling_of(request.POST.get("username", ""))


def jwt_authenticate(
    request: HttpRequest, kind: str = "access", *, allow_revoked: bool = False
) -> dict[str, Any]:
    """Verify the request's token and set `payload`, `token`, `jwt_mode` and `user` on it.

    Returns the claims. Raises `JWTValidationError`, and `JWTError` where it is not known which
    sessions have ended; `allow_revoked` takes their tokens too. CSRF is not checked here, and the
    reply is not kept out of caches: `csrf.check` and `responses.keep_private` do that.
    """
    return authenticate(request, kind, allow_revoked=allow_revoked).claims


def authenticate(
    request: HttpRequest, kind: str = "access", *, allow_revoked: bool = False
) -> _core.Authenticated:
    """Do the same, and give all that the engine says of the token."""
    # Django REST framework wraps Django's request, and is slow to give what is inside.
    inner: Any = getattr(request, "_request", request)
    try:
        seen = _authenticate(request, inner, kind, allow_revoked=allow_revoked)
    except SynchronousOnlyOperation as error:
        # `jwt_authenticate` in an async view, outside a thread.
        _log.error("the user of a token cannot be found in an async context: %s", error)
        raise JWTError.of("store_unavailable") from None
    _force_user(inner)
    return seen


def get_raw_token_from_request(request: HttpRequest) -> str:
    """Give the text of the request's token, unverified; `jwt_type` in the form says which.

    Raises `JWTError` where there is none, or two.
    """
    kind = _core.jwt_type(request.POST.get("jwt_type"))
    try:
        return conf.engine().find(
            request.META.get("HTTP_AUTHORIZATION"), request.META.get("HTTP_COOKIE"), kind
        )[0]
    except JWTValidationError as error:
        raise _mended(error, request) from None


def jwt_login_required(view: View) -> View:
    """Guard a view: only a request with a good access token gets in; others get 401 as JSON."""
    return _guard(view, _check_login, authentication=_check_login)


def jwt_perm_required(perms: Iterable[str]) -> Callable[[View], View]:
    """Guard a view by permissions (`app.codename`), all of the list; 403 as JSON.

    Goes inside `jwt_login_required`. Asks the database only where the token says that its
    permissions were too many to carry.
    """
    check = partial(_check_permissions, required_permissions(perms))
    return lambda view: _guard(view, check, authentication=None)


def jwt_optional(view: View) -> View:
    """Guard a view that is open, and knows the user of a good access token.

    Without a token, or with a bad cookie, `request.user` is `AnonymousUser` and `request.payload`
    is None. A bad Bearer token is refused, and so is a cookie without the CSRF token that it needs.
    """
    return _guard(view, _check_optional, authentication=_check_optional)


def jwt_passes_test(test: Callable[[Any], bool]) -> Callable[[View], View]:
    """Guard a view by login and a test of the request. Any result but True refuses with 403.

    The test may raise `JWTError` to say more. An async view runs it in a thread.
    """
    return lambda view: _guard(view, partial(_check_test, test), authentication=_check_login)


def jwt_is_refresh(view: View) -> View:
    """Guard a view that takes a refresh token of a live session.

    Where a cookie holds it, the form says `jwt_type=refresh`.
    """
    guarded = _guard(view, _check_refresh, authentication=_check_refresh)
    guarded.reads_refresh_token = True  # type: ignore[attr-defined] # a check asks for it
    return guarded


def let_in(request: Any, view: Any = None) -> None:
    """Do what `jwt_login_required` does before its view runs. Raises `JWTError`.

    For guards of other frameworks. `view` is what the author of a view may have exempted from CSRF.
    """
    inner = getattr(request, "_request", request)
    inner._djwto_guarded = True  # noqa: SLF001
    _run_check(_check_login, request, inner, view)


async def alet_in(request: Any, view: Any = None) -> None:
    """Do the same without blocking the event loop."""
    inner = getattr(request, "_request", request)
    inner._djwto_guarded = True  # noqa: SLF001
    await _arun_check(_check_login, request, inner, view)


def presented_by(request: HttpRequest) -> Literal["header", "cookie"] | None:
    """Tell what brings the request's access token, good or bad; None where there is none."""
    if _has_no_headers(request):
        return None
    try:
        mode = conf.engine().find(
            request.META.get("HTTP_AUTHORIZATION"), request.META.get("HTTP_COOKIE"), "access"
        )[1]
    except JWTValidationError as error:
        if error.code in _MISSING:
            return None
        return "header" if error.code == "authorization_invalid" else "cookie"
    return "header" if mode == "JSON" else "cookie"


def recognize(request: HttpRequest) -> _core.Authenticated | None:
    """Let the user of the request's access token be its user; None where there is no token.

    For middleware. CSRF is not checked. Raises `JWTError`.
    """
    if _has_no_headers(request) or (_may_wait() and presented_by(request) is None):
        return None
    return _recognized(request)


async def arecognize(request: HttpRequest) -> _core.Authenticated | None:
    """Do the same without blocking the event loop."""
    if _has_no_headers(request) or (_may_wait() and presented_by(request) is None):
        return None
    await revocation.aload()
    await _wait_for_keys(request)
    if _asks_for_tenant():
        return await sync_to_async(_recognized)(request)
    try:
        return _recognized(request)
    except SynchronousOnlyOperation:
        # The user of a token of another format is found by a query.
        return await sync_to_async(_recognized)(request)


def _recognized(request: HttpRequest) -> _core.Authenticated | None:
    try:
        return _authenticate(request, request)
    except JWTValidationError as error:
        if error.code in _MISSING:
            return None
        raise
    except JWTError:
        if presented_by(request) is None:
            return None
        raise


def _may_wait() -> bool:
    """Whether a token is waited for: for ended sessions to be known, or for its tenant.

    A request without one must not wait.
    """
    return _asks_for_tenant() or revocation.is_loading(conf.current())


def _has_no_headers(request: HttpRequest) -> bool:
    return not (request.META.get("HTTP_AUTHORIZATION") or request.META.get("HTTP_COOKIE"))


def check_csrf(request: HttpRequest, *, is_exempt: bool = False) -> None:
    """Demand the CSRF token, which may be in a store. Raises `JWTError`.

    `is_exempt` says that the view is, and may read the body in its own way.
    """
    _run(partial(csrf.check_exempt if is_exempt else csrf.check, request))


def set_nobody(request: Any) -> None:
    """Give a request the lazy user that Django's middleware gives one without a session."""
    request.user = user = _lazy(anonymous)
    request.auser = partial(_touched, user)


def make_anonymous(request: Any) -> None:
    """Take the user of a request away, that of a token and that of Django's session."""
    inner = getattr(request, "_request", request)
    inner._djwto_claims = inner._djwto_seen = inner._djwto_opened = None  # noqa: SLF001
    inner._djwto_user = inner._djwto_kept = None  # noqa: SLF001
    user = anonymous()
    for one in (inner,) if inner is request else (inner, request):
        one.payload = one.token = one.jwt_mode = None
        one.user, one.auser = user, partial(_itself, user)


def _refuse(request: Any, inner: Any) -> None:
    """Take back what a check has set before it refused: a view may answer with another view."""
    make_anonymous(request)
    api_views.unforce(inner)


def required_permissions(perms: Iterable[str]) -> _core.RequiredPermissions:
    """Prepare permissions for `require_permissions`."""
    return _core.RequiredPermissions([perms] if isinstance(perms, str) else _texts(perms))


def keep_replaced(request: Any) -> None:
    """Let guards keep the user that middleware put in the place of the token's.

    That is middleware which runs between `JWTMiddleware` and the view: it verifies a second factor,
    or impersonates. What replaces the user later, as REST framework does, does not count.
    """
    known = getattr(request, "_djwto_user", None)
    if known is None or getattr(request, "_djwto_opened", None) is None:
        return
    user = request.user
    # Of a lazy user it is not asked, which would load it.
    is_lazy = issubclass(type(user), LazyObject)
    if user is not known[1] and (is_lazy or getattr(user, "is_authenticated", False)):
        request._djwto_kept = (known, user, request.auser)  # noqa: SLF001


def require_permissions(request: Any, required: _core.RequiredPermissions) -> None:
    """Do what `jwt_perm_required` does before its view runs. Raises `JWTError`."""
    inner = getattr(request, "_request", request)
    _run_check(partial(_check_permissions, required), request, inner, None)


async def arequire_permissions(request: Any, required: _core.RequiredPermissions) -> None:
    """Do the same without blocking the event loop."""
    inner = getattr(request, "_request", request)
    await _arun_check(partial(_check_permissions, required), request, inner, None)


def load_user(request: HttpRequest) -> Any:
    """Load the user of a request that was let in, and return it without its lazy wrapper.

    Raises `JWTError` (`store_unavailable`).
    """
    user: Any = request.user
    if not isinstance(user, SimpleLazyObject):
        return user
    _run(partial(bool, user))
    return user._wrapped  # noqa: SLF001


def is_nobody(request: HttpRequest, error: JWTError) -> bool:
    """Whether a request that `let_in` refused may go on without a user.

    So it is without a token, and with a bad cookie. A bad `Bearer` token was sent on purpose.
    """
    return error.status == 401 and presented_by(request) != "header"


def authenticate_form(
    request: HttpRequest, kind: str, *, csrf_exempt: bool = False
) -> _core.Authenticated:
    """Verify the token of an endpoint, whose form says `jwt_type` where a cookie carries it.

    Checks CSRF, and not whether the session was ended: that is the database's to say. Raises
    `JWTError`.
    """
    if answering_mode(request) != "JSON":
        _core.check_jwt_type(request.POST.get("jwt_type"), kind)
    seen = authenticate(request, kind, allow_revoked=True)
    if csrf.is_needed(request, seen.mode) and not csrf_exempt:
        csrf.check(request)
    return seen


def authenticate_live(
    request: HttpRequest, kind: str, *, csrf_exempt: bool = False
) -> _core.Authenticated:
    """Do the same, and refuse a token whose session was ended, or that is not its latest."""
    from djwto import renewal, sessions  # here: a service that only verifies has no sessions

    seen = authenticate_form(request, kind, csrf_exempt=csrf_exempt)
    if kind == "refresh":
        renewal.check(seen)
    elif not sessions.is_renewable(seen.claims):
        raise JWTError.of("token_blacklisted")
    return seen


def answering_mode(request: HttpRequest) -> str:
    """Tell how a request is answered, whether or not its token is good."""
    return conf.engine().answering_mode(
        request.META.get("HTTP_AUTHORIZATION"), request.META.get("HTTP_COOKIE")
    )


def _authenticate(
    request: Any, inner: Any, kind: str = "access", *, allow_revoked: bool = False
) -> _core.Authenticated:
    found = _verified(inner, kind, allow_revoked=allow_revoked)
    if isinstance(found, _core.Authenticated):
        return _let_in(request, inner, found)
    return _let_in_other(request, inner, found)


def _verified(
    inner: Any, kind: str = "access", *, allow_revoked: bool = False
) -> "_core.Authenticated | formats.FindUser":
    """Verify the token of a request. One of another format has a query to make yet."""
    config = conf.current()
    if config.remote is not None:
        config = _with_keys(config, config.remote, inner, kind)
    if not allow_revoked:
        revocation.require(config)
    tenant = None if config.tenant is None else tenants.of(inner)
    # No variable holds a header or a token: error trackers show those of every frame.
    try:
        seen = config.engine.authenticate(
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
    return seen


def _let_in_other(request: Any, inner: Any, find: formats.FindUser) -> _core.Authenticated:
    """Let the user of a token of another format in. Makes a query. Raises `JWTError`."""
    return _let_in(request, inner, _run(find))


def _let_in(request: Any, inner: Any, seen: _core.Authenticated) -> _core.Authenticated:
    request.payload = claims = seen.claims
    inner._djwto_claims = claims  # noqa: SLF001 (a project may set `payload` from anything)
    inner._djwto_seen = seen  # noqa: SLF001 (and may change the claims)
    request.token = seen.token
    request.jwt_mode = seen.mode
    # A guard inside another one, or under `JWTMiddleware`, goes on with the user that was loaded.
    known = getattr(inner, "_djwto_user", None)
    if known is None or known[0].token != seen.token:
        known = inner._djwto_user = (seen, *_user_of(conf.current(), seen))  # noqa: SLF001
    _, request.user, request.auser = known
    kept = getattr(inner, "_djwto_kept", None)
    if kept is not None and kept[0] is known:
        _, request.user, request.auser = kept
    return seen


def _force_user(inner: Any) -> None:
    """Let Django REST framework keep this user: it would set one of its own on the request."""
    inner._force_auth_user = inner.user  # noqa: SLF001
    inner._force_auth_token = getattr(inner, "_djwto_claims", None)  # noqa: SLF001


def _user_of(config: conf.Config, seen: Any) -> tuple[Any, Callable[[], Any]]:
    """Give what `request.user` and `request.auser` are."""
    if config.has_token_users:
        of_token = TokenUser(seen.claims)
        return of_token, partial(_itself, of_token)
    if isinstance(seen, formats.OtherToken):
        return seen.user, partial(_itself, seen.user)
    user = _lazy(partial(_load_user, seen.claims["user"]["id"]))
    return user, partial(_load_user_async, user)


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
    """Give the `kid` of the request's token. Raises `JWTValidationError` where there is none."""
    from djwto.keys.remote import kid_of

    meta = inner.META
    # No variable holds the token.
    return kid_of(
        config.engine.find(meta.get("HTTP_AUTHORIZATION"), meta.get("HTTP_COOKIE"), kind)[0]
    )


def _mended(error: JWTValidationError, request: HttpRequest) -> JWTValidationError:
    """Let the refusal of a doubled cookie clear it, or the user is locked out while it lives."""
    if error.code == "cookie_ambiguous":
        error.cookies = responses.clearing_doubled(request)
    return error


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


def _check_login(request: Any, inner: Any, view: Any) -> Work | None:
    found = _verified(inner)
    if not isinstance(found, _core.Authenticated):
        # It came in a header, so there is no CSRF to check.
        return partial(_open_other, request, inner, found)
    seen = _opened(inner, _let_in(request, inner, found))
    if not csrf.is_needed(inner, seen.mode) or _is_exempt(inner, view):
        return None
    return partial(csrf.check, inner)


def _open_other(request: Any, inner: Any, find: formats.FindUser) -> None:
    _opened(inner, _let_in_other(request, inner, find))


def _opened(inner: Any, seen: _core.Authenticated) -> _core.Authenticated:
    _force_user(inner)
    inner._djwto_opened = seen  # noqa: SLF001
    return seen


def _check_optional(request: Any, inner: Any, view: Any) -> Work | None:
    brought_by = presented_by(inner)
    if brought_by is not None:
        try:
            return _check_login(request, inner, view)
        except JWTValidationError as error:
            if brought_by == "header":
                raise
            api_views.note_refusal(inner, error)
    make_anonymous(request)
    vars(inner).pop("_djwto_opened", None)  # no token has, and none was refused for its request
    _force_user(inner)
    return None


def _check_refresh(request: Any, inner: Any, view: Any) -> Work:
    return partial(authenticate_live, request, "refresh", csrf_exempt=_is_exempt(inner, view))


def _is_exempt(request: HttpRequest, view: Any) -> bool:
    match = request.resolver_match
    return csrf.exempt_by_author(view) or (match is not None and csrf.exempt_by_author(match.func))


def _check_permissions(
    required: _core.RequiredPermissions, request: Any, inner: Any, _view: Any
) -> Work | None:
    claims = getattr(inner, "_djwto_claims", None)
    if claims is None:
        raise JWTError.of("login_required")
    if required.check(claims["user"]):
        return None
    return partial(_check_stored_permissions, required, request)


def _check_stored_permissions(required: _core.RequiredPermissions, request: HttpRequest) -> None:
    # Through the hook: what it would have put into the token decides here too.
    known = getattr(getattr(request, "_request", request), "_djwto_user", None)
    # The user of the token, also where middleware has put another in their place.
    user = request.user if known is None else known[1]
    granted: Iterable[Any]
    if isinstance(user, TokenUser):
        granted = user.get_all_permissions()
    else:
        granted = tokens.process_perms(user) if user.is_active else []
    required.check_list(_texts(granted))


def _texts(permissions: Iterable[Any]) -> list[str]:
    """Give permissions as texts: a hook's may be lazy ones, and an enum's member is one already."""
    return [one if isinstance(one, str) else str(one) for one in permissions]


def _check_test(test: Callable[[Any], bool], request: Any, inner: Any, view: Any) -> Work:
    rest = _check_login(request, inner, view)

    def run() -> None:
        if rest is not None:
            rest()
        if test(request) is not True:
            raise JWTError.of("test_failed")

    return run


def _guard(view: View, check: Check, *, authentication: Check | None) -> View:
    """Wrap a view: run the check, then the view, and keep the reply private.

    What the view raises is not caught: `PrivateRepliesMiddleware` finds the mark on the request.
    `authentication` is the part of the check that lets the user in; None for a guard that does not.
    """
    if iscoroutinefunction(view) or _is_method_of_async_view(view):

        @wraps(view)
        async def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
            # Django REST framework wraps Django's request.
            inner = getattr(request, "_request", request)
            inner._djwto_guarded = True  # noqa: SLF001
            try:
                await _arun_check(check, request, inner, view)
            except JWTError as error:
                return responses.keep_private(api_views.refusal(request, view, error))
            response = view(request, *args, **kwargs)
            return _finished(inner, await response if isawaitable(response) else response)

    else:

        @wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
            inner = getattr(request, "_request", request)
            inner._djwto_guarded = True  # noqa: SLF001
            try:
                _run_check(check, request, inner, view)
            except JWTError as error:
                return responses.keep_private(api_views.refusal(request, view, error))
            is_open = check is _check_optional and inner._djwto_claims is None  # noqa: SLF001
            answer = api_views.asking_for_login(view, inner) if is_open else view
            return _finished(inner, answer(request, *args, **kwargs))

    marked: Any = guarded
    # Marks for `guard_checks`.
    marked.djwto_guard = True
    if authentication is not None:
        marked.djwto_lets_in = True
        # The guard asks for the CSRF token itself, and only where a cookie brought the token;
        # and for a login, of which Django's LoginRequiredMiddleware would know nothing.
        marked.csrf_exempt = csrf.GUARD_EXEMPT
        marked.login_required = False
        api_views.hand_over(
            marked,
            view,
            partial(_run_check, authentication, view=view),
            kind="refresh" if authentication is _check_refresh else "access",
            is_optional=authentication is _check_optional,
        )
    return cast("View", guarded)


def _finished(inner: Any, response: Any) -> Any:
    """Keep the reply private, and clear a cookie that `jwt_optional` has not taken."""
    return responses.clear_refused(responses.keep_private(response), api_views.refusal_of(inner))


def _run_check(check: Check, request: Any, inner: Any, view: Any) -> None:
    """Do the whole of a check. Raises `JWTError`."""
    work = check(request, inner, view)
    if work is not None:
        _do(work, request, inner)


def _do(work: Work, request: Any, inner: Any) -> None:
    """Do the rest of a check. Where it refuses the request, no one is let in. Raises `JWTError`."""
    try:
        _run(work)
    except Exception:
        if not _asks_for_more(work):
            _refuse(request, inner)
        raise
    # The middleware may have decided without the form, where the guard has found the token.
    error = getattr(inner, "jwt_error", None)
    if error is not None and error.code == "csrf_failed":
        inner.jwt_error = None


def _asks_for_more(work: Work) -> bool:
    """Whether this only asks for permissions: another guard has let the user in."""
    return getattr(work, "func", None) is _check_stored_permissions


async def _arun_check(check: Check, request: Any, inner: Any, view: Any) -> None:
    if check is not _check_optional or presented_by(inner) is not None:
        await _wait_for_keys(inner)
        await revocation.aload()
    if _asks_for_tenant():
        await sync_to_async(_run_check)(check, request, inner, view)
        return
    work = check(request, inner, view)
    if work is not None:
        await sync_to_async(_do)(work, request, inner)


def _asks_for_tenant() -> bool:
    """Whether a thread must ask for the tenant in the place of the event loop.

    The project's function may ask a database. The schema of django-tenants is an attribute of a
    connection, which the thread of its middleware has.
    """
    return conf.current().tenant is not None


async def _wait_for_keys(inner: Any) -> None:
    """Wait for keys behind a URL that the request's access token needs."""
    config = conf.current()
    if config.remote is None:
        return
    with suppress(JWTValidationError):
        await config.remote.wait_for(_kid_of(config, inner, "access"))


def _is_method_of_async_view(view: Any) -> bool:
    """Whether this is a class-based view's method, such as `dispatch`, that gives a coroutine."""
    bound = getattr(view, "func", view)  # `method_decorator` hands over a partial
    return bool(getattr(getattr(bound, "__self__", None), "view_is_async", False))


def _run(work: Work) -> Any:
    try:
        return work()
    except (DatabaseError, InterfaceError) as error:
        if not stores.is_gone(error):
            raise
        _log.exception("the database failed under a guard%s", stores.advice(error))
        stores.let_go(error)
        raise JWTError.of("store_unavailable") from error
