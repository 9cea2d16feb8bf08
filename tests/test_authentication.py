"""Guards: on every kind of view, in every mode."""

import copy
import gc
import json
import weakref
from typing import Any

import pytest
from django.contrib.auth import get_user_model, logout
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import AsyncClient, Client, RequestFactory
from django.utils.decorators import method_decorator
from django.views import View

import djwto.authentication as auth
from djwto import sessions, tokens
from djwto.exceptions import JWTError
from djwto.models import Session
from djwto.test import alogin, login
from tests.conftest import Visitor
from tests.guarded import function

VIEWS = (
    "function",
    "async_function",
    "methods",
    "dispatch",
    "async_dispatch",
    "async_methods",
    "rest_function",
    "rest_dispatch",
)
POSTABLE = (
    "function",
    "async_function",
    "dispatch",
    "async_dispatch",
    "rest_function",
    "rest_dispatch",
)


@pytest.mark.parametrize("name", VIEWS)
def test_a_guard_refuses_and_lets_in(visitor: Visitor, carol: Any, name: str) -> None:
    refused = visitor.get(f"/guarded/{name}/")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer realm=api"
    visitor.login("carol")
    response = visitor.get(f"/guarded/{name}/")
    assert (response.status_code, response.json()["id"]) == (200, carol.pk)
    for reply in (refused, response):
        assert {"Cookie", "Authorization"} <= set(reply.headers["Vary"].split(", "))
        assert reply.headers["Cache-Control"] == "private"


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.django_db(transaction=True)
async def test_the_same_under_asgi(name: str) -> None:
    client = AsyncClient()
    assert (await client.get(f"/guarded/{name}/")).status_code == 401
    await alogin(client, await get_user_model().objects.acreate_user("dora"))
    assert (await client.get(f"/guarded/{name}/")).status_code == 200


@pytest.mark.parametrize("name", POSTABLE)
def test_csrf_concerns_a_token_from_a_cookie_and_nothing_else(
    visitor: Visitor, carol: Any, name: str
) -> None:
    path = f"/guarded/{name}/"
    assert visitor.post(path).status_code == 401
    visitor.login("carol")
    csrf, visitor.csrf = visitor.csrf, ""
    bare = visitor.post(path)
    if visitor.mode == "JSON":
        assert bare.status_code == 200
        return
    assert (bare.status_code, bare.json()["code"]) == (403, "csrf_failed")
    visitor.csrf = csrf[:-1] + ("a" if csrf[-1] != "a" else "b")
    assert visitor.post(path).status_code == 403
    visitor.csrf = csrf
    assert visitor.post(path).status_code == 200
    foreign = visitor.headers("access") | {"origin": "https://evil.example"}
    assert visitor.client.post(path, headers=foreign, secure=True).status_code == 403


@pytest.mark.parametrize("name", POSTABLE)
def test_csrf_is_checked_where_no_middleware_is_installed(
    carol: Any, settings: Any, name: str
) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if "csrf" not in m.lower()]
    visitor = Visitor("ONE-COOKIE")
    visitor.login("carol")
    assert "csrftoken" in visitor.client.cookies
    csrf, visitor.csrf = visitor.csrf, ""
    assert visitor.post(f"/guarded/{name}/").status_code == 403
    visitor.csrf = csrf
    assert visitor.post(f"/guarded/{name}/").status_code == 200


def test_guarded_methods_of_rest_views_check_csrf_though_rest_exempts_them(
    carol: Any, settings: Any
) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    visitor = Visitor("ONE-COOKIE")
    visitor.login("carol")
    assert visitor.get("/guarded/rest_methods/").status_code == 200
    csrf, visitor.csrf = visitor.csrf, ""
    assert visitor.post("/guarded/rest_methods/").status_code == 403
    visitor.csrf = csrf
    assert visitor.post("/guarded/rest_methods/").status_code == 200


def test_rest_views_see_the_tokens_user(visitor: Visitor, carol: Any) -> None:
    visitor.login("carol")
    reply = visitor.get("/guarded/rest_alone/").json()
    assert (reply["name"], reply["auth"]["type"]) == ("carol", "access")
    assert visitor.post("/guarded/rest_alone/").json() == {"name": "carol"}
    assert visitor.post("/guarded/rest_dispatch/").json() == {"msg": "worked!", "name": "carol"}


def test_guarded_methods_leave_csrf_to_the_middleware_whose_refusal_can_be_json(
    visitor: Visitor, alice: Any, settings: Any
) -> None:
    settings.CSRF_FAILURE_VIEW = "djwto.csrf.failure"
    visitor.login()
    visitor.csrf = ""
    refused = visitor.post("/guarded/methods/")
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")


EXEMPT = (
    "exempt_outside",
    "exempt_inside",
    "exempt_class_outside",
    "exempt_class_inside",
    "exempt_methods",
    "exempt_rest",
    "exempt_in_urls",
)


@pytest.mark.parametrize("name", EXEMPT)
def test_the_authors_csrf_exempt_stands(visitor: Visitor, alice: Any, name: str) -> None:
    visitor.login()
    visitor.csrf = ""
    assert visitor.post(f"/guarded/{name}/").status_code == 200


def test_csrf_can_be_switched_off(visitor: Visitor, alice: Any, settings: Any) -> None:
    settings.DJWTO_CSRF = False
    visitor.login()
    visitor.csrf = ""
    assert visitor.post("/guarded/function/").status_code == 200
    assert visitor.refresh("refresh_access").status_code == 200


def test_the_test_client_can_switch_checks_off(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    client = Client()
    login(client, alice)
    assert client.post("/guarded/function/").status_code == 200


def test_only_an_access_token_opens_a_view(visitor: Visitor, alice: Any) -> None:
    visitor.login()
    refresh = visitor.token("refresh")
    client = Client()
    if visitor.mode == "JSON":
        response = client.get("/guarded/function/", headers={"authorization": f"Bearer {refresh}"})
    else:
        name = "jwt_access" if visitor.mode == "ONE-COOKIE" else "jwt_access_token"
        client.cookies[name] = refresh
        response = client.get("/guarded/function/")
    assert (response.status_code, response.json()["code"]) == (401, "type_invalid")
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_permissions(visitor: Visitor, alice: Any, carol: Any) -> None:
    visitor.login("carol")
    assert visitor.get("/guarded/permission/").status_code == 200
    assert visitor.get("/guarded/async_permission/").status_code == 200
    carol.user_permissions.remove(carol.user_permissions.get(codename="add_user"))
    visitor.refresh("refresh_access")
    assert visitor.get("/guarded/permission/").json()["error"] == "Insufficient Permissions."
    assert visitor.get("/guarded/async_permission/").status_code == 200
    visitor.login("alice")
    refused = visitor.get("/guarded/permission/")
    assert refused.status_code == 403
    assert refused.json()["code"] == "permissions_insufficient"


@pytest.mark.parametrize(
    ("perms", "code"),
    [
        ([], "permissions_insufficient"),
        (["a.b"], "permissions_insufficient"),
        (None, "permissions_invalid"),
        ("auth.view_user", "permissions_invalid"),
        ("*", "permissions_invalid"),
        ({"*": True}, "permissions_invalid"),
        ([["auth.view_user"]], "permissions_invalid"),
        (["auth.view_user", "auth.add_user", 7], "permissions_invalid"),
        (0, "permissions_invalid"),
        ("", "permissions_invalid"),
    ],
)
def test_permissions_are_invalid_only_where_the_claim_is_no_list_of_texts(
    alice: Any, perms: Any, code: str
) -> None:
    refused = _with_user_claim(alice, perms=perms)
    assert (refused.status_code, refused.json()["code"]) == (403, code)


def test_a_missing_claim_of_permissions_is_invalid(alice: Any) -> None:
    assert _with_user_claim(alice).json()["code"] == "permissions_invalid"


def _with_user_claim(user: Any, **claim: Any) -> Any:
    claims = tokens.get_access_claims_from_refresh(
        {"iss": "iss", "user": {"username": user.username, "id": user.pk, **claim}}
    )
    header = {"authorization": f"Bearer {tokens.encode_claims(claims)}"}
    return Client().get("/guarded/permission/", headers=header)


def test_permissions_without_a_login_guard(visitor: Visitor, carol: Any) -> None:
    visitor.login("carol")
    refused = visitor.get("/guarded/permission_alone/")
    assert refused.status_code == 403
    assert refused.json()["error"] == "Login must happen before evaluating permissions."


def test_a_superuser_may_everything(visitor: Visitor, alice: Any) -> None:
    alice.is_superuser = True
    alice.save()
    visitor.login()
    assert visitor.get("/guarded/permission/").status_code == 200


@pytest.mark.parametrize("name", ["permission", "async_permission"])
def test_omitted_permissions_are_asked_of_the_database(
    visitor: Visitor, carol: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(tokens, "process_perms", lambda _user: [f"a.p{n}" for n in range(1000)])
    visitor.login("carol")
    assert tokens.decode_token(visitor.token("access"))["user"]["perms_omitted"] is True
    # The hook decides here too, and narrows what the database has.
    assert visitor.get(f"/guarded/{name}/").status_code == 403
    monkeypatch.undo()
    assert visitor.get(f"/guarded/{name}/").status_code == 200
    carol.user_permissions.clear()
    assert visitor.get(f"/guarded/{name}/").status_code == 403
    type(carol).objects.update(is_active=False)
    assert visitor.get(f"/guarded/{name}/").status_code == 403


def test_a_guarded_view_makes_no_query(
    visitor: Visitor, carol: Any, django_assert_num_queries: Any
) -> None:
    visitor.login("carol")
    with django_assert_num_queries(0):
        assert visitor.get("/guarded/function/").status_code == 200
        assert visitor.get("/guarded/permission/").status_code == 200
        assert visitor.post("/guarded/function/").status_code == 200
    with django_assert_num_queries(1):
        assert visitor.get("/guarded/user_function/").json() == {"name": "carol"}


def test_a_deactivated_user_is_nobody_though_the_token_lives(visitor: Visitor, alice: Any) -> None:
    visitor.login()
    # Without `save()`, so that no receiver is called.
    type(alice).objects.update(is_active=False)
    assert visitor.get("/guarded/user_function/").json() == {"name": ""}


def test_a_test_of_the_request(visitor: Visitor, alice: Any, carol: Any) -> None:
    visitor.login()
    assert visitor.get("/guarded/alice_only/").status_code == 200
    visitor.login("carol")
    assert visitor.get("/guarded/alice_only/").json()["code"] == "test_failed"


@pytest.mark.parametrize("answer", [None, 0, [], (False, "no"), "no", 1])
def test_a_test_lets_in_by_true_alone(alice: Any, answer: Any) -> None:
    client = Client()
    login(client, alice)
    view = auth.jwt_passes_test(lambda _request: answer)(lambda _request: JsonResponse({}))
    headers = {"authorization": client.defaults["HTTP_AUTHORIZATION"]}
    assert view(RequestFactory().get("/", headers=headers)).status_code == 403


def test_permissions_alone_exempt_nothing_from_csrf() -> None:
    view = auth.jwt_perm_required(["a.b"])(lambda _request: JsonResponse({}))
    assert not hasattr(view, "csrf_exempt")


def test_switching_our_csrf_off_leaves_the_authors_csrf_protect(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    settings.DJWTO_CSRF = False
    visitor = Visitor("ONE-COOKIE")
    visitor.login()
    visitor.csrf = ""
    assert visitor.post("/guarded/function/").status_code == 200
    assert visitor.post("/guarded/protected/").status_code == 403


def test_odd_closures_are_no_fault(alice: Any, settings: Any) -> None:
    """As with the data frames of a data team, whose comparison has no truth."""

    class Odd:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, _other: object) -> bool:
            raise ValueError

    settings.DJWTO_MODE = "ONE-COOKIE"
    visitor = Visitor("ONE-COOKIE")
    visitor.login()
    frames = [Odd()]
    if settings is None:
        never = 1
    view = auth.jwt_login_required(lambda _request: JsonResponse({"n": len(frames), "x": never}))
    cookie = "; ".join(f"{m.key}={m.value}" for m in visitor.client.cookies.values())
    request = RequestFactory().post("/", headers={"cookie": cookie})
    request._dont_enforce_csrf_checks = False
    assert view(request).status_code == 403


def test_djangos_login_required_middleware_leaves_the_guards_to_it(
    visitor: Visitor, alice: Any, settings: Any
) -> None:
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert visitor.login().status_code == 200
    for name in ("function", "dispatch", "async_function", "permission"):
        assert visitor.get(f"/guarded/{name}/").status_code in (200, 403)


def test_a_guarded_view_leaves_no_reference_cycle(alice: Any) -> None:
    client = Client()
    login(client, alice)
    headers = {"authorization": client.defaults["HTTP_AUTHORIZATION"]}
    request = weakref.ref(made := RequestFactory().get("/", headers=headers))
    gc.disable()
    try:
        function(made)
        del made
        assert request() is None
    finally:
        gc.enable()


def test_a_view_for_refresh_tokens(visitor: Visitor, alice: Any) -> None:
    visitor.login()
    headers = visitor.headers("refresh")
    if visitor.mode != "JSON":
        # The browser keeps the refresh cookie to its path; this view is elsewhere.
        headers["cookie"] = "; ".join(f"{m.key}={m.value}" for m in visitor.client.cookies.values())
    client = Client(enforce_csrf_checks=True)
    data = {"jwt_type": "refresh"}
    ok = client.post("/guarded/refresh_only/", data, headers=headers, secure=True)
    assert ok.status_code == 200
    visitor.refresh("logout")
    ended = client.post("/guarded/refresh_only/", data, headers=headers, secure=True)
    assert ended.json()["code"] == "token_blacklisted"
    headers |= visitor._bearer("access") if visitor.mode == "JSON" else {}
    wrong = client.post("/guarded/refresh_only/", headers=headers, secure=True)
    expected = (401, "refresh_not_in_header") if visitor.mode == "JSON" else (400, "jwt_type_wrong")
    assert (wrong.status_code, wrong.json()["code"]) == expected


def test_the_payload_is_the_callers_own(alice: Any) -> None:
    client = Client()
    login(client, alice)
    header = client.defaults["HTTP_AUTHORIZATION"]
    payloads = []
    view = auth.jwt_login_required(
        lambda request: payloads.append(request.payload) or JsonResponse({})
    )
    for _ in range(2):
        view(RequestFactory().get("/", headers={"authorization": header}))
        payloads[-1]["user"]["perms"].append("changed")
    assert payloads[0]["user"]["perms"] == ["changed"]
    assert payloads[1]["user"]["perms"] == ["changed"]


async def test_the_refusal_of_an_async_dispatch_is_awaitable() -> None:
    @method_decorator(auth.jwt_login_required, name="dispatch")
    class Guarded(View):
        async def get(self, request: HttpRequest) -> JsonResponse:
            return JsonResponse({})

    response = await Guarded.as_view()(RequestFactory().get("/"))
    assert response.status_code == 401


def test_a_raw_token(visitor: Visitor, alice: Any) -> None:
    visitor.login()
    cookies = "; ".join(f"{m.key}={m.value}" for m in visitor.client.cookies.values())
    headers = {**visitor.headers("access"), "cookie": cookies}
    request = RequestFactory().post("/", {"jwt_type": "access"}, headers=headers)
    assert auth.get_raw_token_from_request(request) == visitor.token("access")
    request = RequestFactory().post("/", {"jwt_type": "x"}, headers=headers)
    with pytest.raises(JWTError, match=r'must be either "access" or "refresh"\. Got "x" instead\.'):
        auth.get_raw_token_from_request(request)


def test_what_middleware_did_to_the_parsed_cookies_does_not_count(
    alice: Any, settings: Any
) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    visitor = Visitor("ONE-COOKIE")
    visitor.login()
    request = RequestFactory().get("/")
    request.COOKIES["jwt_access"] = visitor.token("access")
    with pytest.raises(JWTError, match=r'Cookie "jwt_access" cannot be empty\.'):
        auth.jwt_authenticate(request)


@pytest.mark.django_db(transaction=True)
async def test_auser_is_the_tokens_user() -> None:
    client, user = AsyncClient(), await get_user_model().objects.acreate_user("dora")
    await alogin(client, user)
    assert (await client.get("/guarded/async_function/")).json()["id"] == user.pk


@pytest.mark.parametrize("payload", [{"user": {"perms": ["*"]}}, {"x": 1}, None])
def test_only_a_verified_token_gives_permissions(payload: Any) -> None:
    @auth.jwt_perm_required(["app.codename"])
    def view(request: Any) -> HttpResponse:
        return HttpResponse("worked!")

    request = RequestFactory().get("/")
    request.payload = payload
    response = view(request)
    assert (response.status_code, json.loads(response.content)["code"]) == (403, "login_required")


def test_a_view_that_returns_nothing_is_named_by_django(alice: Any) -> None:
    client = Client()
    login(client, alice)
    with pytest.raises(ValueError, match="didn't return an HttpResponse object"):
        client.get("/guarded/nothing/")


def refuse(_request: Any) -> bool:
    raise JWTError("Enter the code.", "otp_required", status=402)


@pytest.mark.django_db(transaction=True)
async def test_a_tests_own_refusal_is_private() -> None:
    async def never(_request: Any) -> None:
        raise AssertionError

    client = AsyncClient()
    await alogin(client, await get_user_model().objects.acreate_user("dora"))
    headers = {"authorization": client.defaults["authorization"]}
    request = RequestFactory().get("/", headers=headers)
    guard = auth.jwt_passes_test(refuse)
    for response in (guard(lambda _request: None)(request), await guard(never)(request)):
        assert (response.status_code, json.loads(response.content)["code"]) == (402, "otp_required")
        assert response["Cache-Control"] == "private"
        assert response["Vary"] == "Cookie, Authorization"


def test_a_copy_of_a_request_keeps_its_token_to_itself(alice: Any, carol: Any) -> None:
    headers = {}
    for user in (alice, carol):
        client = Client()
        login(client, user, mode="JSON")
        headers[user] = client.defaults["HTTP_AUTHORIZATION"]
    may_view = auth.jwt_perm_required(["auth.view_user"])(lambda _request: HttpResponse("in"))

    @auth.jwt_login_required
    def batch(request: Any) -> Any:
        """Answer for several users, as an endpoint for batches does."""
        assert may_view(request).status_code == 403
        other = copy.copy(request)
        other.META = {**request.META, "HTTP_AUTHORIZATION": headers[carol]}
        assert auth.jwt_login_required(may_view)(other).status_code == 200
        assert sessions.current_key(request) != sessions.current_key(other)
        refused = copy.copy(request)
        refused.META = {**request.META, "HTTP_AUTHORIZATION": "Bearer bad"}
        assert auth.jwt_optional(function)(refused).status_code == 401
        logout(other)
        logout(request)
        return may_view(request)

    request = RequestFactory().get("/", headers={"authorization": headers[alice]})
    request.session = SessionStore()
    assert batch(request).status_code == 403
    assert not Session.live().exists()
