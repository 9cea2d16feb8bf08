"""Logging in a user that something else has authenticated; signals; test clients."""

import json
from typing import Any

import jwt
import pytest
from django.contrib.auth import signals as django_signals
from django.test import AsyncClient, Client, RequestFactory

import djwto.test
from djwto import sessions, signals
from djwto.exceptions import JWTError
from tests.conftest import MODES, Visitor


@pytest.mark.parametrize("mode", MODES)
def test_login_without_a_password(alice: Any, settings: Any, mode: str) -> None:
    settings.DJWTO_MODE = MODES
    response = sessions.login(RequestFactory().post("/sso/"), alice, mode=mode)
    assert response.headers["Cache-Control"] == "no-store"
    body = json.loads(response.content)
    if mode == "JSON":
        assert set(body) == {"refresh", "access"}
        assert not response.cookies
    else:
        assert body["msg"] == "Tokens successfully created."
        assert {"jwt_refresh", "csrftoken"} < set(response.cookies)
    alice.refresh_from_db()
    assert alice.last_login is not None


def test_login_refuses_an_inactive_user_and_an_unknown_mode(alice: Any) -> None:
    request = RequestFactory().post("/sso/")
    with pytest.raises(JWTError, match="must be one of JSON"):
        sessions.login(request, alice, mode="ONE-COOKIE")
    alice.is_active = False
    with pytest.raises(JWTError, match=r"User is inactive\."):
        sessions.login(request, alice)


@pytest.mark.parametrize("mode", MODES)
def test_a_test_client_is_logged_in(alice: Any, settings: Any, mode: str) -> None:
    settings.DJWTO_MODE = mode
    client = Client()
    djwto.test.login(client, alice)
    assert client.get("/guarded/function/").status_code == 200


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.django_db(transaction=True)
async def test_an_async_test_client_is_logged_in(
    django_user_model: Any, settings: Any, mode: str
) -> None:
    settings.DJWTO_MODE = mode
    client = AsyncClient()
    await djwto.test.alogin(client, await django_user_model.objects.acreate_user("dora"))
    assert (await client.get("/guarded/function/")).status_code == 200


@pytest.fixture
def heard() -> Any:
    """Every signal, in the order of sending."""
    seen: list[tuple[str, Any, dict[str, Any]]] = []
    named = {
        **{name: value for name, value in vars(signals).items() if name.startswith("jwt_")},
        "user_logged_in": django_signals.user_logged_in,
        "user_login_failed": django_signals.user_login_failed,
        "user_logged_out": django_signals.user_logged_out,
    }
    receivers = {}
    for name, signal in named.items():

        def receive(sender: Any, name: str = name, **kwargs: Any) -> None:
            seen.append((name, sender, kwargs))

        receivers[name] = receive
        signal.connect(receive)
    yield seen
    for name, signal in named.items():
        signal.disconnect(receivers[name])


def test_signals_tell_what_happened(visitor: Visitor, alice: Any, heard: Any) -> None:
    visitor.login(password="wrong")
    visitor.login()
    visitor.post("/validate_access/")
    visitor.refresh("refresh_access")
    visitor.refresh("update_refresh")
    visitor.refresh("logout")
    assert [(name, sender if isinstance(sender, str) else None) for name, sender, _ in heard] == [
        ("user_login_failed", "django.contrib.auth"),
        ("jwt_login_fail", "GetTokensView"),
        ("user_logged_in", None),
        ("jwt_logged_in", "GetTokensView"),
        ("jwt_token_validated", "ValidateTokensView"),
        ("jwt_access_refreshed", "RefreshAccessView"),
        ("jwt_refresh_updated", "UpdateRefreshView"),
        ("jwt_blacklisted", "BlackListTokenView"),
        ("user_logged_out", None),
    ]
    arguments = {name: kwargs for name, _, kwargs in heard}
    assert json.loads(arguments["jwt_login_fail"]["error"])["__all__"]
    assert arguments["jwt_logged_in"]["access_claims"]["user"]["username"] == "alice"
    assert arguments["jwt_logged_in"]["refresh_claims"]["type"] == "refresh"
    assert arguments["user_logged_out"]["user"] == alice
    last = jwt.decode(visitor.token("refresh"), options={"verify_signature": False})
    assert arguments["jwt_blacklisted"]["jti"] == last["jti"]
    assert all(kwargs["request"] is not None for kwargs in arguments.values())


def test_a_failing_receiver_lets_no_token_out(visitor: Visitor, alice: Any) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError

    signals.jwt_logged_in.connect(fail)
    try:
        response = visitor.login()
    finally:
        signals.jwt_logged_in.disconnect(fail)
    assert response.status_code == 500
    assert not any(name.startswith("jwt_") for name in response.cookies)
    assert b"eyJ" not in response.content


@pytest.mark.parametrize("mode", MODES)
def test_a_test_client_where_the_csrf_token_is_in_the_session(
    alice: Any, settings: Any, mode: str
) -> None:
    settings.CSRF_USE_SESSIONS, settings.DJWTO_MODE = True, mode
    client = Client()
    djwto.test.login(client, alice)
    assert client.get("/guarded/function/").status_code == 200
