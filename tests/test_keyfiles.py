"""`DJWTO_KEYS`: what is read, what is honoured, and what is taken up while serving."""

import functools
import json
import logging
import os
import stat
import threading
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from djwto import _core, conf, tokens
from djwto.exceptions import JWTValidationError
from djwto.keys import files as keyfiles
from djwto.test import login
from tests.test_conf import KEYS

PAIRS = [name for name in _core.algorithms() if not name.startswith("HS")]
RSA_MEMBERS = {"p", "q", "dp", "dq", "qi", "oth"}

RFC7638_KEY = {
    "kty": "RSA",
    "n": (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1"
        "L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4"
        "QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbO"
        "pbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF"
        "Cur-kEgU8awapJzKnqDKgw"
    ),
    "e": "AQAB",
}


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def next_look(self) -> None:
        """Go on until the files are looked at again."""
        self.now += keyfiles.RELOAD_SECONDS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    manual = Clock()
    monkeypatch.setattr(keyfiles, "clock", manual)
    return manual


@pytest.fixture
def file(settings: Any, tmp_path: Path) -> Path:
    """The file of `DJWTO_KEYS`, with one key."""
    path = tmp_path / "keys.json"
    write(path, jwk("EdDSA"))
    use(settings, path)
    return path


def use(settings: Any, path: object) -> None:
    settings.DJWTO_KEYS = path
    settings.DJWTO_SIGNING_KEY = None


def jwk(algorithm: str, kid: str | None = None, **members: object) -> dict[str, Any]:
    if algorithm[0] in "RP":
        kid_of_ours = {} if kid is None else {"kid": kid}
        return {**_rsa_jwk(), "alg": algorithm, **kid_of_ours, **members}
    return {**json.loads(_core.generate_jwk(algorithm, kid)), **members}


@functools.cache
def _rsa_jwk() -> dict[str, Any]:
    # One for all: to find its primes takes a second.
    return json.loads(_core.generate_jwk("RS256", None))


def write(path: Path, *keys: Any) -> None:
    path.write_text(json.dumps({"keys": keys}))
    path.chmod(0o600)


def public(key: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name not in {"d", *RSA_MEMBERS}}


def a_token() -> str:
    claims = conf.engine().access_claims(time.time())
    return tokens.encode_claims({**claims, "user": {"id": 1}})


def kid_of(token: str) -> str | None:
    return jwt.get_unverified_header(token).get("kid")


def refusal(token: str) -> str:
    with pytest.raises(JWTValidationError) as refused:
        tokens.decode_token(token)
    return refused.value.code


def published() -> list[dict[str, Any]]:
    return json.loads(conf.current().keys.public_jwks())["keys"]


# --- what is read -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("algorithm", _core.algorithms())
def test_a_set_signs_and_verifies(
    settings: Any, tmp_path: Path, algorithm: str, kind: type
) -> None:
    path = tmp_path / "keys.json"
    key = jwk(algorithm, "one" if algorithm.startswith("HS") else None)
    write(path, key)
    use(settings, kind(path))
    token = a_token()
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["kid"]) == (algorithm, key["kid"])
    assert tokens.decode_token(token)["user"] == {"id": 1}


def test_a_directory_signs_with_signing_pem_and_verifies_with_all(
    settings: Any, tmp_path: Path
) -> None:
    for name, source in (("signing", "p256.pem"), ("old", "ed25519.pem"), ("new", "rsa.pem")):
        (tmp_path / f"{name}.pem").write_bytes((KEYS / source).read_bytes())
    (tmp_path / "also.pem").write_bytes((KEYS / "p256.public.pem").read_bytes())
    (tmp_path / "notes.txt").write_text("no key")
    (tmp_path / ".hidden.pem").write_text("no key")
    use(settings, tmp_path)
    assert jwt.get_unverified_header(a_token())["alg"] == "ES256"
    # One of them is there twice, and listed once.
    assert sorted(key["alg"] for key in published()) == ["ES256", "EdDSA", "RS256"]
    settings.DJWTO_ALGORITHM = "PS384"
    assert sorted(key["alg"] for key in published()) == ["ES256", "EdDSA", "PS384"]


def test_what_it_replaces_is_ignored_and_reported(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJWTO_SIGNING_KEY", "short")
    path = tmp_path / "keys.json"
    write(path, jwk("ES256"))
    use(settings, path)
    assert jwt.get_unverified_header(a_token())["alg"] == "ES256"
    assert found("W006") == []  # that of the environment needs no warning
    settings.DJWTO_SIGNING_KEY = "a secret"
    settings.DJWTO_VERIFYING_KEY = "x"
    settings.DJWTO_ALGORITHM = "RS512"
    assert jwt.get_unverified_header(a_token())["alg"] == "ES256"
    names = ["SIGNING_KEY", "VERIFYING_KEY", "ALGORITHM"]
    assert [m.split()[0] for m in found("W006")] == [f"DJWTO_{name}" for name in names]
    path.unlink()
    path.mkdir()
    (path / "a.pem").write_bytes((KEYS / "rsa.pem").read_bytes())
    assert [m.split()[0] for m in found("W006")] == [f"DJWTO_{name}" for name in names[:2]]
    settings.DJWTO_ALGORITHM = "ES256"
    assert len(found("W006")) == 3


def found(check: str, **options: Any) -> list[str]:
    return [m.msg for m in run_checks(**options) if m.id == f"djwto.{check}"]


BAD_FILES = {
    "nothing": b"",
    "half": b'{"keys": [{"kty": "OKP", "crv": "Ed2551',
    "no set": b"[]",
    "no keys": b'{"keys": []}',
    "a pem": (KEYS / "rsa.pem").read_bytes(),
    "too long": b" " * (keyfiles.MAX_BYTES + 1),
}


@pytest.mark.parametrize("text", BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_at_start_is_named_and_not_shown(settings: Any, file: Path, text: bytes) -> None:
    file.write_bytes(text)
    with pytest.raises(ImproperlyConfigured, match=r"DJWTO_KEYS: .*expected") as error:
        conf.engine()
    assert (found("E022"), found("W005")) == ([str(error.value)], [])
    assert "MII" not in str(error.value)
    # Once it is mended, nothing needs to be started anew.
    write(file, jwk("EdDSA"))
    assert conf.engine().can_sign


def test_a_missing_file_at_start_tells_what_makes_it(settings: Any, file: Path) -> None:
    file.unlink()
    with pytest.raises(ImproperlyConfigured, match=r"No such file.*djwto_keys generate"):
        conf.engine()


def test_what_is_no_file_is_not_waited_for(settings: Any, file: Path) -> None:
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(ImproperlyConfigured, match="expected a file or a directory"):
        conf.engine()


def test_a_directory_names_the_bad_file(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "good.pem").write_bytes((KEYS / "rsa.pem").read_bytes())
    (tmp_path / "bad.pem").write_text("-----BEGIN PRIVATE KEY-----\nhush\n")
    use(settings, tmp_path)
    with pytest.raises(ImproperlyConfigured, match=r"bad\.pem: expected") as error:
        conf.engine()
    assert "hush" not in str(error.value)


# --- what a JWK says is honoured ----------------------------------------------------------------


@pytest.mark.parametrize(
    "members", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": []}, {"alg": "RS256"}]
)
def test_a_key_for_something_else_is_passed_over(
    settings: Any, file: Path, members: dict[str, Any]
) -> None:
    other = {**jwk("ES256"), **members}
    write(file, other, jwk("EdDSA"))
    assert [key["alg"] for key in published()] == ["EdDSA"]
    assert len(found("W008")) == 1


def test_a_key_for_verifying_alone_does_not_sign(settings: Any, file: Path) -> None:
    write(file, jwk("ES256", key_ops=["verify"]))
    assert not conf.engine().can_sign
    (message,) = found("W005")
    assert message.startswith("DJWTO_KEYS has no key that signs. This server verifies tokens")


def test_alg_binds_the_key(settings: Any, file: Path) -> None:
    write(file, jwk("PS256"))
    token = a_token()
    assert jwt.get_unverified_header(token)["alg"] == "PS256"
    settings.DJWTO_ISS_CLAIM = None  # other settings, so that the file is read anew
    write(file, {**json.loads(file.read_text())["keys"][0], "alg": "RS256"})
    assert refusal(token) == "algorithm_refused"


def test_unknown_keys_are_passed_over_with_one_warning_each(
    settings: Any, file: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    write(file, jwk("EdDSA"), {"kty": "AKP", "alg": "ML-DSA-44", "kid": "pq"}, "no key")
    for _ in range(3):
        conf.engine()
        clock.next_look()
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert [message.split(": ")[1] for message in warned] == [
        'key 2 ("pq") is passed over',
        "key 3 is passed over",
    ]
    assert len(found("W008")) == 2
    assert conf.engine().can_sign


def test_secrets_never_share_a_set_with_public_keys(settings: Any, file: Path) -> None:
    write(file, jwk("EdDSA"), jwk("HS256", "secret"))
    with pytest.raises(ImproperlyConfigured, match="expected secrets or key pairs, found both"):
        conf.engine()


def test_a_secret_gets_no_thumbprint(settings: Any, file: Path) -> None:
    key = jwk("HS256")
    assert "kid" not in key
    write(file, key)
    assert kid_of(a_token()) is None
    assert published() == []


def test_the_thumbprint_of_rfc_7638_section_3_1(settings: Any, file: Path) -> None:
    write(file, jwk("EdDSA", djwto_state="active"), RFC7638_KEY)
    assert published()[1] == {
        **RFC7638_KEY,
        "alg": "RS256",
        "use": "sig",
        "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
    }


def test_an_unknown_kid_is_refused_and_no_key_is_tried(settings: Any, file: Path) -> None:
    key = jwk("ES256")
    write(file, key)
    pem = jwt.PyJWK(key).key
    claims = tokens.decode_token(a_token())
    own = jwt.encode(claims, pem, "ES256", headers={"kid": key["kid"]})
    assert tokens.decode_token(own) == claims
    for kid in ("another", "", key["kid"] + " "):
        assert refusal(jwt.encode(claims, pem, "ES256", headers={"kid": kid})) == "key_unknown"


def test_without_a_kid_every_key_of_that_algorithm_is_tried_and_no_other(
    settings: Any, file: Path
) -> None:
    keys = [jwk("ES256", djwto_state=state) for state in ("active", "next", "retired")]
    keys += [jwk("ES384", djwto_state="next"), {**RFC7638_KEY, "djwto_state": "retired"}]
    write(file, *keys)
    claims = tokens.decode_token(a_token())
    for key in keys[:4]:
        token = jwt.encode(claims, jwt.PyJWK(key).key, key["alg"])
        assert kid_of(token) is None
        assert tokens.decode_token(token) == claims
    assert refusal(jwt.encode(claims, jwt.PyJWK(jwk("ES256")).key, "ES256")) == "signature_invalid"
    assert refusal(jwt.encode(claims, jwt.PyJWK(jwk("ES512")).key, "ES512")) == "algorithm_refused"


def test_two_keys_that_could_sign_are_one_too_many(settings: Any, file: Path) -> None:
    write(file, jwk("EdDSA"), jwk("EdDSA"))
    with pytest.raises(ImproperlyConfigured, match="expected one key to sign with, found several"):
        conf.engine()


# --- fallbacks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("older", _core.algorithms())
@pytest.mark.parametrize("as_jwk", [True, False], ids=["as JWK", "as setting"])
def test_an_older_key_verifies_and_does_not_sign(
    settings: Any, tmp_path: Path, older: str, *, as_jwk: bool
) -> None:
    from tests.test_vectors import KEY_OF, key_file

    if as_jwk:
        # With its own kid, which its tokens carry.
        old_file = tmp_path / "old.json"
        key = json.dumps(jwk(older, "old"))
        old_file.write_text(f'{{"keys": [{key}]}}')
        use(settings, old_file)
    else:
        key = key_file(KEY_OF[older]).decode()
        settings.DJWTO_ALGORITHM, settings.DJWTO_SIGNING_KEY = older, key
    token = a_token()
    path = tmp_path / "new.json"
    write(path, jwk("ES256", "new"))
    use(settings, path)
    assert refusal(token) in ("key_unknown", "algorithm_refused", "signature_invalid")
    settings.DJWTO_SIGNING_KEY_FALLBACKS = [(older, key)]
    assert tokens.decode_token(token)["user"] == {"id": 1}
    assert kid_of(a_token()) == "new"
    kids = [key["kid"] for key in published()]
    assert kids[0] == "new"
    assert len(kids) == (1 if older.startswith("HS") else 2)


def test_a_short_older_secret_is_named(settings: Any, file: Path) -> None:
    public_key = (KEYS / "p256.public.pem").read_text()
    pairs = [("ES256", public_key), ("HS512", "x" * 63), ("HS256", b"x" * 32)]
    settings.DJWTO_SIGNING_KEY_FALLBACKS = pairs
    sentence = (
        "DJWTO_SIGNING_KEY_FALLBACKS: expected a secret of at least 64 bytes for HS512 "
        "(RFC 7518 §3.2), found a shorter one."
    )
    expected = [sentence]
    assert found("W003") == expected
    assert found("E019", include_deployment_checks=True) == expected
    write(file, {"kty": "oct", "k": "AAAA", "alg": "HS256"})
    settings.DJWTO_ISS_CLAIM = None  # other settings: the file is read now
    assert len(found("W003")) == 2
    assert found("W003")[0].startswith("DJWTO_KEYS: expected a secret of at least 32 bytes")


# --- while serving ------------------------------------------------------------------------------


def test_a_changed_file_is_taken_up_within_a_second_and_not_looked_at_before(
    settings: Any, file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    stamp = keyfiles._stamp
    monkeypatch.setattr(keyfiles, "_stamp", lambda path: looks.append(path) or stamp(path))
    first = kid_of(a_token())
    engine = conf.engine()
    new = jwk("EdDSA")
    write(file, new)
    clock.now += keyfiles.RELOAD_SECONDS * 0.99
    assert conf.engine() is engine
    assert len(looks) == 1
    clock.next_look()
    assert kid_of(a_token()) == new["kid"] != first
    for _ in range(10):
        conf.engine()
    assert len(looks) == 2


def test_an_unchanged_file_keeps_the_engine_and_its_cache(file: Path, clock: Clock) -> None:
    engine = conf.engine()
    for settled in (False, True):
        if settled:
            os.utime(file, (1, 1))
        else:
            os.utime(file)
        clock.next_look()
        assert conf.engine() is engine


def test_a_settled_file_is_not_read_again(
    file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(file, (1, 1))
    conf.engine()
    monkeypatch.setattr(keyfiles.KeyFiles, "read", None)
    clock.next_look()
    conf.engine()


def test_a_change_that_keeps_size_and_times_is_seen_while_the_file_is_young(
    file: Path, clock: Clock
) -> None:
    text = file.read_text()
    write(file, jwk("EdDSA"))
    before, size = file.stat(), len(file.read_text())
    first = kid_of(a_token())
    assert len(text) == size
    with file.open("r+") as same:
        same.write(text)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    clock.next_look()
    assert kid_of(a_token()) != first


def test_a_change_that_keeps_size_times_and_inode_is_seen(file: Path, clock: Clock) -> None:
    text = file.read_text()
    write(file, jwk("EdDSA"))
    os.utime(file, (1, 1))
    before, first = file.stat(), kid_of(a_token())
    deadline = time.monotonic() + 10
    while file.stat().st_ctime_ns == before.st_ctime_ns and time.monotonic() < deadline:
        with file.open("r+") as same:
            same.write(text)
        os.utime(file, (1, 1))
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (
        before.st_size,
        before.st_mtime_ns,
        before.st_ino,
    )
    clock.next_look()
    assert kid_of(a_token()) != first


def test_a_file_system_that_tells_nothing_is_read_again_after_a_minute(
    file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyfiles, "_stamp", lambda _path: "always the same")
    first = kid_of(a_token())
    write(file, jwk("EdDSA"))
    clock.next_look()
    assert kid_of(a_token()) == first
    clock.now += keyfiles.REREAD_SECONDS
    assert kid_of(a_token()) != first


@pytest.mark.parametrize("text", [*BAD_FILES.values(), None], ids=[*BAD_FILES, "gone"])
def test_a_bad_file_keeps_the_last_good_keys_and_says_so_once(
    file: Path, clock: Clock, caplog: pytest.LogCaptureFixture, text: bytes | None
) -> None:
    token, good = a_token(), file.read_bytes()
    if text is None:
        file.unlink()
    else:
        file.write_bytes(text)
    for _ in range(4):
        clock.next_look()
        assert tokens.decode_token(token)
        assert kid_of(a_token()) == kid_of(token)
    (record,) = [r for r in caplog.records if r.name == "djwto"]
    assert record.levelno == logging.ERROR
    message = record.getMessage()
    assert message.startswith("DJWTO_KEYS: ")
    assert "The keys that were read before stay in use." in message
    for secret in (json.loads(good)["keys"][0]["d"], "MII"):
        assert secret not in message
    # Another fault is another line; and what is mended is taken up.
    file.write_bytes(b'{"keys": 1}')
    clock.next_look()
    conf.engine()
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 2
    new = jwk("EdDSA")
    write(file, new)
    clock.next_look()
    assert kid_of(a_token()) == new["kid"]


def test_keys_that_cannot_sign_do_not_replace_some_that_can(
    file: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    key = json.loads(file.read_text())["keys"][0]
    token = a_token()
    write(file, public(key))
    clock.next_look()
    assert kid_of(a_token()) == kid_of(token)
    assert "expected a key that signs, as before" in caplog.text


def test_a_directory_is_taken_up_when_a_file_comes_changes_or_goes(
    settings: Any, tmp_path: Path, clock: Clock
) -> None:
    signing = tmp_path / "signing.pem"
    signing.write_bytes((KEYS / "p256.pem").read_bytes())
    use(settings, tmp_path)
    old = a_token()
    (tmp_path / "next.pem").write_bytes((KEYS / "ed25519.public.pem").read_bytes())
    clock.next_look()
    assert [key["alg"] for key in published()] == ["EdDSA", "ES256"]
    signing.write_bytes((KEYS / "ed25519.pem").read_bytes())
    (tmp_path / "old.pem").write_bytes((KEYS / "p256.public.pem").read_bytes())
    clock.next_look()
    assert jwt.get_unverified_header(a_token())["alg"] == "EdDSA"
    assert tokens.decode_token(old)
    (tmp_path / "old.pem").unlink()
    clock.next_look()
    assert refusal(old) == "algorithm_refused"


def test_the_cache_does_not_outlive_its_keys(file: Path, clock: Clock) -> None:
    token = a_token()
    for _ in range(3):
        tokens.decode_token(token)
    assert conf.engine().cache_info().entries == 1
    write(file, jwk("EdDSA"))
    clock.next_look()
    assert refusal(token) == "key_unknown"
    assert conf.engine().cache_info().entries == 0


def test_while_one_thread_reads_the_others_go_on(
    file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, new = conf.engine(), jwk("EdDSA")
    write(file, new)
    reading, go_on = threading.Event(), threading.Event()
    read = keyfiles.KeyFiles.read

    def slow(path: Path) -> keyfiles.KeyFiles:
        reading.set()
        assert go_on.wait(30)
        return read(path)

    monkeypatch.setattr(keyfiles.KeyFiles, "read", slow)
    clock.next_look()
    reader = threading.Thread(target=conf.engine)
    reader.start()
    assert reading.wait(30)
    assert conf.engine() is engine
    go_on.set()
    reader.join(30)
    assert kid_of(a_token()) == new["kid"]


def test_after_a_quiet_night_all_wait_for_the_one_who_reads(
    file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyfiles, "_WAIT_SECONDS", 30)
    conf.engine()
    new = jwk("EdDSA")
    write(file, new)
    clock.now += 3600
    threads, seen, reads = 8, [], []
    start = threading.Barrier(threads)
    read = keyfiles.KeyFiles.read

    def counted(path: Path) -> keyfiles.KeyFiles:
        reads.append(path)
        return read(path)

    def request() -> None:
        start.wait(30)
        seen.append(kid_of(a_token()))

    monkeypatch.setattr(keyfiles.KeyFiles, "read", counted)
    running = [threading.Thread(target=request) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(30)
    assert seen == [new["kid"]] * threads
    assert len(reads) == 1


def test_a_guarded_view_takes_up_a_new_key(
    alice: Any, settings: Any, file: Path, clock: Clock
) -> None:
    client = Client()
    login(client, alice)
    assert client.get("/guarded/function/").status_code == 200
    write(file, jwk("EdDSA"))
    clock.next_look()
    refused = client.get("/guarded/function/")
    assert (refused.status_code, refused.json()["code"]) == (401, "key_unknown")


# --- who may read them --------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o604, 0o644])
def test_private_keys_that_others_may_read_are_reported_in_production(
    file: Path, mode: int
) -> None:
    file.chmod(mode)
    expected = bool(mode & (stat.S_IRGRP | stat.S_IROTH))
    assert bool(found("W007", include_deployment_checks=True)) == expected
    assert found("W007") == []


@pytest.mark.parametrize(
    ("mode", "is_ours", "exposed"),
    [
        (0o440, True, False),  # a mounted Secret: `fsGroup`, read-only
        (0o440, False, False),
        (0o640, False, False),  # of root, for the group of the server
        (0o660, False, True),
        (0o444, False, True),
        (0o602, True, True),
    ],
)
def test_the_group_may_read_what_only_it_can_give_the_server(
    file: Path, monkeypatch: pytest.MonkeyPatch, mode: int, *, is_ours: bool, exposed: bool
) -> None:
    file.chmod(mode)
    if not is_ours:
        monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
    assert bool(found("W007", include_deployment_checks=True)) == exposed


def test_public_keys_are_for_all_to_read(settings: Any, file: Path, tmp_path: Path) -> None:
    write(file, public(jwk("ES256")))
    file.chmod(0o644)
    assert found("W007", include_deployment_checks=True) == []
    folder = tmp_path / "pem"
    folder.mkdir()
    for name in ("p256.pem", "rsa.public.pem"):
        (folder / name).write_bytes((KEYS / name).read_bytes())
        (folder / name).chmod(0o644)
    settings.DJWTO_KEYS = folder
    (message,) = found("W007", include_deployment_checks=True)
    assert message.startswith(f"{folder / 'p256.pem'}: accounts other than the owner")


# --- the cache's settings -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "number", "entries"),
    [
        ("ENTRIES", 4096, 3),
        ("ENTRIES", 2, 2),
        ("ENTRIES", 0, 0),
        ("BYTES", 2**20, 3),
        ("BYTES", 0, 0),
        ("BYTES", 1, 0),
    ],
)
def test_the_cache_is_as_large_as_its_settings_say(
    settings: Any, setting: str, number: int, entries: int
) -> None:
    setattr(settings, f"DJWTO_TOKEN_CACHE_{setting}", number)
    texts = [a_token() for _ in range(3)]
    for text in texts:
        for _ in range(3):
            assert tokens.decode_token(text)
    info = conf.engine().cache_info()
    assert info.entries == entries
    assert info.bytes <= number or setting == "ENTRIES"


def test_a_token_enters_the_cache_at_second_sight() -> None:
    token, entries = a_token(), []
    with_settings = conf.engine()
    before = with_settings.cache_info()
    for _ in range(3):
        tokens.decode_token(token)
        entries.append(with_settings.cache_info().entries - before.entries)
    assert entries == [0, 1, 1]
    assert with_settings.cache_info().hits == before.hits + 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_while_another_thread_looks_leaves_the_child_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = keyfiles.Watch(tmp_path)
    now = time.monotonic() + 60
    monkeypatch.setattr(keyfiles, "clock", lambda: now)
    with watch.look() as is_ours:
        assert is_ours
        child = os.fork()
        if child == 0:
            with watch.look() as is_the_childs:
                os._exit(0 if is_the_childs else 1)
    assert os.waitpid(child, 0)[1] == 0, "the child never looks again"
