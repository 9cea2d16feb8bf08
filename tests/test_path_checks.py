"""Checks that look where the refresh cookie goes, and where the views are that read it."""

from types import ModuleType
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.core.checks import CheckMessage, run_checks
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import clear_url_caches, include, path, re_path
from django.utils.decorators import method_decorator
from django.views import View

from djwto import views
from djwto.authentication import jwt_is_refresh

R = "api/token/refresh"
LANGUAGES = [("en-us", "English"), ("de", "German")]


@jwt_is_refresh
def renew(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@method_decorator(jwt_is_refresh, name="dispatch")
class Renew(View):
    pass


class RenewByPost(View):
    @method_decorator(jwt_is_refresh)
    def post(self, _request: HttpRequest) -> HttpResponse:
        return HttpResponse()


class OwnRenewal(views.RefreshAccessView):
    pass


def found(patterns: list[Any], **changes: Any) -> list[CheckMessage]:
    module = ModuleType("tests.urls_made")
    module.urlpatterns = patterns  # type: ignore[attr-defined]
    clear_url_caches()
    with override_settings(**{"DJWTO_MODE": "TWO-COOKIES", "ROOT_URLCONF": module, **changes}):
        return [m for m in run_checks() if m.id in WATCHED]


WATCHED = ("djwto.E018", "djwto.E042", "djwto.W036", "djwto.W037")
DJWTO = path("", include("djwto.urls"))


@pytest.mark.parametrize("mode", ["JSON", "TWO-COOKIES"])
def test_a_prefix_that_takes_the_endpoints_off_the_cookie_is_an_error_with_cookies(
    mode: str,
) -> None:
    changes = {"DJWTO_MODE": mode, "ROOT_URLCONF": "tests.urls_prefixed"}
    with override_settings(**changes):
        ids = [message.id for message in run_checks() if message.id in WATCHED]
        assert ids == ([] if mode == "JSON" else ["djwto.E018"])


@pytest.mark.parametrize(
    ("patterns", "wrong"),
    [
        ([path("api/", include(("djwto.urls", "djwto")))], 1),
        ([path("", include(("djwto.urls", "djwto")))], 0),
        ([path("v1/", include("djwto.urls")), DJWTO], 1),
        ([DJWTO, path("v1/", include("djwto.urls"))], 1),
        ([re_path("^", include("djwto.urls"))], 0),
        ([path("renew/", views.RefreshAccessView.as_view())], 1),
        ([path("me/", include([path("sessions/", views.SessionsView.as_view())]))], 1),
        ([path("logout/", views.BlackListTokenView.as_view(), name="out")], 1),
        ([path("valid/", views.ValidateTokensView.as_view(kind="refresh"))], 1),
        ([path("valid/", views.ValidateTokensView.as_view())], 0),
        ([path("renew/", OwnRenewal.as_view())], 1),
        ([path(f"{R}/renew/", OwnRenewal.as_view())], 0),
        ([path(f"{R}x/renew/", OwnRenewal.as_view())], 1),
        ([path("<slug:tenant>/", include("djwto.urls"))], 1),
        ([path("login/", views.GetTokensView.as_view())], 0),
    ],
)
def test_an_endpoint_off_the_cookies_path_is_found_wherever_it_is(
    patterns: list[Any], wrong: int
) -> None:
    assert [m.id for m in found(patterns)] == ["djwto.E018"] * wrong
    # With this prefix the cookie is on every path, and without cookies there is none.
    assert found(patterns, DJWTO_COOKIE_PREFIX="__host-") == []
    assert found(patterns, DJWTO_MODE="JSON") == []


@pytest.mark.parametrize(
    ("default_has_prefix", "languages", "wrong"),
    [
        (False, LANGUAGES, 1),
        (True, LANGUAGES, 1),
        (False, LANGUAGES[:1], 0),
        (True, LANGUAGES[:1], 1),
    ],
)
def test_translated_urls_are_off_the_path_in_some_language(
    default_has_prefix: Any, languages: Any, wrong: int
) -> None:
    patterns = i18n_patterns(DJWTO, prefix_default_language=default_has_prefix)
    messages = found(patterns, LANGUAGES=languages)
    assert [m.id for m in messages] == ["djwto.E018"] * wrong
    assert all("i18n_patterns" in str(m.hint) for m in messages)
    assert all("/de/" in m.msg for m in messages) or default_has_prefix


@pytest.mark.parametrize("view", [renew, Renew.as_view(), RenewByPost.as_view()])
def test_a_view_of_the_projects_own_that_wants_the_cookie_is_named(view: Any) -> None:
    (message,) = found([DJWTO, path("renew/", view)])
    assert (message.id, "at /renew/ and reads a refresh token" in message.msg) == (
        "djwto.W037",
        True,
    )
    assert found([DJWTO, path(f"{R}/renew/", view)]) == []


@pytest.mark.parametrize(
    ("name", "public", "wrong"),
    [
        (None, "", None),
        ("", "", None),
        ("/", "/backend", None),
        ("/app", "", None),
        ("/app/", "", None),
        ("/app", "/backend", None),
        ("/app", "/myapp", None),
        ("/app", "/app", "djwto.W036"),
        ("/app/", "app/", "djwto.W036"),
        ("/app", "/backend/app", "djwto.W036"),
        ("app", "", "djwto.E042"),
        ("https://example.com/app", "", "djwto.E042"),
        ("/a//b", "", "djwto.E042"),
        ("/a/../b", "", "djwto.E042"),
        ("/a;b", "", "djwto.E042"),
    ],
)
def test_a_script_name_is_a_path_and_counts_once(
    name: str | None, public: str, wrong: str | None
) -> None:
    changes = {"FORCE_SCRIPT_NAME": name, "DJWTO_PUBLIC_PATH": public}
    assert [m.id for m in found([DJWTO], **changes)] == ([wrong] if wrong else [])
    assert found([DJWTO], **changes, DJWTO_MODE="JSON") == []
