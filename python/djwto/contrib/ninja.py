"""django-ninja: `auth=JWTAuth()` guards an api, a router or an operation.

Ninja tries the callables of `auth` in turn: one that returns something lets the request in, one
that returns None leaves it to the next, and what one raises goes to the api's exception handlers.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt
from ninja.errors import AuthenticationError, HttpError

from djwto import admission, conf, responses, state
from djwto.exceptions import JWTError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from django.http import HttpRequest
    from ninja import NinjaAPI

    from djwto.tokens import Claims

__all__ = ["JWTAuth", "install"]


class JWTAuth:
    """Let a request in by its access token, and by `perms`, all of them, if there are any.

    `request.auth` is then the claims; `user`, `payload`, `token` and `jwt_mode` are set as a guard
    sets them. An async operation is not blocked. A request without a token, or with a bad cookie,
    is left to the next callable of `auth`; a bad Bearer token is refused.
    """

    is_async = True
    """Ninja then awaits what an async operation gets. For others a result is returned at once."""
    djwto_guard = True
    """A mark for `guard_checks`."""

    def __init__(self, perms: Iterable[str] | str = ()) -> None:
        """Take permissions as `app.codename`."""
        self._perms = admission.required_permissions(perms) if perms else None

    def __call__(self, request: HttpRequest) -> Claims | Awaitable[Claims | None] | None:
        """Return the claims; None where the next callable is to be tried."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # a sync operation: under ASGI, Ninja runs it in a thread
            return self._authenticate(request)
        return self._authenticate_async(request)

    @property
    def openapi_security_schema(self) -> _Scheme:
        """What Ninja puts into the OpenAPI document under the name of the class."""
        first, *others = (_scheme(mode) for mode in conf.engine().modes)
        return _Scheme(first, others=others)

    def _authenticate(self, request: HttpRequest) -> Claims | None:
        try:
            admission.let_in(request, _view_of(request))
            if self._perms is not None:
                admission.require_permissions(request, self._perms)
        except JWTError as error:
            return _refused(request, error)
        claims: Claims = request.payload  # type: ignore[attr-defined]
        return claims

    async def _authenticate_async(self, request: HttpRequest) -> Claims | None:
        try:
            await admission.alet_in(request, _view_of(request))
            if self._perms is not None:
                await admission.arequire_permissions(request, self._perms)
        except JWTError as error:
            return _refused(request, error)
        claims: Claims = request.payload  # type: ignore[attr-defined]
        return claims


def install(api: NinjaAPI) -> None:
    """Let an api answer refusals as all of djwto does, and name every mode in its schema.

    Also those that operations raise as `JWTError`. Handlers that are added later stand.
    """

    def answer(_request: HttpRequest, error: Any) -> HttpResponse:
        refused = error.refused if isinstance(error, _RefusalError) else error
        return responses.keep_private(responses.refusal(refused))

    def answer_nobody(request: HttpRequest, error: Any) -> HttpResponse:
        refused = state.of(request).refusal
        if refused is None:
            # Raised elsewhere: as Ninja, or the project, answers other errors.
            return api.on_exception(request, HttpError(error.status_code, str(error)))
        return responses.keep_private(responses.refusal(refused))

    api.add_exception_handler(JWTError, answer)
    api.add_exception_handler(_RefusalError, answer)
    api.add_exception_handler(AuthenticationError, answer_nobody)
    written = api.get_openapi_schema

    def with_every_mode(*args: Any, **kwargs: Any) -> Any:
        return _with_every_mode(written(*args, **kwargs))

    api.get_openapi_schema = with_every_mode  # type: ignore[method-assign]


class _RefusalError(HttpError):
    """A refusal, which an api without `install` answers with its status and `detail`."""

    def __init__(self, refused: JWTError) -> None:
        super().__init__(refused.status, str(refused))
        self.refused = refused


class _Scheme(dict[str, Any]):
    """A security scheme (OpenAPI 3.1, Security Scheme Object), with those of the other modes."""

    def __init__(self, scheme: dict[str, Any], *, others: list[dict[str, Any]]) -> None:
        super().__init__(scheme)
        self.others = others


def _refused(request: HttpRequest, error: JWTError) -> Claims | None:
    """Return None for a request without a user, which the next callable gets. Raises else."""
    if not admission.is_nobody(request, error):
        raise _RefusalError(error.with_traceback(None)) from None
    state.of(request).refuse(error)
    return None


def _view_of(request: HttpRequest) -> Any:
    """Give a view that is exempted from CSRF where the operation is: Ninja tells no more of it."""
    return _exempted if getattr(request, "_ninja_csrf_exempt", False) else None


@csrf_exempt
def _exempted(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _scheme(mode: str) -> dict[str, Any]:
    if mode == "JSON":
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    name = "jwt_access" if mode == "ONE-COOKIE" else "jwt_access_token"
    return {"type": "apiKey", "in": "cookie", "name": conf.valid("COOKIE_PREFIX") + name}


def _with_every_mode(document: Any) -> Any:
    """Let an operation that takes the first mode take the others too."""
    schemes = document.get("components", {}).get("securitySchemes", {})
    ours = {name: scheme for name, scheme in schemes.items() if isinstance(scheme, _Scheme)}
    names: dict[str, list[str]] = {}
    for name, scheme in ours.items():
        others = {f"{name}{_KIND[one['type']]}": one for one in scheme.others}
        names[name] = [name, *others]
        schemes |= others
    for path in document["paths"].values():
        for operation in path.values():
            if "security" in operation:
                operation["security"] = [
                    {other: scopes}
                    for wanted in operation["security"]
                    for name, scopes in wanted.items()
                    for other in names.get(name, [name])
                ]
    return document


_KIND = {"http": "Bearer", "apiKey": "Cookie"}
