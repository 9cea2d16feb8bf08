"""Guarded views that raise, and what makes replies of their exceptions."""

from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from rest_framework.decorators import api_view
from rest_framework.exceptions import ValidationError
from rest_framework.views import APIView

import djwto.authentication as auth

ERRORS = {
    "404": Http404,
    "403": PermissionDenied,
    "400": SuspiciousOperation,
    "500": RuntimeError,
}


class AppError(Exception):
    """What `process_exception` below makes a page of."""


@auth.jwt_login_required
def raises(request, status):
    Group.objects.create(name=status)
    raise ERRORS[status]("no")


@auth.jwt_login_required
async def async_raises(request, status):
    raise ERRORS[status]("no")


@method_decorator(auth.jwt_login_required, name="dispatch")
class Dispatch(View):
    def get(self, request, status):
        raise ERRORS[status]("no")


class Method(View):
    @method_decorator(auth.jwt_login_required)
    def get(self, request, status):
        raise ERRORS[status]("no")


@auth.jwt_login_required
@auth.jwt_perm_required(["auth.view_user"])
def permission(request, status):
    raise ERRORS[status]("no")


@auth.jwt_login_required
def handled(request):
    raise AppError(request.payload["user"]["username"])


@auth.jwt_login_required
def streaming(request):
    return StreamingHttpResponse([b"worked!"])


@auth.jwt_login_required
@never_cache
def own_header(request):
    return HttpResponse("worked!")


@auth.jwt_login_required
def written(request):
    Group.objects.create(name="written")
    return HttpResponse("worked!")


@api_view(["GET", "POST"])
@auth.jwt_login_required
def rest_inside(request):
    Group.objects.create(name="rest")
    raise ValidationError({"field": ["is wrong"]})


@auth.jwt_login_required
@api_view(["GET", "POST"])
def rest_outside(request):
    Group.objects.create(name="rest")
    raise ValidationError({"field": ["is wrong"]})


class RestMethod(APIView):
    @method_decorator(auth.jwt_login_required)
    def get(self, request):
        raise Http404


def unguarded(request, status):
    raise ERRORS[status]("no")


def by_hand(request):
    auth.jwt_authenticate(request)
    return HttpResponse("worked!")


class PageOfError:
    """Middleware that makes a reply with status 200 of an exception."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        if isinstance(exception, AppError):
            return HttpResponse(f"an error of {exception}")
        return None


urlpatterns = [
    path("raises/<status>/", raises),
    path("async_raises/<status>/", async_raises),
    path("dispatch/<status>/", Dispatch.as_view()),
    path("method/<status>/", Method.as_view()),
    path("permission/<status>/", permission),
    path("handled/", handled),
    path("streaming/", streaming),
    path("own_header/", own_header),
    path("written/", written),
    path("rest_inside/", rest_inside),
    path("rest_outside/", rest_outside),
    path("rest_method/", RestMethod.as_view()),
    path("unguarded/<status>/", unguarded),
    path("by_hand/", by_hand),
]
