"""Views guarded in every way that the contract names."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import cache_control, cache_page
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from rest_framework.decorators import api_view
from rest_framework.response import Response
from rest_framework.views import APIView

import djwto.authentication as auth


def answer(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"msg": "worked!", "id": request.payload["user"]["id"]})


@auth.jwt_login_required
def function(request):
    return answer(request)


@auth.jwt_login_required
async def async_function(request):
    user = await request.auser()
    return JsonResponse({"msg": "worked!", "id": user.pk})


@auth.jwt_login_required
def user_function(request):
    return JsonResponse({"name": request.user.get_username()})


@auth.jwt_login_required
def nothing(request):
    return None


class Methods(View):
    @method_decorator(auth.jwt_login_required)
    def get(self, request):
        return answer(request)

    @method_decorator(auth.jwt_login_required)
    def post(self, request):
        return answer(request)


@method_decorator(auth.jwt_login_required, name="dispatch")
class Dispatch(View):
    def get(self, request):
        return answer(request)

    def post(self, request):
        return answer(request)


@method_decorator(auth.jwt_login_required, name="dispatch")
class AsyncDispatch(View):
    async def get(self, request):
        return answer(request)

    async def post(self, request):
        return answer(request)


class AsyncMethods(View):
    @method_decorator(auth.jwt_login_required)
    async def get(self, request):
        return answer(request)


@auth.jwt_login_required
@auth.jwt_perm_required(["auth.view_user", "auth.add_user"])
def permission(request):
    return answer(request)


@auth.jwt_login_required
@auth.jwt_perm_required(["auth.view_user"])
async def async_permission(request):
    return answer(request)


@auth.jwt_perm_required(["auth.view_user"])
def permission_alone(request):
    return answer(request)


@auth.jwt_passes_test(lambda request: request.payload["user"]["username"] == "alice")
def alice_only(request):
    return answer(request)


@auth.jwt_is_refresh
def refresh_only(request):
    return answer(request)


@csrf_exempt
@auth.jwt_login_required
def exempt_outside(request):
    return answer(request)


@auth.jwt_login_required
@csrf_exempt
def exempt_inside(request):
    return answer(request)


@auth.jwt_login_required
@csrf_protect
def protected(request):
    return answer(request)


@method_decorator(csrf_exempt, name="dispatch")
@method_decorator(auth.jwt_login_required, name="dispatch")
class ExemptOutside(View):
    def post(self, request):
        return answer(request)


@method_decorator([auth.jwt_login_required, csrf_exempt], name="dispatch")
class ExemptInside(View):
    def post(self, request):
        return answer(request)


@method_decorator(csrf_exempt, name="dispatch")
class ExemptMethods(View):
    @method_decorator(auth.jwt_login_required)
    def post(self, request):
        return answer(request)


@method_decorator(csrf_exempt, name="dispatch")
class ExemptRest(APIView):
    authentication_classes = ()

    @method_decorator(auth.jwt_login_required)
    def post(self, request):
        return Response({"msg": "worked!"})


@auth.jwt_login_required
@cache_control(max_age=60, public=True)
def public(request):
    return answer(request)


@auth.jwt_login_required
def counted(request):
    counted.calls += 1
    return HttpResponse(f"{request.payload['user']['username']} {counted.calls}")


counted.calls = 0


@api_view(["GET", "POST"])
@auth.jwt_login_required
def rest_function(request):
    return Response({"msg": "worked!", "id": request.payload["user"]["id"]})


@method_decorator(auth.jwt_login_required, name="dispatch")
class RestDispatch(APIView):
    def get(self, request):
        return Response({"msg": "worked!", "id": request.payload["user"]["id"]})

    def post(self, request):
        return Response({"msg": "worked!", "name": request.user.get_username()})


@method_decorator(auth.jwt_login_required, name="dispatch")
class RestAlone(APIView):
    authentication_classes = ()

    def get(self, request):
        return Response({"name": request.user.get_username(), "auth": request.auth})

    def post(self, request):
        return Response({"name": request.user.get_username()})


class RestMethods(APIView):
    authentication_classes = ()

    @method_decorator(auth.jwt_login_required)
    @method_decorator(auth.jwt_perm_required(["auth.view_user"]))
    def get(self, request):
        return Response({"msg": "worked!"})

    @method_decorator(auth.jwt_login_required)
    def post(self, request):
        return Response({"msg": "worked!"})


urlpatterns = [
    path("function/", function),
    path("nothing/", nothing),
    path("async_function/", async_function),
    path("user_function/", user_function),
    path("methods/", Methods.as_view()),
    path("dispatch/", Dispatch.as_view()),
    path("async_dispatch/", AsyncDispatch.as_view()),
    path("async_methods/", AsyncMethods.as_view()),
    path("permission/", permission),
    path("async_permission/", async_permission),
    path("permission_alone/", permission_alone),
    path("alice_only/", alice_only),
    path("refresh_only/", refresh_only),
    path("exempt_outside/", exempt_outside),
    path("exempt_inside/", exempt_inside),
    path("protected/", protected),
    path("exempt_class_outside/", ExemptOutside.as_view()),
    path("exempt_class_inside/", ExemptInside.as_view()),
    path("exempt_methods/", ExemptMethods.as_view()),
    path("exempt_rest/", ExemptRest.as_view()),
    path("exempt_in_urls/", csrf_exempt(Dispatch.as_view())),
    path("cached_outside/", cache_page(60)(function)),
    path("public/", public),
    path("counted/", counted),
    path("rest_function/", rest_function),
    path("rest_dispatch/", RestDispatch.as_view()),
    path("rest_alone/", RestAlone.as_view()),
    path("rest_methods/", RestMethods.as_view()),
]
