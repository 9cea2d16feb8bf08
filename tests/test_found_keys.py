"""Key files as people have them: what the settings say to them (`vectors/found_keys`)."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from djwto import _core, conf
from tests.test_conf import KEYS

FOUND = KEYS.with_name("found_keys")


def test_a_key_behind_its_certificate_signs(settings: Any, tmp_path: Path) -> None:
    text = (FOUND / "pkcs12-certificate-first.pem").read_bytes()
    settings.DJWTO_ALGORITHM, settings.DJWTO_SIGNING_KEY = "RS256", text.decode()
    assert conf.engine().can_sign
    (tmp_path / "signing.pem").write_bytes(text)
    del settings.DJWTO_SIGNING_KEY
    settings.DJWTO_KEYS = tmp_path
    assert conf.engine().can_sign


def test_a_signing_pem_that_cannot_sign_is_an_error(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "signing.pem").write_bytes((KEYS / "rsa.public.pem").read_bytes())
    settings.DJWTO_KEYS = tmp_path
    (message,) = errors("E022")
    assert message.startswith(f"DJWTO_KEYS: {tmp_path}: signing.pem: expected a private key")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("jwks-nothing-usable.json", 'key 1 ("enc"): its "use"'),
        ("jwks-ed25519-identity.json", 'key 1 ("identity"): expected an Ed25519 public key'),
        ("jwk-rsa-without-alg.json", "found one JWK"),
    ],
)
def test_a_set_without_a_usable_key_is_named_with_each_reason(
    settings: Any, name: str, words: str
) -> None:
    settings.DJWTO_KEYS = FOUND / name
    (message,) = errors("E022")
    assert message.startswith(f"DJWTO_KEYS: {FOUND / name}: expected a JWK Set")
    assert words in message


def test_a_set_of_n_e_and_d_signs(settings: Any) -> None:
    settings.DJWTO_KEYS = FOUND / "jwks-rsa-n-e-d-only.json"
    assert conf.engine().can_sign
    assert errors("W008") == []


def test_the_pair_of_a_fallback_names_the_algorithm_of_its_jwk(settings: Any) -> None:
    text = (FOUND / "jwk-rsa-without-alg.json").read_text()
    for name in ("PS256", "RS512", "RS256"):
        settings.DJWTO_SIGNING_KEY_FALLBACKS = [(name, text)]
        (public,) = json.loads(conf.current().keys.public_jwks())["keys"]
        assert public["alg"] == name
    settings.DJWTO_SIGNING_KEY_FALLBACKS = [
        ("PS256", json.dumps({**json.loads(text), "alg": "RS256"}))
    ]
    with pytest.raises(ImproperlyConfigured, match="expected a JWK for PS256, found RS256"):
        conf.engine()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rsa-1024.pem", "found one of 1024"),
        ("rsa-pss-typed.pem", "openssl rsa -in FILE -traditional"),
        ("encrypted-pkcs8.pem", "openssl pkey -in FILE"),
        ("openssh-ed25519-private", "OpenSSH's own format"),
        ("pem-with-two-letter-newlines.txt", 'replace("\\\\n", "\\n")'),
        ("dsa.pem", "found a DSA key"),
        ("case.p12", "openssl pkcs12 -in FILE"),
    ],
)
def test_a_key_that_cannot_be_used_is_named_with_what_to_do(
    settings: Any, tmp_path: Path, name: str, words: str
) -> None:
    text = (FOUND / name).read_bytes()
    settings.DJWTO_ALGORITHM, settings.DJWTO_SIGNING_KEY = "RS256", text
    (message,) = errors("E010")
    assert words in message
    assert "\n" not in message
    (tmp_path / "a.pem").write_bytes(text)
    settings.DJWTO_KEYS = tmp_path
    (message,) = errors("E022")
    assert words in message
    assert str(tmp_path) in message
    assert "a.pem" in message


@pytest.mark.parametrize(
    "name", ["ssh-rsa-certificate.pub", "ssh-ed25519-tab.pub", "ssh-ecdsa.pub"]
)
def test_a_public_key_is_no_secret(settings: Any, name: str) -> None:
    settings.DJWTO_SIGNING_KEY = (FOUND / name).read_text()
    (message,) = errors("E010")
    assert "expected a secret for HS256, found a key of a key pair" in message
    secret = {"kty": "oct", "alg": "HS256", "k": "c3NoLXJzYSBBQUFB"}  # ssh-rsa AAAA
    with pytest.raises(ValueError, match="found a key of a key pair"):
        _core.KeyRing.from_jwks(json.dumps({"keys": [secret]}).encode(), [])


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["tls.key", "tls.crt", "ca.crt"], "but tls.key, as in a Secret"),
        (["server.key"], "but server.key. Rename the file"),
        ([], "expected files named *.pem, found none."),
    ],
)
def test_key_files_of_other_names_are_pointed_out(
    settings: Any, tmp_path: Path, names: list[str], words: str
) -> None:
    for name in names:
        (tmp_path / name).write_bytes((KEYS / "rsa.pem").read_bytes())
    settings.DJWTO_KEYS = tmp_path
    (message,) = errors("E022")
    assert message.startswith(f"DJWTO_KEYS: {tmp_path}: expected files named *.pem, found none")
    assert words in message


def errors(check: str) -> list[str]:
    return [message.msg for message in run_checks() if message.id == f"djwto.{check}"]
