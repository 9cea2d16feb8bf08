"""`/.well-known/jwks.json`: what others verify our tokens with, and nothing else."""

import hmac
import json
import time
from io import StringIO
from typing import Any

import jwt
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import AsyncClient, Client, override_settings
from jwt.utils import base64url_encode

from djwto import _core, conf, tokens
from djwto.exceptions import JWTValidationError
from djwto.keys import files as keyfiles
from tests.conftest import Visitor
from tests.test_conf import KEYS
from tests.test_keyfiles import file, jwk, public, use, write  # noqa: F401 (file is a fixture)
from tests.test_vectors import KEY_OF, key_file

URL = "/.well-known/jwks.json"
PUBLIC = {"kty", "alg", "use", "kid", "crv", "x", "y", "n", "e"}


def keys(client: Client | None = None) -> list[dict[str, Any]]:
    reply = (client or Client()).get(URL)
    assert reply.status_code == 200
    body = json.loads(reply.content)
    assert set(body) == {"keys"}
    return body["keys"]


@pytest.mark.parametrize(
    ("algorithm", "source"),
    [
        (algorithm, source)
        for algorithm in _core.algorithms()
        for source in ("set", "settings", "directory", "fallback")
        # A secret is no PEM file.
        if source != "directory" or not algorithm.startswith("HS")
    ],
)
def test_no_private_member_ever(settings: Any, tmp_path: Any, algorithm: str, source: str) -> None:
    is_secret = algorithm.startswith("HS")
    pem = key_file(KEY_OF[algorithm])
    if source == "set":
        path = tmp_path / "keys.json"
        states = ("active", "next", "retired")
        write(path, *(jwk(algorithm, state, djwto_state=state, note="x") for state in states))
        use(settings, path)
    elif source == "directory":
        (tmp_path / "signing.pem").write_bytes(pem)
        use(settings, tmp_path)
        settings.DJWTO_ALGORITHM = algorithm
    elif source == "settings":
        settings.DJWTO_ALGORITHM, settings.DJWTO_SIGNING_KEY = algorithm, pem
    else:
        settings.DJWTO_SIGNING_KEY_FALLBACKS = [(algorithm, pem)]
    found = keys()
    assert len(found) == (0 if is_secret else 3 if source == "set" else 1)
    for key in found:
        assert {"kty", "alg", "use", "kid"} <= set(key) <= PUBLIC
        assert key["kty"] != "oct"


def test_next_active_and_retired_keys_are_published(settings: Any, tmp_path: Any) -> None:
    path = tmp_path / "keys.json"
    use(settings, path)
    call_command("djwto_keys", "generate", stdout=StringIO())
    call_command("djwto_keys", "rotate", "--force", stdout=StringIO())
    stored = json.loads(path.read_text())["keys"]
    assert [key["djwto_state"] for key in stored] == ["retired", "active", "next"]
    assert [key["kid"] for key in keys()] == [key["kid"] for key in stored]


def test_its_headers(settings: Any, file: Any) -> None:  # noqa: F811
    reply = Client().get(URL)
    assert reply["Content-Type"] == "application/jwk-set+json"
    assert reply["Cache-Control"] == f"public, max-age={keyfiles.JWKS_SECONDS}"
    assert not reply.has_header("Vary")
    assert not reply.cookies


def test_whoever_has_it_gets_304(settings: Any, file: Any) -> None:  # noqa: F811
    first = Client().get(URL)
    again = Client().get(URL, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("ETag", "Cache-Control"):
        assert again[name] == first[name]
    assert Client().get(URL, headers={"if-none-match": '"other"'}).status_code == 200
    write(file, jwk("ES256"))
    settings.DJWTO_ISS_CLAIM = None  # other settings: the file is read now
    changed = Client().get(URL, headers={"if-none-match": first["ETag"]})
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


def test_head(settings: Any, file: Any) -> None:  # noqa: F811
    head, get = Client().head(URL), Client().get(URL)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("ETag", "Cache-Control", "Content-Type"):
        assert head[name] == get[name]


async def test_an_async_server_gives_it_too() -> None:
    assert json.loads((await AsyncClient().get(URL)).content) == {"keys": []}


def test_what_is_refused_is_not_kept() -> None:
    reply = Client().post(URL)
    assert (reply.status_code, reply.json()["code"]) == (405, "method_not_allowed")
    assert reply["Cache-Control"] == "no-store"
    with override_settings(DJWTO_SIGNING_KEY=None):
        broken = Client().get(URL)
    assert (broken.status_code, broken["Cache-Control"]) == (500, "no-store")


def test_a_server_that_only_verifies_publishes_its_key(settings: Any) -> None:
    settings.DJWTO_SIGNING_KEY = None
    settings.DJWTO_VERIFYING_KEY = (KEYS / "rsa.public.pem").read_text()
    settings.DJWTO_ALGORITHM = "RS256"
    assert [key["alg"] for key in keys()] == ["RS256"]


@pytest.mark.parametrize(
    "algorithm", [name for name in _core.algorithms() if name[:2] != "HS" and name != "Ed25519"]
)
def test_pyjwt_verifies_our_tokens_with_it(
    alice: Any,
    settings: Any,
    file: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    algorithm: str,
) -> None:
    write(
        file,
        jwk(algorithm, "1", djwto_state="next"),
        jwk(algorithm, "2", djwto_state="active"),
        public(jwk("ES256", "3", djwto_state="retired")),
    )
    visitor = Visitor("JSON")
    assert visitor.login().status_code == 200
    client = jwt.PyJWKClient("https://testserver" + URL)
    # Django's client stands for the network.
    monkeypatch.setattr(client, "fetch_data", lambda: json.loads(Client().get(URL).content))
    for kind in ("access", "refresh"):
        token = visitor.token(kind)
        key = client.get_signing_key_from_jwt(token)
        assert key.key_id == "2"
        options = {"audience": "aud", "issuer": "iss", "subject": "sub"}
        claims = jwt.decode(token, key, algorithms=[algorithm], **options)
        assert claims == tokens.decode_token(token)


def test_moving_from_a_secret_to_a_key_pair_logs_nobody_out(
    visitor: Visitor,
    alice: Any,
    settings: Any,
    file: Any,  # noqa: F811
) -> None:
    """With tokens of the secret, which have no `kid`, in every mode, for both kinds."""
    secret = "a signing key for tests, of 64 bytes" + "." * 28
    settings.DJWTO_KEYS, settings.DJWTO_SIGNING_KEY = None, secret
    assert visitor.login().status_code == 200
    old = {kind: visitor.token(kind) for kind in ("access", "refresh")}
    settings.DJWTO_KEYS, settings.DJWTO_SIGNING_KEY = file, None
    assert visitor.get("/guarded/function/").status_code == 401
    settings.DJWTO_SIGNING_KEY_FALLBACKS = [("HS256", secret)]
    assert visitor.get("/guarded/function/").status_code == 200
    assert visitor.post("/validate_access/").status_code == 200
    assert visitor.refresh("validate_refresh").status_code == 200
    assert visitor.login().json()["msg"] == "User already authenticated."
    assert visitor.refresh("refresh_access").status_code == 200
    header = jwt.get_unverified_header(visitor.token("access"))
    assert header == {"alg": "EdDSA", "kid": keys()[0]["kid"], "typ": "JWT"}
    assert (visitor.token("refresh") == old["refresh"]) is (visitor.mode == "JSON")
    assert visitor.refresh("update_refresh").status_code == 200
    # From here on the secret may go.
    settings.DJWTO_SIGNING_KEY_FALLBACKS = []
    assert visitor.get("/guarded/function/").status_code == 200
    assert visitor.refresh("refresh_access").status_code == 200
    with pytest.raises(JWTValidationError, match="algorithm"):
        tokens.decode_token(old["access"])


def test_a_secret_that_may_be_public_is_no_fallback(settings: Any) -> None:
    """Algorithm confusion: a token signed with the public key as if it were a secret."""
    pem = (KEYS / "p256.pem").read_text()
    settings.DJWTO_ALGORITHM, settings.DJWTO_SIGNING_KEY = "ES256", pem
    (key,) = keys()
    forged_with = json.dumps(key)
    settings.DJWTO_SIGNING_KEY_FALLBACKS = [("HS256", forged_with)]
    with pytest.raises(ImproperlyConfigured, match="DJWTO_SIGNING_KEY_FALLBACKS: key 1: expected"):
        conf.engine()
    settings.DJWTO_SIGNING_KEY_FALLBACKS = []
    claims = {"exp": int(time.time()) + 60, "type": "access", "user": {"id": 1}}
    parts = ({"alg": "HS256", "kid": key["kid"]}, claims)
    message = b".".join(base64url_encode(json.dumps(part).encode()) for part in parts)
    tag = base64url_encode(hmac.digest(forged_with.encode(), message, "sha256"))
    forged = (message + b"." + tag).decode()
    with pytest.raises(JWTValidationError, match="algorithm"):
        tokens.decode_token(forged)
