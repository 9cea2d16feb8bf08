"""`jwt_optional`: a view that is open, and knows the user of a good token."""

from base64 import b64encode
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.http import JsonResponse
from django.test import AsyncClient, Client
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import cache_page
from django.views.decorators.csrf import csrf_exempt
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

import djwto.authentication as auth
from djwto.contrib.rest_framework import HasPerms
from djwto.test import alogin, login
from tests.conftest import Visitor

BAD = {"authorization": "Bearer bad"}


def answer(request, kind=JsonResponse):
    id_ = None if request.payload is None else request.payload["user"]["id"]
    return kind({"user": request.user.get_username(), "id": id_, "mode": request.jwt_mode})


@auth.jwt_optional
def function(request):
    return answer(request)


@auth.jwt_optional
async def async_function(request):
    user = await request.auser()
    id_ = None if request.payload is None else request.payload["user"]["id"]
    return JsonResponse({"user": user.get_username(), "id": id_, "mode": request.jwt_mode})


class Methods(View):
    @method_decorator(auth.jwt_optional)
    def get(self, request):
        return answer(request)


@method_decorator(auth.jwt_optional, name="dispatch")
class Dispatch(View):
    def get(self, request):
        return answer(request)

    def post(self, request):
        return answer(request)


@method_decorator(auth.jwt_optional, name="dispatch")
class AsyncDispatch(View):
    async def get(self, request):
        return await async_function(request)


@auth.jwt_optional
@api_view(["GET", "POST"])
def rest_outside(request):
    return answer(request, Response)


@api_view(["GET", "POST"])
@auth.jwt_optional
def rest_inside(request):
    return answer(request, Response)


@api_view(["GET"])
@permission_classes([IsAuthenticated])
@auth.jwt_optional
def rest_permission(request):
    return answer(request, Response)


@auth.jwt_optional
@api_view(["GET"])
@permission_classes([HasPerms("auth.view_user")])
def rest_permission_outside(request):
    return answer(request, Response)


@method_decorator(auth.jwt_optional, name="dispatch")
class RestPermission(APIView):
    permission_classes = (IsAuthenticated,)

    def get(self, request):
        return answer(request, Response)


class Numbered(APIView):
    permission_classes = (IsAuthenticated,)
    number = 0

    def get(self, request):
        return Response({"number": self.number})


class Viewset(ViewSet):
    permission_classes = (HasPerms("auth.view_user"),)
    number = 0

    def found(self, request):
        return Response({"number": self.number})


@auth.jwt_optional
@cache_page(60)
@api_view(["GET"])
@permission_classes([IsAuthenticated])
def rest_cached(request):
    return answer(request, Response)


@method_decorator(auth.jwt_optional, name="dispatch")
class RestDispatch(APIView):
    def get(self, request):
        return answer(request, Response)


@auth.jwt_optional
@auth.jwt_perm_required(["auth.view_user"])
def permission(request):
    return answer(request)


@csrf_exempt
@auth.jwt_optional
def exempt(request):
    return answer(request)


urlpatterns = [
    path("", include("tests.projects.plain.urls")),
    path("function/", function),
    path("async_function/", async_function),
    path("methods/", Methods.as_view()),
    path("dispatch/", Dispatch.as_view()),
    path("async_dispatch/", AsyncDispatch.as_view()),
    path("rest_outside/", rest_outside),
    path("rest_inside/", rest_inside),
    path("rest_dispatch/", RestDispatch.as_view()),
    path("rest_permission/", rest_permission),
    path("rest_permission_outside/", rest_permission_outside),
    path("rest_permission_class/", RestPermission.as_view()),
    path("numbered/", auth.jwt_optional(Numbered.as_view(number=7))),
    path("viewset/", auth.jwt_optional(Viewset.as_view({"get": "found"}, number=7))),
    path("rest_cached/", rest_cached),
    path("permission/", permission),
    path("exempt/", exempt),
]
VIEWS = (
    "function",
    "async_function",
    "methods",
    "dispatch",
    "async_dispatch",
    "rest_outside",
    "rest_inside",
    "rest_dispatch",
)
POSTABLE = ("function", "async_function", "dispatch", "rest_outside", "rest_inside")


@pytest.fixture(autouse=True, params=[False, True], ids=["guard", "middleware"])
def project(request: Any, settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    if request.param:
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "djwto.middleware.JWTMiddleware"]


def is_private(reply: Any) -> bool:
    vary = set(reply.headers["Vary"].split(", "))
    return {"Cookie", "Authorization"} <= vary and reply.headers["Cache-Control"] == "private"


@pytest.mark.parametrize("name", VIEWS)
def test_it_lets_in_with_and_without_a_token(visitor: Visitor, carol: Any, name: str) -> None:
    # Django's session opens no guard, this one neither.
    visitor.client.force_login(carol)
    reply = visitor.get(f"/{name}/")
    assert reply.json() == {"user": "", "id": None, "mode": None}
    assert is_private(reply)
    visitor.login("carol")
    reply = visitor.get(f"/{name}/")
    assert reply.json() == {"user": "carol", "id": carol.pk, "mode": visitor.mode}
    assert is_private(reply)


@pytest.mark.parametrize("name", VIEWS)
def test_a_bad_cookie_is_nobody_and_a_bad_bearer_token_is_refused(
    alice: Any, settings: Any, name: str
) -> None:
    settings.DJWTO_MODE = ("ONE-COOKIE", "JSON")
    client = Client()
    client.cookies["jwt_access"] = "bad"
    assert client.get(f"/{name}/").json()["user"] == ""
    refused = client.get(f"/{name}/", headers=BAD)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_malformed")
    assert "WWW-Authenticate" in refused.headers
    assert is_private(refused)
    doubled = Client(HTTP_COOKIE="jwt_access=a; jwt_access=b")
    assert doubled.get(f"/{name}/").json()["user"] == ""


@pytest.mark.parametrize("name", POSTABLE)
def test_csrf_is_asked_of_a_good_cookie_alone(visitor: Visitor, carol: Any, name: str) -> None:
    assert visitor.post(f"/{name}/").json()["user"] == ""
    visitor.login("carol")
    token, visitor.csrf = visitor.csrf, ""
    bare = visitor.post(f"/{name}/")
    if visitor.mode == "JSON":
        assert bare.json()["user"] == "carol"
        return
    assert (bare.status_code, bare.json()["code"]) == (403, "csrf_failed")
    visitor.csrf = token
    assert visitor.post(f"/{name}/").json()["user"] == "carol"


def test_the_authors_exemption_counts(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    client = Client(enforce_csrf_checks=True)
    login(client, alice)
    assert client.post("/exempt/", secure=True).json()["user"] == "alice"


@pytest.mark.parametrize("name", ["rest_outside", "rest_inside", "rest_dispatch"])
def test_other_schemes_are_ignored_though_rest_framework_knows_them(alice: Any, name: str) -> None:
    basic = {"authorization": "Basic " + b64encode(b"alice:pass").decode()}
    assert Client().get(f"/{name}/", headers=basic).json()["user"] == ""


def test_permissions_inside_it_want_a_login(alice: Any, carol: Any) -> None:
    client = Client()
    assert client.get("/permission/").json()["code"] == "login_required"
    login(client, alice)
    assert client.get("/permission/").json()["code"] == "permissions_insufficient"
    login(client, carol)
    assert client.get("/permission/").status_code == 200
    assert Client().get("/rest_permission/").status_code == 401
    assert client.get("/rest_permission/").json()["user"] == "carol"


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.django_db(transaction=True)
async def test_the_same_under_asgi(name: str) -> None:
    client = AsyncClient()
    assert (await client.get(f"/{name}/")).json()["user"] == ""
    assert (await client.get(f"/{name}/", AUTHORIZATION="Bearer bad")).status_code == 401
    await alogin(client, await get_user_model().objects.acreate_user("dora"))
    assert (await client.get(f"/{name}/")).json()["user"] == "dora"


def test_djangos_login_required_middleware_leaves_it_alone(alice: Any, settings: Any) -> None:
    required = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, required]
    assert Client().get("/function/").json()["user"] == ""


@pytest.mark.parametrize(
    "path",
    [
        "/function/",
        "/async_function/",
        "/methods/",
        "/dispatch/",
        "/async_dispatch/",
        "/rest_outside/",
        "/rest_inside/",
        "/rest_dispatch/",
    ],
)
def test_a_doubled_cookie_is_cleared(db: None, settings: Any, path: str) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    headers = {"cookie": "jwt_access_token=a; jwt_access_token=b"}
    reply = Client().get(path, headers=headers)
    assert (reply.status_code, reply.json()["user"]) == (200, "")
    cleared = [one.OutputString() for one in reply.cookies.values()]
    assert len(cleared) == len(set(cleared)) > 0
    assert all("Max-Age=0" in one and one.startswith("jwt_access_token=") for one in cleared)
    assert not Client().get(path, headers={"cookie": "jwt_access_token=a"}).cookies


@pytest.mark.parametrize(
    "name",
    ["rest_permission", "rest_permission_outside", "rest_permission_class", "numbered", "viewset"],
)
def test_a_permission_asks_for_a_login_in_both_orders(carol: Any, settings: Any, name: str) -> None:
    settings.DJWTO_MODE = ("JSON", "TWO-COOKIES")
    basic = {"authorization": "Basic " + b64encode(b"carol:pass").decode()}
    for headers, code in (
        ({}, "not_authenticated"),
        (basic, "not_authenticated"),
        ({"cookie": "jwt_access_token=a"}, "token_malformed"),
        ({"cookie": "jwt_access_token=a; jwt_access_token=b"}, "cookie_ambiguous"),
    ):
        reply = Client().get(f"/{name}/", headers=headers)
        assert reply.status_code == 401
        assert reply.headers["WWW-Authenticate"].startswith("Bearer realm=api")
        assert reply.json().get("code", "not_authenticated") == code
        assert (len(reply.cookies) > 0) == (code == "cookie_ambiguous")
        assert is_private(reply)
    client = Client()
    login(client, carol, mode="JSON")
    reply = client.get(f"/{name}/")
    assert reply.json().get("user", "carol") == "carol"
    assert reply.json().get("number", 7) == 7


def test_a_view_that_is_wrapped_further_is_not_taken_out(carol: Any) -> None:
    assert Client().get("/rest_cached/").status_code == 403
    client = Client()
    login(client, carol)
    assert client.get("/rest_cached/").json()["user"] == "carol"


@pytest.mark.parametrize("name", ["function", "async_function", "rest_inside"])
def test_a_request_without_a_token_needs_no_key(settings: Any, name: str) -> None:
    settings.DJWTO_SIGNING_KEY = None
    assert Client().get(f"/{name}/").status_code == 200
