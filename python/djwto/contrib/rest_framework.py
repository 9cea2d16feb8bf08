"""Django REST framework: authentication and permissions by the token.

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
    """Authenticate by the access token: sets `request.user`, and the claims as `request.auth`.

    A request without a token, or with a bad cookie, goes on to the next class of the list. A bad
    Bearer token gets 401 at once. An unsafe request with a cookie needs the CSRF token, else it
    gets 403.
    """

    is_of_djwto = True
    """A mark for `guard_checks`."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Return the user, loaded at its first use, and the claims; None without a token."""
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
        """Return a refusal as an exception of REST framework."""
        return api_views.as_exception(request, error)

    def _note(self, request: Request, error: JWTError) -> None:
        """Store why there is no user, for the 401 of a permission."""
        state.of(request).refuse(error)


class TokenPermissions(DjangoModelPermissions):
    """`DjangoModelPermissions` by the permissions in the token, without a query.

    It asks the database if the permissions did not fit into the token, or if something other than
    a token authenticated the user.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the user has the permissions for the method on the model of the view."""
        if not _is_by_token(request):
            return super().has_permission(request, view)
        if getattr(view, "_ignore_model_permissions", False):
            return True  # the root view of a router
        model = self._queryset(view).model
        perms = self.get_required_permissions(str(request.method), model)
        return _grants(self, request, admission.required_permissions(perms))


def HasPerms(*perms: str) -> type[BasePermission]:  # noqa: N802 (it stands where classes stand)
    """Return a permission class: the user needs all of these permissions (`app.codename`).

    Raises `TypeError` if a permission is not a string.
    """
    for perm in perms:
        # A list would become a permission that only a superuser has.
        if isinstance(perm, (list, tuple, set, frozenset, dict)):
            raise TypeError(
                f"HasPerms: expected strings, found {perm!r}. Write HasPerms(*{perm!r})"
            )
    listed = [str(perm) for perm in perms]
    required = admission.required_permissions(listed)

    class HasPermissions(BasePermission):
        """Checks permissions in the token; without a token, those of the user."""

        def has_permission(self, request: Request, _view: Any) -> bool:
            """Whether the user has all permissions."""
            if _is_by_token(request):
                return _grants(self, request, required)
            user: Any = request.user
            return bool(user and user.is_authenticated and user.has_perms(listed))

    return HasPermissions


def _is_by_token(request: Request) -> bool:
    """Whether the user of the request comes from its token, and not from a session or a test."""
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
