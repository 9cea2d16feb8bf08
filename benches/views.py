"""The views that are timed: one thing to say, and different guards before it."""

import sys
from functools import wraps
from typing import Any

import jwt
from django.conf import settings as django_settings
from django.contrib.auth.decorators import login_required
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import JsonResponse
from django.test import override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from knox.auth import TokenAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import (
    JWTAuthentication,
    JWTStatelessUserAuthentication,
)

from benches import settings
from benches.peers import REQUIRED
from djwto.authentication import jwt_login_required, jwt_perm_required
from djwto.contrib import rest_framework as djwto_rest

JWT_MIDDLEWARE = "djwto.middleware.JWTMiddleware"

Environ = dict[str, Any]
Headers = dict[str, str]


def bare(request):
    return JsonResponse({"msg": "worked!"})


def with_user(request):
    return JsonResponse({"msg": "worked!", "id": request.user.pk})


def by_hand(view):
    """What a project writes that has PyJWT and no more."""

    @wraps(view)
    def guarded(request):
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return JsonResponse({"error": "no token"}, status=401)
        try:
            claims = jwt.decode(
                token,
                settings.SIGNING_KEY,
                algorithms=["HS256"],
                issuer=settings.ISSUER,
                subject=settings.SUBJECT,
                audience=settings.AUDIENCE,
                options={"require": REQUIRED},
            )
        except jwt.InvalidTokenError:
            return JsonResponse({"error": "bad token"}, status=401)
        if claims.get("type") != "access":
            return JsonResponse({"error": "bad token"}, status=401)
        request.payload = claims
        return view(request)

    return guarded


def nothing(view):
    """A decorator that does nothing, to see what it costs to be one on a method."""

    @wraps(view)
    def wrapped(request):
        return view(request)

    return wrapped


class ClassBare(View):
    def get(self, request):
        return bare(request)


class ClassDjwto(View):
    @method_decorator(jwt_login_required)
    def get(self, request):
        return bare(request)


class ClassNothing(View):
    @method_decorator(nothing)
    def get(self, request):
        return bare(request)


class RestBare(APIView):
    authentication_classes = ()

    def get(self, request):
        return Response({"msg": "worked!"})


class RestDjwto(RestBare):
    @method_decorator(jwt_login_required)
    def get(self, request):
        return super().get(request)


class RestClass(RestBare):
    authentication_classes = (djwto_rest.JWTAuthentication,)
    permission_classes = (djwto_rest.HasPerms("app.view_model07"),)


class RestUser(APIView):
    authentication_classes = ()

    def get(self, request):
        return Response({"msg": "worked!", "id": request.user.pk})


class RestDjwtoUser(RestUser):
    @method_decorator(jwt_login_required)
    def get(self, request):
        return super().get(request)


class RestClassUser(RestUser):
    authentication_classes = (djwto_rest.JWTAuthentication,)
    permission_classes = (IsAuthenticated,)


class RestStateless(RestBare):
    authentication_classes = (JWTStatelessUserAuthentication,)
    permission_classes = (IsAuthenticated,)


class RestDatabase(RestUser):
    authentication_classes = (JWTAuthentication,)
    permission_classes = (IsAuthenticated,)


class RestKnox(RestUser):
    authentication_classes = (TokenAuthentication,)
    permission_classes = (IsAuthenticated,)


urlpatterns = [
    path("bare/", bare),
    path("user/", with_user),
    path("class_bare/", ClassBare.as_view()),
    path("class_djwto/", ClassDjwto.as_view()),
    path("class_nothing/", ClassNothing.as_view()),
    path("djwto/", jwt_login_required(bare)),
    path("djwto_perms/", jwt_login_required(jwt_perm_required(["app.view_model07"])(bare))),
    path("djwto_user/", jwt_login_required(with_user)),
    path("by_hand/", by_hand(bare)),
    path("session/", login_required(with_user)),
    path("rest_bare/", RestBare.as_view()),
    path("rest_djwto/", RestDjwto.as_view()),
    path("rest_djwto_user/", RestDjwtoUser.as_view()),
    path("rest_class/", RestClass.as_view()),
    path("rest_class_user/", RestClassUser.as_view()),
    path("rest_stateless/", RestStateless.as_view()),
    path("rest_database/", RestDatabase.as_view()),
    path("rest_knox/", RestKnox.as_view()),
]
URLCONFS = {f"/{pattern.pattern}": (pattern,) for pattern in urlpatterns}


class Request(WSGIRequest):
    """Has its path as the only one: late in a list of URLs, a view would look slower than it is."""

    def __init__(self, environ):
        super().__init__(environ)
        self.urlconf = URLCONFS[self.path_info]


class Handler(WSGIHandler):
    """Django's own, with such requests."""

    request_class = Request


def handler_with(*middleware: str) -> Handler:
    """Make one that has more middleware than `startproject` writes."""
    handler = Handler()
    with override_settings(MIDDLEWARE=[*django_settings.MIDDLEWARE, *middleware]):
        handler.load_middleware()
    return handler


def environ_of(method: str, path: str, headers: Headers) -> Environ:
    """Make what a server hands to Django, without a body."""
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_LENGTH": "0",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "HTTP_ACCEPT": "*/*",
        "HTTP_USER_AGENT": "benches",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **headers,
    }
