"""A guard that refused leaves no user behind: another view may answer the request."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import AsyncClient
from django.urls import include, path
from rest_framework.decorators import api_view
from rest_framework.response import Response
from rest_framework.views import APIView

import djwto.authentication as auth
from djwto.contrib.rest_framework import JWTAuthentication
from djwto.exceptions import JWTError
from djwto.test import alogin
from tests.conftest import Visitor
from tests.test_jwt_middleware import AFTER, OURS

DJANGOS_CSRF = "django.middleware.csrf.CsrfViewMiddleware"


def who(request: Any) -> Any:
    assert getattr(request, "payload", None) is None
    return HttpResponse(request.user.get_username() or "nobody")


class ForAll(APIView):
    authentication_classes = ()

    def post(self, request: Any) -> Any:
        return Response({"name": request.user.get_username(), "has_claims": bool(request.auth)})


for_all: Any = ForAll.as_view()
for_carol = auth.jwt_perm_required(["auth.view_user"])(who)


class Batch(APIView):
    authentication_classes = (JWTAuthentication,)

    def post(self, _request: Any) -> Any:
        raise AssertionError

    def handle_exception(self, _error: Exception) -> Any:
        return for_all(self.request._request)


def falling_back(guard: Any, fallback: Any) -> Any:
    def view(request: Any) -> Any:
        reply = guard(lambda _request: HttpResponse("in"))(request)
        return reply if reply.status_code == 200 else fallback(request)

    return view


async def async_view(request: Any) -> Any:
    @auth.jwt_passes_test(lambda _request: False)
    async def guarded(_request: Any) -> Any:
        raise AssertionError

    reply = await guarded(request)
    assert reply.status_code == 403
    return who(request)


def never(request: Any) -> bool:
    assert request.user.get_username()
    raise JWTError("Not you.", "not_you")


@api_view(["POST"])
@auth.jwt_login_required
def rest(_request: Any) -> Any:
    raise AssertionError


def after_rest(request: Any) -> Any:
    rest(request)
    return who(request)


FALLBACKS = {"plain": who, "rest": for_all, "permission": for_carol}
GUARDS = {
    "login": auth.jwt_login_required,
    "optional": auth.jwt_optional,
    "test": auth.jwt_passes_test(never),
    "refresh": auth.jwt_is_refresh,
}
PLACES = {"refresh": "api/token/refresh"}
urlpatterns = [
    path("", include("djwto.urls")),
    path("batch/", Batch.as_view()),
    path("after_rest/", after_rest),
    path("async/", async_view),
    *(
        path(f"{PLACES.get(name, name)}/{then}/", falling_back(guard, fallback))
        for name, guard in GUARDS.items()
        for then, fallback in FALLBACKS.items()
    ),
]


@pytest.fixture(autouse=True, params=["guards", "middleware"])
def project(request: Any, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.test_fallback_views"
    settings.DJWTO_MODE = "TWO-COOKIES"
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if one != DJANGOS_CSRF]
    if request.param == "middleware":
        place = settings.MIDDLEWARE.index(AFTER) + 1
        settings.MIDDLEWARE = [*settings.MIDDLEWARE[:place], OURS, *settings.MIDDLEWARE[place:]]


@pytest.mark.parametrize("fallback", [*FALLBACKS, "batch", "after_rest"])
@pytest.mark.parametrize("guard", ["login", "optional"])
def test_without_the_csrf_token(carol: Any, guard: str, fallback: str) -> None:
    visitor = Visitor("TWO-COOKIES")
    visitor.login("carol")
    visitor.csrf = ""
    where = f"/{guard}/{fallback}/" if fallback in FALLBACKS else f"/{fallback}/"
    reply = visitor.post(where)
    assert b"carol" not in reply.content
    assert b"true" not in reply.content
    assert reply.status_code in (200, 401, 403)


@pytest.mark.parametrize("fallback", FALLBACKS)
def test_where_the_test_refuses(carol: Any, fallback: str) -> None:
    visitor = Visitor("TWO-COOKIES")
    visitor.login("carol")
    reply = visitor.post(f"/test/{fallback}/")
    assert b"carol" not in reply.content
    assert b"true" not in reply.content


def test_a_refresh_guard_without_the_csrf_token(carol: Any) -> None:
    visitor = Visitor("TWO-COOKIES")
    visitor.login("carol")
    visitor.csrf = ""
    reply = visitor.client.post("/api/token/refresh/plain/", {"jwt_type": "refresh"}, secure=True)
    assert b"carol" not in reply.content


@pytest.mark.django_db(transaction=True)
async def test_the_same_under_asgi(django_user_model: Any) -> None:
    dora = await django_user_model.objects.acreate_user("dora")
    client = AsyncClient()
    await alogin(client, dora)
    reply = await client.get("/async/", secure=True)
    assert reply.content == b"nobody"
