"""`djwto.contrib.ninja`: requests of Ninja's operations, through Django's handlers."""

import threading
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from django.db import OperationalError
from django.test import AsyncClient, Client
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI, Router
from ninja.errors import AuthenticationError, HttpError
from ninja.security import APIKeyHeader
from ninja.testing import TestClient

from djwto import admission, authentication, csrf, revocation, sessions, tokens
from djwto.contrib.ninja import JWTAuth, install
from djwto.exceptions import JWTError
from djwto.test import alogin, login
from tests.conftest import MODES, Visitor


class Key(APIKeyHeader):
    param_name = "X-Key"

    def authenticate(self, request, key):
        return "a program" if key == "right" else None


def answer(request):
    return {"id": request.auth["user"]["id"], "name": request.user.get_username()}


def made_api(name: str, **options: Any) -> NinjaAPI:  # noqa: C901
    """An api with every kind of operation."""
    api = NinjaAPI(urls_namespace=name, title=name, version="1", **options)
    router = Router(auth=JWTAuth())
    both = [JWTAuth(), Key()]

    @api.get("/sync", auth=JWTAuth())
    @api.post("/sync", auth=JWTAuth())
    def sync(request):
        return answer(request)

    @api.get("/async", auth=JWTAuth())
    @api.post("/async", auth=JWTAuth())
    async def of_async(request):
        name = (await request.auser()).get_username()
        return {"id": request.auth["user"]["id"], "name": name}

    @api.post("/exempt", auth=JWTAuth())
    @csrf_exempt
    def exempt(request):
        return answer(request)

    @api.post("/async_exempt", auth=JWTAuth())
    @csrf_exempt
    async def async_exempt(request):
        return {"id": request.auth["user"]["id"]}

    @api.get("/perms", auth=JWTAuth(perms=["auth.view_user", "auth.add_user"]))
    def perms(request):
        return answer(request)

    @api.get("/async_perms", auth=JWTAuth("auth.view_user"))
    async def async_perms(request):
        return {"id": request.auth["user"]["id"]}

    @api.get("/either", auth=both)
    @api.post("/either", auth=both)
    def either(request):
        return {"auth": request.auth if isinstance(request.auth, str) else "claims"}

    @api.get("/async_either", auth=both)
    async def async_either(request):
        return {"auth": request.auth if isinstance(request.auth, str) else "claims"}

    @api.get("/raises", auth=JWTAuth())
    def raises(request):
        raise JWTError("Not today.", "not_today", 403)

    @api.get("/other")
    def other(request):
        raise AuthenticationError

    @api.get("/thread", auth=JWTAuth(perms="auth.view_user"))
    async def thread(request):
        return {"thread": threading.get_ident()}

    @api.get("/own", auth=JWTAuth())
    def own(request):
        return {key: str(getattr(request, key)) for key in ("user", "token", "jwt_mode")}

    @router.get("/inside")
    def inside(request):
        return answer(request)

    api.add_router("/router", router)
    return api


plain, installed = made_api("plain"), made_api("installed", auth=None)
install(installed)
everywhere = NinjaAPI(urls_namespace="everywhere", auth=JWTAuth())
install(everywhere)


@everywhere.get("/sync")
def of_everywhere(request):
    return answer(request)


@authentication.jwt_login_required
def guarded(request):
    return None


urlpatterns = [
    path("guarded/", guarded),
    path("", include("djwto.urls")),
    path("plain/", plain.urls),
    path("installed/", installed.urls),
    path("everywhere/", everywhere.urls),
]


@pytest.fixture(autouse=True)
def project(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.test_ninja"


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def client_of(user: Any, *, mode: str | None = None, **options: Any) -> Client:
    client = Client(**options)
    login(client, user, mode=mode)
    return client


# --- who gets in ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sync", "async", "router/inside"])
@pytest.mark.parametrize("api", ["plain", "installed"])
def test_operations_let_in_who_has_a_token(
    alice: Any, visitor: Visitor, api: str, name: str
) -> None:
    visitor.login()
    reply = visitor.get(f"/{api}/{name}")
    assert (reply.status_code, reply.json()) == (200, {"id": alice.pk, "name": "alice"})


def test_an_api_is_guarded_as_a_whole(alice: Any) -> None:
    assert Client().get("/everywhere/sync").status_code == 401
    assert client_of(alice).get("/everywhere/sync").json()["name"] == "alice"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", MODES)
async def test_all_operations_under_asgi(settings: Any, mode: str) -> None:
    settings.DJWTO_MODE = mode
    client = AsyncClient()
    user = await get_user_model().objects.acreate_user("alice")
    for name in ("sync", "async", "router/inside"):
        reply = await client.get(f"/installed/{name}")
        assert (reply.status_code, reply.json()["code"][-7:]) == (401, "missing")
    await alogin(client, user)
    for name in ("sync", "async", "router/inside"):
        reply = await client.get(f"/installed/{name}")
        assert (reply.status_code, reply.json()) == (200, {"id": user.pk, "name": "alice"})


@pytest.mark.parametrize("mode", MODES)
def test_the_request_has_what_a_guard_sets(alice: Any, settings: Any, mode: str) -> None:
    settings.DJWTO_MODE = mode
    own = client_of(alice).get("/plain/own").json()
    assert (own["user"], own["jwt_mode"]) == ("alice", mode)
    assert tokens.decode_token(own["token"])["user"]["id"] == alice.pk


def test_no_query_is_made_until_the_user_is_touched(
    alice: Any, django_assert_num_queries: Any
) -> None:
    client = client_of(alice)
    with django_assert_num_queries(0):
        assert client.get("/plain/either").json() == {"auth": "claims"}
    with django_assert_num_queries(1):
        client.get("/plain/sync")


def test_ninjas_own_test_client_takes_the_header(alice: Any) -> None:
    router = Router(auth=JWTAuth())
    router.get("/")(answer)
    token = client_of(alice).defaults["HTTP_AUTHORIZATION"]
    reply = TestClient(router).get("/", headers={"AUTHORIZATION": token})
    assert reply.json()["name"] == "alice"
    assert TestClient(router).get("/").status_code == 401


# --- nothing blocks the loop ----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_what_waits_leaves_the_loop_and_nothing_else_does(
    settings: Any, monkeypatch: Any
) -> None:
    loop, seen = threading.get_ident(), set()

    def recorded(name: str, function: Any) -> Any:
        def record(*args: Any, **kwargs: Any) -> Any:
            seen.add((name, threading.get_ident() == loop))
            return function(*args, **kwargs)

        return record

    for name in ("check_login", "check_permissions"):
        monkeypatch.setattr(admission, name, recorded(name, getattr(admission, name)))
    monkeypatch.setattr(csrf, "check", recorded("csrf", csrf.check))
    # So many that the token leaves them out, and the guard asks for them.
    perms = ["auth.view_user", *(f"app.permission_{number:04}" for number in range(2000))]
    monkeypatch.setattr(tokens, "process_perms", recorded("perms", lambda _user: perms))
    user = await get_user_model().objects.acreate_user("alice")
    settings.DJWTO_MODE = "TWO-COOKIES"
    client = AsyncClient(enforce_csrf_checks=True)
    await alogin(client, user)
    seen.clear()
    reply = await client.get("/plain/thread")
    assert (reply.status_code, reply.json()) == (200, {"thread": loop})
    assert (await client.post("/plain/async")).status_code == 403
    on_the_loop, elsewhere = ("check_login", "check_permissions"), ("csrf", "perms")
    assert seen == {(name, True) for name in on_the_loop} | {(name, False) for name in elsewhere}


# --- refusals -------------------------------------------------------------------------------------

BAD = [
    ({}, "authorization_missing", 401),
    (bearer("no.token.atall"), "token_malformed", 401),
    ({"authorization": "Bearer two words"}, "authorization_invalid", 401),
    ({"authorization": "Bearer \x00\xff"}, "authorization_invalid", 401),
    ({"authorization": "Bearer " + "a" * 65_000}, "token_too_large", 401),
    ({"authorization": "Basic YTpi"}, "authorization_missing", 401),
]


@pytest.mark.parametrize("name", ["sync", "async", "router/inside", "either"])
@pytest.mark.parametrize(("headers", "code", "status"), BAD)
def test_refusals_of_an_installed_api_are_those_of_a_guard(
    headers: dict[str, str], code: str, status: int, name: str
) -> None:
    reply = Client().get(f"/installed/{name}", headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    guard = Client().get("/guarded/", headers=headers)
    assert reply.content == guard.content
    assert dict(reply.headers) == dict(guard.headers)


@pytest.mark.parametrize("name", ["sync", "async", "router/inside", "either", "async_either"])
@pytest.mark.parametrize(("headers", "code", "status"), BAD)
def test_refusals_of_another_api_are_ninjas(
    headers: dict[str, str], code: str, status: int, name: str
) -> None:
    reply = Client().get(f"/plain/{name}", headers=headers)
    assert reply.status_code == status
    assert list(reply.json()) == ["detail"]


def test_a_bad_cookie_is_cleared_and_told(settings: Any) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    headers = {"cookie": "jwt_access_token=a; jwt_access_token=b"}
    reply = Client().get("/installed/sync", headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (401, "cookie_ambiguous")
    assert any(one["max-age"] == 0 for one in reply.cookies.values())
    assert Client().get("/plain/sync", headers=headers).status_code == 401


@pytest.mark.parametrize("name", ["sync", "async"])
def test_an_ended_session_is_refused(alice: Any, name: str) -> None:
    client = client_of(alice)
    sessions.end_all(alice)
    reply = client.get(f"/installed/{name}")
    assert (reply.status_code, reply.json()["code"]) == (401, "token_blacklisted")
    assert 'error="invalid_token"' in reply.headers["WWW-Authenticate"]


@pytest.mark.parametrize("name", ["sync", "async"])
def test_a_store_that_is_down_is_503(alice: Any, monkeypatch: Any, name: str) -> None:
    def refuse(_config: Any) -> None:
        raise JWTError.of("store_unavailable", retry_after=1)

    client = client_of(alice)
    monkeypatch.setattr(revocation, "require", refuse)
    reply = client.get(f"/installed/{name}")
    assert (reply.status_code, reply.json()["code"]) == (503, "store_unavailable")
    assert reply.headers["Retry-After"]
    assert client.get(f"/plain/{name}").status_code == 503


def test_what_operations_raise_is_answered_too(alice: Any) -> None:
    reply = client_of(alice).get("/installed/raises")
    assert reply.json() == {"error": "Not today.", "code": "not_today"}
    assert Client().get("/installed/other").json() == {"detail": "Unauthorized"}


def test_a_handler_that_the_project_adds_stands(alice: Any) -> None:
    api = NinjaAPI(urls_namespace="handled")
    install(api)

    @api.exception_handler(HttpError)
    def handle(request, error):
        return api.create_response(request, {"own": error.status_code}, status=error.status_code)

    @api.get("/raises")
    def raises(request):
        raise AuthenticationError

    assert TestClient(api).get("/raises").json() == {"own": 401}


# --- permissions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["perms", "async_perms"])
def test_permissions_are_those_of_the_token(
    alice: Any, carol: Any, name: str, django_assert_num_queries: Any
) -> None:
    of_carol, of_alice = client_of(carol), client_of(alice)
    assert of_carol.get(f"/installed/{name}").json()["id"] == carol.pk
    with django_assert_num_queries(0):
        reply = of_alice.get(f"/installed/{name}")
    assert (reply.status_code, reply.json()["code"]) == (403, "permissions_insufficient")
    plain = of_alice.get(f"/plain/{name}")
    assert (plain.status_code, plain.json()) == (403, {"detail": "Insufficient Permissions."})
    assert Client().get(f"/installed/{name}").status_code == 401


@pytest.mark.parametrize("name", ["perms", "async_perms"])
def test_permissions_that_a_token_omits_are_read(carol: Any, monkeypatch: Any, name: str) -> None:
    # More permissions than a token carries, by the hook; later fewer.
    many = [f"app.permission_{number:04}" for number in range(2000)]
    monkeypatch.setattr(tokens, "process_perms", lambda _user: many)
    client = client_of(carol)
    assert client.get(f"/installed/{name}").status_code == 403
    wanted = ["auth.view_user", "auth.add_user"]
    monkeypatch.setattr(tokens, "process_perms", lambda _user: wanted)
    assert client.get(f"/installed/{name}").status_code == 200

    def fail(_user: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(tokens, "process_perms", fail)
    assert client.get(f"/installed/{name}").status_code == 503


# --- CSRF -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES[1:])
@pytest.mark.parametrize("name", ["sync", "async"])
def test_a_cookie_wants_djangos_csrf_token(alice: Any, settings: Any, mode: str, name: str) -> None:
    settings.DJWTO_MODE = mode
    visitor = Visitor(mode)
    visitor.login()
    assert visitor.post(f"/installed/{name}").json()["name"] == "alice"
    reply = visitor.client.post(f"/installed/{name}", secure=True)
    assert (reply.status_code, reply.json()["code"]) == (403, "csrf_failed")
    reply = visitor.client.post(f"/plain/{name}", secure=True)
    assert (reply.status_code, list(reply.json())) == (403, ["detail"])
    assert visitor.client.get(f"/installed/{name}", secure=True).status_code == 200


@pytest.mark.parametrize("name", ["exempt", "async_exempt"])
def test_an_operation_may_be_exempt(alice: Any, settings: Any, name: str) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    client = client_of(alice, enforce_csrf_checks=True)
    assert client.post(f"/installed/{name}").json()["id"] == alice.pk
    assert Client().post(f"/installed/{name}").status_code == 401


@pytest.mark.parametrize("name", ["sync", "async"])
def test_it_works_under_the_middleware(alice: Any, settings: Any, name: str) -> None:
    """It makes a request without the CSRF token anonymous, since Ninja exempts its views."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "djwto.middleware.JWTMiddleware"]
    settings.DJWTO_MODE = ("TWO-COOKIES", "JSON")
    client = client_of(alice, enforce_csrf_checks=True)
    assert client.get(f"/installed/{name}").json()["name"] == "alice"
    reply = client.post(f"/installed/{name}")
    assert (reply.status_code, reply.json()["code"]) == (403, "csrf_failed")
    assert client.post("/installed/exempt").json()["name"] == "alice"
    program = client_of(alice, mode="JSON", enforce_csrf_checks=True)
    assert program.post(f"/installed/{name}").json()["name"] == "alice"
    assert Client().get(f"/installed/{name}").status_code == 401


@pytest.mark.parametrize("name", ["sync", "async"])
def test_a_user_of_claims_wants_no_query(
    alice: Any, settings: Any, name: str, django_assert_num_queries: Any
) -> None:
    settings.DJWTO_USER = "token"
    client = client_of(alice)
    with django_assert_num_queries(0):
        assert client.get(f"/installed/{name}").json()["name"] == "alice"


@pytest.mark.parametrize("name", ["sync", "async"])
def test_a_bearer_token_wants_none(alice: Any, name: str) -> None:
    client = client_of(alice, enforce_csrf_checks=True)
    assert client.post(f"/installed/{name}").status_code == 200


def test_the_setting_switches_it_off(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    settings.DJWTO_CSRF = False
    client = client_of(alice, enforce_csrf_checks=True)
    assert client.post("/installed/sync").status_code == 200


# --- several callables ----------------------------------------------------------------------------

KEY = {"x-key": "right"}


@pytest.mark.parametrize("api", ["plain", "installed"])
@pytest.mark.parametrize("name", ["either", "async_either"])
def test_another_callable_is_tried_without_a_token_or_with_a_bad_cookie(
    settings: Any, api: str, name: str
) -> None:
    settings.DJWTO_MODE = ("TWO-COOKIES", "JSON")
    url = f"/{api}/{name}"
    assert Client().get(url, headers=KEY).json() == {"auth": "a program"}
    bad_cookie = {"cookie": "jwt_access_token=bad"}
    assert Client().get(url, headers={**KEY, **bad_cookie}).json() == {"auth": "a program"}
    assert Client().get(url, headers=bad_cookie).status_code == 401
    assert Client().get(url, headers={**KEY, **bearer("bad")}).status_code == 401


def test_the_refusal_is_that_of_the_token(settings: Any) -> None:
    settings.DJWTO_MODE = ("TWO-COOKIES", "JSON")
    reply = Client().get("/installed/either", headers={"cookie": "jwt_access_token=bad"})
    assert reply.json()["code"] == "token_malformed"


def test_a_good_cookie_without_its_csrf_token_is_refused_at_once(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    client = client_of(alice, enforce_csrf_checks=True)
    assert client.post("/installed/either", headers=KEY).status_code == 403


# --- headers, and the schema ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sync", "async", "perms", "nowhere"])
@pytest.mark.parametrize("api", ["plain", "installed"])
def test_replies_are_private_by_the_middleware(
    alice: Any, settings: Any, api: str, name: str
) -> None:
    ours = "djwto.middleware.PrivateRepliesMiddleware"
    settings.MIDDLEWARE = [ours, *settings.MIDDLEWARE]
    for client in (client_of(alice), Client()):
        headers = client.get(f"/{api}/{name}").headers
        is_private = headers.get("Cache-Control") == "private"
        assert is_private == (name != "nowhere")
        assert ("Authorization" in headers.get("Vary", "")) == is_private


BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def cookie(name: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "cookie", "name": name}


@pytest.mark.parametrize(
    ("mode", "schemes"),
    [
        ("JSON", {"JWTAuth": BEARER}),
        ("ONE-COOKIE", {"JWTAuth": cookie("jwt_access")}),
        ("TWO-COOKIES", {"JWTAuth": cookie("jwt_access_token")}),
        (
            ("TWO-COOKIES", "JSON"),
            {"JWTAuth": cookie("jwt_access_token"), "JWTAuthBearer": BEARER},
        ),
        (
            ("JSON", "ONE-COOKIE"),
            {"JWTAuth": BEARER, "JWTAuthCookie": cookie("jwt_access")},
        ),
    ],
)
def test_the_schema_has_a_scheme_for_each_mode(
    client: Any, settings: Any, mode: Any, schemes: dict[str, Any]
) -> None:
    settings.DJWTO_MODE = mode
    document = client.get("/installed/openapi.json").json()
    found = document["components"]["securitySchemes"]
    assert {name: one for name, one in found.items() if name != "Key"} == schemes
    operations = document["paths"]
    wanted = [{name: []} for name in schemes]
    assert operations["/installed/sync"]["get"]["security"] == wanted
    assert operations["/installed/router/inside"]["get"]["security"] == wanted
    assert operations["/installed/either"]["get"]["security"] == [*wanted, {"Key": []}]
    assert "security" not in operations["/installed/other"]["get"]
    # Without `install` there is the first mode alone.
    first = client.get("/plain/openapi.json").json()["components"]["securitySchemes"]
    assert first["JWTAuth"] == schemes["JWTAuth"]


def test_the_cookies_prefix_is_in_the_schema(client: Any, settings: Any) -> None:
    settings.DJWTO_MODE, settings.DJWTO_COOKIE_PREFIX = "TWO-COOKIES", "__Host-"
    document = client.get("/plain/openapi.json").json()
    scheme = document["components"]["securitySchemes"]["JWTAuth"]
    assert scheme["name"] == "__Host-jwt_access_token"


def test_a_check_names_guarded_operations(settings: Any) -> None:
    def found() -> list[str]:
        every = run_checks(include_deployment_checks=True)
        return [one.msg for one in every if one.id == "djwto.W034"]

    (message,) = found()
    for name in ("sync", "of_async", "inside", "either", "of_everywhere"):
        assert f".{name}" in message
    assert ".other" not in message
    settings.MIDDLEWARE = ["djwto.middleware.PrivateRepliesMiddleware", *settings.MIDDLEWARE]
    assert found() == []
