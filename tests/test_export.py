"""`manage.py djwto_export`: what it tells another program, what it never tells, and `--check`.

`vectors/export.json` and `vectors/export_other.json` are the exports of two projects. The Rust side
reads them too. Write them anew with `python -m tests.exporting`.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings
from django.urls import include, path

from djwto import _core, conf, tokens
from djwto.settings import SETTINGS
from tests.export_urls import Return
from tests.exporting import (
    EXAMPLE,
    EXAMPLES,
    PRIVATE,
    SECRET,
    VECTOR,
    Settings,
    exported,
    refused,
    vectors,
)
from tests.test_conf import KEYS
from tests.test_docs import DOCS, ROOT
from tests.test_keyfiles import jwk, write


@pytest.fixture
def example() -> Any:
    with override_settings(**EXAMPLE):
        yield


# --- the format ---------------------------------------------------------------------------------


def test_the_vectors_are_the_exports_of_the_examples() -> None:
    for place, text in vectors().items():
        assert place.read_text() == text, "run: python -m tests.exporting"


NOT_NEEDED: dict[str, Any] = {
    "ALLOW_REFRESH_UPDATE": False,
    "SAME_SITE": "Strict",
    "TOKEN_CACHE_ENTRIES": 1,
    "TOKEN_CACHE_BYTES": 1,
    "LOGIN_THROTTLE": None,
    "TRUSTED_PROXIES": ["::1"],
    "ROTATE_REFRESH": False,
    "REFRESH_GRACE": None,
    "RETURN_HOSTS": ["models.example.com"],
    "REVOCATION_URL": "redis://localhost",
    "MAX_SESSIONS": 1,
    "USER": "token",
    "SIMPLEJWT_UNTIL": date(2030, 1, 1),
}


def test_each_setting_is_exported_or_known_to_be_of_no_use(example: None) -> None:
    first = exported()
    for name, value in NOT_NEEDED.items():
        with override_settings(**{f"DJWTO_{name}": value}):
            assert exported() == first, name
    # The examples give every other setting another value than its default.
    given = {name.removeprefix("DJWTO_") for values in EXAMPLES.values() for name in values}
    rest = {setting.name for setting in SETTINGS} - NOT_NEEDED.keys()
    assert rest - given == {"KEYS", "VERIFYING_KEY"}
    assert given & NOT_NEEDED.keys() == set()


def test_the_fingerprint_is_of_the_canonical_json_of_the_rest(example: None) -> None:
    found = exported()
    rest = {name: value for name, value in found.items() if name != "fingerprint"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert found["fingerprint"] == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_it_is_the_same_in_every_process_wherever_it_runs(tmp_path: Path) -> None:
    settings = Settings(
        tmp_path, CSRF_TRUSTED_ORIGINS="{f'https://{one}.org' for one in 'abcdefgh'}"
    )
    settings.sign_with("ES256")
    runs = [
        settings.run(PYTHONHASHSEED="1", TZ="Asia/Tokyo", LC_ALL="C"),
        settings.run(PYTHONHASHSEED="2", TZ="America/Lima", LC_ALL="C.UTF-8"),
    ]
    assert [done.returncode for done in runs] == [0, 0], runs[0].stderr
    assert runs[0].stdout == runs[1].stdout


def test_the_page_names_every_member() -> None:
    page = (DOCS / "export.md").read_text().partition("## Members")[2].partition("\n## ")[0]
    named = [
        (part.strip(" `"), name)
        for part, names in re.findall(r"^\| (`\w+` )?\| (.+?) \|", page, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    ]
    members = [("keys", "shared"), ("keys", "url")]
    for part, value in json.loads(VECTOR.read_text()).items():
        parts = [(part, name) for name in value] if isinstance(value, dict) else [("", part)]
        members += parts
    assert sorted(named) == sorted(members)


def test_times_are_numbers_and_none_stays_none(example: None, settings: Any) -> None:
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = None
    settings.DJWTO_SESSION_LIFETIME = timedelta(days=30)
    settings.DJWTO_NBF_LIFETIME = None
    settings.DJWTO_REVOCATION_INTERVAL = timedelta(milliseconds=10)
    settings.DJWTO_REVOCATION_MAX_AGE = None
    found = exported()
    policy = found["policy"]
    assert (policy["access_lifetime"], policy["session_lifetime"]) == (None, 2592000.0)
    assert policy["not_before"] == 0.0
    assert found["revocation"] == {"interval": 0.01, "max_age": None}


def test_one_mode_one_audience_and_a_tuple(example: None, settings: Any) -> None:
    settings.DJWTO_MODE, settings.DJWTO_AUD_CLAIM = "JSON", ("a", "b")
    found = exported()
    assert (found["transport"]["modes"], found["policy"]["audience"]) == (["JSON"], ["a", "b"])
    settings.DJWTO_AUD_CLAIM = "a"
    assert exported()["policy"]["audience"] == "a"


def test_tenants_are_told(example: None, settings: Any) -> None:
    assert exported()["tenants"] is False
    settings.DJWTO_TENANT = "tests.exporting.tenant"
    assert exported()["tenants"] is True


# --- where `return/` is -------------------------------------------------------------------------


class Urls:
    """A module of URLs."""

    def __init__(self, *patterns: Any) -> None:
        self.urlpatterns = list(patterns)


@pytest.mark.parametrize(
    ("route", "settings", "found"),
    [
        ("R/return/", {}, "/R/return/"),
        ("R/return/", {"DJWTO_PUBLIC_PATH": "/backend/"}, "/backend/R/return/"),
        ("zurück/return/", {}, "/zur%C3%BCck/return/"),
        ("<slug:team>/return/", {}, None),
    ],
)
def test_the_path_is_what_the_browser_sees(
    example: None, route: str, settings: dict[str, Any], found: str | None
) -> None:
    urls = Urls(path("", include([path(route, Return.as_view(), name="return")])))
    with override_settings(ROOT_URLCONF=urls, **settings):
        assert exported()["login"]["return_path"] == found


def test_a_project_may_have_another_url_of_that_name(example: None) -> None:
    urls = Urls(path("shop/return/", lambda request: None, name="return"))
    with override_settings(ROOT_URLCONF=urls):
        assert exported()["login"]["return_path"] is None


# --- keys ---------------------------------------------------------------------------------------


def kids(found: dict[str, Any]) -> list[str]:
    return [key["kid"] for key in found["keys"]["jwks"]["keys"]]


def test_a_key_pair_is_exported_by_its_public_half(example: None, settings: Any) -> None:
    public = (KEYS / "ed25519.public.pem").read_text()
    both = exported()
    settings.DJWTO_VERIFYING_KEY = public
    assert exported() == both
    assert [key["alg"] for key in both["keys"]["jwks"]["keys"]] == ["EdDSA", "ES256"]
    settings.DJWTO_SIGNING_KEY = None
    assert exported() == both


def test_next_and_retired_keys_are_exported(settings: Any, tmp_path: Path) -> None:
    settings.DJWTO_KEYS, settings.DJWTO_SIGNING_KEY = tmp_path / "keys.json", None
    call_command("djwto_keys", "generate", stdout=StringIO())
    call_command("djwto_keys", "rotate", "--force", stdout=StringIO())
    states = [
        key["djwto_state"] for key in json.loads((tmp_path / "keys.json").read_text())["keys"]
    ]
    assert states == ["retired", "active", "next"]
    found = exported()
    assert len(kids(found)) == 3
    assert found["keys"] == {"jwks": json.loads(conf.current().keys.public_jwks())}


def test_a_directory_is_exported(settings: Any, tmp_path: Path) -> None:
    for name, file in (("signing", "p256.pem"), ("old", "rsa.pem"), ("next", "ed25519.public.pem")):
        (tmp_path / f"{name}.pem").write_bytes((KEYS / file).read_bytes())
    settings.DJWTO_KEYS, settings.DJWTO_SIGNING_KEY = tmp_path, None
    assert len(kids(exported())) == 3


URL = "https://portal.example.org/.well-known/jwks.json"


def test_keys_may_be_exported_by_their_url(example: None) -> None:
    found, usual = exported("--keys-url", URL), exported()
    assert found["keys"] == {"url": URL}
    assert found["fingerprint"] != usual["fingerprint"]
    assert {**found, "keys": 0, "fingerprint": 0} == {**usual, "keys": 0, "fingerprint": 0}


def test_a_url_of_the_settings_is_exported_without_a_fetch(settings: Any) -> None:
    settings.DJWTO_KEYS = "https://localhost:9/jwks.json"
    assert exported()["keys"] == {"url": "https://localhost:9/jwks.json"}
    assert exported("--keys-url", settings.DJWTO_KEYS) == exported()
    assert refused("--keys-url", URL).startswith("--keys-url: expected the URL of DJWTO_KEYS")


@pytest.mark.parametrize(
    "url", ["", "/jwks.json", "http://portal.example.org/", "https://u:p@localhost/", "ftp://x/"]
)
def test_another_url_is_refused(example: None, url: str) -> None:
    sentence = refused("--keys-url", url)
    assert sentence.startswith("--keys-url: expected an https URL")


def test_a_url_holds_no_shared_secret(example: None, settings: Any) -> None:
    settings.DJWTO_SIGNING_KEY_FALLBACKS = [("HS256", SECRET)]
    words = ["--keys-url", URL, "--allow-shared-secret"]
    assert refused(*words).startswith("keys by URL are public keys")
    settings.DJWTO_SIGNING_KEY_FALLBACKS = []
    assert exported(*words)["keys"] == {"url": URL}
    settings.DJWTO_ALGORITHM, settings.DJWTO_SIGNING_KEY = "HS256", SECRET
    assert refused(*words).startswith("keys by URL are public keys")


def secrets_of(found: dict[str, Any]) -> list[tuple[str, str | None, bytes]]:
    return [
        (one["algorithm"], one["kid"], base64.b64decode(one["secret"], validate=True))
        for one in found["keys"]["shared"]
    ]


def test_a_shared_secret_wants_permission(settings: Any) -> None:
    settings.DJWTO_SIGNING_KEY = SECRET
    sentence = refused()
    assert sentence.startswith("DJWTO_SIGNING_KEY: the export would hold a shared secret")
    assert "djwto_keys generate" in sentence
    assert "--allow-shared-secret" in sentence
    found = exported("--allow-shared-secret")
    assert secrets_of(found) == [("HS256", None, SECRET.encode())]
    assert found["keys"].keys() == {"shared"}


def test_the_secrets_of_a_set_keep_their_kids(settings: Any, tmp_path: Path) -> None:
    keys = [jwk("HS384", "a", djwto_state="active"), jwk("HS512", "b", djwto_state="retired")]
    unusable = [{"kty": "oct", "k": "AAAA"}, {"kty": "new"}, 5]
    write(tmp_path / "keys.json", *keys, *unusable)
    settings.DJWTO_KEYS, settings.DJWTO_SIGNING_KEY = tmp_path / "keys.json", None
    assert refused().startswith("DJWTO_KEYS: ")
    found = secrets_of(exported("--allow-shared-secret"))
    assert [(algorithm, kid, len(secret)) for algorithm, kid, secret in found] == [
        ("HS384", "a", 48),
        ("HS512", "b", 64),
    ]


def test_older_secrets_beside_a_key_pair(example: None, settings: Any) -> None:
    older = jwk("HS256", "old")
    settings.DJWTO_SIGNING_KEY_FALLBACKS = [
        ("HS256", SECRET),
        ("HS512", SECRET.encode() + b"\xff"),
        ("HS256", json.dumps(older)),
    ]
    sentence = refused()
    assert sentence.startswith("DJWTO_SIGNING_KEY_FALLBACKS: ")
    assert "generate" not in sentence
    found = exported("--allow-shared-secret")
    assert len(kids(found)) == 1
    assert [(algorithm, kid) for algorithm, kid, _ in secrets_of(found)] == [
        ("HS256", None),
        ("HS512", None),
        ("HS256", "old"),
    ]
    assert secrets_of(found)[1][2] == SECRET.encode() + b"\xff"


@pytest.mark.django_db
@pytest.mark.parametrize("algorithm", [*PRIVATE, "HS256"])
def test_the_keys_verify_a_token(carol: Any, settings: Any, algorithm: str) -> None:
    settings.DJWTO_ALGORITHM = algorithm
    settings.DJWTO_SIGNING_KEY = (
        (KEYS / PRIVATE[algorithm]).read_text() if algorithm in PRIVATE else SECRET
    )
    token = conf.engine().sign(json.dumps(tokens.process_claims(carol, None, "access"))).text
    keys = exported("--allow-shared-secret")["keys"]
    if "jwks" in keys:
        ring = _core.KeyRing.from_jwks(json.dumps(keys["jwks"]).encode(), [])
        assert not ring.can_sign
    else:
        (one,) = keys["shared"]
        secret = base64.b64decode(one["secret"])
        ring = _core.KeyRing.load(one["algorithm"], secret, None, [])
    assert json.loads(ring.payload_of(token))["type"] == "access"


# --- other projects -----------------------------------------------------------------------------


def test_a_service_that_only_verifies_says_where_to_run_it(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk("EdDSA")]}))
    for words in ([], ["--check", "a"], ["--output", "a", "--allow-shared-secret"]):
        done = subprocess.run(
            [sys.executable, "-m", "django", "djwto_export", *words],
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "tests.projects.verifying.settings",
                "VERIFYING_KEYS": str(tmp_path / "keys.json"),
                "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "python")]),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "CommandError: This service only verifies tokens" in done.stderr
        assert "Traceback" not in done.stderr
