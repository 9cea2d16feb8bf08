"""Settings: typed, read live, and named in every complaint."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.urls import clear_url_caches

from djwto import conf, tokens
from djwto.checks import SETTING_IDS
from djwto.settings import SETTINGS

WRONG = {
    "ISS_CLAIM": (1, "", b"iss", "\ud800"),
    "SUB_CLAIM": (1, ""),
    "AUD_CLAIM": (1, [], "", ["a", 1], [""]),
    "IAT_CLAIM": (None, 1, "yes"),
    "JTI_CLAIM": (None, 1, "yes"),
    "ALLOW_REFRESH_UPDATE": (None, 1),
    "ACCESS_TOKEN_LIFETIME": (300, timedelta(), timedelta(seconds=-1), timedelta(milliseconds=5)),
    "REFRESH_TOKEN_LIFETIME": (86400, timedelta(0)),
    "NBF_LIFETIME": (5, timedelta(seconds=-1), timedelta(minutes=5)),
    "SIGNING_KEY": (1, "\ud800", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
    "VERIFYING_KEY": (1, "any text: HS256 has no verifying key"),
    "ALGORITHM": ("none", "hs256", "A256GCM", "RSA-OAEP", "Ed448", None, 1),
    "MODE": ("json", (), ("JSON", "JSON"), None, ("JSON", "X")),
    "REFRESH_COOKIE_PATH": (None, "", "/", "a b", "a;b", "a//b", "a/../b", ".", "\ud800"),
    "SAME_SITE": ("no", 1, True),
    "DOMAIN": (1, "", "a b", "a;b", ".", "a..b", "\ud800"),
    "CSRF": (None, 1, "on"),
    "TOKEN_CACHE_ENTRIES": (None, -1, 1.5, "4096", True, 2**63),
    "TOKEN_CACHE_BYTES": (None, -1, 1.5, "1 MiB", False, 2**63),
    "KEYS": (1, "", b"keys.json", "\ud800", "a\0b", "no/such/file", "."),
    "SIGNING_KEY_FALLBACKS": (
        None,
        "HS256",
        ["HS256"],
        [("HS256",)],
        [("HS256", None)],
        [("HS256", "")],
        [("none", "a secret")],
        [("HS256", "a secret", "id")],
        [("RS256", "a secret")],
        [("HS256", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")],
        [("HS256", '{"kty": "oct", "k": "AAAA", "alg": "HS512"}')],
    ),
    "LOGIN_THROTTLE": (
        False,
        5,
        {"cache": "no such alias"},
        {"cache": None},
        {"attempts": 0},
        {"attempts": 1001},
        {"attempts": True},
        {"account_attempts": "50"},
        {"network_attempts": 0},
        {"network_attempts": 10_001},
        {"day_attempts": 0.5},
        {"day_attempts": None},
        {"password_hashes": 0},
        {"password_hashes": True},
        {"password_hashes": 1001},
        {"window": 300},
        {"window": None},
        {"window": timedelta(milliseconds=5)},
        {"tries": 5},
        {1: 2},
    ),
    "TRUSTED_PROXIES": (
        None,
        "10.0.0.1",
        [""],
        ["10.0.0.1/8"],
        ["localhost"],
        ["10.0.0.1:80"],
        [167772161],
        [["10.0.0.1"]],
    ),
    "ROTATE_REFRESH": (None, "always", 1, "JSON", []),
    "REFRESH_GRACE": (10, timedelta(seconds=-1)),
    "SESSION_LIFETIME": (3600, timedelta(0)),
    "ACCEPT_LEGACY": (None, 1),
    "REVOCATION_INTERVAL": (1, timedelta(0)),
    "REVOCATION_MAX_AGE": (60, timedelta(0)),
    "REVOCATION_URL": (1, "", "localhost:6379"),
    "MAX_SESSIONS": (0, -1, True, 1.5, "1000"),
    "USER_AS_SUB": (None, 1, "yes"),
    "USER": (None, True, "claims", ["token"]),
    "COOKIE_PREFIX": (None, 1, b"__Host-", "a b", "a=", "é", "\ud800", "__Http-", "__HOST-HTTP-x"),
    "PUBLIC_PATH": (None, 1, "a b", "/a//b", "/..", "a;b", "https://example.com/a", "\ud800"),
    "TENANT": (1, "", "tenant", ".", "os.nothing", "no.such.module", "os.sep", "asyncio.sleep"),
    "SIMPLEJWT_UNTIL": ("2027-01-01", 1, datetime(2027, 1, 1), timedelta(days=1)),  # noqa: DTZ001
    "RETURN_HOSTS": (
        None,
        "models.example.com",
        [""],
        ["*"],
        [".example.com"],
        ["*.example.com"],
        ["example.com."],
        ["https://example.com"],
        ["example.com/"],
        ["alice@example.com"],
        ["bücher.example"],
        ["example.com:"],
        ["example.com:0"],
        ["example.com:65536"],
        ["example.com:https"],
        ["-example.com"],
        ["a..b"],
        ["[1.2]"],
        ["::1"],
        ["a b"],
        ["example.com\n"],
        ["a" * 254],
        [b"example.com"],
        ["example.com", None],
    ),
}
KEYS = Path(__file__).resolve().parent.parent / "vectors" / "keys"
CASES = [(name, value) for name, values in WRONG.items() for value in values]


def test_every_setting_has_wrong_values_here() -> None:
    assert list(WRONG) == [setting.name for setting in SETTINGS]


@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_wrong_value_is_named_by_the_error_and_by_its_own_check(name: str, value: object) -> None:
    with override_settings(**{f"DJWTO_{name}": value}):
        with pytest.raises(ImproperlyConfigured, match=rf"DJWTO_{name}: .*(expected|No such file)"):
            conf.engine()
        found = [message.id for message in run_checks() if message.id.startswith("djwto.E0")]
        assert found == [SETTING_IDS[name]]


def test_ids_of_settings_never_change() -> None:
    assert list(SETTING_IDS.values())[:19] == [
        *(f"djwto.E{number:03}" for number in range(1, 18)),
        "djwto.E020",
        "djwto.E021",
    ]


def test_a_token_of_either_kind_must_become_valid_before_it_expires() -> None:
    minute = timedelta(minutes=1)
    short = {"DJWTO_ACCESS_TOKEN_LIFETIME": 5 * minute, "DJWTO_REFRESH_TOKEN_LIFETIME": minute}
    with override_settings(**short, DJWTO_NBF_LIFETIME=minute):
        (message,) = [found for found in run_checks() if found.id == "djwto.E009"]
    assert message.msg.startswith("DJWTO_NBF_LIFETIME: expected less than the shortest lifetime")
    with override_settings(**short, DJWTO_NBF_LIFETIME=minute / 2):
        assert conf.problems() == []


def test_a_complaint_about_a_key_does_not_show_it() -> None:
    with (
        override_settings(DJWTO_SIGNING_KEY=["hush"]),
        pytest.raises(ImproperlyConfigured) as error,
    ):
        conf.engine()
    assert "hush" not in str(error.value)


def test_several_wrong_settings_are_all_named() -> None:
    with (
        override_settings(DJWTO_MODE="x", DJWTO_CSRF="x"),
        pytest.raises(ImproperlyConfigured, match=r"DJWTO_MODE.*DJWTO_CSRF"),
    ):
        conf.engine()


@pytest.mark.parametrize("prefix", ["__Host-", "__host-", "__HOST-a_"])
def test_a_cookie_of_one_host_has_no_domain(prefix: str) -> None:
    changes = {"DJWTO_COOKIE_PREFIX": prefix, "DJWTO_DOMAIN": "example.com"}
    with override_settings(**changes):
        (message,) = [found for found in run_checks() if found.id == "djwto.E033"]
        assert "no domain beside" in message.msg
    with override_settings(**{**changes, "DJWTO_COOKIE_PREFIX": "__Secure-"}):
        assert conf.problems() == []


def test_settings_are_read_live() -> None:
    with override_settings(DJWTO_ISS_CLAIM="other"):
        assert conf.engine().login_claims(0.0)["iss"] == "other"
    assert conf.engine().login_claims(0.0)["iss"] == "iss"


def test_the_engine_is_built_once_for_the_same_settings() -> None:
    assert conf.engine() is conf.engine()


@pytest.mark.parametrize("name", ["ACCESS_TOKEN_LIFETIME", "REFRESH_TOKEN_LIFETIME"])
def test_defaults_need_no_settings(name: str, settings: Any) -> None:
    delattr(settings, f"DJWTO_{name}")
    default = {"ACCESS_TOKEN_LIFETIME": 300, "REFRESH_TOKEN_LIFETIME": 86400}[name]
    engine = conf.engine()
    make = engine.login_claims if "REFRESH" in name else engine.access_claims
    assert make(0.0)["exp"] == default


def test_the_key_may_come_from_the_environment(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJWTO_SIGNING_KEY", "from the environment, and of 48 bytes, as it should")
    del settings.DJWTO_SIGNING_KEY
    token = tokens.encode_claims({"type": "access", "user": {"id": 1}})
    jwt.decode(token, "from the environment, and of 48 bytes, as it should", ["HS256"])


def test_no_key_at_all_is_named(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DJWTO_SIGNING_KEY", raising=False)
    assert "DJWTO_SIGNING_KEY" not in os.environ
    del settings.DJWTO_SIGNING_KEY
    with pytest.raises(ImproperlyConfigured, match="DJWTO_SIGNING_KEY: expected a key, found none"):
        conf.engine()


def ids(**kwargs: object) -> set[str]:
    """Give the ids of what is found. The suite has a view for W055, which is left out."""
    clear_url_caches()
    found = {message.id for message in run_checks(**kwargs) if message.id.startswith("djwto.")}
    return found - {"djwto.W055"}


@pytest.fixture(autouse=True)
def json_csrf(settings: Any) -> None:
    """The URLs of the suite have guarded methods, of which W004 would speak each time."""
    settings.CSRF_FAILURE_VIEW = "djwto.csrf.failure"


def test_a_good_project_has_no_complaints() -> None:
    assert ids() == set()


def test_an_unknown_setting_is_reported_with_the_nearest_name() -> None:
    with override_settings(DJWTO_SINGING_KEY="x"):
        (message,) = [m for m in run_checks() if m.id == "djwto.W001"]
    assert message.hint == "Did you mean DJWTO_SIGNING_KEY?"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SIGNINGKEY", "SIGNING_KEY"),
        ("ALGORITM", "ALGORITHM"),
        ("REFRESH_LIFETIME", "REFRESH_TOKEN_LIFETIME"),
        ("FOO", None),
        ("X", None),
        ("", None),
        ("COOKIE", None),
    ],
)
def test_only_near_names_are_suggested(name: str, meant: str | None) -> None:
    with override_settings(**{f"DJWTO_{name}": "x"}):
        (message,) = [m for m in run_checks() if m.id == "djwto.W001"]
    assert message.hint == (meant and f"Did you mean DJWTO_{meant}?")


def test_a_short_secret_warns_and_is_an_error_in_production() -> None:
    with override_settings(DJWTO_SIGNING_KEY="test key"):
        assert ids() == {"djwto.W003"}
        assert {"djwto.W003", "djwto.E019"} <= ids(include_deployment_checks=True)


def test_guarded_methods_want_the_csrf_failure_view(settings: Any) -> None:
    settings.CSRF_FAILURE_VIEW = "django.views.csrf.csrf_failure"
    (message,) = [m for m in run_checks() if m.id == "djwto.W004"]
    assert message.msg.startswith("tests.guarded.Methods guards single methods")
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "csrf" not in name.lower()]
    assert ids() == set()


def test_a_clash_of_names_is_reported() -> None:
    with override_settings(ROOT_URLCONF="tests.urls_clashing"):
        assert ids() == {"djwto.W002"}


def test_a_server_that_can_only_verify_is_told_so() -> None:
    public = (KEYS / "rsa.public.pem").read_text()
    only = {"DJWTO_SIGNING_KEY": None, "DJWTO_VERIFYING_KEY": public, "DJWTO_ALGORITHM": "RS256"}
    with override_settings(**only):
        assert ids() == {"djwto.W005"}
