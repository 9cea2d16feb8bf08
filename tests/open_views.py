"""Views without a guard of djwto: they know the user by `JWTMiddleware`, or not at all."""

from django.contrib.auth import login, logout
from django.contrib.auth.decorators import (
    login_not_required,
    login_required,
    permission_required,
    user_passes_test,
)
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.contrib.auth.models import Group, User
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import Http404, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import engines
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import cache_page
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import etag, require_POST
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.decorators import api_view
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

import djwto.authentication as auth
from djwto import sessions, state
from djwto.contrib.rest_framework import JWTAuthentication
from djwto.exceptions import JWTError
from tests import guarded


def shown(request):
    """What the middleware has set."""
    error = request.jwt_error
    return JsonResponse(
        {
            "user": request.user.get_username(),
            "claims": getattr(request, "payload", None),
            "mode": getattr(request, "jwt_mode", None),
            "has_token": bool(getattr(request, "token", None)),
            "error": None if error is None else error.code,
        }
    )


async def async_shown(request):
    user = await request.auser()
    error = request.jwt_error
    return JsonResponse(
        {"user": user.get_username(), "error": None if error is None else error.code}
    )


@login_not_required
def for_all(request):
    return shown(request)


def untouched(request):
    return HttpResponse("for everybody")


def claims_alone(request):
    return JsonResponse({"has_claims": getattr(request, "payload", None) is not None})


@csrf_exempt
def exempt(request):
    return shown(request)


@csrf_exempt
async def async_exempt(request):
    return await async_shown(request)


@csrf_exempt
def upload(request):
    """As Django's docs have it: handlers are set before the check reads the form."""
    request.upload_handlers.insert(0, TemporaryFileUploadHandler(request))
    return protected_upload(request)


@csrf_protect
def protected_upload(request):
    found = [one.read().decode() for one in request.FILES.values()]
    return JsonResponse({"user": request.user.get_username(), "files": found})


@csrf_exempt
def raw(request):
    """The bytes of the body, as a webhook reads them to check a signature."""
    error = request.jwt_error
    return JsonResponse(
        {
            "user": request.user.get_username(),
            "size": len(request.body),
            "error": None if error is None else error.code,
        }
    )


class RestUpload(APIView):
    def post(self, request):
        return Response({"user": request.user.get_username(), "fields": sorted(request.data)})


@auth.jwt_login_required
def guarded_form(request):
    error = getattr(request, "jwt_error", None)
    return JsonResponse({"user": request.user.get_username(), "error": str(error), **request.POST})


def found(request, kind=JsonResponse):
    """Who it is, and what kind of object says so."""
    return kind(
        {
            "user": request.user.get_username(),
            "kind": type(request.user).__name__,
            "claim": request.payload["user"]["username"],
        }
    )


def rest_found(request):
    request.payload = state.of(request).claims
    return found(request, Response)


class RestClass(APIView):
    authentication_classes = (JWTAuthentication,)

    def get(self, request):
        return rest_found(request)


class RestBoth(APIView):
    authentication_classes = (JWTAuthentication, SessionAuthentication)
    permission_classes = (IsAuthenticated,)

    def post(self, request):
        return Response({"user": request.user.get_username()})


class RestEither(RestBoth):
    authentication_classes = (SessionAuthentication, JWTAuthentication)


def stream(request):
    return StreamingHttpResponse(iter(["a" * 300]))


@require_POST
def posted(request):
    return HttpResponse()


@etag(lambda _request: '"1"')
def tagged(request):
    return HttpResponse("a" * 300)


class RestMethods(APIView):
    authentication_classes = (SessionAuthentication, BasicAuthentication)

    @method_decorator(auth.jwt_login_required)
    def get(self, request):
        return rest_found(request)


class WithLogin(LoginRequiredMixin, View):
    def get(self, request):
        return HttpResponse(request.user.get_username())


class WithPermission(PermissionRequiredMixin, View):
    permission_required = "auth.view_user"

    def get(self, request):
        return HttpResponse(request.user.get_username())


def template(request):
    text = (
        "{% if user.is_authenticated %}{{ user.username }}"
        "{% if perms.auth.view_user %} may{% endif %}{% if perms.auth %} auth{% endif %}"
        "{% if user.is_staff %} staff{% endif %}{% else %}nobody{% endif %}"
    )
    return HttpResponse(engines["django"].from_string(text).render({}, request))


@api_view(["GET", "POST"])
def rest(request):
    return Response({"user": request.user.get_username()})


def raises(request, status):
    Group.objects.create(name="raised")
    raise JWTError("No tea.", "teapot", status=status)


async def async_raises(request, status):
    raise JWTError("No tea.", "teapot", status=status)


def missing(request):
    raise Http404


def fails(request):
    raise RuntimeError


def log_out(request):
    logout(request)
    return HttpResponse(request.user.get_username())


def log_in_as(request, name):
    return sessions.login(request, User.objects.get(username=name))


def log_out_and_fail(request):
    logout(request)
    raise RuntimeError


def forget_and_log_out(request):
    request.payload.clear()
    return log_out(request)


@api_view(["GET"])
def rest_raises(request):
    raise JWTError("No tea.", "teapot", status=409)


def log_in(request, name):
    login(request, User.objects.get(username=name), "django.contrib.auth.backends.ModelBackend")
    return HttpResponse(request.user.get_username())


@auth.jwt_login_required
def guarded_log_out(request):
    logout(request)
    return HttpResponse("bye")


@cache_page(60)
def cached(request):
    return HttpResponse(request.user.get_username())


@cache_page(60)
@auth.jwt_optional
def cached_optional(request):
    return HttpResponse(request.user.get_username())


@auth.jwt_login_required
def twice(request):
    return HttpResponse(f"{request.user.get_username()} {request.payload['user']['username']}")


urlpatterns = [
    path("", include("tests.projects.plain.urls")),
    path("shown/", shown),
    path("async_shown/", async_shown),
    path("untouched/", untouched),
    path("claims_alone/", claims_alone),
    path("exempt/", exempt),
    path("async_exempt/", async_exempt),
    path("login_required/", login_required(shown)),
    path("login_not_required/", for_all),
    path("permission/", permission_required("auth.view_user", raise_exception=True)(shown)),
    path("passes_test/", user_passes_test(lambda user: user.is_active)(shown)),
    path("with_login/", WithLogin.as_view()),
    path("with_permission/", WithPermission.as_view()),
    path("template/", template),
    path("rest/", rest),
    path("guarded_shown/", auth.jwt_login_required(found)),
    path("optional_shown/", auth.jwt_optional(found)),
    path("rest_guarded/", api_view(["GET"])(auth.jwt_login_required(rest_found))),
    path("guarded_rest/", auth.jwt_login_required(api_view(["GET"])(rest_found))),
    path("rest_class/", RestClass.as_view()),
    path("rest_both/", RestBoth.as_view()),
    path("rest_either/", RestEither.as_view()),
    path("stream/", stream),
    path("posted/", posted),
    path("tagged/", tagged),
    path("rest_methods/", RestMethods.as_view()),
    path("upload/", upload),
    path("raw/", raw),
    path("rest_upload/", RestUpload.as_view()),
    path("guarded_form/", guarded_form),
    path("raises/<int:status>/", raises),
    path("async_raises/<int:status>/", async_raises),
    path("missing/", missing),
    path("fails/", fails),
    path("log_out/", log_out),
    path("log_in/<name>/", log_in),
    path("api/token/refresh/log_out/", log_out),
    path("api/token/refresh/optional_log_out/", auth.jwt_optional(log_out)),
    path("exempt_log_out/", csrf_exempt(log_out)),
    path("as/<name>/", log_in_as),
    path("log_out_and_fail/", log_out_and_fail),
    path("forget_and_log_out/", forget_and_log_out),
    path("rest_raises/", rest_raises),
    path("guarded_log_out/", guarded_log_out),
    path("cached/", cached),
    path("cached_optional/", cached_optional),
    path("twice/", twice),
    path("perm_alone/", guarded.permission_alone),
]
