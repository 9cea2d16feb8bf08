"""No local variable, `repr` or exception of djwto's holds a token, a key or a password.

Each hook, receiver, store and view fails in turn. What an error tracker would see then is searched:
the variables of every frame of djwto's (dicts, lists and tuples walked, the rest by `repr`, as
Sentry's client does), the exceptions, and Django's report in HTML.
"""

import logging
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth import signals as auth_signals
from django.core.cache import cache
from django.db import OperationalError, connection
from django.db.models.signals import post_save, pre_save
from django.http import HttpRequest
from django.test import AsyncClient, Client, RequestFactory
from django.urls import include, path
from django.views.debug import ExceptionReporter, get_default_exception_reporter_filter

import djwto.authentication as auth
from djwto import (
    _core,
    conf,
    exceptions,
    hashers,
    responses,
    signals,
    tokens,
    views,
)
from djwto.exceptions import JWTError
from djwto.keys import files as keyfiles
from djwto.keys import sets as keysets
from djwto.test import alogin
from tests import guarded, raising
from tests.conftest import MODES, Visitor

PASSWORD = "correct-horse-battery-nobodys-password"
REDIS_PASSWORD = "the-password-of-a-redis"
TOKEN = re.compile(r"eyJ[\w-]{4,}\.[\w-]+\.[\w-]+")
DEPTH = 5


class HookError(Exception):
    """What hooks and receivers raise here."""


def broken(*_args: Any, **_kwargs: Any) -> Any:
    raise HookError("a hook failed")


@auth.jwt_passes_test(broken)
def failing_test(request):
    return None


urlpatterns = [
    path("", include("djwto.urls")),
    path("password/", views.PasswordChangeView.as_view()),
    path("guarded/", include(guarded)),
    path("raising/", include(raising)),
    path("failing_test/", failing_test),
]


class Capture(logging.Handler):
    """Searches each exception while it is handled, when its frames are as they were."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets = [PASSWORD, REDIS_PASSWORD]
        self.leaks: set[str] = set()
        self.frames: set[str] = set()
        self.reports = 0
        self.request: HttpRequest | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.request = getattr(record, "request", None)
            self.search(record.exc_info[1])
            self.report(record.exc_info)

    def search(self, error: BaseException | None, seen: tuple[BaseException, ...] = ()) -> None:
        if error is None or error in seen:
            return
        for text in (str(error), repr(error), repr(vars(error))):
            self.look(f"exception {type(error).__name__}", text)
        self.walk(error.__traceback__)
        for other in (error.__cause__, error.__context__):
            self.search(other, (*seen, error))

    def walk(self, trace: TracebackType | None) -> None:
        while trace is not None:
            module = trace.tb_frame.f_globals.get("__name__", "")
            if module.split(".")[0] == "djwto":
                where = f"{module}.{trace.tb_frame.f_code.co_name}"
                self.frames.add(where)
                for name, value in trace.tb_frame.f_locals.items():
                    # The report of a mail shows the request, too.
                    self.request = value if isinstance(value, HttpRequest) else self.request
                    self.look(f"{where}: {name}", value)
            trace = trace.tb_next

    def report(self, info: Any) -> None:
        html = ExceptionReporter(self.request, *info, is_email=True).get_traceback_html()
        self.reports += 1
        self.look("the report in HTML", html)

    def look(self, where: str, value: Any, depth: int = DEPTH) -> None:
        text = value if isinstance(value, str) else repr(value)
        if TOKEN.search(text) or any(secret in text for secret in self.secrets):
            self.leaks.add(where)
        if depth and isinstance(value, Mapping):
            for key, held in list(value.items()):
                self.look(where, key, 0)
                self.look(where, held, depth - 1)
        elif depth and isinstance(value, (list, tuple, set, frozenset)):
            for held in list(value):
                self.look(where, held, depth - 1)


@pytest.fixture
def capture(settings: Any, monkeypatch: Any) -> Any:
    settings.ROOT_URLCONF = "tests.test_leaks"
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 5}  # the default is off in tests
    settings.DEFAULT_EXCEPTION_REPORTER_FILTER = "djwto.reports.TokenFilter"
    get_default_exception_reporter_filter.cache_clear()
    found = Capture()
    found.secrets.append(settings.DJWTO_SIGNING_KEY)
    refusal = responses.refusal

    def searched(error: JWTError, **extra: str) -> Any:
        found.search(error)
        return refusal(error, **extra)

    monkeypatch.setattr(responses, "refusal", searched)
    loggers = [logging.getLogger(name) for name in ("djwto", "django.request", "django")]
    for logger in loggers:
        logger.addHandler(found)
    yield found
    for logger in loggers:
        logger.removeHandler(found)
    get_default_exception_reporter_filter.cache_clear()
    assert found.leaks == set()
    assert found.frames, "no frame of djwto's was searched"


@pytest.fixture
def user(db: None) -> Any:
    return get_user_model().objects.create_user("alice", password=PASSWORD)


@pytest.fixture
def browser(visitor: Visitor, user: Any) -> Visitor:
    """A visitor who is logged in, and whose client does not raise what a view raises."""
    visitor.client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    assert visitor.login(password=PASSWORD).status_code == 200
    return visitor


def change_password(browser: Visitor, old: str = PASSWORD) -> Any:
    fields = {"old_password": old, "new_password1": PASSWORD + "2", "new_password2": PASSWORD + "2"}
    return browser.post("/password/", {**fields, "jwt_type": "access"})


ACTIONS: dict[str, Any] = {
    "login": lambda browser: browser.login(password=PASSWORD),
    "login_again": lambda browser: Visitor.login(browser, password=PASSWORD),
    "login_fails": lambda browser: browser.login(password=PASSWORD + "x"),
    "validate_access": lambda browser: browser.post("/validate_access/"),
    "validate_refresh": lambda browser: browser.refresh("validate_refresh"),
    "refresh_access": lambda browser: browser.refresh("refresh_access"),
    "update_refresh": lambda browser: browser.refresh("update_refresh"),
    "logout": lambda browser: browser.refresh("logout"),
    "delete": lambda browser: browser.refresh("logout", "delete"),
    "logout_all": lambda browser: browser.refresh("logout_all"),
    "sessions": lambda browser: browser.refresh("sessions", "get"),
    "password": change_password,
    "password_wrong": lambda browser: change_password(browser, PASSWORD + "x"),
    "guarded": lambda browser: browser.post("/guarded/function/"),
    "csrf": lambda browser: browser.get("/csrf/"),
}


def forget_tokens(browser: Visitor) -> None:
    """Let the next login be one; its tokens are not looked for in the client."""
    browser.client.cookies.clear()
    browser.tokens = {}


@pytest.mark.parametrize(
    ("hook", "action"),
    [
        *(
            (hook, action)
            for hook in ("process_user", "process_perms")
            for action in ("login", "refresh_access", "update_refresh")
        ),
        ("process_claims", "login"),
        ("process_lifetime", "login"),
        ("user_authenticate", "login"),
        ("user_account", "login"),
    ],
)
def test_a_hook_fails(
    capture: Capture, browser: Visitor, monkeypatch: Any, hook: str, action: str
) -> None:
    if action == "login":
        forget_tokens(browser)
    monkeypatch.setattr(tokens if hook.startswith("process") else auth, hook, broken)
    assert ACTIONS[action](browser).status_code == 500
    assert capture.reports


RECEIVERS = [
    (signals.jwt_logged_in, "login"),
    (auth_signals.user_logged_in, "login"),
    (signals.jwt_login_fail, "login_fails"),
    (auth_signals.user_login_failed, "login_fails"),
    (signals.jwt_token_validated, "validate_access"),
    (signals.jwt_token_validated, "validate_refresh"),
    (signals.jwt_access_refreshed, "refresh_access"),
    (signals.jwt_refresh_updated, "update_refresh"),
    (signals.jwt_blacklisted, "logout"),
    (signals.jwt_blacklisted, "delete"),
    (auth_signals.user_logged_out, "logout"),
    (auth_signals.user_logged_out, "delete"),
    (auth_signals.user_logged_out, "logout_all"),
    (pre_save, "password"),
    (post_save, "password"),
    (pre_save, "login"),
]


@pytest.mark.parametrize(("signal", "action"), RECEIVERS)
def test_a_receiver_fails(capture: Capture, browser: Visitor, signal: Any, action: str) -> None:
    if action.startswith("login"):
        forget_tokens(browser)
    signal.connect(broken)
    try:
        assert ACTIONS[action](browser).status_code == 500
    finally:
        signal.disconnect(broken)


@pytest.mark.parametrize("name", ["refresh_access", "update_refresh"])
def test_a_receiver_of_reuse_fails(capture: Capture, browser: Visitor, name: str) -> None:
    old = {"tokens": dict(browser.tokens), "cookies": browser.client.cookies.copy()}
    for _ in range(2):
        browser.refresh("update_refresh")
    browser.tokens = old["tokens"]
    browser.client.cookies.update(old["cookies"])
    signals.jwt_reuse_detected.connect(broken)
    try:
        assert browser.refresh(name).status_code in (200, 401, 409, 500)
    finally:
        signals.jwt_reuse_detected.disconnect(broken)
    # What is refused is searched, too.
    browser.refresh("logout")
    browser.refresh("logout")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", [OperationalError, HookError])
@pytest.mark.parametrize("action", [name for name in ACTIONS if name != "csrf"])
def test_the_database_fails_at_each_query(
    capture: Capture, browser: Visitor, user: Any, action: str, kind: type[Exception]
) -> None:
    """At the first query, then at the second, and so on until the action is through."""
    for number in range(40):
        cache.clear()
        forget_tokens(browser)
        if action not in ("login", "login_fails"):
            assert browser.login(password=PASSWORD).status_code == 200
        left = [number]

        def fail(execute: Any, *args: Any, left: list[int] = left) -> Any:
            left[0] -= 1
            if left[0] == -1:
                raise kind("a query failed")
            return execute(*args)

        with connection.execute_wrapper(fail):
            ACTIONS[action](browser)
        if action == "password":
            user.set_password(PASSWORD)
            user.save()
        if left[0] >= 0:
            break
    if not capture.frames:  # a guard asks the database nothing
        assert action == "guarded"
        capture.frames.add(action)


@pytest.mark.parametrize("place", ["keep_private", "set_cookies", "build_tokens_response"])
@pytest.mark.parametrize("action", ["login", "refresh_access", "update_refresh", "delete"])
def test_the_reply_cannot_be_made(
    capture: Capture, browser: Visitor, monkeypatch: Any, action: str, place: str
) -> None:
    if action == "login":
        forget_tokens(browser)
    for module in (responses, views):
        if hasattr(module, place):
            monkeypatch.setattr(module, place, broken)
    ACTIONS[action](browser)
    browser.get("/raising/raises/500/")


@pytest.mark.parametrize(
    "name",
    [
        *("raising/raises/500", "raising/async_raises/500", "raising/dispatch/500"),
        *("raising/method/500", "raising/permission/500", "raising/rest_inside"),
        *("raising/rest_outside", "raising/rest_method", "raising/handled", "failing_test"),
    ],
)
def test_a_guarded_view_fails(capture: Capture, browser: Visitor, user: Any, name: str) -> None:
    user.is_superuser = True
    user.save()
    browser.refresh("refresh_access")
    assert browser.get(f"/{name}/").status_code >= 400
    # What a refused request carries is searched, too.
    browser.tokens = {kind: text[:-8] + "AAAAAAAA" for kind, text in browser.tokens.items()}
    for kind in ("jwt_access", "jwt_access_token"):
        browser.client.cookies[kind] = "eyJhbGciOiJIUzI1NiJ9.e30.AAAA"
    assert browser.get(f"/{name}/").status_code == 401


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.django_db(transaction=True)
async def test_a_guarded_view_fails_under_asgi(capture: Capture, settings: Any, mode: str) -> None:
    settings.DJWTO_MODE = mode
    client = AsyncClient(raise_request_exception=False)
    await alogin(client, await get_user_model().objects.acreate_user("alice"))
    assert (await client.get("/raising/async_raises/500/")).status_code == 500
    assert (await client.get("/raising/raises/500/")).status_code == 500


BODIES: list[tuple[str, Any]] = [
    ("application/json", f'{{"username": "alice", "password": "{PASSWORD}"'),
    ("application/json", f'["{PASSWORD}"]'),
    ("application/json", f'{{"username": "alice", "password": ["{PASSWORD}"]}}'),
    ("application/json", f'{{"username": "alice", "password": "{PASSWORD}\\ud800"}}'),
    ("text/plain", PASSWORD),
    ("application/x-www-form-urlencoded", f"username=a&password={PASSWORD}%00"),
    ("application/x-www-form-urlencoded", b"username=\xff&password=" + PASSWORD.encode()),
    ("multipart/form-data; boundary=b", f"--b\r\n{PASSWORD}\r\n--b--\r\n"),
    ("multipart/form-data", PASSWORD),
]


@pytest.mark.parametrize(("kind", "body"), BODIES)
def test_a_body_is_refused(capture: Capture, user: Any, kind: str, body: Any) -> None:
    reply = Client().generic("POST", "/login/", body, kind)
    assert reply.status_code in (400, 401, 415)


def test_functions_that_are_given_a_secret(capture: Capture, user: Any, settings: Any) -> None:
    text = tokens.encode_claims({**conf.engine().access_claims(1.0), "user": {"id": 1}})
    calls = [
        lambda: tokens.decode_token(text),
        lambda: tokens.decode_token(text + "x"),
        lambda: hashers.PBKDF2PasswordHasher().encode(PASSWORD, "salt", 2**40),
        lambda: hashers.PBKDF2PasswordHasher().encode(PASSWORD, "$"),
        lambda: auth.get_raw_token_from_request(
            RequestFactory().get("/", headers={"authorization": f"Basic {text}"})
        ),
        lambda: auth.jwt_authenticate(
            RequestFactory().get("/", headers={"authorization": f"Bearer {text}"})
        ),
    ]
    for call in calls:
        with pytest.raises((JWTError, ValueError, OverflowError)) as refused:
            call()
        assert refused.traceback[-1].frame.f_globals["__name__"] != __name__
        capture.search(refused.value)
    settings.DJWTO_SIGNING_KEY = 7
    with pytest.raises(Exception, match="DJWTO_SIGNING_KEY") as wrong:
        tokens.decode_token(text)
    capture.search(wrong.value)


def test_what_djwto_holds_shows_nothing(capture: Capture, user: Any, tmp_path: Any) -> None:
    jwk = _core.generate_jwk("EdDSA", None)
    private = re.search(r'"d":\s*"([\w-]+)"', jwk)
    assert private is not None
    capture.secrets.append(private[1])
    file = tmp_path / "keys.json"
    file.write_text(f'{{"keys": [{jwk}]}}')
    files = keyfiles.KeyFiles.read(file)
    claims = {**conf.engine().login_claims(1.0), "user": {"id": 1}}
    access = tokens.get_access_claims_from_refresh(claims)
    revocation = conf.Revocation(1.0, 60.0, f"redis://:{REDIS_PASSWORD}@localhost")
    for thing in (
        *(files, files.ring("EdDSA", []), tokens.issue(claims, access, "JSON"), revocation),
        *(conf.current(), conf.engine(), exceptions.CODES),
    ):
        capture.look(type(thing).__name__, repr(thing))
    capture.frames.add("reprs")


def test_changes_of_a_key_file_that_are_refused(
    capture: Capture, tmp_path: Any, monkeypatch: Any
) -> None:
    path = tmp_path / "keys.json"
    with keysets.opened(path) as keys:
        keys.generate("EdDSA", 1_000)
    capture.secrets += re.findall(r'"d":\s*"([\w-]+)"', path.read_text())
    assert len(capture.secrets) >= 4

    def rotate(now: int, **kwargs: Any) -> None:
        with keysets.opened(path) as keys:
            keys.rotate(now, **kwargs)

    for kwargs in ({}, {"kid": "of no key"}):
        with pytest.raises(keysets.KeySetError) as refused:
            rotate(1_001, **kwargs)
        capture.search(refused.value)
    monkeypatch.setattr("os.fsync", unwritable)
    with pytest.raises(keysets.KeySetError) as refused:
        rotate(1_000_000)
    capture.search(refused.value)
    path.write_text(path.read_text().replace('"kty"', '"kyt"'))
    with pytest.raises(keysets.KeySetError) as refused:
        rotate(1_000_000)
    capture.search(refused.value)


def unwritable(_file: int) -> None:
    raise OSError(28, "No space left on device")


def test_keys_of_a_file_that_is_refused(capture: Capture, tmp_path: Any) -> None:
    jwk = _core.generate_jwk("EdDSA", None)
    private = re.search(r'"d":\s*"([\w-]+)"', jwk)
    assert private is not None
    capture.secrets.append(private[1])
    for text in (
        f'{{"keys": [{jwk}, 7',
        f'{{"keys": [{jwk}]}}' + " " * keyfiles.MAX_BYTES,
        f'{{"keys": {jwk}}}',
    ):
        file = tmp_path / "keys.json"
        file.write_text(text)
        with pytest.raises(exceptions.SettingError) as refused:
            keyfiles.KeyFiles.read(file).ring("EdDSA", [])
        capture.search(refused.value)
