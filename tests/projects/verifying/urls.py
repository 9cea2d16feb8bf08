"""Guarded views of the service."""

import os

from django.http import JsonResponse
from django.urls import path

import djwto.authentication as auth


def answer(request):
    user = request.user
    return JsonResponse(
        {
            "user": request.payload["user"],
            "named": [user.pk, user.get_username(), user.is_authenticated, user.is_staff],
            "may": user.has_perm("auth.view_user"),
        }
    )


@auth.jwt_login_required
async def on_the_loop(request):
    return answer(request)


def plain(request):
    """Has no guard: the middleware says who asks."""
    user, error = request.user, request.jwt_error
    known = [user.get_username(), user.is_authenticated, user.has_perm("auth.view_user")]
    return JsonResponse([*known, error and error.code], safe=False)


urlpatterns = [
    path("plain/", plain),
    path("who/", auth.jwt_login_required(answer)),
    path("loop/", on_the_loop),
    path("report/", auth.jwt_login_required(auth.jwt_perm_required(["auth.view_user"])(answer))),
]

if "VERIFYING_REST" in os.environ:
    from tests.projects.verifying.rest import Who, guarded

    urlpatterns += [path("rest/", Who.as_view()), path("rest/guarded/", guarded)]
