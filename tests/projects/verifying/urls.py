"""Guarded views of the service."""

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


urlpatterns = [
    path("who/", auth.jwt_login_required(answer)),
    path("loop/", on_the_loop),
    path("report/", auth.jwt_login_required(auth.jwt_perm_required(["auth.view_user"])(answer))),
]
