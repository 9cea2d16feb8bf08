"""djwto's sessions and Django's side by side: what ends with what, shown with the real admin."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import connections
from django.test import AsyncClient, Client

from djwto import sessions, tokens
from djwto.models import Session
from djwto.test import alogin, login
from tests.conftest import Visitor
from tests.test_jwt_middleware import AFTER, OURS


@pytest.fixture(autouse=True)
def project(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.open_views"
    settings.DJWTO_MODE = ("TWO-COOKIES", "JSON")
    place = settings.MIDDLEWARE.index(AFTER) + 1
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:place], OURS, *settings.MIDDLEWARE[place:]]


@pytest.fixture
def admin(db: None) -> Any:
    return get_user_model().objects.create_superuser("admin", password="pass")


TOKENS = ("jwt_refresh", "jwt_access_token", "jwt_access_payload")


def is_live(user: Any) -> bool:
    return Session.live().filter(user_id=str(user.pk)).exists()


def cleared(reply: Any) -> bool:
    return [reply.cookies[name]["max-age"] for name in TOKENS if name in reply.cookies] == [0] * 3


def test_the_admins_logout_ends_the_session_and_clears_the_cookies(admin: Any) -> None:
    visitor = Visitor("TWO-COOKIES")
    visitor.login("admin")
    assert visitor.get("/admin/").status_code == 200
    kept = dict(visitor.client.cookies)
    reply = visitor.post("/admin/logout/")
    assert (reply.status_code, cleared(reply)) == (200, True)
    assert not is_live(admin)
    assert visitor.get("/admin/").status_code == 302
    # What was copied before is of no use either.
    thief = Client()
    thief.cookies.update(kept)
    assert thief.get("/shown/", secure=True).json()["error"] == "token_blacklisted"
    assert visitor.refresh("refresh_access").status_code == 401


def test_the_admins_login_ends_the_session_of_the_token(alice: Any, admin: Any) -> None:
    visitor = Visitor("TWO-COOKIES")
    visitor.login()
    fields = {"username": "admin", "password": "pass", "next": "/admin/"}
    reply = visitor.post("/admin/login/", fields)
    assert (reply.status_code, cleared(reply)) == (302, True)
    assert not is_live(alice)
    assert visitor.get("/shown/").json()["user"] == "admin"
    assert visitor.get("/admin/").status_code == 200


def test_a_logout_without_the_csrf_token_ends_nothing(admin: Any) -> None:
    visitor = Visitor("TWO-COOKIES")
    visitor.login("admin")
    visitor.csrf = ""
    assert visitor.post("/admin/logout/").status_code == 403
    assert is_live(admin)
    # If the view is exempt, no user is logged in, so none is logged out.
    reply = visitor.post("/exempt_log_out/")
    assert (reply.status_code, set(reply.cookies) & set(TOKENS)) == (200, set())
    assert is_live(admin)


@pytest.mark.parametrize("path", ["/log_out/", "/log_in/admin/", "/guarded_log_out/"])
def test_a_bearer_request_ends_its_session_and_clears_nothing(
    alice: Any, admin: Any, path: str
) -> None:
    client = Client()
    login(client, alice, mode="JSON")
    other = Client()
    login(other, alice, mode="JSON")
    reply = client.get(path)
    assert not set(reply.cookies) & set(TOKENS)
    assert client.get("/shown/").json()["error"] == "token_blacklisted"
    assert other.get("/shown/").json()["user"] == "alice"


def test_a_guard_alone_ends_the_session_too(alice: Any, settings: Any) -> None:
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if one != OURS]
    client = Client()
    login(client, alice)
    assert client.get("/guarded_log_out/").content == b"bye"
    assert not is_live(alice)


def test_a_logout_without_a_token_ends_no_session_and_clears_the_cookies(alice: Any) -> None:
    login(Client(), alice)
    client = Client()
    client.force_login(alice)
    assert cleared(client.get("/log_out/"))
    assert is_live(alice)


@pytest.mark.parametrize("path", ["/log_out/", "/log_in/admin/"])
def test_without_cookie_modes_no_cookie_is_cleared(
    alice: Any, admin: Any, settings: Any, path: str
) -> None:
    settings.DJWTO_MODE = "JSON"
    client = Client()
    client.force_login(alice)
    assert not set(client.get(path).cookies) & set(TOKENS)


def without_access(visitor: Visitor) -> Visitor:
    """As when the access token has expired."""
    for name in TOKENS[1:]:
        del visitor.client.cookies[name]
    return visitor


@pytest.mark.parametrize("has_bad_cookie", [True, False])
def test_djangos_login_forgets_a_session_that_could_be_renewed(
    alice: Any, admin: Any, has_bad_cookie: Any
) -> None:
    visitor = Visitor("TWO-COOKIES")
    visitor.login()
    without_access(visitor)
    if has_bad_cookie:
        visitor.client.cookies["jwt_access_token"] = "bad"
    fields = {"username": "admin", "password": "pass", "next": "/admin/"}
    reply = visitor.post("/admin/login/", fields)
    assert (reply.status_code, cleared(reply)) == (302, True)
    assert visitor.refresh("refresh_access").status_code == 401
    assert visitor.get("/shown/").json()["user"] == "admin"


@pytest.mark.parametrize("path", ["log_out", "optional_log_out"])
def test_a_refresh_cookie_that_the_request_names_is_of_no_use_after(alice: Any, path: str) -> None:
    visitor = Visitor("TWO-COOKIES")
    visitor.login()
    kept = dict(visitor.client.cookies)
    without_access(visitor)
    assert cleared(visitor.get(f"/api/token/refresh/{path}/"))
    assert not is_live(alice)
    visitor.client.cookies.update(kept)
    assert visitor.refresh("refresh_access").status_code == 401


def test_a_renewal_flushes_a_session_of_another_user(alice: Any, admin: Any) -> None:
    visitor = Visitor("TWO-COOKIES")
    visitor.login()
    for name in ("refresh_access", "update_refresh"):
        visitor.client.force_login(admin)
        assert visitor.refresh(name).status_code == 200
        assert SESSION_KEY not in visitor.client.session
        visitor.client.force_login(alice)
        assert visitor.refresh(name).status_code == 200
        assert visitor.client.session[SESSION_KEY] == str(alice.pk)


def test_djwtos_login_flushes_a_session_of_another_user(alice: Any, admin: Any) -> None:
    client = Client()
    client.force_login(admin)
    fields = {"username": "alice", "password": "pass"}
    assert client.post("/login/", fields, secure=True).status_code == 200
    assert SESSION_KEY not in client.session
    # Again, where the login has nothing to do.
    client.force_login(admin)
    assert (
        client.post("/login/", fields, secure=True).json()["msg"] == "User already authenticated."
    )
    assert SESSION_KEY not in client.session
    client.force_login(alice)
    assert client.post("/login/", fields, secure=True).status_code == 200
    assert client.session[SESSION_KEY] == str(alice.pk)


def test_djwtos_login_leaves_the_session_of_the_token_before(alice: Any, admin: Any) -> None:
    """So that the one who logs in as another user, for them, keeps a session."""
    visitor = Visitor("TWO-COOKIES")
    visitor.login()
    reply = visitor.login("admin")
    assert reply.cookies["jwt_access_token"]["max-age"] != 0
    assert is_live(alice)
    assert is_live(admin)
    assert visitor.get("/shown/").json()["user"] == "admin"
    # The same in a view of the project, such as one for impersonation.
    assert visitor.get("/as/alice/").status_code == 200
    assert is_live(admin)


def test_djwtos_logout_leaves_the_cookies(alice: Any) -> None:
    visitor = Visitor("TWO-COOKIES")
    visitor.login()
    reply = visitor.refresh("logout")
    assert (reply.status_code, set(reply.cookies) & set(TOKENS)) == (200, set())


def test_both_logins_in_one_request_give_the_tokens_of_the_new_one(
    alice: Any, admin: Any, rf: Any
) -> None:
    """As single sign-on does: Django's `login`, then djwto's."""
    from django.contrib.auth import login as django_login

    from djwto.middleware import JWTMiddleware

    client = Client()
    login(client, alice, mode="TWO-COOKIES")

    def view(request: Any) -> Any:
        django_login(request, admin, "django.contrib.auth.backends.ModelBackend")
        return sessions.login(request, admin)

    request = rf.get("/", headers={"cookie": client.cookies.output(header="", sep=";", attrs=[])})
    request.session = client.session
    middleware: Any = JWTMiddleware(view)
    reply = middleware(request)
    assert reply.cookies["jwt_access_token"]["max-age"] != 0
    assert not is_live(alice)
    assert is_live(admin)


@pytest.mark.django_db(transaction=True)
def test_a_logout_that_is_rolled_back_leaves_all_as_it_was(alice: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    client = Client(raise_request_exception=False)
    login(client, alice)
    reply = client.get("/log_out_and_fail/")
    assert (reply.status_code, set(reply.cookies) & set(TOKENS)) == (500, set())
    assert client.get("/shown/").json()["user"] == "alice"


def test_a_view_that_changed_the_claims_logs_out_too(alice: Any) -> None:
    client = Client()
    login(client, alice)
    assert client.get("/forget_and_log_out/").status_code == 200
    assert not is_live(alice)


def test_a_token_of_the_old_version_is_logged_out(alice: Any, settings: Any) -> None:
    claims = tokens.get_access_claims_from_refresh(
        {"iss": "iss", "user": {"username": "alice", "id": alice.pk}}
    )
    del claims["sid"]
    client = Client(HTTP_AUTHORIZATION=f"Bearer {tokens.encode_claims(claims)}")
    assert client.get("/shown/").json()["user"] == "alice"
    assert client.get("/log_out/").status_code == 200
    assert client.get("/shown/").json()["error"] == "token_blacklisted"


def test_a_logout_is_told_once(alice: Any, settings: Any) -> None:
    from django.contrib.auth.signals import user_logged_out

    from djwto.signals import jwt_blacklisted

    told = []
    note = lambda signal, **_: told.append(signal)  # noqa: E731
    for signal in (user_logged_out, jwt_blacklisted):
        signal.connect(note, weak=False, dispatch_uid="note")
    try:
        visitor = Visitor("TWO-COOKIES")
        for path in ("/log_out/", ""):
            told.clear()
            visitor.login()
            reply = visitor.get(path) if path else visitor.refresh("logout", "delete")
            assert reply.status_code == 200
            assert sorted(map(id, told)) == sorted(map(id, (user_logged_out, jwt_blacklisted)))
    finally:
        for signal in (user_logged_out, jwt_blacklisted):
            signal.disconnect(dispatch_uid="note")


@pytest.mark.django_db(transaction=True)
async def test_the_same_under_asgi() -> None:
    dora = await get_user_model().objects.acreate_user("dora")
    client = AsyncClient()
    await alogin(client, dora)
    reply = await client.get("/log_out/", secure=True)
    assert cleared(reply)
    assert not await Session.live().filter(user_id=str(dora.pk)).aexists()


def test_force_login_opens_what_djangos_session_opens(alice: Any) -> None:
    from rest_framework.test import APIClient

    client = Client()
    client.force_login(alice)
    assert client.get("/shown/").json()["user"] == "alice"
    for path in ("function", "dispatch", "rest_function", "rest_dispatch"):
        assert client.get(f"/guarded/{path}/").status_code == 401
    forced = APIClient()
    forced.force_authenticate(alice)
    assert forced.get("/rest/").json()["user"] == "alice"
    for path in ("rest_function", "rest_dispatch", "rest_methods", "function"):
        assert forced.get(f"/guarded/{path}/").status_code in (401, 403)


@pytest.mark.parametrize("mode", ["JSON", "TWO-COOKIES"])
def test_after_a_login_the_request_has_its_user(alice: Any, admin: Any, rf: Any, mode: str) -> None:
    from djwto.middleware import JWTMiddleware
    from djwto.signals import jwt_logged_in

    client, seen = Client(), []
    login(client, alice, mode="TWO-COOKIES")
    note = lambda request, **_: seen.append(request.user)  # noqa: E731
    jwt_logged_in.connect(note)

    def view(request: Any) -> Any:
        assert request.user == alice
        reply = sessions.login(request, admin, mode=mode)
        seen.extend((request.user, async_to_sync(request.auser)()))
        return reply

    request = rf.get("/", headers={"cookie": client.cookies.output(header="", sep=";", attrs=[])})
    middleware: Any = JWTMiddleware(view)
    assert middleware(request).status_code == 200
    assert seen == [admin] * 3


def test_a_login_sets_no_user_where_the_project_has_none(alice: Any, rf: Any) -> None:
    request = rf.get("/")
    sessions.login(request, alice)
    assert not hasattr(request, "user")


@pytest.mark.parametrize("given", [None, {"type": "websocket"}])
@pytest.mark.parametrize("signal", [user_logged_in, user_logged_out])
def test_a_login_without_a_request_ends_nothing(alice: Any, signal: Any, given: Any) -> None:
    """So do the login and logout of Channels, with None."""
    login(Client(), alice)
    signal.send(sender=type(alice), request=given, user=alice)
    assert is_live(alice)
