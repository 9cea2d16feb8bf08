"""`JWTAuthentication` and the permission classes, as REST framework's users meet them."""

import re
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import checks
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate

from djwto import revocation, tokens
from djwto.contrib.rest_framework import JWTAuthentication
from djwto.exceptions import JWTError
from djwto.test import login
from tests.conftest import MODES, Visitor
from tests.projects.rest import urls

pytestmark = pytest.mark.django_db
BEARER = "Bearer realm=api"
INVALID = f'{BEARER}, error="invalid_token"'


@pytest.fixture
def late(monkeypatch: Any) -> Any:
    """Let all tokens have expired."""
    return lambda: monkeypatch.setattr("djwto.access.time.time", lambda: 2**40)


def cookie_client(user: Any, *, csrf: bool = True) -> Client:
    client = Client(enforce_csrf_checks=csrf)
    login(client, user, mode="TWO-COOKIES")
    return client


def bearer_client(user: Any) -> Client:
    client = Client(enforce_csrf_checks=True)
    login(client, user, mode="JSON")
    return client


def test_the_project_uses_it_for_every_view() -> None:
    assert [JWTAuthentication] == api_settings.DEFAULT_AUTHENTICATION_CLASSES


# --- who is asking ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["me", "function", "guarded", "guarded_method"])
def test_a_good_token_lets_in(visitor: Visitor, alice: Any, name: str) -> None:
    visitor.login()
    reply = visitor.get(f"/{name}/")
    assert (reply.status_code, reply.json()) == (
        200,
        {"name": "alice", "auth": "access", "same": True, "token": "eyJ", "mode": visitor.mode},
    )
    assert reply.headers["Cache-Control"] == "private"
    assert {"Cookie", "Authorization"} <= set(reply.headers["Vary"].split(", "))


@pytest.mark.parametrize("name", ["me", "function", "guarded"])
def test_csrf_is_inside(visitor: Visitor, alice: Any, name: str) -> None:
    visitor.login()
    assert visitor.post(f"/{name}/").status_code == 200
    visitor.csrf = ""
    reply = visitor.post(f"/{name}/")
    if visitor.mode == "JSON":
        assert reply.status_code == 200
        return
    assert (reply.status_code, reply.json()["code"]) == (403, "csrf_failed")
    assert reply.json()["detail"].startswith("CSRF verification failed: ")
    assert "WWW-Authenticate" not in reply.headers
    assert reply.headers["Cache-Control"] == "private"


@pytest.mark.parametrize("setting", ["DJWTO_CSRF", None])
def test_csrf_is_left_out_where_guards_leave_it_out(
    alice: Any, settings: Any, setting: Any
) -> None:
    client = cookie_client(alice, csrf=setting is not None)
    if setting is not None:
        settings.DJWTO_CSRF = False
    assert client.post("/me/").status_code == 200


def test_without_a_token_it_is_401() -> None:
    reply = Client().get("/me/")
    assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, BEARER)
    assert reply.json() == {
        "detail": 'Cookie "jwt_access_token" cannot be empty.',
        "code": "cookie_missing",
    }
    assert reply.headers["Cache-Control"] == "private"
    assert "Authorization" in reply.headers["Vary"]


def test_without_a_token_an_open_view_is_open() -> None:
    reply = Client().get("/open/")
    assert (reply.status_code, reply.json()["name"], reply.json()["auth"]) == (200, "", None)


@pytest.mark.parametrize("name", ["me", "open", "token_first", "session_first"])
def test_a_bad_bearer_is_401_at_once(alice: Any, name: str) -> None:
    client = cookie_client(alice)  # a good cookie does not help
    reply = client.get(f"/{name}/", headers={"authorization": "Bearer a.b.c"})
    assert (reply.status_code, set(reply.json())) == (401, {"detail", "code"})
    assert reply.json()["code"] == "token_malformed"
    assert reply.headers["WWW-Authenticate"] == INVALID


def test_other_schemes_are_not_djwtos(alice: Any) -> None:
    headers = {"authorization": "Basic YWxpY2U6cGFzcw=="}  # alice:pass
    reply = Client().get("/token_first/", headers=headers)
    assert (reply.status_code, reply.json()["name"]) == (200, "alice")


def test_a_bad_cookie_is_nobody(alice: Any, late: Any) -> None:
    client = cookie_client(alice)
    late()
    assert client.get("/open/").json()["name"] == ""
    # The 401 of the permission says what the cookie's fault is.
    reply = client.get("/me/")
    assert (reply.status_code, reply.json()) == (
        401,
        {"detail": "Signature has expired", "code": "token_expired"},
    )
    assert reply.headers["WWW-Authenticate"] == INVALID
    # Django's session may still let them in.
    client.force_login(alice)
    assert client.get("/token_first/").json()["name"] == "alice"
    assert client.get("/session_first/").json()["name"] == "alice"


def test_beside_sessions_in_both_orders(alice: Any, carol: Any) -> None:
    client = cookie_client(carol)
    for name in ("token_first", "session_first"):
        assert client.get(f"/{name}/").json()["name"] == "carol"
    client.force_login(alice)
    assert client.get("/token_first/").json()["name"] == "carol"
    assert client.get("/session_first/").json()["name"] == "alice"
    only_session = Client()
    only_session.force_login(alice)
    for name in ("token_first", "session_first"):
        reply = only_session.get(f"/{name}/").json()
        assert (reply["name"], reply["auth"]) == ("alice", None)


def test_a_doubled_cookie_is_cleared() -> None:
    headers = {"cookie": "jwt_access_token=a; jwt_access_token=b"}
    reply = Client().get("/me/", headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (401, "cookie_ambiguous")
    assert [cookie for cookie in reply.cookies.values() if cookie["max-age"] == 0]
    # If no user is required, the reply is good, and clears it too.
    reply = Client().get("/open/", headers=headers)
    assert (reply.status_code, bool(reply.cookies)) == (200, True)


def test_a_store_that_is_down_is_503(visitor: Visitor, alice: Any, monkeypatch: Any) -> None:
    def fail(_config: Any) -> None:
        raise JWTError.of("store_unavailable")

    visitor.login()
    monkeypatch.setattr(revocation, "require", fail)
    reply = visitor.get("/open/")
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "5")
    assert reply.json()["code"] == "store_unavailable"
    assert reply.json()["detail"]


def test_a_view_may_set_its_own_cache_control(alice: Any, settings: Any) -> None:
    client = bearer_client(alice)
    reply = client.get("/own/")
    assert reply.headers["Cache-Control"] == "private, max-age=60"
    assert "Authorization" in reply.headers["Vary"]
    # What REST framework does not answer is left to the middleware, which finds the mark.
    settings.MIDDLEWARE = ["djwto.middleware.PrivateRepliesMiddleware", *settings.MIDDLEWARE]
    client = bearer_client(alice)
    client.raise_request_exception = False
    reply = client.delete("/own/")
    assert (reply.status_code, reply.headers["Cache-Control"]) == (500, "private")


def test_names_in_an_address_are_the_views_own(alice: Any) -> None:
    assert bearer_client(alice).get("/named/1/").json() == {"finalize": 1}


def test_no_query_where_the_user_is_not_touched(alice: Any, django_assert_num_queries: Any) -> None:
    client = bearer_client(alice)
    with django_assert_num_queries(0):
        assert client.get("/own/", headers={"accept": "text/unknown"}).status_code == 406
    with django_assert_num_queries(1):  # IsAuthenticated loads the user
        assert client.get("/me/").status_code == 200


def test_throttles_count_by_the_users_token(visitor: Visitor, alice: Any, carol: Any) -> None:
    cache.clear()
    for name in ("alice", "carol"):
        visitor.login(name)
        assert [visitor.get("/throttled/").status_code for _ in range(3)] == [200, 200, 429]


def test_an_inactive_user_is_nobody(alice: Any) -> None:
    client = bearer_client(alice)
    type(alice).objects.filter(pk=alice.pk).update(is_active=False)  # no session ends of this
    assert client.get("/me/").status_code == 403
    assert client.get("/open/").json()["name"] == ""


# --- beside djwto's other doors -----------------------------------------------------------------


@pytest.fixture
def with_middleware(settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "djwto.middleware.JWTMiddleware"]


@pytest.mark.parametrize("name", ["me", "guarded", "guarded_method", "token_first"])
def test_under_the_middleware(
    visitor: Visitor, alice: Any, with_middleware: None, name: str
) -> None:
    visitor.login()
    for reply in (visitor.get(f"/{name}/"), visitor.get(f"/{name}/")):
        assert (reply.json()["name"], reply.json()["auth"]) == ("alice", "access")
    if name != "guarded_method":
        assert visitor.post(f"/{name}/").status_code == 200
        visitor.csrf = ""
        reply = visitor.post(f"/{name}/")
        expected = (200, None) if visitor.mode == "JSON" else (403, "csrf_failed")
        assert (reply.status_code, reply.json().get("code")) == expected


def test_under_the_middleware_a_bad_token_is_refused_as_without(
    alice: Any, with_middleware: None, late: Any
) -> None:
    by_cookie, by_header = cookie_client(alice), bearer_client(alice)
    late()
    assert by_cookie.get("/me/").json()["code"] == "token_expired"
    assert by_cookie.get("/open/").status_code == 200
    assert by_header.get("/open/").json()["code"] == "token_expired"


def test_a_users_session_has_its_csrf_check_under_the_middleware(
    alice: Any, with_middleware: None
) -> None:
    client = cookie_client(alice)
    assert client.get("/session_first/").json()["name"] == "alice"
    reply = client.post("/session_first/")
    assert (reply.status_code, reply.json()["code"]) == (403, "csrf_failed")


@pytest.mark.parametrize("with_it", [False, True])
def test_a_user_of_the_token_takes_no_query(
    carol: Any, settings: Any, django_assert_num_queries: Any, with_it: Any
) -> None:
    if with_it:
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "djwto.middleware.JWTMiddleware"]
    settings.DJWTO_USER = "token"
    client = bearer_client(carol)
    with django_assert_num_queries(0):
        for name in ("me", "throttled", "viewers", "guarded", "api/groups/both"):
            assert client.get(f"/{name}/").status_code == 200


def test_an_optional_guard_hands_its_user_over(visitor: Visitor, alice: Any) -> None:
    assert visitor.get("/optional/").status_code == 401  # of IsAuthenticated
    visitor.login()
    assert visitor.get("/optional/").json() == {"name": "alice", "auth": True}
    reply = Client().get("/optional/", headers={"authorization": "Bearer a.b.c"})
    bad = "token_malformed" if visitor.mode == "JSON" else None
    assert (reply.status_code, reply.json().get("code")) == (401, bad)


def test_a_guard_on_a_method_loads_the_user_once(
    alice: Any, django_assert_num_queries: Any
) -> None:
    client = bearer_client(alice)
    with django_assert_num_queries(1):
        assert client.get("/guarded_method/").json()["name"] == "alice"


# --- tests of a project -------------------------------------------------------------------------


def test_force_authenticate(alice: Any) -> None:
    client = APIClient()
    client.force_authenticate(alice)
    assert client.get("/me/").json()["name"] == "alice"
    # A guard wants a token.
    for name in ("guarded", "guarded_method"):
        reply = client.get(f"/{name}/")
        assert (reply.status_code, reply.json()["detail"]) == (401, reply.json()["error"])
    client.force_authenticate(None)
    assert client.get("/me/").status_code == 401


def test_request_factory(alice: Any) -> None:
    view = urls.Me.as_view()
    request = APIRequestFactory().get("/me/")
    assert view(request).status_code == 401
    request = APIRequestFactory().get("/me/")
    force_authenticate(request, alice)
    assert view(request).data["name"] == "alice"
    token = bearer_client(alice).defaults["HTTP_AUTHORIZATION"]
    request = APIRequestFactory().get("/me/", HTTP_AUTHORIZATION=token)
    assert view(request).data["name"] == "alice"


def test_a_request_that_is_made_by_hand(alice: Any) -> None:
    token = bearer_client(alice).defaults["HTTP_AUTHORIZATION"]
    inner = RequestFactory().get("/me/", HTTP_AUTHORIZATION=token)
    request = Request(inner, authenticators=[JWTAuthentication()])
    assert (request.user, request.auth["type"]) == (alice, "access")


def test_force_login_opens_what_djangos_session_opens(alice: Any) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get("/me/").status_code == 401
    assert client.get("/session_first/").status_code == 200
    assert client.get("/guarded/").status_code == 401


def test_login_for_tests_takes_rest_frameworks_client(alice: Any) -> None:
    for mode in ("TWO-COOKIES", "JSON"):
        client = APIClient()
        login(client, alice, mode=mode)
        assert client.get("/me/").json()["name"] == "alice"
        assert client.post("/me/", {}, format="json").status_code == 200


# --- permissions --------------------------------------------------------------------------------


@pytest.fixture
def editor(django_user_model: Any) -> Any:
    user = django_user_model.objects.create_user("editor", password="pass")
    user.user_permissions.add(Permission.objects.get(codename="add_group"))
    return user


def test_token_permissions_are_those_of_the_model(
    editor: Any, django_assert_num_queries: Any
) -> None:
    client = bearer_client(editor)
    assert client.get("/api/groups/").status_code == 200
    assert client.post("/api/groups/", {"name": "one"}).status_code == 201
    with django_assert_num_queries(0):
        reply = client.delete("/api/groups/1/")
    assert (reply.status_code, reply.json()) == (
        403,
        {"detail": "Insufficient Permissions.", "code": "permissions_insufficient"},
    )
    # The root view of the router asks for no permission.
    assert client.get("/api/").status_code == 200
    assert client.get("/api/groups/both/").status_code == 403


def test_the_token_answers_and_not_the_database(editor: Any) -> None:
    client = bearer_client(editor)
    editor.user_permissions.clear()
    assert client.post("/api/groups/", {"name": "one"}).status_code == 201
    assert bearer_client(editor).post("/api/groups/", {"name": "two"}).status_code == 403


def test_has_perms_wants_all(carol: Any, alice: Any, django_assert_num_queries: Any) -> None:
    client = bearer_client(carol)
    assert client.get("/api/groups/both/").json() == {"by": "carol"}
    assert client.get("/viewers/").status_code == 200
    client = bearer_client(alice)
    with django_assert_num_queries(0):
        reply = client.get("/viewers/")
    assert (reply.status_code, reply.json()["code"]) == (403, "permissions_insufficient")
    for name in ("viewers", "api/groups"):
        reply = Client().get(f"/{name}/")
        assert (reply.status_code, reply.json()["code"]) == (401, "cookie_missing")


def test_has_perms_is_composed_with_other_permissions(alice: Any, carol: Any) -> None:
    assert bearer_client(carol).get("/viewers_or_staff/").status_code == 200
    assert bearer_client(alice).get("/viewers_or_staff/").status_code == 403
    alice.is_staff = True
    alice.save()
    assert bearer_client(alice).get("/viewers_or_staff/").status_code == 200


def test_a_superuser_has_all(admin_user: Any) -> None:
    client = bearer_client(admin_user)
    assert client.post("/api/groups/", {"name": "one"}).status_code == 201
    assert client.get("/viewers/").status_code == 200


def test_omitted_permissions_ask_the_database_as_guards_do(
    carol: Any, monkeypatch: Any, django_assert_num_queries: Any
) -> None:
    many = ["auth.view_user", *(f"auth.perm_{number}" for number in range(2000))]
    with monkeypatch.context() as hook:
        hook.setattr(tokens, "process_perms", lambda _user: many)
        client = bearer_client(carol)
    assert client.get("/viewers/").status_code == 200
    assert client.get("/api/groups/both/").status_code == 200
    monkeypatch.setattr(tokens, "process_perms", lambda _user: [])
    assert client.get("/viewers/").status_code == 403  # through the hook, as it is now


def test_without_a_token_the_user_is_asked(alice: Any, carol: Any) -> None:
    client = Client()
    client.force_login(carol)
    assert client.get("/viewers_or_staff/").status_code == 200
    assert client.get("/no_perms/").status_code == 200
    client.force_login(alice)
    assert client.get("/viewers_or_staff/").status_code == 403
    assert Client().get("/no_perms/").status_code == 401
    forced = APIClient()
    forced.force_authenticate(carol)
    assert forced.get("/viewers/").status_code == 200
    assert forced.post("/api/groups/", {"name": "one"}).status_code == 403
    carol.user_permissions.add(Permission.objects.get(codename="add_group"))
    forced.force_authenticate(type(carol).objects.get(pk=carol.pk))
    assert forced.post("/api/groups/", {"name": "one"}).status_code == 201


@pytest.mark.parametrize("with_it", [False, True])
def test_a_forced_user_has_no_permission_of_a_token(
    alice: Any, carol: Any, settings: Any, with_it: Any
) -> None:
    if with_it:
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "djwto.middleware.JWTMiddleware"]
    client = APIClient()
    login(client, carol, mode="JSON")
    client.force_authenticate(alice)
    assert client.get("/viewers/").status_code == 403


# --- views of every kind ------------------------------------------------------------------------


def test_view_sets_and_generics(visitor: Visitor, admin_user: Any) -> None:
    visitor.login("admin", "password")
    assert visitor.post("/api/groups/", {"name": "one"}).status_code == 201
    assert visitor.post("/generic/", {"name": "two"}).status_code == 201
    assert [row["name"] for row in visitor.get("/generic/").json()] == ["one", "two"]


def test_the_browsable_api_with_cookies(carol: Any) -> None:
    visitor = Visitor("TWO-COOKIES")
    visitor.login("carol")
    html = {"accept": "text/html"}
    page = visitor.client.get("/generic/", headers=html, secure=True)
    text = page.content.decode()
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "carol" in text
    assert "<form" in text
    assert page.headers["Cache-Control"] == "private"
    # As the page's form posts it.
    secret = re.search('name="csrfmiddlewaretoken" value="(\\w+)"', text)[1]
    post = {"name": "one", "csrfmiddlewaretoken": secret}
    headers = {**html, "referer": "https://testserver/generic/"}
    page = visitor.client.post("/generic/", post, headers=headers, secure=True)
    assert page.status_code == 201
    assert Group.objects.get().name == "one"
    post["csrfmiddlewaretoken"] = "x" * 32
    page = visitor.client.post("/generic/", post, headers=headers, secure=True)
    assert page.status_code == 403
    assert "csrf_failed" in page.content.decode()


def test_the_page_of_a_refusal(visitor: Visitor) -> None:
    page = Client().get("/generic/", headers={"accept": "text/html"})
    assert page.status_code == 401
    assert "log in" in page.content.decode().lower() or "missing" in page.content.decode()


@pytest.mark.parametrize("mode", MODES)
def test_both_orders_with_a_permission(alice: Any, settings: Any, mode: str) -> None:
    settings.DJWTO_MODE = mode
    visitor = Visitor(mode)
    reply = visitor.get("/guarded/")
    assert (reply.status_code, set(reply.json())) == (401, {"detail", "code", "error"})
    visitor.login()
    assert visitor.get("/guarded/").json()["name"] == "alice"


# --- checks -------------------------------------------------------------------------------------


def test_a_guarded_method_needs_the_class_on_its_view(settings: Any) -> None:
    project = ModuleType("project")
    project.urlpatterns = [
        path("", include(urls)),
        path("forgotten/", urls.Forgotten.as_view()),
        path("actions/", urls.ForgottenActions.as_view({"get": "list"})),
        path("nothing/", urls.Nothing.as_view()),
    ]
    settings.ROOT_URLCONF = project
    found = [one for one in checks.run_checks() if one.id == "djwto.W055"]
    assert [one.msg.split(" ")[0] for one in found] == [
        "tests.projects.rest.urls.Forgotten",
        "tests.projects.rest.urls.ForgottenActions",
    ]
    assert "JWTAuthentication" in found[0].hint


class Chosen(urls.Forgotten):
    @property
    def authentication_classes(self):
        return [JWTAuthentication]


def test_a_view_that_names_the_class_in_another_way_is_left_in_peace(settings: Any) -> None:
    given = urls.Forgotten.as_view(authentication_classes=[JWTAuthentication])
    project = ModuleType("project")
    project.urlpatterns = [path("chosen/", Chosen.as_view()), path("given/", given)]
    settings.ROOT_URLCONF = project
    assert [one for one in checks.run_checks() if one.id == "djwto.W055"] == []


def test_the_project_passes_the_checks() -> None:
    assert [one for one in checks.run_checks() if one.id.startswith("djwto.W05")] == []
