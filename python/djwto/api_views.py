"""Django REST framework: guards under `@api_view`, and the shared part of authentication classes.

REST framework authenticates a request, checks permissions and throttles, and calls the guarded
function last. So a guard also gives it an authentication class, which runs the check of the guard
first. Permissions and throttles then see the user of the token. `@authentication_classes` of the
view's author is kept.

REST framework is imported late, only if it is in use anyway.
"""

import sys
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from django.http import HttpResponseBase, JsonResponse

from djwto import csrf, responses, state
from djwto.exceptions import JWTError


def hand_over(
    guarded: Any,
    view: Any,
    check: Callable[[Any], Any],
    *,
    kind: str = "access",
    is_optional: bool = False,
) -> None:
    """Set the attribute of a guarded function from which `@api_view` takes its classes.

    `check` takes REST framework's request, and raises `JWTError`. `kind` is that of
    the token, and `is_optional` says whether it may be missing: for the OpenAPI document.
    """
    if isinstance(view, partial):
        # A method: `method_decorator` guards it anew at each call, and `@api_view` takes none.
        return
    present = getattr(guarded, "authentication_classes", None)
    # Those of a guard further inside were copied from the function that is wrapped.
    if present is None or getattr(present, "is_of_guard", False):
        about = {"check": staticmethod(check), "kind": kind, "is_optional": is_optional}
        made = type("GuardAuthentication", (GuardAuthentication,), about)
        guarded.authentication_classes = _OfGuard((made,))


class GuardAuthentication:
    """The authentication class of a guard. It does not import REST framework."""

    check: Callable[[Any], Any]
    kind = "access"
    is_optional = False
    is_of_djwto = True
    """A mark for `guard_checks`."""

    def authenticate(self, request: Any) -> tuple[Any, Any] | None:
        """Return the user and the claims; None if the guard lets a request in without a token.

        Raises REST framework's exception if the guard refuses.
        """
        begin(request)
        try:
            self.check(request)
        except JWTError as error:
            raise as_exception(request, error, error=str(error)) from None
        # Those of this request's token, which the guard has just seen.
        claims = state.of(request).claims
        return None if claims is None else (request.user, claims)

    def authenticate_header(self, request: Any) -> str | None:
        """Return the challenge of a 401."""
        return challenge(request)


class _NoToken(GuardAuthentication):
    """The result of a guard outside `@api_view`: no user, and the reason."""

    @staticmethod
    def check(_request: Any) -> None:
        """Keep this result."""


def unforce(inner: Any) -> None:
    """Remove the user that REST framework would let in without asking any of its classes."""
    for name in ("_force_auth_user", "_force_auth_token"):
        vars(inner).pop(name, None)


def asking_for_login(view: Any, inner: Any) -> Any:
    """Let a view of REST framework answer a request without a user with 401, as in `@api_view`.

    With a forced user, its permissions would refuse with 403 and no challenge. A view inside
    further wrappers stays as it is.
    """
    if sys.modules.get("rest_framework.views") is None:
        return view
    instance: Any = getattr(getattr(view, "func", None), "__self__", None)
    if hasattr(instance, "get_authenticators"):  # `dispatch`, by `method_decorator`
        instance.authentication_classes = (_NoToken,)
        unforce(inner)
        return view
    made: Any = getattr(view, "__wrapped__", None)
    # What `as_view` gives has one decorator around it, `csrf_exempt`.
    kind = getattr(made, "cls", None)
    if kind is None or not csrf.exempts(view):
        return view
    if getattr(made, "__wrapped__", None) not in (None, kind, kind.dispatch):
        return view
    unforce(inner)
    of_viewset = [made.actions] if hasattr(made, "actions") else []
    classes = {"authentication_classes": (_NoToken,)}
    return kind.as_view(*of_viewset, **{**made.initkwargs, **classes})


class _OfGuard(tuple[Any, ...]):
    """The classes of a guard, as opposed to those of the author of a view."""

    __slots__ = ()
    is_of_guard = True


def begin(request: Any) -> Any:
    """Mark a request of REST framework as guarded, and return Django's request inside it.

    The reply that REST framework makes is then private, and clears the cookies of a refused token.
    Other replies are left to `PrivateRepliesMiddleware`.
    """
    inner = request._request  # noqa: SLF001
    state.of(inner).is_guarded = True
    view = request.parser_context.get("view")
    if view is not None:  # a request made by hand has none
        # The view is made for this request.
        view.finalize_response = partial(_finalize, view.finalize_response)
    return inner


def challenge(request: Any) -> str | None:
    """Return the challenge of a 401; None makes REST framework answer 403.

    REST framework asks for it while it handles the exception of a permission. This puts the
    sentence and the slug of the token's refusal into that exception.
    """
    refused = state.of(request).refusal
    if refused is None:
        return responses.WWWAUTHENTICATE
    from rest_framework.exceptions import NotAuthenticated

    raised = sys.exc_info()[1]
    if isinstance(raised, NotAuthenticated):
        raised.detail = details(refused)
    return responses.refusal(refused).get("WWW-Authenticate")


def as_exception(request: Any, error: JWTError, /, **extra: str) -> Exception:
    """Turn a refusal into REST framework's exception, with `detail` and `code`."""
    headers = responses.refusal(error).headers
    state.of(request).refuse(error)
    raised: Any = _exceptions().get(error.status, _exceptions()[None])(details(error, **extra))
    raised.status_code = error.status
    # REST framework's handler makes headers of these.
    raised.auth_header = headers.get("WWW-Authenticate")
    if "Retry-After" in headers:
        raised.wait = int(headers["Retry-After"])
    return raised  # type: ignore[no-any-return]


def refusal(request: Any, view: Any, error: JWTError) -> JsonResponse:
    """Return the refusal of a guard. For clients of REST framework it also has `detail`."""
    rest = sys.modules.get("rest_framework.views")
    if rest is None:
        return responses.refusal(error)
    bound = getattr(view, "func", view)  # `method_decorator` hands over a partial
    view_class = getattr(bound, "cls", None) or type(getattr(bound, "__self__", None))
    # Under `@api_view` the request is REST framework's.
    is_rest = hasattr(request, "_request") or (
        isinstance(view_class, type) and issubclass(view_class, rest.APIView)
    )
    return responses.refusal(error, detail=str(error)) if is_rest else responses.refusal(error)


def _finalize(
    finalize: Callable[..., HttpResponseBase], request: Any, /, *args: Any, **kwargs: Any
) -> HttpResponseBase:
    response = responses.keep_private(finalize(request, *args, **kwargs))
    # What fails before REST framework has wrapped Django's request is finalized with that.
    return responses.clear_refused(response, state.of(request).refusal)


@cache
def _exceptions() -> dict[int | None, type[Exception]]:
    """Return the exception for each status."""
    from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied

    class TokenRefused(AuthenticationFailed):
        """A 401 with a challenge, in any order of the classes.

        REST framework would make it a 403 if the first class has no challenge, as
        `SessionAuthentication` has none.
        """

        @property
        def status_code(self) -> int:
            return 401

        @status_code.setter
        def status_code(self, _status: int) -> None:
            pass

    return {401: TokenRefused, 403: PermissionDenied, None: APIException}


def details(error: JWTError, /, **extra: str) -> Any:
    """Return the body of an exception of REST framework: `detail` and `code`."""
    from rest_framework.exceptions import APIException

    return APIException({"detail": str(error), "code": error.code, **extra}, error.code).detail
