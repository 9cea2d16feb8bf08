"""Guards under Django REST framework's `@api_view`.

REST framework authenticates a request, asks its permissions and throttles, and calls the guarded
function last. So a guard also hands it an authentication class, which does the guard's check first:
permissions and throttles then see the user of the token. `@authentication_classes` of the view's
author stands.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from djwto import responses
from djwto.exceptions import JWTError


def hand_over(guarded: Any, view: Any, check: Callable[[Any, Any], None]) -> None:
    """Put the attribute on a guarded function from which `@api_view` takes its classes.

    `check` takes REST framework's request and Django's, and raises `JWTError`.
    """
    if isinstance(view, partial):
        # A method: `method_decorator` guards it anew at each call, and `@api_view` takes none.
        return
    present = getattr(guarded, "authentication_classes", None)
    # Those of a guard further inside were copied from the function that is wrapped.
    if present is None or getattr(present, "is_of_guard", False):
        made = type("GuardAuthentication", (GuardAuthentication,), {"check": staticmethod(check)})
        guarded.authentication_classes = _OfGuard((made,))


class GuardAuthentication:
    """What REST framework asks of an authentication class; none of its code is needed for that."""

    check: Callable[[Any, Any], None]

    def authenticate(self, request: Any) -> tuple[Any, Any] | None:
        """Return the user and the claims; None where the request is to be refused.

        Where the permissions are open to all, the guard itself refuses. A failure that is no 401 or
        403 (400, 503) is raised at once, as REST framework's exception.
        """
        inner = request._request  # noqa: SLF001
        inner._djwto_guarded = True  # noqa: SLF001
        try:
            self.check(request, inner)
        except JWTError as error:
            if error.status not in (401, 403):
                raise _as_api_exception(error) from None
            inner._djwto_refusal = error.with_traceback(None)  # noqa: SLF001
            return None
        # `jwt_optional` lets requests without a token in.
        return None if request.payload is None else (request.user, request.payload)

    def authenticate_header(self, request: Any) -> str | None:
        """Return the challenge of a 401; None makes REST framework answer 403.

        REST framework asks while it handles the exception of a permission, which knows nothing of
        the token: the sentence and the slug are put into it.
        """
        refused: JWTError | None = getattr(request._request, "_djwto_refusal", None)  # noqa: SLF001
        if refused is None:
            return responses.WWWAUTHENTICATE
        from rest_framework.exceptions import NotAuthenticated

        raised = sys.exc_info()[1]
        if isinstance(raised, NotAuthenticated):
            raised.detail = _details(refused)
        return responses.refusal(refused).get("WWW-Authenticate")


class _OfGuard(tuple[Any, ...]):
    """The classes of a guard, to tell them from those of an author."""

    __slots__ = ()
    is_of_guard = True


def _as_api_exception(error: JWTError) -> Exception:
    from rest_framework.exceptions import APIException

    raised = APIException(_details(error))
    raised.status_code = error.status
    retry_after = responses.refusal(error).get("Retry-After")
    if retry_after is not None:
        # REST framework's handler makes `Retry-After` of it, as it does for its own `Throttled`.
        raised.wait = int(retry_after)  # type: ignore[attr-defined]
    return raised


def _details(error: JWTError) -> Any:
    from rest_framework.exceptions import APIException

    return APIException({"detail": str(error), "code": error.code}, error.code).detail
