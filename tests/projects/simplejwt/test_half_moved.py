"""`manage.py check` of projects that have moved by half: without the app, or with old views left.

Run with `pytest --ds=tests.projects.simplejwt.settings tests/projects/simplejwt`.
"""

import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.urls import clear_url_caches, include, path
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt import views
from rest_framework_simplejwt.authentication import (
    JWTAuthentication,
    JWTStatelessUserAuthentication,
)

from djwto.contrib.rest_framework import JWTAuthentication as Ours
from djwto.contrib.simplejwt.authentication import JWTAuthentication as Moved

OLD = "rest_framework_simplejwt.authentication.JWTAuthentication"
NEW = "djwto.contrib.simplejwt.authentication.JWTAuthentication"
HERE = "tests.projects.simplejwt.test_half_moved"


class OwnPair(views.TokenObtainPairView):
    """A login view of the project."""


class OwnBase(views.TokenViewBase):
    """A view that answers something else."""


class Plain(APIView):
    authentication_classes = (Ours,)


class Old(APIView):
    authentication_classes = (JWTAuthentication,)


class Chosen(APIView):
    @property
    def authentication_classes(self) -> Any:
        return [JWTAuthentication]


class Both(APIView):
    authentication_classes = (Moved, JWTStatelessUserAuthentication)


@api_view()
@authentication_classes([JWTAuthentication])
def function(request: Any) -> Response:
    return Response({})


def found(settings: Any, *patterns: Any) -> list[CheckMessage]:
    """Serve the patterns, and give what the check says of them."""
    module: Any = ModuleType("tests.urls_made")
    module.urlpatterns = list(patterns)
    settings.ROOT_URLCONF = module
    clear_url_caches()
    return [one for one in run_checks() if one.id == "djwto.W074"]


@pytest.fixture
def without_app(settings: Any) -> None:
    apps = settings.INSTALLED_APPS
    settings.INSTALLED_APPS = [one for one in apps if one != "djwto.contrib.simplejwt"]


# --- views --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("TokenObtainPairView", "token/"),
        ("TokenRefreshView", "token/refresh/"),
        ("TokenVerifyView", "token/verify/"),
        ("TokenBlacklistView", "token/blacklist/"),
    ],
)
def test_a_view_of_simplejwt_where_it_always_was(settings: Any, name: str, end: str) -> None:
    (one,) = found(settings, path(f"api/{end}", getattr(views, name).as_view()))
    assert one.msg == (
        f"rest_framework_simplejwt.views.{name} at /api/{end} is a view of simplejwt. Simplejwt "
        "does not know djwto's sessions, so it accepts tokens after a logout."
    )
    assert one.hint == ('Replace it with path("api/", include("djwto.contrib.simplejwt.urls")).')


@pytest.mark.parametrize("view", [views.token_refresh, views.TokenRefreshView.as_view()])
def test_a_view_of_simplejwt_at_another_path(settings: Any, view: Any) -> None:
    (one,) = found(settings, path("auth/", include([path("renew", view)])))
    assert "at /auth/renew is" in one.msg
    assert one.hint.startswith(
        "Replace it with the view token_refresh of djwto.contrib.simplejwt.urls"
    )


def test_a_login_view_of_the_project(settings: Any) -> None:
    (one,) = found(settings, path("token/", OwnPair.as_view()))
    assert one.msg.startswith(f"{HERE}.OwnPair at /token/ is a view of simplejwt")
    assert one.hint == (
        'Replace it with path("", include("djwto.contrib.simplejwt.urls")). '
        "Add your own claims in djwto.tokens.process_claims."
    )


def test_views_that_have_no_counterpart(settings: Any) -> None:
    sliding, own = found(
        settings,
        path("token/", views.TokenObtainSlidingView.as_view()),
        path("own/", OwnBase.as_view()),
    )
    assert sliding.hint.startswith("Remove it. djwto has no sliding tokens")
    assert "djwto.sessions.login" in own.hint


# --- authentication classes ---------------------------------------------------------------------


def test_the_default_that_names_simplejwts_class(settings: Any) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [OLD]}

    class Inherits(APIView):
        """REST framework has read the settings when it was imported, so they stand here."""

        authentication_classes = (JWTAuthentication,)

    (one,) = found(settings, path("one/", Inherits.as_view()))
    assert one.msg.startswith(f"DEFAULT_AUTHENTICATION_CLASSES names {OLD}. Simplejwt")
    assert one.hint == f"Replace it with {NEW}."


@pytest.mark.parametrize(("name", "view"), [("Old", Old.as_view()), ("function", function)])
def test_a_view_that_names_simplejwts_class(settings: Any, name: str, view: Any) -> None:
    # Once, although it is there twice.
    (one,) = found(settings, path("one/", view), path("two/", view))
    assert one.msg == (
        f"{HERE}.{name} authenticates with {OLD}. Simplejwt does not know djwto's sessions, so it "
        "accepts tokens after a logout."
    )
    assert one.hint == f"Replace it with {NEW}."


def test_a_class_given_to_the_view_in_the_urls(settings: Any) -> None:
    (one,) = found(settings, path("", Plain.as_view(authentication_classes=[JWTAuthentication])))
    assert one.msg.startswith(f"{HERE}.Plain authenticates with {OLD}")


def test_the_class_without_users(settings: Any) -> None:
    (one,) = found(settings, path("", Both.as_view()))
    assert "authenticates with rest_framework_simplejwt.authentication.JWTStateless" in one.msg
    assert 'DJWTO_USER = "token" makes request.user from the claims' in one.hint


# --- what is left alone -------------------------------------------------------------------------


def test_a_project_that_has_moved_is_left_alone(settings: Any) -> None:
    urls = [include("djwto.urls"), include("djwto.contrib.simplejwt.urls")]
    assert found(settings, *(path("", one) for one in urls), path("x/", Plain.as_view())) == []


def test_a_project_that_has_not_begun_is_left_alone(settings: Any, without_app: None) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [OLD]}
    patterns = [path("token/", views.token_obtain_pair), path("old/", Old.as_view())]
    assert found(settings, *patterns) == []


@pytest.mark.parametrize(
    "begun", [path("", include("djwto.urls")), path("x/", Plain.as_view())], ids=["urls", "class"]
)
def test_djwtos_urls_or_class_are_a_beginning(settings: Any, without_app: None, begun: Any) -> None:
    settings.REST_FRAMEWORK = {}
    view, opened = found(
        settings, begun, path("token/", views.token_obtain_pair), path("old/", Old.as_view())
    )
    assert view.hint == (
        'Replace it with path("", include("djwto.contrib.simplejwt.urls")), and add '
        '"djwto.contrib.simplejwt" to INSTALLED_APPS.'
    )
    assert opened.hint.startswith("Replace it with djwto.contrib.rest_framework.JWTAuthentication.")


def test_djwtos_class_as_the_default_is_a_beginning(settings: Any, without_app: None) -> None:
    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["djwto.contrib.rest_framework.JWTAuthentication"]
    }
    assert len(found(settings, path("old/", Old.as_view()))) == 1


# --- without the app ----------------------------------------------------------------------------


def test_a_view_that_chooses_its_classes_by_a_property_stops_no_check(settings: Any) -> None:
    assert found(settings, path("chosen", Chosen.as_view())) == []


CHECK = """
import sys
from django.conf import settings
from tests.projects.simplejwt import settings as ours
named = {name: getattr(ours, name) for name in dir(ours) if name.isupper()}
apps = [one for one in ours.INSTALLED_APPS if one not in sys.argv[2].split()]
rest = {"DEFAULT_AUTHENTICATION_CLASSES": [sys.argv[3]]} if sys.argv[3] else {}
settings.configure(
    **{**named, "INSTALLED_APPS": apps, "REST_FRAMEWORK": rest, "ROOT_URLCONF": "made_urls"}
)
sys.modules["rest_framework_simplejwt"] = None
open(sys.argv[4] + "/made_urls.py", "w").write(sys.argv[1])
sys.path.insert(0, sys.argv[4])
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "check"])
"""
INCLUDE = """
from django.urls import include, path
urlpatterns = [path("api/", include("djwto.contrib.simplejwt.urls"))]
"""
VIEWS = """
from django.urls import path
from djwto.contrib.simplejwt import views
urlpatterns = [path("login", views.TokenObtainPairView.as_view())]
"""
CLASS = """
from django.urls import path
from rest_framework.views import APIView
urlpatterns = [path("", APIView.as_view())]
"""
BLACKLIST = "rest_framework_simplejwt.token_blacklist"


def check(urls: str, default: str, tmp_path: Any, *without: str) -> "subprocess.CompletedProcess":
    words = [urls, " ".join([BLACKLIST, *without]), default, str(tmp_path)]
    return subprocess.run(
        [sys.executable, "-c", CHECK, *words], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("without", [(), ("djwto",)], ids=["djwto", "neither"])
@pytest.mark.parametrize(
    ("urls", "default"),
    [(INCLUDE, ""), (VIEWS, ""), (CLASS, NEW)],
    ids=["urls", "views", "class"],
)
def test_what_needs_the_app_says_so(urls: str, default: str, without: Any, tmp_path: Any) -> None:
    done = check(urls, default, tmp_path, "djwto.contrib.simplejwt", *without)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "django.core.exceptions.ImproperlyConfigured: INSTALLED_APPS: expected "
        '"djwto.contrib.simplejwt"'
    )


@pytest.mark.parametrize(("urls", "default"), [(INCLUDE, ""), (VIEWS, ""), (CLASS, NEW)])
def test_with_the_app_there_is_nothing_to_say(urls: str, default: str, tmp_path: Any) -> None:
    done = check(urls, default, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "djwto.W074" not in done.stderr
