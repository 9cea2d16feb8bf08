"""`manage.py djwto_keys`: next, then active, then retired; and no key is ever lost or shown."""

import json
import os
import stat
import subprocess
import sys
import uuid
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from djwto import conf, times, tokens
from djwto.keys import files as keyfiles
from djwto.keys import sets as keysets
from djwto.management.commands.djwto_keys import Command
from djwto.models import Session
from tests.test_conf import KEYS
from tests.test_docs import ROOT
from tests.test_keyfiles import a_token, jwk, kid_of, public, refusal, use, write

pytestmark = pytest.mark.django_db
PUBLISHED = int(keyfiles.JWKS_SECONDS + 2 * keyfiles.RELOAD_SECONDS)
KNOWN = int(2 * keyfiles.RELOAD_SECONDS)
LONGEST = 86400 + KNOWN + keysets.UNDER_WAY_SECONDS
NOW = 2_000_000_000


class Time:
    """The time that keys are moved at."""

    now = NOW


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    manual = Time()
    monkeypatch.setattr(keysets, "now", lambda: manual.now)
    # Files are looked at each time; keys wait as long as they would in production.
    monkeypatch.setattr(keyfiles, "RELOAD_SECONDS", 0.0)
    return manual


@pytest.fixture
def path(settings: Any, tmp_path: Path) -> Path:
    """The file of `DJWTO_KEYS`, which is not there yet."""
    use(settings, tmp_path / "keys.json")
    return tmp_path / "keys.json"


def run(*words: str) -> str:
    out = StringIO()
    call_command("djwto_keys", *words, stdout=out)
    return out.getvalue()


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as error:
        run(*words)
    return str(error.value)


def listed() -> list[dict[str, Any]]:
    return json.loads(run("list", "--json"))


def states() -> list[str]:
    return [key["state"] for key in listed()]


def active() -> str:
    (kid,) = [key["kid"] for key in listed() if key["state"] == "active"]
    return kid


# --- the life of a key --------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "ES256K", "EdDSA", "Ed25519"])
def test_a_whole_life(path: Path, clock: Time, algorithm: str) -> None:
    run("generate", "--algorithm", algorithm)
    assert [(key["algorithm"], key["state"]) for key in listed()] == [
        (algorithm, "active"),
        (algorithm, "next"),
    ]
    first, second = (key["kid"] for key in listed())
    old = a_token()
    assert (kid_of(old), jwt.get_unverified_header(old)["alg"]) == (first, algorithm)

    clock.now += PUBLISHED
    run("rotate")
    assert states() == ["retired", "active", "next"]
    assert kid_of(a_token()) == second
    assert tokens.decode_token(old)

    assert "kept, its tokens expire within 86462 seconds" in run("retire")
    clock.now += LONGEST - 1
    run("retire")
    assert tokens.decode_token(old)
    clock.now += 1
    assert run("retire") == f"{first}: removed\n"
    assert states() == ["active", "next"]
    assert refusal(old) == "key_unknown"
    assert run("retire") == "There is no retired key.\n"


def test_a_secret_has_a_random_kid_and_is_as_long_as_its_hash(path: Path) -> None:
    run("generate", "--algorithm", "HS384")
    one, other = json.loads(path.read_text())["keys"]
    for key in (one, other):
        assert len(keysets_bytes(key["k"])) == 48
        assert len(keysets_bytes(key["kid"])) == 16
    assert one["kid"] != other["kid"]
    assert json.loads(conf.current().keys.public_jwks()) == {"keys": []}


def keysets_bytes(text: str) -> bytes:
    return jwt.utils.base64url_decode(text)


def test_generate_adds_a_next_key_of_the_active_ones_algorithm(path: Path) -> None:
    run("generate", "--algorithm", "ES384")
    run("generate")
    run("generate", "--algorithm", "EdDSA")
    assert [(key["algorithm"], key["state"]) for key in listed()] == [
        ("ES384", "active"),
        ("ES384", "next"),
        ("ES384", "next"),
        ("EdDSA", "next"),
    ]


def test_a_key_that_not_everybody_knows_does_not_sign(path: Path, clock: Time) -> None:
    run("generate")
    before = path.read_bytes()
    clock.now += PUBLISHED - 1
    assert "was published 301 seconds ago" in refused("rotate")
    assert path.read_bytes() == before
    run("rotate", "--force")
    assert states() == ["retired", "active", "next"]


def test_secrets_wait_as_key_pairs_do(path: Path, clock: Time) -> None:
    run("generate", "--algorithm", "HS256")
    clock.now += 5
    assert "take up to 302 seconds to learn of it" in refused("rotate")
    clock.now += PUBLISHED - 5
    run("rotate")
    assert "was published 0 seconds ago" in refused("rotate")


def test_a_clock_that_went_back_lets_no_key_sign_early(path: Path, clock: Time) -> None:
    run("generate")
    clock.now -= 10_000
    assert "was published 0 seconds ago" in refused("rotate")


def test_rotate_takes_the_oldest_next_key_or_the_one_named(path: Path, clock: Time) -> None:
    run("generate")
    clock.now += 1
    run("generate")
    clock.now += 1
    run("generate")
    nexts = [key["kid"] for key in listed() if key["state"] == "next"]
    clock.now += PUBLISHED
    run("rotate")
    assert active() == nexts[0]
    assert len([key for key in listed() if key["state"] == "next"]) == 2
    run("rotate", f"--kid={nexts[2]}")
    assert active() == nexts[2]
    assert "no next key with the kid 'x'" in refused("rotate", "--kid", "x")


@pytest.mark.parametrize("kid", ["-qbps22fUn6GGyq8", "-hAb", "-v1", "--x", "--force", "-"])
def test_rotate_takes_a_kid_that_looks_like_an_option(path: Path, clock: Time, kid: str) -> None:
    for words in (("--kid", kid), (f"--kid={kid}",)):
        path.unlink(missing_ok=True)
        run("generate")
        keys = json.loads(path.read_text())
        keys["keys"][1]["kid"] = kid
        path.write_text(json.dumps(keys))
        assert "was published 0 seconds ago" in refused("rotate", *words)
        clock.now += PUBLISHED
        Command(stdout=StringIO()).run_from_argv(["manage.py", "djwto_keys", "rotate", *words])
        assert active() == kid
    assert "expected one argument" in refused("rotate", "--kid")


def test_rotate_to_another_algorithm(path: Path, clock: Time) -> None:
    run("generate", "--algorithm", "RS256")
    for _ in range(2):
        clock.now += PUBLISHED
        run("rotate", "--algorithm", "ES256")
    assert [(key["algorithm"], key["state"]) for key in listed()] == [
        ("RS256", "retired"),
        ("RS256", "retired"),
        ("ES256", "active"),
        ("ES256", "next"),
    ]


@pytest.mark.parametrize("algorithm", ["PS256", "ES512", "EdDSA"])
def test_nobody_can_sign_with_a_retired_key(path: Path, clock: Time, algorithm: str) -> None:
    run("generate", "--algorithm", algorithm)
    clock.now += PUBLISHED
    run("rotate")
    retired = json.loads(path.read_text())["keys"][0]
    members = {"kty", "crv", "x", "y", "n", "e", "alg", "use", "kid"}
    assert set(retired) <= members | {"djwto_state", "djwto_since"}
    assert listed()[0]["private"] is False


@pytest.mark.parametrize(
    ("lifetimes", "longest"),
    [
        ((timedelta(minutes=5), timedelta(days=1)), 86400),
        ((timedelta(days=3), timedelta(days=1)), 3 * 86400),
        ((None, timedelta(days=2)), 2 * 86400),
    ],
)
def test_a_retired_key_stays_for_the_longest_lifetime(
    path: Path, clock: Time, settings: Any, lifetimes: Any, longest: int
) -> None:
    settings.DJWTO_ACCESS_TOKEN_LIFETIME, settings.DJWTO_REFRESH_TOKEN_LIFETIME = lifetimes
    run("generate")
    run("rotate", "--force")
    clock.now += longest + 61
    run("retire")
    assert states() == ["retired", "active", "next"]
    clock.now += 1
    run("retire")
    assert states() == ["active", "next"]


def test_tokens_without_an_end_keep_their_key_unless_by_force(
    path: Path, clock: Time, settings: Any
) -> None:
    settings.DJWTO_REFRESH_TOKEN_LIFETIME = None
    run("generate")
    run("rotate", "--force")
    clock.now += 10**9
    assert "kept, its tokens do not expire" in run("retire")
    run("retire", "--force")
    assert states() == ["active", "next"]


def test_a_set_that_somebody_else_made_is_taken_over(path: Path) -> None:
    own, other = jwk("EdDSA"), public(jwk("ES256"))
    strange = {"kty": "AKP", "kid": "pq"}
    write(path, {**own, "x-note": "ours"}, other, strange)
    assert states() == ["active", None, None]
    assert "cannot be used" in run("list")
    assert "no next key. Add one: `manage.py djwto_keys generate`" in refused("rotate")
    run("generate")
    assert kid_of(a_token()) == own["kid"]
    run("rotate", "--force")
    keys = json.loads(path.read_text())["keys"]
    assert (keys[0]["x-note"], keys[1:3]) == ("ours", [other, strange])
    assert kid_of(a_token()) == keys[3]["kid"] != own["kid"]


def test_a_next_key_of_unknown_age_waits_for_force(path: Path) -> None:
    write(path, jwk("EdDSA", djwto_state="active"), jwk("EdDSA", djwto_state="next"))
    assert "was published at an unknown time" in refused("rotate")


def test_a_retired_key_stays_for_the_sessions_that_outlive_the_settings(
    path: Path, clock: Time, alice: Any
) -> None:
    run("generate")
    clock.now += PUBLISHED
    day = 86_400 * times.SECOND
    begin = clock.now * times.SECOND
    long, ended, later = (session_of(alice, begin, begin + 30 * day) for _ in range(3))
    ended.revoked_at = begin
    ended.expires_at += 90 * day
    ended.save()
    # Its refresh token is of the next key; the access token of `long` outlives its refresh token.
    later.issued_at = later.renewed_at = begin + day
    later.expires_at += 90 * day
    later.save()
    long.access_until += day
    long.save()
    run("rotate")
    clock.now += 2 * 86_400
    assert f"kept, its tokens expire within {29 * 86_400} seconds" in run("retire")
    clock.now += 29 * 86_400 - 1
    assert "kept, its tokens expire within 1 seconds" in run("retire")
    clock.now += 1
    assert "removed" in run("retire")


def test_a_session_without_an_end_keeps_its_key(path: Path, clock: Time, alice: Any) -> None:
    run("generate")
    clock.now += PUBLISHED
    session_of(alice, clock.now * times.SECOND, times.NEVER)
    run("rotate")
    clock.now += 10 * 365 * 86_400
    assert "kept, its tokens do not expire" in run("retire")
    run("retire", "--force")
    assert states() == ["active", "next"]


def test_retire_refuses_where_the_database_does_not_say(
    path: Path, clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("generate")
    clock.now += PUBLISHED
    run("rotate")
    clock.now += 10 * 86_400
    monkeypatch.setattr(Session._meta, "db_table", "no_such_table")
    with transaction.atomic():
        sentence = refused("retire")
        transaction.set_rollback(True)
    assert "cannot read from the database when the last tokens expire" in sentence
    assert states() == ["retired", "active", "next"]
    run("retire", "--force")
    assert states() == ["active", "next"]


def session_of(user: Any, begin: int, end: int) -> Session:
    """A live session with tokens of this time, which goes on until `end`; in microseconds."""
    return Session.objects.create(
        id=uuid.uuid4(),
        user_id=str(user.pk),
        mode="JSON",
        generation=0,
        **dict.fromkeys(("created_at", "renewed_at", "issued_at", "authenticated_at"), begin),
        **dict.fromkeys(("expires_at", "ends_at", "access_until"), end),
    )


def test_a_retired_key_of_unknown_age_stays(path: Path, clock: Time) -> None:
    retired = public(jwk("EdDSA", djwto_state="retired"))
    write(path, jwk("EdDSA", djwto_state="active"), retired)
    clock.now += 10**9
    run("retire")
    assert states() == ["active", "retired"]


# --- the file -----------------------------------------------------------------------------------


def test_the_file_is_its_owners_alone_and_nothing_else_is_left(path: Path) -> None:
    previous = os.umask(0)
    try:
        run("generate")
        run("rotate", "--force")
    finally:
        os.umask(previous)
    left = {name.name: stat.S_IMODE(name.stat().st_mode) for name in path.parent.iterdir()}
    assert left == {"keys.json": 0o600, "keys.json.lock": 0o600}


@pytest.mark.parametrize("words", [["generate"], ["rotate", "--force"], ["retire", "--force"]])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_no_key_is_put_where_others_may_read(path: Path, words: list[str], mode: int) -> None:
    run("generate")
    before = path.read_bytes()
    path.chmod(mode)
    assert f"chmod 600 {path}" in refused(*words)
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 2


def test_a_link_is_followed_and_stays_a_link(path: Path) -> None:
    real = path.parent / "real.json"
    path.symlink_to(real)
    run("generate")
    assert path.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    real.chmod(0o644)
    assert f"chmod 600 {real}" in refused("generate")


def test_a_write_that_fails_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("generate")
    before = path.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left on device" in refused("generate")
    assert path.read_bytes() == before
    assert {name.name for name in path.parent.iterdir()} == {"keys.json", "keys.json.lock"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_file_stays_the_servers_own_when_root_changes_it(path: Path) -> None:
    run("generate")
    os.chown(path, 12345, 23456)
    run("generate")
    for name in (path, path.with_name("keys.json.lock")):
        assert (name.stat().st_uid, name.stat().st_gid) == (12345, 23456)


def test_commands_at_the_same_time_lose_no_key(path: Path) -> None:
    run("generate")
    code = (
        "import sys; from pathlib import Path; from djwto.keys import sets as keysets\n"
        "with keysets.opened(Path(sys.argv[1])) as keys: keys.generate('ES256', 1)"
    )
    command = [sys.executable, "-c", code, str(path)]
    running = [subprocess.Popen(command, cwd=ROOT) for _ in range(6)]
    assert [process.wait(60) for process in running] == [0] * 6
    assert len(listed()) == 8
    assert len({key["kid"] for key in listed()}) == 8


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(b"", "expected a JWK Set"), (b'{"keys": []}', "keys that can be used, found none")],
)
def test_a_bad_file_is_not_overwritten(path: Path, text: bytes, sentence: str) -> None:
    path.write_bytes(text)
    for words in (["generate"], ["rotate"], ["retire"], ["list"]):
        assert sentence in refused(*words)
    assert path.read_bytes() == text


def test_secrets_and_pairs_are_not_mixed(path: Path) -> None:
    run("generate")
    before = path.read_bytes()
    assert "expected secrets or key pairs, found both" in refused(
        "generate", "--algorithm", "HS256"
    )
    assert "found both" in refused("rotate", "--force", "--algorithm", "HS256")
    assert path.read_bytes() == before


# --- what is said -------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256", "HS256"])
def test_no_action_shows_what_is_secret(path: Path, algorithm: str) -> None:
    shown = run("generate", "--algorithm", algorithm)
    keys = json.loads(path.read_text())["keys"]
    for words in (["list"], ["list", "--json"], ["rotate", "--force"], ["retire", "--force"]):
        shown += run(*words)
    keys += json.loads(path.read_text())["keys"]
    private = {"d", "p", "q", "dp", "dq", "qi", "k"}
    for secret in [value for key in keys for name, value in key.items() if name in private]:
        assert secret not in shown


def test_list_is_a_table(path: Path) -> None:
    run("generate")
    header, *rows = run("list").splitlines()
    assert header.split() == ["kid", "algorithm", "state", "since", "private"]
    assert [row.split()[1:] for row in rows] == [
        ["EdDSA", state, "2033-05-18", "03:33:20Z", "yes"] for state in ("active", "next")
    ]


def test_a_directory_is_listed_and_otherwise_left_to_its_writer(
    settings: Any, tmp_path: Path
) -> None:
    for name, source in (("signing", "p256.pem"), ("old", "rsa.public.pem")):
        (tmp_path / f"{name}.pem").write_bytes((KEYS / source).read_bytes())
    use(settings, tmp_path)
    assert [(k["file"], k["algorithm"], k["state"], k["private"]) for k in listed()] == [
        ("old.pem", "RS256", None, False),
        ("signing.pem", "ES256", "active", True),
    ]
    assert listed()[1]["kid"] == kid_of(a_token())
    for action in ("generate", "rotate", "retire"):
        assert "Rotate PEM files by hand" in refused(action)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("action", ["generate", "list", "rotate", "retire"])
def test_without_the_setting_it_says_so(action: str) -> None:
    assert refused(action) == "DJWTO_KEYS: expected the path of a JWK Set file, found none."


@pytest.mark.parametrize("action", ["list", "rotate", "retire"])
def test_without_the_file_it_says_so(path: Path, action: str) -> None:
    assert str(path) in refused(action)
    assert list(path.parent.iterdir()) == []


def test_generate_needs_no_checks_to_pass(path: Path) -> None:
    # As from a shell, where the checks run: they would miss the file that this makes.
    Command(stdout=StringIO()).execute(
        action="generate", algorithm=None, force_color=False, no_color=True, skip_checks=False
    )
    assert path.exists()
