"""Django REST framework: who is asking, and what the token lets them do.

`DEFAULT_AUTHENTICATION_CLASSES = ["djwto.contrib.rest_framework.JWTAuthentication"]`
"""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission, DjangoModelPermissions
from rest_framework.request import Request

from djwto import _core, admission, api_views, state
from djwto.exceptions import JWTError

__all__ = ["HasPerms", "JWTAuthentication", "TokenPermissions"]


class JWTAuthentication(BaseAuthentication):
    """The user of the request's access token, and its claims as `request.auth`.

    A request without a token, or with a bad cookie, goes on to the next class of the list. A bad
    `Bearer` token is 401 at once. An unsafe request that a cookie opens needs the CSRF token, else
    it is 403.
    """

    is_of_djwto = True
    """A mark for `guard_checks`."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Return the user, who is loaded when touched, and the claims."""
        inner = api_views.begin(request)
        try:
            admission.let_in(inner)
        except JWTError as error:
            if not admission.is_nobody(inner, error):
                raise self._exception(request, error) from None
            self._note(request, error)
            return None
        return inner.user, inner.payload

    def authenticate_header(self, request: Request) -> str | None:
        """Return the challenge of a 401."""
        return api_views.challenge(request)

    def _exception(self, request: Request, error: JWTError) -> Exception:
        """Give REST framework's exception of a refusal."""
        return api_views.as_exception(request, error)

    def _note(self, request: Request, error: JWTError) -> None:
        """Keep why there is no user, for the 401 of a permission."""
        state.of(request).refuse(error)


class TokenPermissions(DjangoModelPermissions):
    """The same as `DjangoModelPermissions`, answered by the token without a query.

    The database is asked where the token says that its permissions were too many to carry, and
    where something else than a token let the user in.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether the token grants what the method needs on the model of the view."""
        if not _is_by_token(request):
            return super().has_permission(request, view)
        if getattr(view, "_ignore_model_permissions", False):
            return True  # the root view of a router
        model = self._queryset(view).model
        perms = self.get_required_permissions(str(request.method), model)
        return _grants(self, request, admission.required_permissions(perms))


def HasPerms(*perms: str) -> type[BasePermission]:  # noqa: N802 (it stands where classes stand)
    """Make a permission class that asks for permissions (`app.codename`), all of them."""
    for perm in perms:
        # A list would become a permission that none but a superuser has.
        if isinstance(perm, (list, tuple, set, frozenset, dict)):
            raise TypeError(
                f"HasPerms: expected strings, found {perm!r}. Write HasPerms(*{perm!r})"
            )
    listed = [str(perm) for perm in perms]
    required = admission.required_permissions(listed)

    class HasPermissions(BasePermission):
        """Permissions of the token, or of the user where something else let the user in."""

        def has_permission(self, request: Request, _view: Any) -> bool:
            """Return whether all are granted."""
            if _is_by_token(request):
                return _grants(self, request, required)
            user: Any = request.user
            return bool(user and user.is_authenticated and user.has_perms(listed))

    return HasPermissions


def _is_by_token(request: Request) -> bool:
    """Whether the user of the request is the one of its token, and not of a session or a test."""
    claims = state.of(request).claims
    return claims is not None and request.auth is claims


def _grants(permission: Any, request: Request, required: _core.RequiredPermissions) -> bool:
    try:
        admission.require_permissions(request, required)
    except JWTError as error:
        if error.status != 403:
            raise api_views.as_exception(request, error) from None
        permission.message = api_views.details(error)
        return False
    return True
