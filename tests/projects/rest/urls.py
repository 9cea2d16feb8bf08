"""Views of REST framework in every kind: view sets, generics, functions, actions."""

from django.contrib.auth.models import Group
from django.urls import include, path
from django.utils.decorators import method_decorator
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, viewsets
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.decorators import action, api_view, permission_classes
from rest_framework.permissions import AllowAny, IsAdminUser, IsAuthenticated
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

import djwto.authentication as auth
from djwto.contrib.rest_framework import HasPerms, JWTAuthentication, TokenPermissions


class GroupSerializer(serializers.ModelSerializer):
    first_kind = serializers.ChoiceField(choices=["refresh", "access"], required=False)

    class Meta:
        model = Group
        fields = ("id", "name", "first_kind")


class GroupViewSet(viewsets.ModelViewSet):
    queryset = Group.objects.order_by("pk")
    serializer_class = GroupSerializer
    permission_classes = (TokenPermissions,)

    @action(detail=False, permission_classes=[HasPerms("auth.view_user", "auth.add_user")])
    def both(self, request):
        return Response({"by": request.user.get_username()})


class Groups(generics.ListCreateAPIView):
    queryset = Group.objects.order_by("pk")
    serializer_class = GroupSerializer


def me_of(request):
    return Response(
        {
            "name": request.user.get_username(),
            "auth": request.auth if request.auth is None else request.auth["type"],
            "same": request.auth is not None and request.auth == request.payload,
            "token": getattr(request, "token", "")[:3],
            "mode": getattr(request, "jwt_mode", None),
        }
    )


class Me(generics.GenericAPIView):
    serializer_class = GroupSerializer

    def get(self, request):
        return me_of(request)

    def post(self, request):
        return me_of(request)


class Open(Me):
    permission_classes = (AllowAny,)


class TokenFirst(Me):
    authentication_classes = (JWTAuthentication, SessionAuthentication, BasicAuthentication)


class SessionFirst(Me):
    authentication_classes = (SessionAuthentication, JWTAuthentication)


class SessionOnly(Me):
    authentication_classes = (SessionAuthentication,)


class Throttled(Me):
    throttle_classes = (UserRateThrottle,)


class Viewers(Me):
    permission_classes = (HasPerms("auth.view_user"),)


class ViewersOrStaff(TokenFirst):
    permission_classes = (HasPerms("auth.view_user") | IsAdminUser,)


class NoPerms(TokenFirst):
    permission_classes = (HasPerms(),)


class Own(Me):
    """Its own cache header, and one that fails."""

    def get(self, request):
        return Response({}, headers={"Cache-Control": "private, max-age=60"})

    def delete(self, request):
        raise ValueError("a fault of the view's")


class Named(Me):
    @extend_schema(responses=GroupSerializer)
    def get(self, request, finalize):
        return Response({"finalize": finalize})


class Nothing(Me):
    authentication_classes = ()
    permission_classes = ()


class GuardedMethod(generics.GenericAPIView):
    serializer_class = GroupSerializer

    @method_decorator(auth.jwt_login_required)
    def get(self, request):
        return me_of(request)


class Forgotten(APIView):
    authentication_classes = (SessionAuthentication,)

    @method_decorator(auth.jwt_login_required)
    def get(self, request):
        return me_of(request)


class ForgottenActions(viewsets.ViewSet):
    authentication_classes = (SessionAuthentication,)

    @method_decorator(auth.jwt_login_required)
    def list(self, request):
        return me_of(request)


@extend_schema(responses=GroupSerializer, request=None)
@api_view(["GET", "POST"])
def function(request):
    return me_of(request)


@extend_schema(responses=GroupSerializer, request=None)
@api_view(["GET", "POST"])
@auth.jwt_login_required
@permission_classes([IsAuthenticated])
def guarded(request):
    return me_of(request)


@extend_schema(responses=GroupSerializer, request=None)
@api_view(["GET", "POST"])
@auth.jwt_optional
def optional(request):
    return Response({"name": request.user.get_username(), "auth": request.auth is not None})


@extend_schema(responses=GroupSerializer, request=None)
@api_view(["GET"])
@auth.jwt_is_refresh
def refresh_only(request):
    return me_of(request)


router = DefaultRouter()
router.register("groups", GroupViewSet)

urlpatterns = [
    path("", include("djwto.urls")),
    path("api/", include(router.urls)),
    path("generic/", Groups.as_view()),
    path("me/", Me.as_view()),
    path("open/", Open.as_view()),
    path("token_first/", TokenFirst.as_view()),
    path("session_first/", SessionFirst.as_view()),
    path("throttled/", Throttled.as_view()),
    path("viewers/", Viewers.as_view()),
    path("viewers_or_staff/", ViewersOrStaff.as_view()),
    path("no_perms/", NoPerms.as_view()),
    path("own/", Own.as_view()),
    path("named/<int:finalize>/", Named.as_view()),
    path("guarded_method/", GuardedMethod.as_view()),
    path("function/", function),
    path("guarded/", guarded),
    path("optional/", optional),
    path("refresh_only/", refresh_only),
]
