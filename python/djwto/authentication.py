"""The guards: decorators that let requests with a good token into views.

A guard works on a function and, through `method_decorator`, on a method or on `dispatch`. The view
may be sync, async, or of Django REST framework. A guard makes no query to the database.
"""

from collections.abc import Callable, Iterable
from functools import partial, wraps
from inspect import isawaitable
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from djwto import _core, access, admission, api_views, csrf, responses, state
from djwto.admission import Check
from djwto.exceptions import JWTError
from djwto.responses import WWWAUTHENTICATE
from djwto.types import THttpRequest
from djwto.user_rows import spelling_of

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


def user_authenticate(request: HttpRequest) -> Any:
    """Hook: return the user whose credentials are in `request.POST`; None if they are wrong.

    It may raise `ValidationError`, `PermissionDenied`, or `JWTError` with a status below 500: the
    login then fails with that message.
    """
    from djwto.forms import LoginForm  # here: `django.contrib.auth` may not be installed

    form = LoginForm(request, data=request.POST)
    if not form.is_valid():
        raise ValidationError(form.errors.as_data())
    return form.get_user()


def user_account(request: HttpRequest) -> str:
    """Hook: return the login name of the request. Failed logins are counted by this name.

    Returns "" if the request has none: then only the client's address counts.
    """
    return spelling_of(request.POST.get("username", ""))


def jwt_authenticate(
    request: HttpRequest, kind: str = "access", *, allow_revoked: bool = False
) -> dict[str, Any]:
    """Verify the token of a request, and return its claims.

    Sets `payload`, `token`, `jwt_mode` and `user` on the request. `kind` is `access` or `refresh`.
    `allow_revoked` also accepts the token of an ended session.

    Does not check CSRF, and does not keep the reply out of caches: call `csrf.check` and
    `responses.keep_private` for that.

    Raises `JWTValidationError` if the token is missing or not good. Raises `JWTError`
    (`store_unavailable`) if it is not known which sessions have ended.
    """
    return access.authenticate(request, kind, allow_revoked=allow_revoked).claims


def get_raw_token_from_request(request: HttpRequest) -> str:
    """Return the text of the request's token, without verifying it.

    The form field `jwt_type` says which token: `access` (the default) or `refresh`. Raises
    `JWTError` if there is no token, or two.
    """
    return access.raw_token(request, _core.jwt_type(request.POST.get("jwt_type")))


def jwt_login_required(view: View) -> View:
    """Guard a view: it needs a good access token. Other requests get 401 as JSON.

    A cookie with the token also needs the CSRF token on unsafe methods, else 403 as JSON.
    """
    return _guard(view, admission.check_login, authentication=admission.check_login)


def jwt_perm_required(perms: Iterable[str]) -> Callable[[View], View]:
    """Guard a view: the user needs all of these permissions (`app.codename`), else 403 as JSON.

    Put it below `jwt_login_required`. It reads the permissions in the token. It asks the database
    only if the token says that they did not fit into it.
    """
    check = partial(admission.check_permissions, admission.required_permissions(perms))
    return lambda view: _guard(view, check, authentication=None)


def jwt_optional(view: View) -> View:
    """Guard an open view: with a good access token, `request.user` is its user.

    Without a token, or with a bad cookie, `request.user` is `AnonymousUser` and `request.payload`
    is None. A bad Bearer token gets 401. On an unsafe method, a good cookie without the CSRF token
    gets 403.
    """
    return _guard(view, admission.check_optional, authentication=admission.check_optional)


def jwt_passes_test(test: Callable[[Any], bool]) -> Callable[[View], View]:
    """Guard a view: it needs a good access token, and `test(request)` must return True, else 403.

    The test may raise `JWTError` to choose another message. Under an async view it runs in a
    thread.
    """
    check = partial(admission.check_test, test)
    return lambda view: _guard(view, check, authentication=admission.check_login)


def jwt_is_refresh(view: View) -> View:
    """Guard a view: it needs the latest refresh token of a live session. It asks the database.

    If the token is in a cookie, the form field `jwt_type` must be `refresh`. Other requests get a
    failure as JSON.
    """
    guarded = _guard(view, admission.check_refresh, authentication=admission.check_refresh)
    guarded.reads_refresh_token = True  # type: ignore[attr-defined] # a check asks for it
    return guarded


def _guard(view: View, check: Check, *, authentication: Check | None) -> View:
    """Wrap a view: run the check, then the view, and keep the reply private.

    An exception of the view is not caught: `PrivateRepliesMiddleware` finds the mark on the
    request. `authentication` is the part of the check that sets the user; None: it sets none.
    """
    lets_in = authentication is not None
    if iscoroutinefunction(view) or _is_method_of_async_view(view):

        @wraps(view)
        async def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                known = await admission.arun_check(check, request, view, lets_in=lets_in)
            except JWTError as error:
                return responses.keep_private(api_views.refusal(request, view, error))
            response = view(request, *args, **kwargs)
            return _finished(known, await response if isawaitable(response) else response)

    else:

        @wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                known = admission.run_check(check, request, view, lets_in=lets_in)
            except JWTError as error:
                return responses.keep_private(api_views.refusal(request, view, error))
            if check is admission.check_optional and known.seen is None:
                answer = api_views.asking_for_login(view, state.inner_of(request))
                return _finished(known, answer(request, *args, **kwargs))
            return _finished(known, view(request, *args, **kwargs))

    marked: Any = guarded
    # Marks for `guard_checks`.
    marked.djwto_guard = True
    if authentication is not None:
        marked.djwto_lets_in = True
        # The guard checks CSRF itself, and only if a cookie brought the token. It also demands the
        # login, which Django's LoginRequiredMiddleware would not see.
        marked.csrf_exempt = csrf.GUARD_EXEMPT
        marked.login_required = False
        api_views.hand_over(
            marked,
            view,
            partial(admission.run_check, authentication, view=view),
            kind="refresh" if authentication is admission.check_refresh else "access",
            is_optional=authentication is admission.check_optional,
        )
    return cast("View", guarded)


def _finished(known: state.State, response: Any) -> Any:
    """Keep the reply private, and clear a cookie that `jwt_optional` has not taken."""
    responses.keep_private(response)
    return responses.clear_refused(response, known.refusal) if known.refusal else response


def _is_method_of_async_view(view: Any) -> bool:
    """Whether this is a class-based view's method, such as `dispatch`, that gives a coroutine."""
    bound = getattr(view, "func", view)  # `method_decorator` hands over a partial
    return bool(getattr(getattr(bound, "__self__", None), "view_is_async", False))
