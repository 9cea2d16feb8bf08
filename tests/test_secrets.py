"""No key, token or password in an exception, a log, an error report or a `repr`."""

import base64
import logging
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory, override_settings
from django.views.debug import ExceptionReporter, get_default_exception_reporter_filter

import djwto.authentication as auth
from djwto import conf, tokens
from djwto.exceptions import JWTIssueError, JWTValidationError
from tests.test_vectors import VERIFY, engine_of, token_of

KEYS = Path(__file__).resolve().parent.parent / "vectors" / "keys"
FOUND = KEYS.with_name("found_keys")
SECRET = "a secret that no sentence of ours has in it"
PASSWORD = "hunter-2-is-nobody's-password"

# As a text, a damaged one, of another kind, in the wrong place: every way a key is complained of.
BAD_KEYS: list[dict[str, Any]] = [
    {"ALGORITHM": "RS256", "SIGNING_KEY": SECRET},
    {"ALGORITHM": "HS256", "SIGNING_KEY": f"-----BEGIN {SECRET}"},
    {"ALGORITHM": "HS256", "SIGNING_KEY": SECRET, "VERIFYING_KEY": SECRET},
    {"ALGORITHM": "none", "SIGNING_KEY": [SECRET]},
    *(
        {"ALGORITHM": algorithm, "SIGNING_KEY": text, "VERIFYING_KEY": other}
        for algorithm in ("ES256", "RS256", "EdDSA", "HS256")
        for path in (*KEYS.glob("*.pem"), *FOUND.glob("*.pem"), *FOUND.glob("*.txt"))
        for text, other in (
            (path.read_text(), None),
            (path.read_text()[:-40], None),
            (None, path.read_text()),
            (path.read_text(), path.read_text()),
        )
    ),
]


def test_a_complaint_about_a_key_shows_no_line_of_it():
    complaints = []
    for settings in BAD_KEYS:
        with override_settings(**{f"DJWTO_{name}": value for name, value in settings.items()}):
            try:
                conf.engine()
            except ImproperlyConfigured as error:
                shown = "".join(traceback.format_exception(error))
                shown += " ".join(str(message) for message in run_checks())
                complaints.append((shown, settings))
    assert len(complaints) > 100
    for shown, settings in complaints:
        for name in ("SIGNING_KEY", "VERIFYING_KEY"):
            for line in lines(settings.get(name)):
                assert line not in shown


def lines(key: Any) -> list[str]:
    text = key if isinstance(key, str) else "".join(key or [])
    return [line for line in text.splitlines() if len(line) > 15 and not line.startswith("-----")]


def test_a_refusal_shows_no_part_of_the_token():
    engine = engine_of("HS256", VERIFY["policy"], ["JSON"])
    for case in VERIFY["cases"]:
        token = token_of(case)
        try:
            engine.decode(token, case.get("kind", "access"), VERIFY["now"])
        except JWTValidationError as error:
            shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
            assert not any(part in shown for part in token.split(".") if len(part) > 8), case[
                "name"
            ]


def test_claims_that_cannot_be_signed_are_not_shown():
    for value in ({SECRET}, object(), b"x" + SECRET.encode(), float("nan")):
        with pytest.raises(JWTIssueError) as refused:
            tokens.encode_claims({"type": "access", "user": {"id": 7, "note": SECRET}, "x": value})
        assert SECRET not in "".join(traceback.format_exception(refused.value))


def test_what_the_engine_hands_out_shows_nothing():
    engine = engine_of("HS256", VERIFY["policy"], ["JSON", "TWO-COOKIES"])
    token = engine.sign(VERIFY["cases"][0]["payload"])
    seen = engine.authenticate(f"Bearer {token.text}", None, "access", VERIFY["now"])
    cookies = engine.deliver("TWO-COOKIES", token, token, None, "", VERIFY["now"])
    secret = (KEYS / "hmac.txt").read_text()
    for thing in (engine, token, seen, *cookies, conf.current()):
        assert not hasattr(thing, "__dict__") or thing is conf.current()
        for text in (repr(thing), str(thing)):
            assert secret not in text
            assert not any(part in text for part in token.text.split("."))


@pytest.mark.django_db
@pytest.mark.parametrize("hook", ["process_user", "process_perms", "process_claims"])
def test_a_login_that_fails_is_logged_without_the_password(hook, alice, monkeypatch, caplog):
    alice.set_password(PASSWORD)
    alice.save()
    monkeypatch.setattr(tokens, hook, broken)
    with caplog.at_level(logging.DEBUG):
        client = Client(raise_request_exception=False)
        form = {"username": "alice", "password": PASSWORD}
        assert client.post("/login/", form, secure=True).status_code == 500
    records = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert {"djwto", "django.request"} <= {record.name for record in records}
    for record in records:
        assert PASSWORD not in logging.Formatter().format(record)
        request = getattr(record, "request", None)
        if request is not None:
            info = record.exc_info or (None, None, None)
            assert PASSWORD not in ExceptionReporter(request, *info).get_traceback_text()


def broken(*_args: Any, **_kwargs: Any) -> Any:
    raise RuntimeError("a hook failed")


@pytest.fixture
def reporter_filter(settings):
    """Set the filter that Django looks up once."""

    def use(path: str) -> None:
        settings.DEFAULT_EXCEPTION_REPORTER_FILTER = path
        get_default_exception_reporter_filter.cache_clear()

    yield use
    get_default_exception_reporter_filter.cache_clear()


@auth.jwt_login_required
def failing_view(_request):
    raise RuntimeError("a view failed")


@pytest.mark.parametrize("mode", ["JSON", "ONE-COOKIE", "TWO-COOKIES"])
def test_error_reports_hide_every_token_with_our_filter(mode, settings, reporter_filter):
    """Django's filter knows `Authorization`, and lets `jwt_refresh` through: hence ours."""
    settings.DJWTO_MODE = mode
    reporter_filter("djwto.reports.TokenFilter")
    token = access_token()
    payload = base64.b64encode(b'{"the": "payload"}').decode()
    cookies = {"jwt_access": token, "jwt_access_token": token, "jwt_refresh": token}
    cookies["jwt_access_payload"] = payload
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    request = RequestFactory().get(
        "/",
        HTTP_COOKIE=header,
        **({"HTTP_AUTHORIZATION": f"Bearer {token}"} if mode == "JSON" else {}),
    )
    report = ExceptionReporter(request, *failure(request), is_email=True)
    # The page, which also shows the variables of every frame, goes out only where `include_html`
    # asks for it; those of this test hold the token, so the mail's text alone is looked at.
    text = report.get_traceback_text()
    assert "a view failed" in text
    assert token not in text
    assert payload not in text


def failure(request: Any) -> Any:
    try:
        failing_view(request)
    except RuntimeError:
        return sys.exc_info()
    raise AssertionError("the view did not fail")


def access_token() -> str:
    now = int(time.time())
    times = {"exp": now + 300, "iat": now, "jti": "j1"}
    parties = {"iss": "iss", "sub": "sub", "aud": "aud"}
    return tokens.encode_claims({**times, **parties, "type": "access", "user": {"id": 7}})
