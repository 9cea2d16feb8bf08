"""The token of a request, and the guards: decorators that let requests into views.

Guards work on functions and, through `method_decorator`, on methods and `dispatch`; on sync and
async views; on Django REST framework's views. They make one call into the engine, and no query.
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
    return access.authenticate(request, kind, allow_revoked=allow_revoked).claims


def get_raw_token_from_request(request: HttpRequest) -> str:
    """Give the text of the request's token, unverified; `jwt_type` in the form says which.

    Raises `JWTError` where there is none, or two.
    """
    return access.raw_token(request, _core.jwt_type(request.POST.get("jwt_type")))


def jwt_login_required(view: View) -> View:
    """Guard a view: only a request with a good access token gets in; others get 401 as JSON."""
    return _guard(view, admission.check_login, authentication=admission.check_login)


def jwt_perm_required(perms: Iterable[str]) -> Callable[[View], View]:
    """Guard a view by permissions (`app.codename`), all of the list; 403 as JSON.

    Goes inside `jwt_login_required`. Asks the database only where the token says that its
    permissions were too many to carry.
    """
    check = partial(admission.check_permissions, admission.required_permissions(perms))
    return lambda view: _guard(view, check, authentication=None)


def jwt_optional(view: View) -> View:
    """Guard a view that is open, and knows the user of a good access token.

    Without a token, or with a bad cookie, `request.user` is `AnonymousUser` and `request.payload`
    is None. A bad Bearer token is refused, and so is a cookie without the CSRF token that it needs.
    """
    return _guard(view, admission.check_optional, authentication=admission.check_optional)


def jwt_passes_test(test: Callable[[Any], bool]) -> Callable[[View], View]:
    """Guard a view by login and a test of the request. Any result but True refuses with 403.

    The test may raise `JWTError` to say more. An async view runs it in a thread.
    """
    check = partial(admission.check_test, test)
    return lambda view: _guard(view, check, authentication=admission.check_login)


def jwt_is_refresh(view: View) -> View:
    """Guard a view that takes a refresh token of a live session.

    Where a cookie holds it, the form says `jwt_type=refresh`.
    """
    guarded = _guard(view, admission.check_refresh, authentication=admission.check_refresh)
    guarded.reads_refresh_token = True  # type: ignore[attr-defined] # a check asks for it
    return guarded


def _guard(view: View, check: Check, *, authentication: Check | None) -> View:
    """Wrap a view: run the check, then the view, and keep the reply private.

    What the view raises is not caught: `PrivateRepliesMiddleware` finds the mark on the request.
    `authentication` is the part of the check that lets the user in; None for a guard that does not.
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
        # The guard asks for the CSRF token itself, and only where a cookie brought the token;
        # and for a login, of which Django's LoginRequiredMiddleware would know nothing.
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
