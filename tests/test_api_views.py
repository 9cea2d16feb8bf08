"""Guards and REST framework: its permissions and throttles see the user of the token."""

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import AsyncClient, Client
from django.urls import include, path
from rest_framework.permissions import IsAuthenticated
from rest_framework.settings import api_settings
from rest_framework.test import APIClient
from rest_framework.views import APIView

from djwto import revocation
from djwto.contrib.rest_framework import HasPerms
from djwto.exceptions import JWTError
from djwto.test import alogin, login
from tests import rest_views
from tests.conftest import Visitor

urlpatterns = [path("", include("djwto.urls")), path("", include(rest_views))]
ORDERS = ("inside", "outside")
BEARER = "Bearer realm=api"


@pytest.fixture(autouse=True)
def project(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.test_api_views"


@pytest.fixture
def login_by_default(monkeypatch: Any) -> None:
    """`DEFAULT_PERMISSION_CLASSES = [IsAuthenticated]`, which classes read when they are made."""
    default = APIView.permission_classes
    for view in [APIView, *(view.cls for pair in rest_views.pairs.values() for view in pair)]:
        if view.permission_classes is default:
            monkeypatch.setattr(view, "permission_classes", [IsAuthenticated])


@pytest.fixture
def alice_and_time(alice: Any, monkeypatch: Any) -> Any:
    """Let a guard believe in another time."""
    return lambda now: monkeypatch.setattr("djwto.access.time.time", lambda: now)


def test_the_defaults_are_rest_frameworks_own() -> None:
    names = [one.__name__ for one in api_settings.DEFAULT_AUTHENTICATION_CLASSES]
    assert names == ["SessionAuthentication", "BasicAuthentication"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ["plain", "asked", "alice_only", "anybody", "tested"])
def test_permissions_see_the_user_in_both_orders(
    visitor: Visitor, alice: Any, login_by_default: None, order: str, name: str
) -> None:
    visitor.login()
    for reply in (visitor.get(f"/{order}/{name}/"), visitor.post(f"/{order}/{name}/")):
        assert (reply.status_code, reply.json()) == (200, {"name": "alice", "id": alice.pk})


@pytest.mark.parametrize("order", ORDERS)
def test_permissions_refuse_in_both_orders(
    visitor: Visitor, alice: Any, carol: Any, order: str
) -> None:
    visitor.login("carol")
    assert visitor.get(f"/{order}/alice_only/").status_code == 403
    assert visitor.get(f"/{order}/staff/").status_code == 403
    assert visitor.get(f"/{order}/by_permission/").status_code == 200
    assert visitor.get(f"/{order}/tested/").json()["code"] == "test_failed"
    visitor.login("alice")
    assert visitor.get(f"/{order}/by_permission/").json()["code"] == "permissions_insufficient"


@pytest.mark.parametrize("order", ORDERS)
def test_throttles_count_by_user(visitor: Visitor, alice: Any, carol: Any, order: str) -> None:
    for name in ("alice", "carol"):
        visitor.login(name)
        codes = [visitor.get(f"/{order}/throttled/").status_code for _ in range(3)]
        assert codes == [200, 200, 429]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ["plain", "asked", "anybody"])
@pytest.mark.parametrize("token", [None, "a.b.c", "expired"])
def test_without_a_good_token_it_is_401_with_the_reason(
    visitor: Visitor, alice_and_time: Any, order: str, name: str, token: Any
) -> None:
    code = {None: "missing", "a.b.c": "", "expired": "token_expired"}[token]
    if token == "expired":
        visitor.login()
        alice_and_time(2**40)
    elif token is not None:
        visitor.client.cookies["jwt_access"] = visitor.client.cookies["jwt_access_token"] = token
        visitor.tokens = {"access": token} if visitor.mode == "JSON" else {}
    reply = visitor.get(f"/{order}/{name}/")
    body = reply.json()
    assert reply.status_code == 401
    assert code in body["code"]
    challenge = BEARER if token is None else f'{BEARER}, error="invalid_token"'
    assert reply.headers["WWW-Authenticate"] == challenge
    # REST framework's shape, and what a guard has elsewhere.
    assert body["detail"] == body["error"] != ""


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ["plain", "asked"])
def test_csrf_is_asked_for_a_cookie_alone(
    visitor: Visitor, alice: Any, order: str, name: str
) -> None:
    visitor.login()
    visitor.csrf = ""
    reply = visitor.post(f"/{order}/{name}/")
    if visitor.mode == "JSON":
        assert reply.status_code == 200
        return
    assert (reply.status_code, reply.json()["code"]) == (403, "csrf_failed")
    assert "WWW-Authenticate" not in reply.headers


def test_a_request_without_csrf_token_uses_up_no_throttle(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    visitor = Visitor("ONE-COOKIE")
    visitor.login()
    csrf, visitor.csrf = visitor.csrf, ""
    codes = {visitor.post("/inside/throttled/").json().get("code") for _ in range(2)}
    assert codes == {"csrf_failed"}
    visitor.csrf = csrf
    assert visitor.post("/inside/throttled/").status_code == 200


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ["plain", "asked"])
def test_a_store_that_is_down_is_503_and_no_lost_login(
    visitor: Visitor, alice: Any, monkeypatch: Any, order: str, name: str
) -> None:
    def fail(_config: Any) -> None:
        raise JWTError.of("store_unavailable")

    visitor.login()
    monkeypatch.setattr(revocation, "require", fail)
    reply = visitor.get(f"/{order}/{name}/")
    assert (reply.status_code, reply.json()["code"]) == (503, "store_unavailable")
    assert reply.headers["Retry-After"] == "5"


def test_a_refresh_tokens_guard_hands_its_user_over(
    visitor: Visitor, alice: Any, login_by_default: None, monkeypatch: Any
) -> None:
    visitor.login()
    headers = visitor.headers("refresh")
    headers["cookie"] = "; ".join(f"{m.key}={m.value}" for m in visitor.client.cookies.values())
    data = {} if visitor.mode == "JSON" else {"jwt_type": "refresh"}
    for order in ORDERS:
        reply = Client().post(f"/{order}/refresh/", data, headers=headers, secure=True)
        assert (reply.status_code, reply.json()["name"]) == (200, "alice")
    if visitor.mode != "JSON":
        reply = Client().post("/inside/refresh/", {}, headers=headers, secure=True)
        assert (reply.status_code, reply.json()["code"]) == (400, "jwt_type_wrong")

    def fail(_claims: Any) -> None:
        raise OperationalError

    monkeypatch.setattr("djwto.renewal.check", fail)
    reply = Client().post("/inside/refresh/", data, headers=headers, secure=True)
    assert (reply.status_code, reply.json()["code"]) == (503, "store_unavailable")


@pytest.mark.parametrize("name", ["own_classes_above", "own_classes_below"])
def test_the_authors_own_classes_stand(alice: Any, name: str) -> None:
    view = getattr(rest_views, name)
    assert [one.__name__ for one in view.cls.authentication_classes] == ["SessionAuthentication"]
    client = Client()
    login(client, alice)
    # They know no user; the guard comes after them, and decides.
    assert client.get(f"/{name}/").json()["name"] == "alice"


def test_csrf_exempt_of_a_function_stands(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    visitor = Visitor("ONE-COOKIE")
    visitor.login()
    visitor.csrf = ""
    # REST framework exempts all of its views: an author's word counts on `dispatch` alone.
    assert visitor.post("/exempt/").status_code == 403


def test_dispatch_and_methods(visitor: Visitor, alice: Any, carol: Any) -> None:
    visitor.login()
    assert visitor.get("/dispatch/").json()["name"] == "alice"
    assert visitor.get("/dispatch/").status_code == 200
    assert visitor.get("/dispatch/").status_code == 429
    assert visitor.get("/method/").json()["name"] == "alice"
    visitor.login("carol")
    assert visitor.get("/dispatch/").status_code == 403
    assert visitor.get("/method/").json()["name"] == "carol"


def test_a_guarded_method_comes_after_the_permissions_of_its_class(
    visitor: Visitor, alice: Any, login_by_default: None
) -> None:
    visitor.login()
    assert visitor.get("/method/").status_code == 200
    assert visitor.get("/method_of_defaults/").status_code in (401, 403)


@pytest.mark.parametrize("order", ORDERS)
def test_no_query_where_nobody_asks_for_the_user(
    alice: Any, django_assert_num_queries: Any, order: str
) -> None:
    client = Client()
    login(client, alice)
    cache.clear()
    with django_assert_num_queries(1):  # the view itself asks for the name
        assert client.get(f"/{order}/plain/").status_code == 200


@pytest.mark.parametrize("order", ORDERS)
def test_a_forced_user_opens_no_guard(alice: Any, order: str) -> None:
    client = APIClient()
    client.force_authenticate(alice)
    reply = client.get(f"/{order}/plain/")
    assert (reply.status_code, reply.json()["detail"]) == (401, reply.json()["error"])
    client.force_login(alice)
    assert client.get(f"/{order}/plain/").status_code == 401


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.django_db(transaction=True)
async def test_both_orders_under_asgi(order: str, django_user_model: Any) -> None:
    client = AsyncClient()
    await alogin(client, await django_user_model.objects.acreate_user("alice"))
    reply = await client.get(f"/{order}/alice_only/")
    assert json.loads(reply.content)["name"] == "alice"


def test_refusals_of_rest_framework_are_private() -> None:
    reply = Client().get("/inside/asked/")
    assert (reply.status_code, reply.headers["Cache-Control"]) == (401, "private")
    assert "Authorization" in reply.headers["Vary"]


def test_the_refusal_of_a_doubled_cookie_clears_it(settings: Any) -> None:
    settings.DJWTO_MODE = "TWO-COOKIES"
    headers = {"cookie": "jwt_access_token=a; jwt_access_token=b"}
    for order in ORDERS:
        reply = Client().get(f"/{order}/asked/", headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (401, "cookie_ambiguous")
        assert any(cookie["max-age"] == 0 for cookie in reply.cookies.values())


@pytest.mark.parametrize("perms", [["a.b"], ("a.b",), {"a.b"}])
def test_a_list_of_permissions_is_refused_where_the_view_is_made(perms: Any) -> None:
    with pytest.raises(TypeError, match=r"HasPerms\(\*"):
        HasPerms(perms)
    assert HasPerms(*perms)
