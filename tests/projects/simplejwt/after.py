"""The URLs after the move, with guards of every kind beside the project's own view."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from rest_framework.decorators import api_view
from rest_framework.response import Response

from djwto import authentication as auth
from djwto.contrib.rest_framework import JWTAuthentication
from tests.projects.simplejwt.views import Me


def tenant(request: Any) -> str:
    return "" if request is None else request.headers.get("X-Tenant", "north")


def _shown(request: Any) -> dict[str, Any]:
    return {"name": request.user.get_username(), "claims": request.payload}


@auth.jwt_login_required
def guarded(request: HttpRequest) -> JsonResponse:
    return JsonResponse(_shown(request))


@auth.jwt_login_required
async def guarded_async(request: Any) -> JsonResponse:
    return JsonResponse({"name": (await request.auser()).get_username()})


@auth.jwt_login_required
@auth.jwt_perm_required(["auth.view_user"])
def permitted(request: HttpRequest) -> JsonResponse:
    return JsonResponse(_shown(request))


@auth.jwt_passes_test(lambda request: request.user.get_username() != "eve")
def tested(request: HttpRequest) -> JsonResponse:
    return JsonResponse(_shown(request))


@api_view()
@auth.jwt_login_required
def rest(request: Any) -> Response:
    return Response(_shown(request))


@auth.jwt_optional
def optional(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"name": request.user.get_username()})


@login_required
def plain(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"name": request.user.get_username()})


async def plain_async(request: Any) -> JsonResponse:
    return JsonResponse({"name": (await request.auser()).get_username()})


class Own(Me):
    """The same view under djwto's own class for REST framework."""

    authentication_classes = (JWTAuthentication,)


async def unguarded_async(request: Any) -> JsonResponse:
    try:
        auth.jwt_authenticate(request)
    except auth.JWTError as error:
        return JsonResponse({"code": error.code}, status=error.status)
    return JsonResponse({})


urlpatterns = [
    path("", include("djwto.urls")),
    path("api/", include("djwto.contrib.simplejwt.urls")),
    path("me/", Me.as_view()),
    path("guarded/", guarded),
    path("async/", guarded_async),
    path("permitted/", permitted),
    path("tested/", tested),
    path("rest/", rest),
    path("optional/", optional),
    path("own/", Own.as_view()),
    path("plain/", plain),
    path("plain-async/", plain_async),
    path("unguarded/", unguarded_async),
]
