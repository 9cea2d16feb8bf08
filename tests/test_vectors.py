"""The cases of `vectors/` through `djwto._core.Engine`: the verdicts that the Rust tests give."""

import base64
import hashlib
import hmac
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import HttpRequest, QueryDict, parse_cookie
from django.test import override_settings

from djwto import csrf
from djwto._core import Engine, KeyRing
from djwto.exceptions import CODES, JWTError, JWTValidationError, SettingError

ROOT = Path(__file__).resolve().parent.parent
VECTORS = ROOT / "vectors"
RFC_FOLDER = Path(os.environ.get("DJWTO_VECTORS", ROOT.parent / "shared" / "vectors"))
RFC = RFC_FOLDER / "rfc" / "rfc_jose_examples.json"
WYCHEPROOF = RFC_FOLDER / "wycheproof" / "json_web_signature_test.json"

VERIFY = json.loads((VECTORS / "verify.json").read_text())
TRANSPORT = json.loads((VECTORS / "transport.json").read_text())
ORIGINS = json.loads((VECTORS / "origins.json").read_text())
CSRF = json.loads((VECTORS / "csrf.json").read_text())
PERMISSIONS = json.loads((VECTORS / "permissions.json").read_text())
RFC_KEYS = json.loads((VECTORS / "rfc_keys.json").read_text())["keys"]

KEY_OF = {
    **dict.fromkeys(["HS256", "HS384", "HS512"], "hmac.txt"),
    **dict.fromkeys(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], "rsa.pem"),
    "ES256": "p256.pem",
    "ES384": "p384.pem",
    "ES512": "p521.pem",
    "ES256K": "secp256k1.pem",
    "EdDSA": "ed25519.pem",
    "Ed25519": "ed25519.pem",
}
"""The file in `vectors/keys` that each algorithm signs with."""


def by_name(cases: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case["name"])


@by_name(VERIFY["cases"])
def test_verify(case):
    assert verdict(case) == case["expect"]


def test_no_two_cases_have_one_name():
    for file in (VERIFY, TRANSPORT, ORIGINS, CSRF, PERMISSIONS):
        names = [case["name"] for case in file["cases"]]
        assert len(names) == len(set(names))


def test_every_slug_of_a_token_has_a_case():
    seen = {case["expect"] for case in VERIFY["cases"]}
    first = list(CODES).index("token_malformed")
    last = list(CODES).index("user_missing")
    wanted = set(list(CODES)[first : last + 1])
    # Said of a header, not of a token.
    assert wanted - seen == {"refresh_not_in_header"}


@by_name(TRANSPORT["cases"])
def test_transport(case):
    engine = engine_of("HS256", VERIFY["policy"], case["modes"])
    headers = case.get("authorization"), case.get("cookie")
    if "answers_in" in case:
        assert engine.answering_mode(*headers) == case["answers_in"]
    try:
        token, mode = engine.find(*headers, case.get("kind", "access"))
        found = {"mode": mode, "token": token}
    except JWTValidationError as error:
        found = error.code
    assert found == case["expect"]


@by_name(ORIGINS["cases"])
def test_origin(case):
    host = case.get("host", ORIGINS["host"])
    request = HttpRequest()
    names = {"HTTP_ORIGIN": "origin", "HTTP_SEC_FETCH_SITE": "fetch_site"}
    request.META = {meta: case[name] for meta, name in names.items() if name in case}
    request.META |= {"HTTP_HOST": host}
    request._get_scheme = lambda: "https" if case.get("secure", True) else "http"
    allowed = [] if case.get("refused") else [host.partition(":")[0]]
    with override_settings(
        CSRF_TRUSTED_ORIGINS=case.get("trusted", []), ALLOWED_HOSTS=allowed, DEBUG=False
    ):
        assert csrf.is_foreign(request) is (case["expect"] != "ok")
        try:
            found = csrf.check_login(request) or "ok"
        except JWTError as error:
            found = error.code
    assert found == case["expect"]


@by_name(CSRF["cases"])
def test_csrf(case):
    host, method = case.get("host", CSRF["host"]), case.get("method", "POST")
    header = case.get("header", "X-CSRFToken").upper().replace("-", "_")
    request = HttpRequest()
    request.method = method
    request._get_scheme = lambda: case.get("scheme", "https")
    port = host.rpartition(":")[2]
    names = {"HTTP_ORIGIN": "origin", "HTTP_REFERER": "referer", f"HTTP_{header}": "token"}
    request.META = {meta: joined(case[name], ",") for meta, name in names.items() if name in case}
    request.META |= {"HTTP_HOST": host, "SERVER_PORT": port if port.isdigit() else "443"}
    request.COOKIES = parse_cookie(joined(case.get("cookie", ""), "; "))
    if "form" in case:
        request.POST = QueryDict(urlencode({"csrfmiddlewaretoken": case["form"]}))
    with override_settings(
        ALLOWED_HOSTS=["*"],
        CSRF_COOKIE_DOMAIN=case.get("domain"),
        CSRF_COOKIE_NAME=case.get("cookie_name", "csrftoken"),
        CSRF_HEADER_NAME=f"HTTP_{header}",
        CSRF_TRUSTED_ORIGINS=case.get("trusted", []),
    ):
        try:
            (csrf.check_origin if case.get("socket") else csrf.check)(request)
            found = "ok"
        except JWTError as error:
            found = str(error)
    start = "" if case["expect"] == "ok" else "CSRF verification failed: "
    assert found == start + case["expect"]


def joined(lines: str | list[str], separator: str) -> str:
    """Join the lines of a header, as servers do before Django sees it."""
    return lines if isinstance(lines, str) else separator.join(lines)


def test_rfc_examples_that_are_valid():
    seen = []
    for example, key in rfc_examples("valid"):
        engine = rfc_engine(key)
        with pytest.raises(JWTValidationError) as refused:
            engine.decode(example["jws"], None, VERIFY["now"])
        # No example is one of our tokens, so each is refused: for its claims, and only once its
        # signature was found good.
        assert says_signature_held(refused.value), example["id"]
        seen.append(example["id"])
    assert sorted(seen) == sorted(key["id"] for key in RFC_KEYS)


def test_rfc_examples_with_a_changed_signature():
    for example, key in rfc_examples("valid"):
        message, _, signature = example["jws"].rpartition(".")
        changed = bytearray(base64.urlsafe_b64decode(signature + "=="))
        changed[len(changed) // 2] ^= 1
        assert refusal(rfc_engine(key), f"{message}.{base64url(changed)}") == "signature_invalid"


def test_rfc_example_of_an_unsecured_token():
    keys = [rfc_engine(key) for key in RFC_KEYS]
    for example in rfc_file()["jws"]:
        if example["alg"] == "none":
            assert {refusal(engine, example["jws"]) for engine in keys} == {"token_malformed"}
            signed = example["jws"] + "AA"
            assert {refusal(engine, signed) for engine in keys} == {"algorithm_refused"}


def test_wycheproof():
    if not WYCHEPROOF.exists():
        pytest.skip(f"wycheproof is not here: no {WYCHEPROOF.name} in $DJWTO_VECTORS")
    ours = json.loads((VECTORS / "wycheproof.json").read_text())
    verifying, wanted, cases = set(), set(), 0
    for group in json.loads(WYCHEPROOF.read_text())["testGroups"]:
        engine = jwk_engine(group.get("public") or group["private"])
        for case in group["tests"]:
            cases += 1
            if case["result"] == "valid":
                wanted.add(case["tcId"])
            if engine is not None and signature_holds(engine, case["jws"]):
                verifying.add(case["tcId"])
    wanted |= {int(number) for number in ours["verify_though_invalid"]}
    wanted -= {int(number) for number in ours["refused_though_valid"]}
    assert verifying == wanted
    assert (len(verifying), cases) == (ours["verifying"], ours["cases"])


def verdict(case: dict[str, Any]) -> str:
    engine = engine_of(
        case.get("algorithm", VERIFY["algorithm"]),
        {**VERIFY["policy"], **case.get("policy", {})},
        ["JSON"],
    )
    kind = case.get("kind", VERIFY["kind"])
    try:
        now, tenant = case.get("now", VERIFY["now"]), case.get("tenant")
        claims = engine.decode(token_of(case), kind, now, tenant=tenant)
    except JWTValidationError as error:
        return error.code
    if "payload" in case:
        assert claims == json.loads(case["payload"])
    return "ok"


def refusal(engine: Engine, token: str) -> str:
    with pytest.raises(JWTValidationError) as refused:
        engine.decode(token, None, VERIFY["now"])
    return refused.value.code


def token_of(case: dict[str, Any]) -> str:
    """Give the token of a case, or sign its parts as HS256, for any header."""
    if "token" in case:
        return case["token"]
    header = case.get("header", VERIFY["header"]).encode()
    payload = case["payload"].encode() if "payload" in case else bytes.fromhex(case["payload_hex"])
    message = f"{base64url(header)}.{base64url(payload)}"
    tag = hmac.digest(key_file("hmac.txt"), message.encode(), hashlib.sha256)
    return f"{message}.{base64url(tag)}"


def engine_of(algorithm: str, policy: dict[str, Any], modes: list[str]) -> Engine:
    keys = KeyRing.load(algorithm, key_file(KEY_OF[algorithm]), None, [])
    return _engine(keys, policy, modes)


def rfc_engine(key: dict[str, str]) -> Engine:
    secret = bytes.fromhex(key["secret_hex"]) if "secret_hex" in key else None
    public = key["public_pem"].encode() if "public_pem" in key else None
    keys = KeyRing.load(key["algorithm"], secret, public, [])
    return _engine(keys, VERIFY["policy"], ["JSON"])


def jwk_engine(jwk: dict[str, Any]) -> Engine | None:
    """Make an engine of one JWK; None where it is no key for signatures."""
    try:
        keys = KeyRing.from_jwks(json.dumps({"keys": [jwk]}).encode(), [])
    except SettingError:
        return None
    return _engine(keys, VERIFY["policy"], ["JSON"])


def signature_holds(engine: Engine, token: str) -> bool:
    """Whether the signature is good: no case has claims of ours, so each is refused."""
    try:
        engine.decode(token, None, VERIFY["now"])
    except JWTValidationError as error:
        return error.code != "token_critical" and says_signature_held(error)
    return True


def _engine(keys: KeyRing, policy: dict[str, Any], modes: list[str]) -> Engine:
    lifetimes = {
        name: policy[name] and timedelta(seconds=policy[name])
        for name in ("access_lifetime", "refresh_lifetime")
    }
    return Engine(
        keys=keys,
        not_before=timedelta(),
        modes=modes,
        refresh_path="api/token/refresh",
        same_site="Lax",
        domain=None,
        cache_entries=0,
        cache_bytes=0,
        **{**policy, **lifetimes},
    )


def rfc_examples(result: str) -> list[tuple[dict[str, Any], dict[str, str]]]:
    keys = {key["id"]: key for key in RFC_KEYS}
    return [(e, keys[e["id"]]) for e in rfc_file()["jws"] if e["result"] == result]


def rfc_file() -> dict[str, Any]:
    if not RFC.exists():
        pytest.skip(f"the RFCs' examples are not here: no {RFC.name} in $DJWTO_VECTORS")
    return json.loads(RFC.read_text())


def says_signature_held(error: JWTValidationError) -> bool:
    if error.code == "token_malformed":
        return "payload" in str(error)
    return error.code not in ("signature_invalid", "algorithm_refused", "key_unknown")


def key_file(name: str) -> bytes:
    return (VECTORS / "keys" / name).read_bytes()


def base64url(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
