"""The checks that guards and `djwto.contrib` run on a request.

A check sets the user, and demands what a request needs beside a good token: CSRF, permissions.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest

from djwto import _core, access, api_views, csrf, state, tokens
from djwto.exceptions import JWTError, JWTValidationError
from djwto.users import TokenUser

Work = Callable[[], Any]
"""The part of a check that may wait for the database or a cache."""
Check = Callable[[Any, Any, state.State, Any], "Work | None"]
"""Takes the request, Django's own request inside it with its state, and the guarded view.

Raises `JWTError`, or returns the rest to do.
"""


def let_in(request: Any, view: Any = None) -> None:
    """Do what `jwt_login_required` does before its view runs. Raises `JWTError`.

    For guards of other frameworks. The author of `view` may have exempted it from CSRF.
    """
    run_check(check_login, request, view)


async def alet_in(request: Any, view: Any = None) -> None:
    """Do what `let_in` does, without blocking the event loop."""
    await arun_check(check_login, request, view)


def is_nobody(request: HttpRequest, error: JWTError) -> bool:
    """Whether a request that `let_in` refused may go on without a user.

    True without a token and with a bad cookie. A bad Bearer token was sent on purpose.
    """
    return error.status == 401 and access.presented_by(request) != "header"


def required_permissions(perms: Iterable[str]) -> _core.RequiredPermissions:
    """Prepare permissions for `require_permissions`."""
    return _core.RequiredPermissions([perms] if isinstance(perms, str) else _texts(perms))


def require_permissions(request: Any, required: _core.RequiredPermissions) -> None:
    """Do what `jwt_perm_required` does before its view runs. Raises `JWTError`."""
    run_check(partial(check_permissions, required), request, None, lets_in=False)


async def arequire_permissions(request: Any, required: _core.RequiredPermissions) -> None:
    """Do what `require_permissions` does, without blocking the event loop."""
    await arun_check(partial(check_permissions, required), request, None, lets_in=False)


def authenticate_form(
    request: HttpRequest, kind: str, *, csrf_exempt: bool = False
) -> _core.Authenticated:
    """Verify the token of an endpoint. With a cookie, the form must have `jwt_type`.

    Checks CSRF. It does not check whether the session was ended, which only the database knows.
    Raises `JWTError`.
    """
    if access.answering_mode(request) != "JSON":
        _core.check_jwt_type(request.POST.get("jwt_type"), kind)
    seen = access.authenticate(request, kind, allow_revoked=True)
    if csrf.is_needed(request, seen.mode) and not csrf_exempt:
        csrf.check(request)
    return seen


def authenticate_live(
    request: HttpRequest, kind: str, *, csrf_exempt: bool = False
) -> _core.Authenticated:
    """Verify the token of an endpoint, and that it is the latest one of a live session."""
    from djwto import renewal, sessions  # here: a service that only verifies has no sessions

    seen = authenticate_form(request, kind, csrf_exempt=csrf_exempt)
    if kind == "refresh":
        renewal.check(seen)
    elif not sessions.is_renewable(seen.claims):
        raise JWTError.of("token_blacklisted")
    return seen


def run_check(check: Check, request: Any, view: Any, *, lets_in: bool = True) -> state.State:
    """Run a whole check, and return the state of the request. Raises `JWTError`.

    `lets_in` says that the check sets the user. After a refusal, the request is anonymous again.
    """
    inner = state.inner_of(request)
    known = state.of(inner)
    known.is_guarded = True
    work = check(request, inner, known, view)
    if work is not None:
        _do(work, request, inner, lets_in)
    return known


async def arun_check(check: Check, request: Any, view: Any, *, lets_in: bool = True) -> state.State:
    """Do what `run_check` does, without blocking the event loop."""
    inner = state.inner_of(request)
    known = state.of(inner)
    known.is_guarded = True
    if check is check_optional and access.presented_by(inner) is None:
        work = check(request, inner, known, view)
    else:
        work = await access.awaited(inner, check, request, inner, known, view)
    if work is not None:
        await sync_to_async(_do)(work, request, inner, lets_in)
    return known


def check_login(request: Any, inner: Any, known: state.State, view: Any) -> Work | None:
    """Demand a good access token, and the CSRF token if a cookie brought it."""
    found = access.verified(inner)
    if not isinstance(found, _core.Authenticated):
        # It came in a header, so there is no CSRF to check.
        return partial(_open, request, inner, known, found)
    seen = _open(request, inner, known, found)
    if not csrf.is_needed(inner, seen.mode) or _is_exempt(inner, view):
        return None
    return partial(csrf.check, inner)


def check_optional(request: Any, inner: Any, known: state.State, view: Any) -> Work | None:
    """Check the login if there is a token; refuse a bad token only in a header."""
    brought_by = access.presented_by(inner)
    if brought_by is not None:
        try:
            return check_login(request, inner, known, view)
        except JWTValidationError as error:
            if brought_by == "header":
                raise
            known.refuse(error)
    access.make_anonymous(request)
    # The view goes on without a user: a login of Django's still ends the session that cookies name.
    known.is_settled = False
    access.force_user(inner, None)
    return None


def check_refresh(request: Any, inner: Any, _known: state.State, view: Any) -> Work:
    """Demand a refresh token of a live session."""
    return partial(authenticate_live, request, "refresh", csrf_exempt=_is_exempt(inner, view))


def check_test(
    test: Callable[[Any], bool], request: Any, inner: Any, known: state.State, view: Any
) -> Work:
    """Demand a good access token, and True from the test of a project."""
    rest = check_login(request, inner, known, view)

    def work() -> None:
        if rest is not None:
            rest()
        if test(request) is not True:
            raise JWTError.of("test_failed")

    return work


def check_permissions(
    required: _core.RequiredPermissions, request: Any, _inner: Any, known: state.State, _view: Any
) -> Work | None:
    """Demand permissions in the token that let the request in."""
    seen = known.seen
    if seen is None:
        raise JWTError.of("login_required")
    if required.check(seen.claims["user"]):
        return None
    return partial(_check_stored_permissions, required, request)


def _open(request: Any, inner: Any, known: state.State, found: Any) -> Any:
    seen = access.set_user(request, known, found)
    known.open_by(seen)
    access.force_user(inner, seen.claims)
    return seen


def _is_exempt(request: HttpRequest, view: Any) -> bool:
    match = request.resolver_match
    return csrf.exempt_by_author(view) or (match is not None and csrf.exempt_by_author(match.func))


def _check_stored_permissions(required: _core.RequiredPermissions, request: HttpRequest) -> None:
    # The user of the token, also if a middleware has replaced them.
    users = state.of(request).users
    user = request.user if users is None else users[1]
    # By the hook: the permissions that it would put into the token count here too.
    granted: Iterable[Any]
    if isinstance(user, TokenUser):
        granted = user.get_all_permissions()
    else:
        granted = tokens.process_perms(user) if user.is_active else []
    required.check_list(_texts(granted))


def _texts(permissions: Iterable[Any]) -> list[str]:
    """Return permissions as strings. A hook may give lazy strings or members of an enum."""
    return [one if isinstance(one, str) else str(one) for one in permissions]


def _do(work: Work, request: Any, inner: Any, lets_in: bool) -> None:  # noqa: FBT001
    """Run the rest of a check. If it refuses, the request has no user. Raises `JWTError`."""
    try:
        access.run(work)
    except Exception:
        if lets_in:
            # A view may answer with another view.
            access.make_anonymous(request)
            api_views.unforce(inner)
        raise
    # The middleware may have decided without the form, where the guard has found the token.
    error = getattr(inner, "jwt_error", None)
    if error is not None and error.code == "csrf_failed":
        inner.jwt_error = None
