"""The portal's guarded views without their guards: they know the user by the server's assertion.

A request without an assertion, or with a token, gets 500: then the server was not asked, or its
decision did not arrive as documented. The assertion is verified as the docs show it, by a file of
`examples/assertions`.
"""

from collections.abc import Callable
from typing import Any

import portal.urls
import verify
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from predictions import views

from djwto import tokens

TOKENS = ("jwt_access", "jwt_refresh")
GUARDED = ("/api/account/", "/api/predict/", "/api/predictions/")


class Asserted:
    """Middleware: the user of the assertion, and the headers that such a service owes to caches."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let guarded paths in by their assertion alone."""
        if not request.path.startswith(GUARDED):
            return self.get_response(request)
        cookie = request.META.get("HTTP_COOKIE", "")
        if "HTTP_AUTHORIZATION" in request.META or any(name in cookie for name in TOKENS):
            return JsonResponse({"error": "a token came", "code": "token_came"}, status=500)
        key = verify.user_of(request.META["HTTP_X_DJWTO_ASSERTION"])
        request.payload = {"user": _claim(key)}  # type: ignore[attr-defined]
        response = self.get_response(request)
        patch_vary_headers(response, ("Cookie", "Authorization"))
        patch_cache_control(response, private=True)
        return response


def _claim(key: str) -> dict[str, Any]:
    try:
        user = get_user_model().objects.get(pk=key)
    except (get_user_model().DoesNotExist, ValueError, OverflowError):
        return {"username": "", "id": key}  # the server does not ask who exists
    return {**tokens.process_user(user), "perms": tokens.process_perms(user)}


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> JsonResponse:
    """Say who the server has let in."""
    return JsonResponse({"msg": "worked!", "user": request.payload["user"]})  # type: ignore[attr-defined]


def _bare(view: type[View]) -> Any:
    """Return a view of a class, without the guard around its `dispatch`."""
    return csrf_exempt(type(view.__name__, (view,), {"dispatch": View.dispatch}).as_view())


urlpatterns = [
    path("api/account/", account),
    path("api/predict/", _bare(views.PredictView)),
    path("api/predictions/", _bare(views.PredictionsView)),
    path("api/predictions/<int:pk>/", _bare(views.PredictionView)),
    *portal.urls.urlpatterns,
]
