"""`JWTMiddleware`: the user of a token in every view, CSRF, headers, and what views raise."""

import threading
import time
from functools import wraps
from io import BytesIO
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Group
from django.core.cache import cache
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import include
from django.urls import path as at
from django.utils.functional import SimpleLazyObject

from djwto import _core, conf, middleware, revocation, sessions, tokens
from djwto.middleware import JWTMiddleware
from djwto.signals import jwt_login_fail
from djwto.test import alogin, login
from djwto.views import GetTokensView
from tests.conftest import Visitor
from tests.test_leaks import Capture

OURS = "djwto.middleware.JWTMiddleware"
AFTER = "django.contrib.auth.middleware.AuthenticationMiddleware"
BAD = {"authorization": "Bearer bad"}


@pytest.fixture(autouse=True)
def project(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.open_views"
    place = settings.MIDDLEWARE.index(AFTER) + 1
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:place], OURS, *settings.MIDDLEWARE[place:]]


def both_headers(reply: Any) -> bool:
    vary = set(reply.headers.get("Vary", "").split(", "))
    return {"Cookie", "Authorization"} <= vary and reply.headers.get("Cache-Control") == "private"


def with_cookie(user: Any, settings: Any, **kwargs: Any) -> Client:
    settings.DJWTO_MODE = ("JSON", "ONE-COOKIE")
    client = Client(**kwargs)
    login(client, user, mode="ONE-COOKIE")
    return client


# --- who the user is ----------------------------------------------------------------------------


def test_a_good_token_sets_what_a_guard_sets(visitor: Visitor, carol: Any) -> None:
    visitor.login("carol")
    found = visitor.get("/shown/").json()
    assert (found["user"], found["mode"], found["error"]) == ("carol", visitor.mode, None)
    assert (found["claims"]["user"]["id"], found["has_token"]) == (carol.pk, True)


@pytest.mark.parametrize("path", ["/untouched/", "/claims_alone/"])
def test_no_query_is_made_until_the_user_is_touched(
    alice: Any, django_assert_num_queries: Any, path: str
) -> None:
    client = Client()
    login(client, alice)
    with django_assert_num_queries(0):
        assert client.get(path).status_code == 200
    with django_assert_num_queries(1):
        assert client.get("/shown/").json()["user"] == "alice"


@pytest.mark.parametrize(
    "path",
    ["/login_required/", "/permission/", "/passes_test/", "/with_login/", "/with_permission/"],
)
def test_djangos_own_decorators_and_mixins_know_the_user(
    visitor: Visitor, carol: Any, path: str
) -> None:
    assert visitor.get(path).status_code in (302, 403)
    visitor.login("carol")
    reply = visitor.get(path)
    assert (reply.status_code, b"carol" in reply.content) == (200, True)


def test_templates_know_the_user(carol: Any) -> None:
    client = Client()
    assert client.get("/template/").content == b"nobody"
    login(client, carol)
    assert client.get("/template/").content == b"carol may auth"


def test_djangos_login_required_middleware_knows_the_user(alice: Any, settings: Any) -> None:
    required = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, required]
    client = Client()
    assert client.get("/shown/").status_code == 302
    assert client.get("/shown/", headers=BAD).status_code == 302
    assert client.get("/login_not_required/").status_code == 200
    login(client, alice)
    assert client.get("/shown/").json()["user"] == "alice"
    assert client.get("/guarded/methods/").status_code == 200


def test_rest_frameworks_session_authentication_knows_the_user(alice: Any, settings: Any) -> None:
    client = with_cookie(alice, settings, enforce_csrf_checks=True)
    assert client.get("/rest/", secure=True).json() == {"user": "alice"}
    assert client.post("/rest/", secure=True).json() == {"user": ""}
    program = Client(enforce_csrf_checks=True)
    login(program, alice)
    assert program.post("/rest/", secure=True).json() == {"user": "alice"}


@pytest.mark.parametrize("path", ["/shown/", "/async_shown/"])
def test_without_a_token_nothing_changes(alice: Any, path: str) -> None:
    client = Client()
    assert client.get(path).json()["user"] == ""
    client.force_login(alice)
    reply = client.get(path).json()
    assert (reply["user"], reply["error"], reply.get("claims")) == ("alice", None, None)
    other = client.get(path, headers={"authorization": "Basic YTpi"}).json()
    assert (other["user"], other["error"]) == ("alice", None)


@pytest.mark.parametrize("path", ["/shown/", "/async_shown/"])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("Bearer bad", "token_malformed"),
        ("Bearer", "authorization_invalid"),
        ("Basic a, Bearer b", "authorization_invalid"),
    ],
)
def test_a_bad_bearer_token_is_nobody(alice: Any, path: str, value: str, code: str) -> None:
    client = Client()
    client.force_login(alice)
    reply = client.get(path, headers={"authorization": value}).json()
    assert (reply["user"], reply["error"]) == ("", code)


@pytest.mark.parametrize("path", ["/shown/", "/async_shown/"])
def test_with_a_bad_cookie_djangos_session_decides(alice: Any, settings: Any, path: str) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    client = Client()
    client.cookies["jwt_access"] = "bad"
    reply = client.get(path).json()
    assert (reply["user"], reply["error"]) == ("", "token_malformed")
    client.force_login(alice)
    reply = client.get(path).json()
    assert (reply["user"], reply["error"]) == ("alice", "token_malformed")


def test_a_doubled_cookie_is_a_bad_cookie(alice: Any) -> None:
    client = Client()
    client.force_login(alice)
    cookie = f"{client.cookies.output(header='', attrs=[])}; jwt_access=a; jwt_access=b"
    for mode in ("ONE-COOKIE", ("JSON", "ONE-COOKIE")):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("django.conf.settings.DJWTO_MODE", mode, raising=False)
            client = Client(HTTP_COOKIE=cookie.strip())
            reply = client.get("/shown/").json()
        assert (reply["user"], reply["error"]) == ("alice", "cookie_ambiguous")


@pytest.mark.parametrize(
    "path", ["/shown/", "/async_shown/", "/nowhere/", "/rest/", "/guarded/function/", "/fails/"]
)
def test_a_doubled_cookie_is_cleared(db: None, settings: Any, path: str) -> None:
    settings.DJWTO_MODE = ("JSON", "TWO-COOKIES")
    client = Client(raise_request_exception=False)
    reply = client.get(path, headers={"cookie": "jwt_access_token=a; jwt_access_token=b"})
    cleared = [one.OutputString() for one in reply.cookies.values()]
    assert len(cleared) == len(set(cleared)) > 0
    assert all("Max-Age=0" in one and one.startswith("jwt_access_token=") for one in cleared)


def test_a_login_with_a_doubled_cookie_sets_its_own(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    headers = {"cookie": "jwt_access_token=a; jwt_access_token=b"}
    fields = {"username": "alice", "password": "pass"}
    reply = Client().post("/login/", fields, headers=headers, secure=True)
    assert (reply.status_code, reply.cookies["jwt_access_token"].value != "") == (200, True)


def test_a_token_of_an_ended_session_is_bad(alice: Any, carol: Any, settings: Any) -> None:
    program = Client()
    login(program, alice)
    browser = with_cookie(alice, settings)
    browser.force_login(carol)
    assert browser.get("/shown/").json()["user"] == "alice"
    sessions.end_all(alice)
    reply = program.get("/shown/").json()
    assert (reply["user"], reply["error"]) == ("", "token_blacklisted")
    reply = browser.get("/shown/").json()
    assert (reply["user"], reply["error"]) == ("carol", "token_blacklisted")


def test_a_token_of_another_kind_is_bad(alice: Any) -> None:
    visitor = Visitor("JSON")
    visitor.login()
    visitor.tokens["access"] = visitor.tokens["refresh"]
    reply = visitor.get("/shown/").json()
    assert (reply["user"], reply["error"]) == ("", "type_invalid")


def test_without_knowledge_of_ended_sessions_there_is_no_user(
    alice: Any, carol: Any, settings: Any, monkeypatch: Any
) -> None:
    program = Client()
    login(program, alice)
    browser = with_cookie(alice, settings)
    browser.force_login(carol)
    # A process whose last look at the database failed.
    unknown = _core.Freshness(1.0, 60.0)
    unknown.failed(time.monotonic())
    monkeypatch.setattr(revocation._current(conf.current()), "freshness", unknown)
    for client in (program, browser):
        reply = client.get("/shown/").json()
        assert (reply["user"], reply["error"]) == ("", "store_unavailable")
        assert client.get("/guarded/function/").status_code == 503
        assert client.get("/untouched/").status_code == 200
    # Without a token, nothing has to be known.
    other = Client(HTTP_COOKIE="sessionid=none")
    assert other.get("/shown/").json()["error"] is None
    assert other.get("/cached_optional/").status_code == 200


@pytest.mark.parametrize("path", ["/shown/", "/cached_optional/"])
def test_without_a_token_no_request_waits_for_the_database(
    db: None, monkeypatch: Any, path: str
) -> None:
    def wait(*_: Any) -> None:
        raise AssertionError("a request without a token waits")

    feed = revocation._current(conf.current())
    # A process that has begun, and whose first look has no answer yet.
    monkeypatch.setattr(feed, "freshness", _core.Freshness(1.0, 60.0))
    monkeypatch.setattr(feed, "wait", wait)
    assert Client(HTTP_COOKIE="sessionid=none").get(path).status_code == 200
    with pytest.raises(AssertionError, match="waits"):
        Client().get(path, headers=BAD)


def no_tenant(request: Any) -> str:
    """Stand for a project's function that has no answer."""
    raise RuntimeError


@pytest.mark.parametrize("path", ["/shown/", "/async_shown/"])
def test_the_tenant_of_a_request_is_asked_for_a_token_alone(
    alice: Any, settings: Any, path: str
) -> None:
    client = Client()
    login(client, alice)
    browser = Client()
    browser.force_login(alice)
    settings.DJWTO_TENANT = "tests.test_jwt_middleware.no_tenant"
    assert browser.get(path).json()["error"] is None
    reply = client.get(path).json()
    assert (reply["user"], reply["error"]) == ("", "processing_failed")
    assert client.get("/guarded/function/").status_code == 500


def test_remote_users_and_those_of_tokens_stand_side_by_side(
    alice: Any, carol: Any, settings: Any
) -> None:
    remote = "django.contrib.auth.middleware.RemoteUserMiddleware"
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.RemoteUserBackend"]
    place = settings.MIDDLEWARE.index(OURS)
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:place], remote, *settings.MIDDLEWARE[place:]]
    client = Client()
    login(client, alice)
    for _ in range(2):
        assert client.get("/shown/").json()["user"] == "alice"
    assert Client(REMOTE_USER="carol").get("/shown/").json()["user"] == "carol"


# --- guards below it ----------------------------------------------------------------------------


def test_a_guard_goes_on_with_the_user_that_was_loaded(
    alice: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.test_jwt_middleware.touching"]
    client = Client()
    login(client, alice)
    with django_assert_num_queries(1):
        assert client.get("/twice/").content == b"alice alice"


def touching(get_response: Any) -> Any:
    """Middleware that looks at the user, as one that writes an audit log does."""

    def answer(request: HttpRequest) -> Any:
        assert request.user.get_username() is not None
        return get_response(request)

    return answer


class Verified(SimpleLazyObject):
    """A user with something more, as `django-otp` gives."""


def verifying(get_response: Any) -> Any:
    def answer(request: HttpRequest) -> Any:
        request.user = Verified(lambda user=request.user: user)  # type: ignore[assignment]
        return get_response(request)

    return answer


def impersonating(get_response: Any) -> Any:
    """As `django-impersonate` does."""

    def answer(request: HttpRequest) -> Any:
        request.user = get_user_model().objects.get(username="alice")
        return get_response(request)

    return answer


def emptying(get_response: Any) -> Any:
    def answer(request: HttpRequest) -> Any:
        request.user = AnonymousUser()
        return get_response(request)

    return answer


@pytest.fixture
def users(alice: Any, carol: Any) -> None:
    """Both of them."""


GUARDED_SHOWN = ("guarded_shown", "optional_shown", "rest_guarded", "guarded_rest", "rest_class")


@pytest.mark.parametrize("name", GUARDED_SHOWN)
@pytest.mark.parametrize(
    ("middleware", "found"),
    [
        (None, ("carol", "SimpleLazyObject")),
        ("verifying", ("carol", "Verified")),
        ("impersonating", ("alice", "User")),
        ("emptying", ("carol", "SimpleLazyObject")),
    ],
)
def test_guards_keep_the_user_that_middleware_has_put_there(
    users: None, settings: Any, middleware: Any, found: Any, name: str
) -> None:
    if middleware is not None:
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.{middleware}"]
    client = Client()
    login(client, get_user_model().objects.get(username="carol"))
    reply = client.get(f"/{name}/").json()
    assert (reply["user"], reply["kind"], reply["claim"]) == (*found, "carol")


def test_permissions_stay_those_of_the_token(alice: Any, carol: Any, settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.impersonating"]
    for is_omitted in (False, True):
        with pytest.MonkeyPatch.context() as patched:
            if is_omitted:
                patched.setattr(tokens, "process_perms", lambda _: [f"a.p{n}" for n in range(999)])
            client = Client()
            login(client, carol)
        assert client.get("/perm_alone/").status_code == 200
        assert client.get("/guarded/permission/").status_code == 200


def test_another_token_or_authentication_brings_its_own_user(
    alice: Any, carol: Any, settings: Any
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.verifying"]
    client = Client()
    login(client, carol)
    # REST framework's own classes have replaced the user since the middleware.
    reply = client.get("/rest_methods/").json()
    assert (reply["user"], reply["claim"]) == ("carol", "carol")


def test_a_guard_refuses_by_itself(alice: Any, settings: Any) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get("/guarded/function/").status_code == 401
    assert client.get("/guarded/function/", headers=BAD).json()["code"] == "token_malformed"
    browser = with_cookie(alice, settings, enforce_csrf_checks=True)
    refused = browser.post("/guarded/dispatch/", secure=True)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    # The author's exemption stands, as without the middleware.
    assert browser.post("/guarded/exempt_outside/", secure=True).status_code == 200


def test_permissions_need_no_login_guard_below_the_middleware(alice: Any, carol: Any) -> None:
    client = Client()
    assert client.get("/perm_alone/").json()["code"] == "login_required"
    login(client, alice)
    assert client.get("/perm_alone/").json()["code"] == "permissions_insufficient"
    login(client, carol)
    assert client.get("/perm_alone/").status_code == 200


# --- CSRF ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/shown/", "/async_shown/", "/exempt/", "/guarded/methods/"])
def test_a_bearer_request_is_asked_for_no_csrf_token(alice: Any, path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    login(client, alice)
    assert client.post(path, secure=True).status_code == 200


@pytest.mark.parametrize("has_djangos", [True, False])
@pytest.mark.parametrize("path", ["/shown/", "/async_shown/"])
def test_a_cookie_without_a_csrf_token_is_refused(
    alice: Any, settings: Any, path: str, has_djangos: Any
) -> None:
    if not has_djangos:
        settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if "Csrf" not in m]
    settings.DJWTO_MODE = "TWO-COOKIES"
    visitor = Visitor("TWO-COOKIES")
    visitor.login()
    token, visitor.csrf = visitor.csrf, ""
    refused = visitor.post(path)
    assert refused.status_code == 403
    if not has_djangos:
        assert refused.json()["code"] == "csrf_failed"
        assert both_headers(refused)
    visitor.csrf = token
    assert visitor.post(path).json()["user"] == "alice"


@pytest.mark.parametrize("path", ["/exempt/", "/async_exempt/"])
def test_on_an_exempt_view_it_is_nobody(alice: Any, carol: Any, settings: Any, path: str) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    visitor = Visitor("TWO-COOKIES")
    visitor.login()
    visitor.client.force_login(alice)
    token, visitor.csrf = visitor.csrf, ""
    reply = visitor.post(path).json()
    assert (reply["user"], reply["error"]) == ("", "csrf_failed")
    visitor.csrf = token
    reply = visitor.post(path).json()
    assert (reply["user"], reply["error"]) == ("alice", None)
    settings.DJWTO_CSRF = False
    visitor.csrf = ""
    assert visitor.post(path).json()["user"] == "alice"


MULTIPART = "multipart/form-data; boundary=x"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def without_header(alice: Any, settings: Any) -> Any:
    """Posts with a token cookie; the CSRF token is in the form, if it is anywhere."""
    settings.DJWTO_MODE = "TWO-COOKIES"
    visitor = Visitor("TWO-COOKIES")
    visitor.login()

    def post(path: str, data: Any, **kwargs: Any) -> Any:
        headers = {"referer": "https://testserver/", **kwargs.pop("headers", {})}
        return visitor.client.post(path, data, headers=headers, secure=True, **kwargs)

    post.csrf = visitor.csrf  # type: ignore[attr-defined]
    return post


@pytest.mark.parametrize("has_header", [True, False])
def test_an_exempt_view_sets_its_upload_handlers(without_header: Any, has_header: Any) -> None:
    fields = {"csrfmiddlewaretoken": without_header.csrf, "file": BytesIO(b"text")}
    headers = {"x-csrftoken": without_header.csrf} if has_header else {}
    reply = without_header("/upload/", fields, headers=headers)
    assert reply.json() == {"user": "alice" if has_header else "", "files": ["text"]}
    forged = without_header("/upload/", {"file": BytesIO(b"text")}, headers={"x-csrftoken": "x"})
    assert forged.status_code == 403


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (MULTIPART, b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--\r\n"),
        (MULTIPART, b"junk"),
        ("multipart/form-data", b"junk"),
        (FORM, b"a=\xff"),
        (FORM, b"a=1"),
        ("application/json", b"{}"),
    ],
)
def test_an_exempt_view_has_the_body_and_nobody(
    without_header: Any, kind: str, body: bytes
) -> None:
    reply = without_header("/raw/", body, content_type=kind)
    assert reply.json() == {"user": "", "size": len(body), "error": "csrf_failed"}


def test_a_large_body_is_not_taken_from_an_exempt_view(without_header: Any, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    reply = without_header("/rest_upload/", {"a": "1" * 200})
    assert reply.status_code == 400
    assert without_header("/raw/", b"a=" + b"1" * 200, content_type=FORM).status_code == 400
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert without_header("/rest_upload/", {"a": "1"}).json() == {"user": "", "fields": ["a"]}


def test_a_guard_finds_the_csrf_token_in_a_multipart_form(without_header: Any) -> None:
    fields = {"csrfmiddlewaretoken": without_header.csrf, "a": "1"}
    reply = without_header("/guarded_form/", fields).json()
    assert (reply["user"], reply["error"], reply["a"]) == ("alice", "None", ["1"])
    assert without_header("/guarded_form/", {"a": "1"}).json()["code"] == "csrf_failed"


def test_a_bearer_header_leaves_no_session_without_csrf(alice: Any, settings: Any) -> None:
    """A bad token turns Django's check off, and the user of Django's session with it."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post("/shown/").status_code == 403
    assert client.post("/shown/", headers=BAD).json()["user"] == ""
    # Where JSON is not offered, the header is none of ours.
    settings.DJWTO_MODE = "ONE-COOKIE"
    assert client.post("/shown/", headers=BAD).status_code == 403
    assert client.get("/shown/", headers=BAD).json()["user"] == "alice"


@pytest.mark.parametrize("is_good", [True, False])
def test_a_bearer_request_is_not_said_to_be_checked(alice: Any, rf: Any, is_good: Any) -> None:
    """`csrf_processing_done` would also stop `csrf_protect` where a view calls another one."""
    client = Client()
    login(client, alice)
    value = client.defaults["HTTP_AUTHORIZATION"] if is_good else "Bearer bad"
    request: Any = rf.post("/", headers={"authorization": value})

    def view(request: Any) -> HttpResponse:
        assert request._dont_enforce_csrf_checks is True
        assert middleware.process_view(request, view, (), {}) is None
        return HttpResponse()

    middleware: Any = JWTMiddleware(view)
    assert middleware(request).status_code == 200
    assert not hasattr(request, "csrf_processing_done")


@pytest.mark.parametrize("path", ["/rest_both/", "/rest_either/"])
def test_beside_two_classes_of_rest_framework(
    alice: Any, carol: Any, settings: Any, path: str
) -> None:
    """The user of a token, or of Django's session, or a refusal; never one in place of another."""
    settings.DJWTO_MODE = ("JSON", "TWO-COOKIES")

    def post(client: Client, *, has_csrf: bool = False, **headers: str) -> Any:
        if has_csrf:
            client.cookies["csrftoken"] = headers["x-csrftoken"] = "a" * 32
        headers["referer"] = "https://testserver/"
        reply = client.post(path, headers=headers, secure=True)
        return reply.json()["user"] if reply.status_code == 200 else reply.status_code

    def of(mode: str | None = None, *, has_session: bool = True) -> Client:
        client = Client(enforce_csrf_checks=True)
        if has_session:
            client.force_login(carol)
        if mode is not None:
            # Not by `login/`, which ends the session of another user.
            twin = Client()
            login(twin, alice, mode=mode)
            client.defaults.update(twin.defaults)
            client.cookies.update(twin.cookies)
        return client

    for has_session in (True, False):
        assert post(of("JSON", has_session=has_session)) == "alice"
        assert post(of("TWO-COOKIES", has_session=has_session)) in (401, 403)
        assert post(of("TWO-COOKIES", has_session=has_session), has_csrf=True) == "alice"
        bad = of(has_session=has_session)
        assert post(bad, authorization="Bearer bad", has_csrf=True) == 401
        bad.cookies["jwt_access_token"] = "bad"
        assert post(bad) in (401, 403)
        # REST framework makes it 403 where its first class has no challenge.
        refused = 403 if path == "/rest_either/" else 401
        assert post(bad, has_csrf=True) == ("carol" if has_session else refused)
    assert post(of()) in (401, 403)
    assert post(of(), has_csrf=True) == "carol"


def test_djwtos_endpoints_go_on_checking(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = ("JSON", "ONE-COOKIE")
    client = Client(enforce_csrf_checks=True)
    fields = {"username": "alice", "password": "pass", "mode": "ONE-COOKIE"}
    foreign, own = {**BAD, "origin": "https://evil.example"}, {"origin": "https://testserver"}
    refused = client.post("/login/", fields, headers=foreign, secure=True)
    assert (refused.status_code, refused.json()["code"]) == (403, "origin_refused")
    assert client.post("/login/", fields, secure=True).status_code == 200
    # Chunks are the endpoint's to read, also with a cookie, and so are unreadable bodies.
    chunked = {
        "wsgi.input": BytesIO(b"username=alice&password=pass&mode=ONE-COOKIE"),
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": "",
    }
    reply = client.post("/login/", headers=own, secure=True, **chunked)
    assert reply.json()["msg"] == "User already authenticated."
    kind = "application/x-www-form-urlencoded"
    reply = client.post("/login/", b"username=\xff", content_type=kind, headers=own, secure=True)
    assert reply.json()["code"] == "body_unreadable"


@pytest.mark.parametrize("has_csrf", [True, False])
def test_what_is_around_an_endpoint_sees_no_user_of_a_cookie(
    alice: Any, settings: Any, has_csrf: Any
) -> None:
    seen = []
    note = lambda request, **_: seen.append(request.user.get_username())  # noqa: E731

    def wrapped(view: Any) -> Any:
        @wraps(view)
        def inner(request: Any) -> Any:
            note(request)
            return view(request)

        return inner

    module: Any = ModuleType("wrapping")
    module.urlpatterns = [at("", wrapped(GetTokensView.as_view()), name="login")]
    module.urlpatterns.append(at("", include("tests.open_views")))
    settings.DJWTO_MODE = "TWO-COOKIES"
    visitor = Visitor("TWO-COOKIES")
    visitor.login()
    settings.ROOT_URLCONF = module
    if not has_csrf:
        visitor.csrf = ""
    jwt_login_fail.connect(note)
    assert visitor.post("/").status_code == 401
    assert seen == ["", ""]


# --- headers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_cookie", [True, False])
@pytest.mark.parametrize("path", ["/shown/", "/untouched/", "/missing/", "/fails/", "/nowhere/"])
def test_each_reply_to_a_token_has_both_headers(
    alice: Any, settings: Any, path: str, has_cookie: Any
) -> None:
    settings.DJWTO_MODE = ("JSON", "ONE-COOKIE")
    client = Client(raise_request_exception=False)
    login(client, alice, mode="ONE-COOKIE" if has_cookie else "JSON")
    assert both_headers(client.get(path))
    bad = Client(raise_request_exception=False)
    if has_cookie:
        bad.cookies["jwt_access"] = "bad"
    assert both_headers(bad.get(path, headers={} if has_cookie else BAD))


GZIP = "django.middleware.gzip.GZipMiddleware"
CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"


@pytest.mark.parametrize("has_token", [True, False])
@pytest.mark.parametrize(
    ("path", "status"),
    [("/stream/", 200), ("/posted/", 405), ("/tagged/", 304), ("/untouched/", 304)],
)
def test_so_have_streams_and_replies_that_django_makes(
    alice: Any, settings: Any, path: str, status: int, has_token: Any
) -> None:
    settings.MIDDLEWARE = [GZIP, CONDITIONAL, *settings.MIDDLEWARE]
    headers = {"accept-encoding": "gzip"}
    client = Client(headers=BAD | headers)
    if has_token:
        client = Client(headers=headers)
        login(client, alice)
    first = client.get(path)
    tag = first.headers.get("ETag", "").replace("W/", "")
    reply = client.get(path, headers={"if-none-match": tag})
    assert (reply.status_code, both_headers(reply)) == (status, True)
    assert both_headers(first)
    assert path in ("/posted/", "/untouched/") or first.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("path", ["/shown/", "/async_shown/", "/template/", "/login_required/"])
def test_without_a_token_vary_alone_and_only_where_the_user_was_touched(
    alice: Any, path: str
) -> None:
    client = Client()
    for _ in range(2):
        reply = client.get(path)
        assert {"Cookie", "Authorization"} <= set(reply.headers["Vary"].split(", "))
        assert "Cache-Control" not in reply.headers
        client.force_login(alice)
    for untouched in ("/untouched/", "/missing/"):
        reply = client.get(untouched)
        assert not {"Vary", "Cache-Control"} & set(reply.headers)


def test_a_guarded_view_has_both_headers_without_a_token(alice: Any) -> None:
    assert both_headers(Client().get("/guarded/function/"))
    assert both_headers(Client().get("/guarded/permission_alone/"))


def test_per_site_caching_keeps_users_apart(alice: Any, carol: Any, settings: Any) -> None:
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    clients = [Client(), Client(), with_cookie(alice, settings)]
    login(clients[1], carol)
    for _ in range(2):
        found = [client.get("/login_not_required/").json()["user"] for client in clients]
        assert found == ["", "carol", "alice"]
    cache.clear()
    for client in clients[1:]:
        client.get("/shown/")
        client.get("/untouched/")
    assert not cache._cache
    # What depends on no user is shared by those without a token, and read by all.
    Client().get("/untouched/")
    assert cache._cache
    assert clients[1].get("/untouched/").content == b"for everybody"


def test_cache_page_outside_a_guard_keeps_users_apart(alice: Any, carol: Any) -> None:
    clients = [Client(), Client(), Client()]
    login(clients[1], alice)
    login(clients[2], carol)
    for _ in range(2):
        assert [c.get("/cached_optional/").content for c in clients] == [b"", b"alice", b"carol"]


# --- what views raise ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["raises", "async_raises"])
@pytest.mark.parametrize("status", [400, 401, 403, 409, 503, 599])
def test_a_view_may_raise_a_jwt_error(db: Any, name: str, status: int) -> None:
    reply = Client().get(f"/{name}/{status}/")
    assert (reply.status_code, reply.json()) == (status, {"error": "No tea.", "code": "teapot"})
    assert ("WWW-Authenticate" in reply.headers) is (status == 401)


def test_a_rest_view_may_too(db: None) -> None:
    reply = Client().get("/rest_raises/")
    assert (reply.status_code, reply.json()["code"]) == (409, "teapot")


@pytest.mark.django_db(transaction=True)
def test_its_transaction_is_rolled_back(monkeypatch: Any) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    assert Client().get("/raises/403/").status_code == 403
    assert not Group.objects.exists()


def test_no_frame_of_it_holds_a_token(alice: Any, settings: Any, rf: Any, monkeypatch: Any) -> None:
    """What error trackers show: each exception is searched with the frames that it went through."""
    found = Capture()
    refused = middleware._refused

    def searched(request: Any, error: Any) -> None:
        found.search(error)
        refused(request, error)

    monkeypatch.setattr(middleware, "_refused", searched)
    settings.DJWTO_MODE = ("JSON", "ONE-COOKIE")
    bad = "eyJhbGciOiJIUzI1NiJ9.e30.AAAA"
    for headers in (
        {"authorization": f"Bearer {bad}"},
        {"authorization": f"Bearer {bad}, Bearer {bad}"},
        {"cookie": f"jwt_access={bad}"},
        {"cookie": f"jwt_access={bad}; jwt_access={bad}"},
    ):
        request = rf.get("/", headers=headers)
        assert JWTMiddleware(lambda _: HttpResponse())(request).status_code == 200
        assert request.jwt_error is not None

    def fails(_: Any) -> Any:
        raise RuntimeError

    browser = with_cookie(alice, settings)
    for headers in (browser.cookies.output(header="", sep=";", attrs=[]), ""):
        client = Client()
        login(client, alice, mode="JSON")
        bearer = {"authorization": client.defaults["HTTP_AUTHORIZATION"]}
        request = rf.get("/", headers={"cookie": headers} if headers else bearer)
        try:
            JWTMiddleware(fails)(request)
        except RuntimeError as error:
            found.search(error)
            assert request.payload is not None
    assert (found.leaks, len(found.frames) >= 4) == (set(), True)


# --- async --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_the_same_under_asgi(settings: Any) -> None:
    settings.DJWTO_MODE = ("JSON", "ONE-COOKIE")
    dora = await get_user_model().objects.acreate_user("dora")
    program, browser = AsyncClient(), AsyncClient(enforce_csrf_checks=True)
    await alogin(program, dora)
    await alogin(browser, dora, mode="ONE-COOKIE")
    for path in ("/shown/", "/async_shown/"):
        for client in (program, browser):
            reply = await client.get(path)
            assert reply.json()["user"] == "dora"
            assert both_headers(reply)
        bad = await AsyncClient().get(path, AUTHORIZATION="Bearer bad")
        assert (bad.json()["user"], bad.json()["error"]) == ("", "token_malformed")
    reply = (await browser.post("/async_exempt/", secure=True)).json()
    assert (reply["user"], reply["error"]) == ("", "csrf_failed")
    assert (await browser.post("/async_shown/", secure=True)).status_code == 403


@pytest.mark.django_db(transaction=True)
async def test_it_works_on_the_loop() -> None:
    client = AsyncClient()
    await alogin(client, await get_user_model().objects.acreate_user("dora"))
    threads = []

    class Request(HttpRequest):
        """Notes which thread looks at the headers."""

        @property
        def META(self) -> Any:  # noqa: N802
            threads.append(threading.get_ident())
            return {"HTTP_AUTHORIZATION": client.defaults["authorization"]}

        @META.setter
        def META(self, value: Any) -> None:  # noqa: N802
            pass

    async def view(request: HttpRequest) -> HttpResponse:
        assert request.payload["user"]["username"] == "dora"
        return HttpResponse()

    ours: Any = JWTMiddleware(view)
    request = Request()
    request.method = "POST"
    assert await ours.process_view(request, view, (), {}) is None
    assert (await ours(request)).status_code == 200
    assert set(threads) == {threading.get_ident()}


@pytest.mark.parametrize("path", ["/shown/", "/async_shown/"])
def test_it_stands_alone_too(alice: Any, settings: Any, path: str) -> None:
    """Without Django's sessions and `AuthenticationMiddleware`, a token is all that there is."""
    settings.MIDDLEWARE = [OURS]
    client = Client()
    reply = client.get(path)
    assert (reply.json()["user"], reply.json()["error"]) == ("", None)
    assert (reply.headers["Vary"], "Cache-Control" in reply.headers) == (
        "Cookie, Authorization",
        False,
    )
    assert "Vary" not in client.get("/untouched/").headers
    assert client.get("/login_required/").status_code == 302
    login(client, alice)
    assert client.get(path).json()["user"] == "alice"
