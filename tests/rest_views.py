"""Views of REST framework with guards, in both orders, whose permissions and throttles ask who."""

from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from rest_framework.authentication import SessionAuthentication
from rest_framework.decorators import (
    api_view,
    authentication_classes,
    permission_classes,
    throttle_classes,
)
from rest_framework.permissions import AllowAny, BasePermission, IsAdminUser, IsAuthenticated
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

import djwto.authentication as auth
from djwto.exceptions import JWTError


class IsAlice(BasePermission):
    def has_permission(self, request, view):
        return request.user.get_username() == "alice" and "user" in request.payload


class TwoEach(UserRateThrottle):
    rate = "2/day"


def answer(request):
    return Response(
        {"name": request.user.get_username(), "id": request.payload["user"]["id"]},
        headers={"X-Auth": str((request.auth or {}).get("type"))},
    )


def in_both_orders(methods=("GET", "POST"), guard=auth.jwt_login_required, policies=()):
    """Give the view with the guard inside and outside."""

    def view(request):
        return answer(request)

    for policy in policies:
        view = policy(view)
    return api_view(methods)(guard(view)), guard(api_view(methods)(view))


inside, outside = in_both_orders()
asked = in_both_orders(policies=[permission_classes([IsAuthenticated])])
alice_only = in_both_orders(policies=[permission_classes([IsAlice])])
staff = in_both_orders(policies=[permission_classes([IsAdminUser])])
anybody = in_both_orders(policies=[permission_classes([AllowAny])])
throttled = in_both_orders(policies=[throttle_classes([TwoEach])])
by_permission = in_both_orders(
    guard=lambda view: auth.jwt_login_required(auth.jwt_perm_required(["auth.view_user"])(view))
)


def by_test(request):
    if request.payload["user"]["username"] != "alice":
        raise JWTError.of("test_failed")
    return True


tested = in_both_orders(guard=auth.jwt_passes_test(by_test))
refresh = in_both_orders(guard=auth.jwt_is_refresh)


@api_view(["GET"])
@authentication_classes([SessionAuthentication])
@auth.jwt_login_required
def own_classes_above(request):
    return answer(request)


@api_view(["GET"])
@auth.jwt_login_required
@authentication_classes([SessionAuthentication])
def own_classes_below(request):
    return answer(request)


@api_view(["POST"])
@csrf_exempt
@auth.jwt_login_required
def exempt(request):
    return answer(request)


@method_decorator(auth.jwt_login_required, name="dispatch")
class Dispatch(APIView):
    permission_classes = (IsAuthenticated, IsAlice)
    throttle_classes = (TwoEach,)

    def get(self, request):
        return answer(request)


class Method(APIView):
    permission_classes = ()
    authentication_classes = ()

    @method_decorator(auth.jwt_login_required)
    def get(self, request):
        return answer(request)


class MethodOfDefaults(APIView):
    @method_decorator(auth.jwt_login_required)
    def get(self, request):
        return answer(request)


pairs = {
    name: globals()[name]
    for name in (
        *("asked", "alice_only", "staff", "anybody", "throttled", "by_permission"),
        *("tested", "refresh"),
    )
} | {"plain": (inside, outside)}

urlpatterns = [
    *(path(f"inside/{name}/", pair[0]) for name, pair in pairs.items()),
    *(path(f"outside/{name}/", pair[1]) for name, pair in pairs.items()),
    path("own_classes_above/", own_classes_above),
    path("own_classes_below/", own_classes_below),
    path("exempt/", exempt),
    path("dispatch/", Dispatch.as_view()),
    path("method/", Method.as_view()),
    path("method_of_defaults/", MethodOfDefaults.as_view()),
]
