"""Failures: slugs that a project invents, and what a failed login says of each field."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.exceptions import PermissionDenied, ValidationError
from django.dispatch import Signal
from django.http import HttpRequest
from django.test import AsyncRequestFactory, Client, RequestFactory, override_settings
from django.utils.translation import gettext_lazy

import djwto.authentication
import djwto.tokens
from djwto import authentication, conf, signals
from djwto.exceptions import JWTError, form_errors, login_errors
from tests.conftest import Visitor

pytestmark = pytest.mark.own_errors

OWN = [
    (JWTError("Enter the code.", "otp_required"), 403),
    (JWTError("Enter the code.", "otp_required", status=403), 403),
    (JWTError("Log in there.", "use_sso", status=401), 401),
    (JWTError("Pay first.", "payment_required", 402), 402),
    (JWTError("Text messages are down.", "sms_down", status=503), 503),
    (JWTError("The network is down.", "network_down", status=599), 599),
    (JWTError("A teapot.", "user_inactive", status=418), 418),
    (JWTError("Not active.", "user_inactive"), 403),
    (JWTError("Late.", "token_expired"), 401),
]


@contextmanager
def listening(signal: Signal, receive: Callable[..., Any]) -> Iterator[None]:
    signal.connect(receive)
    try:
        yield
    finally:
        signal.disconnect(receive)


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def is_answer(response: Any, error: JWTError, status: int) -> None:
    body = response.json()
    assert (response.status_code, body["error"], body["code"]) == (status, str(error), error.code)
    challenge = response.headers.get("WWW-Authenticate", "")
    assert challenge.startswith("Bearer realm=api") is (status == 401)
    # The token, if there is one, was good: only a slug of djwto's is about it.
    assert ("invalid_token" in challenge) is (error.code == "token_expired")
    assert ("Retry-After" in response.headers) is (status == 503)


@pytest.mark.parametrize(("error", "status"), OWN)
def test_hooks_refuse_with_own_slugs(
    visitor: Visitor, alice: Any, monkeypatch: pytest.MonkeyPatch, error: Any, status: int
) -> None:
    for hook in ("process_user", "process_claims", "process_lifetime"):
        with monkeypatch.context() as patched:
            patched.setattr(djwto.tokens, hook, raising(error))
            is_answer(visitor.login(), error, status)


@pytest.mark.parametrize(("error", "status"), OWN)
@override_settings(DJWTO_LOGIN_THROTTLE={})
def test_renewals_and_the_name_of_an_account_do_too(
    visitor: Visitor, alice: Any, monkeypatch: pytest.MonkeyPatch, error: Any, status: int
) -> None:
    visitor.login()
    monkeypatch.setattr(djwto.tokens, "process_user", raising(error))
    for endpoint in ("refresh_access", "update_refresh"):
        is_answer(visitor.refresh(endpoint), error, status)
    monkeypatch.setattr(djwto.authentication, "user_account", raising(error))
    is_answer(visitor.login(), error, status)


@pytest.mark.parametrize(("error", "status"), OWN)
def test_receivers_do_too(visitor: Visitor, alice: Any, error: Any, status: int) -> None:
    for signal in (user_logged_in, signals.jwt_logged_in):
        with listening(signal, raising(error)):
            is_answer(visitor.login(), error, status)
    for signal in (user_login_failed, signals.jwt_login_fail):
        with listening(signal, raising(error)):
            is_answer(visitor.login(password="wrong"), error, status)
    visitor.login()
    for signal, endpoint in (
        (signals.jwt_access_refreshed, "refresh_access"),
        (signals.jwt_refresh_updated, "update_refresh"),
        (signals.jwt_token_validated, "validate_refresh"),
        (signals.jwt_blacklisted, "logout"),
    ):
        receive = raising(error)
        with listening(signal, receive):
            is_answer(visitor.refresh(endpoint), error, status)


@pytest.mark.parametrize(("error", "status"), OWN)
def test_a_test_of_a_guard_does_too(visitor: Visitor, alice: Any, error: Any, status: int) -> None:
    visitor.login()
    request = RequestFactory().get("/", headers=visitor.headers("access"), secure=True)
    request.META["HTTP_COOKIE"] = visitor.client.cookies.output(header="", sep=";")
    view = authentication.jwt_passes_test(raising(error))(lambda _request: None)
    response = view(request)
    response.json = lambda: json.loads(response.content)
    is_answer(response, error, status)


@pytest.mark.parametrize(("error", "status"), OWN)
async def test_a_test_of_an_async_view_does_too(error: Any, status: int) -> None:
    async def view(_request: Any) -> None:
        raise AssertionError

    claims = {**conf.engine().access_claims(time.time()), "user": {"id": 1}}
    headers = {"authorization": f"Bearer {djwto.tokens.encode_claims(claims)}"}
    request = AsyncRequestFactory().get("/", headers=headers)
    response: Any = await authentication.jwt_passes_test(raising(error))(view)(request)
    response.json = lambda: json.loads(response.content)
    is_answer(response, error, status)


@pytest.mark.parametrize("status", [0, 200, 302, 399, 600, True, "403", 403.0])
def test_a_status_that_is_no_failure_is_a_mistake(status: Any) -> None:
    with pytest.raises(ValueError, match="from 400 to 599"):
        JWTError("No.", "no", status=status)


@pytest.mark.django_db
def test_what_cannot_be_written_is_still_json(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    odd: Any = object()
    monkeypatch.setattr(authentication, "user_authenticate", raising(JWTError("No.", odd)))
    response = Visitor("JSON").login()
    assert (response.status_code, response.json()["code"]) == (500, "processing_failed")


# --- failed logins ------------------------------------------------------------------------------


@pytest.fixture
def told() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What was sent about failed logins, in order."""
    seen: list[tuple[str, dict[str, Any]]] = []

    def django(**kwargs: Any) -> None:
        seen.append(("user_login_failed", kwargs))

    def own(**kwargs: Any) -> None:
        seen.append(("jwt_login_fail", kwargs))

    with listening(user_login_failed, django), listening(signals.jwt_login_fail, own):
        yield seen


REFUSALS = [
    JWTError("Enter the code.", "otp_required"),
    JWTError("Enter the code.", "otp_required", status=401),
    JWTError("Slowly.", "login_throttled"),
    ValidationError("Enter the code.", code="otp_required"),
    PermissionDenied(),
]


@pytest.mark.parametrize("error", REFUSALS, ids=repr)
@pytest.mark.parametrize("password", ["pass", "wrong"])
def test_each_failed_login_is_told_of_once(
    alice: Any, monkeypatch: pytest.MonkeyPatch, told: Any, error: Exception, password: str
) -> None:
    def user_authenticate(request: HttpRequest) -> Any:
        # As with a second factor: with a right password too, this login goes no further.
        authenticate(request, username="alice", password=request.POST["password"])
        raise error

    monkeypatch.setattr(djwto.authentication, "user_authenticate", user_authenticate)
    response = Visitor("JSON").login(password=password)
    assert [name for name, _ in told] == ["user_login_failed", "jwt_login_fail"]
    django, own = told[0][1], told[1][1]
    assert (django["sender"], own["sender"]) == ("django.contrib.auth", "GetTokensView")
    assert django["credentials"]["username"] == "alice"
    assert "pass" not in django["credentials"]["password"]
    assert own["error"] == response.json()["error"]
    assert django["request"] is own["request"]
    assert response.json()["errors"]["__all__"][0]["code"] == {
        PermissionDenied: "login_denied",
    }.get(type(error), getattr(error, "code", ""))


def test_a_form_that_is_incomplete_is_told_of_too(alice: Any, told: Any) -> None:
    Client().post("/login/", secure=True)
    assert [name for name, _ in told] == ["user_login_failed", "jwt_login_fail"]


@pytest.mark.parametrize("error", [JWTError("Down.", "sms_down", status=503), RuntimeError()])
def test_faults_are_no_failed_logins(
    alice: Any, monkeypatch: pytest.MonkeyPatch, told: Any, error: Exception
) -> None:
    monkeypatch.setattr(djwto.authentication, "user_authenticate", raising(error))
    response = Visitor("JSON").login()
    assert response.status_code >= 500
    assert set(response.json()) == {"error", "code"}
    assert told == []


def test_a_login_that_is_not_looked_at_is_not_told_of(alice: Any, told: Any, settings: Any) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 1}
    visitor = Visitor("JSON")
    visitor.login(password="wrong")
    told.clear()
    response = visitor.login(password="wrong")
    assert (response.status_code, set(response.json())) == (429, {"error", "code"})
    assert told == []


@pytest.mark.parametrize(
    ("error", "details"),
    [
        (ValidationError("A", code="x"), {"__all__": [("A", "x")]}),
        (ValidationError("A"), {"__all__": [("A", "")]}),
        (ValidationError("%(n)s left", code="x", params={"n": 3}), {"__all__": [("3 left", "x")]}),
        (ValidationError(gettext_lazy("Yes")), {"__all__": [("Yes", "")]}),
        (
            ValidationError(
                [ValidationError("A", code="x"), "B", [ValidationError("C", code="z")]]
            ),
            {"__all__": [("A", "x"), ("B", ""), ("C", "z")]},
        ),
        (
            ValidationError({"code": ValidationError("A", code="x"), "username": ["B", "C"]}),
            {"code": [("A", "x")], "username": [("B", ""), ("C", "")]},
        ),
        (
            ValidationError([ValidationError({"code": ValidationError("A", code="x")})]),
            {"__all__": [("A", "x")]},
        ),
        (ValidationError({}), {}),
        (ValidationError([]), {"__all__": []}),
        (ValidationError("A", code=7), {"__all__": [("A", "7")]}),  # type: ignore[arg-type]
    ],
)
def test_codes_of_fields_reach_the_client(error: ValidationError, details: Any) -> None:
    expected = {
        field: [{"message": message, "code": code} for message, code in errors]
        for field, errors in details.items()
    }
    assert login_errors(error) == expected
    sentences = {field: [one["message"] for one in errors] for field, errors in expected.items()}
    assert json.loads(form_errors(error)) == sentences


def test_djangos_own_errors_have_their_codes(alice: Any) -> None:
    client = Client()
    wrong = client.post("/login/", {"username": "alice", "password": "wrong"}, secure=True).json()
    assert [one["code"] for one in wrong["errors"]["__all__"]] == ["invalid_login"]
    assert [one["message"] for one in wrong["errors"]["__all__"]] == json.loads(wrong["error"])[
        "__all__"
    ]
    missing = client.post("/login/", {"username": "alice"}, secure=True).json()
    assert [one["code"] for one in missing["errors"]["password"]] == ["required"]
