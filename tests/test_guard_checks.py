"""`manage.py check` about guarded views and middleware: W004, W034, W035, E051 and W050."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.middleware import LoginRequiredMiddleware, RemoteUserMiddleware
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import Client
from django.urls import clear_url_caches, include, path
from django.utils.decorators import method_decorator
from django.views import View
from rest_framework.decorators import api_view
from rest_framework.views import APIView

import djwto.authentication as auth
from djwto.middleware import JWTMiddleware, PrivateRepliesMiddleware
from djwto.test import login
from tests.test_docs import ROOT

OURS = "djwto.middleware.PrivateRepliesMiddleware"
JWT = "djwto.middleware.JWTMiddleware"
USERS = "django.contrib.auth.middleware.AuthenticationMiddleware"
REMOTE = "django.contrib.auth.middleware.RemoteUserMiddleware"
STORES = "django.middleware.cache.UpdateCacheMiddleware"
REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"


def messages(check_id: str) -> list[Any]:
    clear_url_caches()
    return [one for one in run_checks(include_deployment_checks=True) if one.id == check_id]


def serve(settings: Any, **views: Any) -> None:
    module = ModuleType("tests.urls_made")
    module.urlpatterns = [path(f"{name}/", view) for name, view in views.items()]
    settings.ROOT_URLCONF = module


@auth.jwt_login_required
def function(request):
    return HttpResponse("worked!")


def unwrapping(view):
    """Decorate without `functools.wraps`."""

    def inner(request):
        return view(request)

    return inner


@method_decorator(auth.jwt_login_required, name="dispatch")
class Dispatch(View):
    def get(self, request):
        return HttpResponse("worked!")


class Method(View):
    @method_decorator(auth.jwt_login_required)
    def get(self, request):
        return HttpResponse("worked!")


class Inherited(Method):
    pass


class Options(View):
    @method_decorator(auth.jwt_login_required)
    @method_decorator(auth.jwt_perm_required(["auth.view_user"]))
    def options(self, request):
        return HttpResponse("worked!")


@method_decorator(login_not_required, name="dispatch")
class Opened(Method):
    pass


class RestMethod(APIView):
    @method_decorator(auth.jwt_login_required)
    def get(self, request):
        return HttpResponse("worked!")


def open_view(request):
    return HttpResponse("open")


rest_inside = api_view(["GET"])(function)
rest_outside = auth.jwt_login_required(api_view(["GET"])(open_view))
unwrapped = unwrapping(function)
permission = auth.jwt_login_required(auth.jwt_perm_required(["auth.view_user"])(open_view))
permission_alone = auth.jwt_perm_required(["auth.view_user"])(open_view)

GUARDED = {
    "function": function,
    "Dispatch": Dispatch.as_view(),
    "Method": Method.as_view(),
    "Inherited": Inherited.as_view(),
    "Options": Options.as_view(),
    "RestMethod": RestMethod.as_view(),
    "open_view": rest_outside,
    "unwrapped": unwrapped,
    "permission": permission,
    "permission_alone": permission_alone,
    "refresh": auth.jwt_is_refresh(open_view),
    "test": auth.jwt_passes_test(lambda request: True)(open_view),
}


@pytest.mark.parametrize("name", GUARDED)
def test_guarded_views_want_the_middleware_in_production(settings: Any, name: str) -> None:
    serve(settings, **{name: GUARDED[name]}, open=open_view)
    (message,) = messages("djwto.W034")
    assert "tests.test_guard_checks." in message.msg
    assert OURS in message.hint
    assert not [one for one in run_checks() if one.id == "djwto.W034"]
    settings.MIDDLEWARE = [OURS, *settings.MIDDLEWARE]
    assert messages("djwto.W034") == []


def test_a_function_under_api_view_is_named(settings: Any) -> None:
    serve(settings, rest=rest_inside, function=function, method=Method.as_view())
    (message,) = messages("djwto.W034")
    assert message.msg.endswith(
        "The guarded views are tests.test_guard_checks.Method, tests.test_guard_checks.function."
    )
    serve(settings, rest=rest_inside)
    (message,) = messages("djwto.W034")
    assert message.msg.endswith("The guarded views are tests.test_guard_checks.function.")


def test_views_in_namespaces_are_found(settings: Any) -> None:
    module = ModuleType("tests.urls_made")
    inside = [path("function/", function)]
    module.urlpatterns = [path("a/", include((inside, "app"), namespace="a"))]
    settings.ROOT_URLCONF = module
    assert len(messages("djwto.W034")) == 1


def test_a_project_without_guards_needs_no_middleware(settings: Any) -> None:
    serve(settings, open=open_view)
    assert messages("djwto.W034") == []


def test_many_views_are_not_all_listed(settings: Any) -> None:
    views = {}
    for number in range(60):
        view = auth.jwt_login_required(lambda request: None)
        view.__qualname__ = f"view_{number:02}"
        views[f"v{number}"] = view
    serve(settings, **views)
    (message,) = messages("djwto.W034")
    assert "view_49 and 10 more." in message.msg


class Subclass(PrivateRepliesMiddleware):
    pass


@pytest.mark.parametrize(
    ("middleware", "sentence"),
    [
        ([STORES, OURS], None),
        ([OURS], None),
        ([JWT], None),
        ([STORES, USERS, JWT], None),
        ([JWT, STORES], "UpdateCacheMiddleware is below"),
        (["tests.test_guard_checks.Subclass"], None),
        ([OURS, STORES, OURS], None),
        ([OURS, STORES], "UpdateCacheMiddleware is below"),
        ([STORES], "When a guarded view raises"),
        (["nowhere.Middleware"], "When a guarded view raises"),
    ],
)
def test_the_place_of_the_middleware(settings: Any, middleware: Any, sentence: Any) -> None:
    serve(settings, function=function)
    settings.MIDDLEWARE = [*middleware, *settings.MIDDLEWARE]
    found = messages("djwto.W034")
    assert [sentence in one.msg for one in found] == ([] if sentence is None else [True])


class OwnLoginRequired(LoginRequiredMiddleware):
    pass


@pytest.mark.parametrize("middleware", [REQUIRED, "tests.test_guard_checks.OwnLoginRequired"])
@pytest.mark.parametrize("name", ["Method", "Inherited", "Options", "unwrapped"])
def test_a_guard_that_djangos_middleware_cannot_see_is_named(
    settings: Any, name: str, middleware: str
) -> None:
    serve(settings, **{name: GUARDED[name]})
    assert messages("djwto.W035") == []
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, middleware]
    (message,) = messages("djwto.W035")
    assert message.msg.startswith("tests.test_guard_checks.")
    assert "login_not_required" in message.hint
    assert 'name="dispatch"' in message.hint


def test_what_the_check_says_is_true(alice: Any, settings: Any) -> None:
    views = {name: GUARDED[name] for name in ("Method", "unwrapped", "Dispatch", "function")}
    serve(settings, **views, rest=rest_inside, opened=Opened.as_view())
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, REQUIRED]
    client = Client()
    login(client, alice)
    answers = {name: client.get(f"/{name}/").status_code for name in (*views, "rest", "opened")}
    redirected = {name for name, status in answers.items() if status == 302}
    assert redirected == {"Method", "unwrapped"}
    assert set(answers.values()) == {200, 302}
    assert len(messages("djwto.W035")) == 2


@pytest.mark.parametrize(
    "name", ["function", "Dispatch", "RestMethod", "open_view", "permission", "refresh", "test"]
)
def test_a_guard_that_it_sees_is_not_named(settings: Any, name: str) -> None:
    serve(settings, **{name: GUARDED[name]}, rest=rest_inside, opened=Opened.as_view())
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, REQUIRED]
    assert messages("djwto.W035") == []


def test_odd_closures_are_no_fault_of_a_check(settings: Any) -> None:
    class Odd:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    odd = Odd()
    if settings is None:
        never = 1
    serve(settings, odd=lambda request: (odd, never))
    assert messages("djwto.W034") == []


def test_guarded_methods_want_the_csrf_failure_view(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.projects.plain.urls"
    (message,) = messages("djwto.W004")
    assert message.msg.startswith("tests.guarded.Methods guards single methods")
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "csrf" not in name.lower()]
    assert messages("djwto.W004") == []
    settings.CSRF_FAILURE_VIEW = "djwto.csrf.failure"
    assert messages("djwto.W004") == []


@pytest.mark.parametrize(
    ("middleware", "ids"),
    [
        ([USERS, JWT], []),
        ([JWT], []),
        ([USERS], []),
        ([JWT, USERS], ["djwto.E051"]),
        (["tests.test_guard_checks.OwnJWTMiddleware", USERS], ["djwto.E051"]),
        ([USERS, JWT, REMOTE], ["djwto.E051"]),
        ([USERS, JWT, f"{__name__}.OwnRemoteUserMiddleware"], ["djwto.E051"]),
        ([USERS, REMOTE, JWT], []),
        ([STORES, USERS, JWT], []),
        ([USERS, JWT, STORES], ["djwto.W050"]),
        ([STORES, USERS], []),
    ],
)
def test_jwt_middleware_has_its_place(settings: Any, middleware: list[str], ids: list[str]) -> None:
    serve(settings, open=open_view)
    settings.MIDDLEWARE = [*middleware, "djwto.not_there.Middleware"]
    found = [one.id for one in run_checks() if one.id in ("djwto.E051", "djwto.W050")]
    assert found == ids


@pytest.mark.parametrize("middleware", [[JWT, USERS], [USERS, JWT, REMOTE]])
def test_in_the_wrong_place_it_refuses_to_start(settings: Any, middleware: list[str]) -> None:
    """Checks do not run in every process that serves."""
    serve(settings, open=open_view)
    settings.MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware", *middleware]
    with pytest.raises(ImproperlyConfigured, match=r"is below.*Put JWTMiddleware"):
        Client().get("/open/")


class OwnJWTMiddleware(JWTMiddleware):
    pass


class OwnRemoteUserMiddleware(RemoteUserMiddleware):
    pass


def test_the_other_checks_know_jwt_middleware(settings: Any) -> None:
    serve(settings, method=Method.as_view(), post=Posting.as_view())
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, REQUIRED]
    assert "requests with a token" in messages("djwto.W035")[0].msg
    assert "CSRF token of Bearer requests" in messages("djwto.W004")[0].msg
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, JWT]
    assert "requests without a good token" in messages("djwto.W035")[0].msg
    assert "Bearer" not in messages("djwto.W004")[0].msg


class Posting(View):
    @method_decorator(auth.jwt_login_required)
    def post(self, request):
        return HttpResponse("worked!")


ALONE = """
import sys, django
from django.conf import settings
django.setup()
settings.ROOT_URLCONF = "guarded_urls"
from djwto.guard_checks import check_rest_framework
assert "rest_framework.views" not in sys.modules
print(*(one.id for one in check_rest_framework()))
"""
GUARDED_METHOD = """
from django.urls import path
from django.utils.decorators import method_decorator
from djwto.authentication import jwt_login_required
from rest_framework.views import APIView

@method_decorator(jwt_login_required, name="get")
class View(APIView):
    def get(self, request):
        pass

urlpatterns = [path("", View.as_view())]
"""


def test_a_check_finds_views_of_rest_framework_that_the_urls_import(tmp_path: Path) -> None:
    """Checks run in any order: this one may be the first to load the URLs."""
    (tmp_path / "guarded_urls.py").write_text(GUARDED_METHOD)
    done = subprocess.run(
        [sys.executable, "-c", ALONE],
        env={
            "PYTHONPATH": f"{ROOT}:{tmp_path}",
            "DJANGO_SETTINGS_MODULE": "tests.projects.plain.settings",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == (["djwto.W055"], "")
