"""The endpoints from inside Django: what a black box cannot see, or cannot arrange.

The contract's replies, status by status, are held by `conformance/` over real sockets.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connections
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, clear_url_caches, reverse
from django.utils.translation import gettext_lazy

import djwto.authentication
import djwto.tokens
from djwto import authentication, exceptions, sessions, signals, state, tokens
from djwto.models import JWTBlacklist, Session
from tests.conftest import MODES, Visitor


def test_a_whole_visit(visitor: Visitor, alice: Any) -> None:
    assert visitor.login().status_code == 200
    assert visitor.get("/guarded/function/").json() == {"msg": "worked!", "id": alice.pk}
    assert visitor.post("/validate_access/").json() == {"msg": "Token is valid"}
    assert visitor.refresh("validate_refresh").json() == {"msg": "Token is valid"}
    old = visitor.token("access"), visitor.token("refresh")
    assert visitor.refresh("refresh_access").status_code == 200
    assert visitor.token("access") != old[0]
    assert (visitor.token("refresh") == old[1]) is (visitor.mode == "JSON")
    assert visitor.refresh("update_refresh").status_code == 200
    assert visitor.token("refresh") != old[1]
    assert visitor.refresh("logout").json() == {"msg": "Token successfully blacklisted."}
    again = visitor.refresh("logout")
    assert (again.status_code, again.json()["code"]) == (409, "already_blacklisted")
    assert visitor.refresh("refresh_access").json()["code"] == "token_blacklisted"
    assert visitor.post("/validate_access/").json()["code"] == "token_blacklisted"


def test_logout_ends_every_refresh_token_of_the_login(visitor: Visitor, alice: Any) -> None:
    visitor.login()
    first = visitor.token("refresh")
    visitor.refresh("update_refresh")
    visitor.refresh("logout")
    with pytest.raises(exceptions.JWTValidationError, match=r"Token is blacklisted\."):
        djwto.tokens.decode_token(first)


@pytest.mark.parametrize("days", [3_000_000, 999_999_999])
def test_lifetimes_beyond_the_calendar_are_no_fault(
    visitor: Visitor, alice: Any, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    lifetime = timedelta(days=days)
    monkeypatch.setattr(djwto.tokens, "process_lifetime", lambda *_: lifetime)
    visitor.login()
    assert visitor.refresh("logout").status_code == 200
    assert JWTBlacklist.objects.get().expires is None


def test_a_hook_that_names_no_user_fails_the_login(
    visitor: Visitor, alice: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(djwto.tokens, "process_user", lambda _user: {"username": "alice"})
    assert visitor.login().status_code == 500
    assert '"user.id"' in caplog.text


def test_a_renewal_keeps_the_readable_cookie_though_the_access_cookies_are_gone(
    alice: Any, settings: Any
) -> None:
    settings.DJWTO_MODE = ("ONE-COOKIE", "TWO-COOKIES")
    visitor = Visitor("TWO-COOKIES")
    visitor.login(mode="TWO-COOKIES")
    for name in ("jwt_access_token", "jwt_access_payload"):
        del visitor.client.cookies[name]
    assert "jwt_access_payload" in visitor.refresh("refresh_access").cookies


def test_delete_ends_the_login_and_forgets(visitor: Visitor, alice: Any) -> None:
    visitor.login()
    access, refresh = visitor.token("access"), visitor.token("refresh")
    response = visitor.refresh("logout", "delete")
    if visitor.mode == "JSON":
        assert (response.status_code, response.content) == (204, b"")
    else:
        assert response.json() == {"msg": "Tokens successfully deleted."}
        assert all(not response.cookies[name].value for name in response.cookies)
    for token in (access, refresh):
        with pytest.raises(exceptions.JWTValidationError, match=r"Token is blacklisted\."):
            djwto.tokens.decode_token(token)


def test_delete_needs_no_valid_token(visitor: Visitor, alice: Any, settings: Any) -> None:
    visitor.login()
    settings.DJWTO_SIGNING_KEY = "another key " * 6
    response = visitor.refresh("logout", "delete")
    assert response.status_code == (204 if visitor.mode == "JSON" else 200)
    assert not JWTBlacklist.objects.exists()


def test_an_expired_visitor_with_json_as_default_can_leave(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = ("JSON", "TWO-COOKIES")
    visitor = Visitor("TWO-COOKIES")
    visitor.login(mode="TWO-COOKIES")
    settings.DJWTO_SIGNING_KEY = "another key " * 6
    response = visitor.refresh("logout", "delete")
    assert response.json() == {"msg": "Tokens successfully deleted."}


def test_no_jti_no_blacklist(visitor: Visitor, alice: Any, settings: Any) -> None:
    settings.DJWTO_JTI_CLAIM = False
    visitor.login()
    response = visitor.refresh("logout")
    assert (response.status_code, response.json()["code"]) == (403, "jti_missing")
    access = visitor.token("access")
    assert visitor.refresh("logout", "delete").status_code in (200, 204)
    with pytest.raises(exceptions.JWTValidationError, match=r"Token is blacklisted\."):
        djwto.tokens.decode_token(access)


@pytest.mark.parametrize(
    ("change", "refresh", "update"),
    [
        ("delete", (401, "Can't update access token."), (401, "Can't update refresh token.")),
        ("deactivate", (401, "Can't update access token."), (403, "User is inactive.")),
    ],
)
def test_deleted_and_inactive_users_get_nothing(
    visitor: Visitor, alice: Any, change: str, refresh: Any, update: Any
) -> None:
    visitor.login()
    if change == "delete":
        alice.delete()
    else:
        alice.is_active = False
        alice.save()
    for name, expected in (("refresh_access", refresh), ("update_refresh", update)):
        response = visitor.refresh(name)
        assert (response.status_code, response.json()["error"]) == expected


def test_a_renewal_reads_the_user_again_and_keeps_what_hooks_added(
    visitor: Visitor, carol: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = djwto.tokens.process_claims

    def with_tenant(*args: Any, **kwargs: Any) -> Any:
        return {**original(*args, **kwargs), "tenant": "t1"}

    monkeypatch.setattr(djwto.tokens, "process_claims", with_tenant)
    visitor.login("carol")
    monkeypatch.undo()
    carol.user_permissions.clear()
    for name in ("refresh_access", "update_refresh"):
        assert visitor.refresh(name).status_code == 200
        claims = djwto.tokens.decode_token(visitor.token("access"))
        assert claims["user"]["perms"] == []
        assert claims["tenant"] == "t1"
    assert djwto.tokens.decode_token(visitor.token("refresh"))["tenant"] == "t1"


def test_process_user_is_replaced_on_its_module(
    visitor: Visitor, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = djwto.tokens.process_user
    monkeypatch.setattr(
        djwto.tokens, "process_user", lambda user: {**original(user), "email": "a@example.com"}
    )
    visitor.login()
    assert djwto.tokens.decode_token(visitor.token("access"))["user"]["email"] == "a@example.com"
    assert "email" not in djwto.tokens.decode_token(visitor.token("refresh"))["user"]


def test_user_authenticate_is_replaced_on_its_module(
    visitor: Visitor, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_code(request: Any) -> Any:
        if request.POST.get("code") != "1234":
            raise ValidationError("Wrong code.")
        return alice

    monkeypatch.setattr(djwto.authentication, "user_authenticate", by_code)
    refused = visitor.login()
    assert refused.status_code == 401
    assert json.loads(refused.json()["error"]) == {"__all__": ["Wrong code."]}
    assert visitor.login(code="1234").status_code == 200


def test_already_authenticated_is_for_that_very_user_and_a_live_login(
    visitor: Visitor, alice: Any, carol: Any
) -> None:
    visitor.login()
    before = visitor.token("access")
    assert visitor.login().json()["msg"] == "User already authenticated."
    assert visitor.token("access") == before
    assert visitor.login(password="wrong").status_code == 401
    visitor.login("carol")
    assert djwto.tokens.decode_token(visitor.token("access"))["user"]["id"] == carol.pk
    visitor.refresh("logout")
    before = visitor.token("access")
    visitor.login("carol")
    assert visitor.token("access") != before


def test_a_misconfigured_server_says_so_in_its_log_only(
    alice: Any, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DJWTO_SIGNING_KEY = None
    response = Client().post("/login/", {"username": "alice", "password": "pass"})
    assert response.status_code == 500
    assert response.json() == {"error": "Failed to process request.", "code": "processing_failed"}
    assert "DJWTO_SIGNING_KEY" in caplog.text


def test_a_token_that_cannot_travel_fails_the_login_and_names_the_claim(
    visitor: Visitor, alice: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = djwto.tokens.process_user
    monkeypatch.setattr(
        djwto.tokens, "process_user", lambda user: {**original(user), "bio": "x" * 8000}
    )
    response = visitor.login()
    assert (response.status_code, response.json()["code"]) == (500, "processing_failed")
    assert '"user.bio"' in caplog.text
    assert "eyJ" not in caplog.text
    assert not any(name.startswith("jwt_") for name in response.cookies)


def test_update_refresh_can_be_left_out(settings: Any) -> None:
    # URLs are built at start: a fresh copy of the module stands for a fresh process.
    import importlib

    from djwto import urls

    settings.DJWTO_ALLOW_REFRESH_UPDATE = False
    settings.DJWTO_REFRESH_COOKIE_PATH = "/r/"
    try:
        importlib.reload(urls)
        paths = {str(pattern.name): str(pattern.pattern) for pattern in urls.urlpatterns}
        assert "update_refresh" not in paths
        assert paths["refresh_access"] == "r/refresh_access/"
    finally:
        settings.DJWTO_ALLOW_REFRESH_UPDATE = True
        settings.DJWTO_REFRESH_COOKIE_PATH = "api/token/refresh"
        importlib.reload(urls)


@pytest.fixture
def new_resolvers() -> Iterator[None]:
    yield
    clear_url_caches()


@pytest.mark.usefixtures("new_resolvers")
def test_urls_follow_the_settings_that_hold_when_django_asks_for_them(settings: Any) -> None:
    settings.DJWTO_REFRESH_COOKIE_PATH = "first"
    clear_url_caches()
    assert reverse("logout", urlconf="djwto.urls") == "/first/logout/"
    settings.DJWTO_REFRESH_COOKIE_PATH = "/second/"
    settings.DJWTO_ALLOW_REFRESH_UPDATE = False
    clear_url_caches()
    assert reverse("logout", urlconf="djwto.urls") == "/second/logout/"
    with pytest.raises(NoReverseMatch):
        reverse("update_refresh", urlconf="djwto.urls")


def test_no_endpoint_opens_a_transaction() -> None:
    from djwto import urls

    views = [pattern.callback for pattern in urls.urlpatterns]
    assert [view._non_atomic_requests for view in views] == [set(connections)] * len(views)


def test_max_age_is_the_time_left_and_absent_without_exp(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = timedelta(minutes=2)
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = None
    cookies = Visitor("ONE-COOKIE").login().cookies
    assert cookies["jwt_access"]["max-age"] in (119, 120)
    assert cookies["jwt_refresh"]["max-age"] == ""


def test_every_slug_is_documented_once() -> None:
    assert len(exceptions.CODES) > 30
    assert all(code.meaning and code.sentence for code in exceptions.CODES.values())


def test_a_renewal_that_fails_leaves_the_old_token_good(alice: Any, settings: Any) -> None:
    visitor = Visitor("JSON")
    visitor.login()
    # The next refresh token ends sooner than this one.
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = timedelta(minutes=10)

    def fail(**_: Any) -> None:
        raise RuntimeError

    signals.jwt_refresh_updated.connect(fail)
    try:
        assert visitor.refresh("update_refresh").status_code == 500
    finally:
        signals.jwt_refresh_updated.disconnect(fail)
    assert visitor.refresh("update_refresh").status_code == 200


def test_a_hook_that_permits_no_login(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_request: Any) -> None:
        raise PermissionDenied

    monkeypatch.setattr(authentication, "user_authenticate", refuse)
    response = Visitor("JSON").login()
    assert (response.status_code, response.json()["code"]) == (403, "login_denied")


def test_a_mistake_in_the_database_is_no_outage(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr(tokens, "process_user", fail)
    response = Visitor("JSON").login()
    assert (response.status_code, response.json()["code"]) == (500, "processing_failed")


def test_a_user_with_more_permissions_than_any_token_holds(alice: Any, settings: Any) -> None:
    content_type = ContentType.objects.get_for_model(alice)
    permissions = Permission.objects.bulk_create(
        Permission(content_type=content_type, codename=f"{'p' * 60}_{n}", name=str(n))
        for n in range(600)
    )
    alice.user_permissions.set(permissions)
    for mode in MODES:
        settings.DJWTO_MODE = mode
        visitor = Visitor(mode)
        assert visitor.login().status_code == 200
        claims = tokens.decode_token(visitor.token("access"))
        assert (claims["user"]["perms"], claims["user"]["perms_omitted"]) == ([], True)


def test_receivers_of_a_logout_by_a_doubled_cookie_see_the_claims(
    alice: Any, settings: Any
) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    visitor, seen = Visitor("ONE-COOKIE"), []
    visitor.login()
    token = visitor.token("refresh")

    def receive(request: Any, **_: Any) -> None:
        seen.append((request.payload["user"]["id"], request.jwt_mode))

    csrf = visitor.client.cookies["csrftoken"].value
    cookie = f"csrftoken={csrf}; jwt_refresh={token}; jwt_refresh={token}x"
    signals.jwt_blacklisted.connect(receive)
    try:
        response = Client(enforce_csrf_checks=True).delete(
            "/api/token/refresh/logout/",
            headers=visitor.headers("refresh"),
            secure=True,
            HTTP_COOKIE=cookie,
        )
    finally:
        signals.jwt_blacklisted.disconnect(receive)
    assert (response.status_code, seen) == (200, [(alice.pk, "ONE-COOKIE")])


@pytest.mark.parametrize("value", [1, "yes", 0, ""])
def test_is_active_may_be_any_value(
    alice: Any, monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    is_active = property(lambda _user: value, lambda _user, _value: None)
    monkeypatch.setattr(type(alice), "is_active", is_active)
    response = Visitor("JSON").login()
    assert response.status_code == (200 if value else 401)


def test_half_a_letter_in_jwt_type_is_refused_as_any_other_text(alice: Any, settings: Any) -> None:
    settings.DJWTO_MODE = "ONE-COOKIE"
    visitor = Visitor("ONE-COOKIE")
    visitor.login()
    body = b'--b\r\nContent-Disposition: form-data; name="jwt_type"\r\n\r\n\\ud800\r\n--b--\r\n'
    response = visitor.client.post(
        "/guarded/refresh_only/",
        body,
        "multipart/form-data; boundary=b; charset=unicode_escape",
        headers=visitor.headers("refresh"),
        secure=True,
    )
    assert response.status_code == 400


def test_a_reason_may_be_a_lazy_text(alice: Any) -> None:
    Visitor("JSON").login()
    row = Session.objects.get()
    assert sessions.end(row.pk, reason=gettext_lazy("by the help desk"))
    row.refresh_from_db()
    assert row.revoked_reason == "by the help desk"


class Rights(str, Enum):
    VIEW = "auth.view_user"


def test_permissions_may_be_lazy_or_members_of_an_enum(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [Rights.VIEW, gettext_lazy("auth.add_user")]
    monkeypatch.setattr(tokens, "process_perms", lambda _user: set(names))
    request = RequestFactory().get("/")
    request.user = alice
    for carried in ({"perms": ["auth.view_user", "auth.add_user"]}, {"perms_omitted": True}):
        state.of(request).seen = SimpleNamespace(claims={"user": {"id": alice.pk, **carried}})
        guarded = authentication.jwt_perm_required(names)(lambda _: HttpResponse("in"))
        assert guarded(request).status_code == 200
