"""django-ninja: `auth=JWTAuth()` guards an api, a router or an operation.

Ninja calls the members of `auth` in turn. One that returns a value lets the request in. One that
returns None leaves it to the next. An exception goes to the handlers of the api.
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
    """Guard operations: a request needs a good access token, and all of `perms`.

    Sets `user`, `payload`, `token` and `jwt_mode` on the request, as a guard does. `request.auth`
    is the claims. It does not block the event loop of an async operation.

    A request without a token, or with a bad cookie, is left to the next member of `auth`. A bad
    Bearer token is refused.
    """

    is_async = True
    """Ninja then awaits the result for an async operation."""
    djwto_guard = True
    """A mark for `guard_checks`."""

    def __init__(self, perms: Iterable[str] | str = ()) -> None:
        """Take the required permissions, as `app.codename`."""
        self._perms = admission.required_permissions(perms) if perms else None

    def __call__(self, request: HttpRequest) -> Claims | Awaitable[Claims | None] | None:
        """Return the claims; None if Ninja is to call the next member of `auth`."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # a sync operation: under ASGI, Ninja runs it in a thread
            return self._authenticate(request)
        return self._authenticate_async(request)

    @property
    def openapi_security_schema(self) -> _Scheme:
        """The security scheme of this class in the OpenAPI document."""
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
    """Make an api answer refusals with the body, status and headers of djwto.

    This includes a `JWTError` that an operation raises. The OpenAPI document then names every mode.
    Handlers that the project adds later are kept.
    """

    def answer(_request: HttpRequest, error: Any) -> HttpResponse:
        refused = error.refused if isinstance(error, _RefusalError) else error
        return responses.keep_private(responses.refusal(refused))

    def answer_nobody(request: HttpRequest, error: Any) -> HttpResponse:
        refused = state.of(request).refusal
        if refused is None:
            # Raised elsewhere: the handlers of Ninja or the project answer it.
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
    """Return None if the next member of `auth` may let the request in. Raises otherwise."""
    if not admission.is_nobody(request, error):
        raise _RefusalError(error.with_traceback(None)) from None
    state.of(request).refuse(error)
    return None


def _view_of(request: HttpRequest) -> Any:
    """Return a view that is exempt from CSRF if the operation is, which Ninja does not pass on."""
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
