"""The hasher stores what Django's stores, verifies it, and complains of the same things."""

import hashlib
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from django.contrib.auth import hashers as django_hashers
from django.contrib.auth.hashers import acheck_password, check_password, make_password
from django.contrib.auth.models import User
from django.utils.functional import lazystr
from hypothesis import given, settings
from hypothesis import strategies as st

from djwto import _core
from djwto.hashers import PBKDF2PasswordHasher
from tests.conftest import Visitor

OURS = "djwto.hashers.PBKDF2PasswordHasher"
DJANGOS = "django.contrib.auth.hashers.PBKDF2PasswordHasher"

ours, djangos = PBKDF2PasswordHasher(), django_hashers.PBKDF2PasswordHasher()

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
salts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="$"), min_size=1, max_size=60
)


# --- the derivation -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "salt", "iterations", "derived"),
    [
        # RFC 7914 §11. It asks for 64 bytes; the first 32 are the same for any length.
        (b"passwd", b"salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"),
        (
            b"Password",
            b"NaCl",
            80_000,
            "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56",
        ),
        # The inputs of RFC 6070 §2, with SHA-256 in the place of SHA-1.
        (
            b"password",
            b"salt",
            1,
            "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b",
        ),
        (
            b"password",
            b"salt",
            2,
            "ae4d0c95af6b46d32d0adff928f06dd02a303f8ef3c251dfd6e2d85a95474c43",
        ),
        (
            b"password",
            b"salt",
            4096,
            "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a",
        ),
        (
            b"passwordPASSWORDpassword",
            b"saltSALTsaltSALTsaltSALTsaltSALTsalt",
            4096,
            "348c89dbcbd32b2f32d814b8116e84cf2b17347ebc1800181c4e2a1fb8dd53e1",
        ),
        (b"pass\0word", b"sa\0lt", 4096, "89b69d0516f829893c696226650a8687"),
    ],
)
def test_vectors(password: bytes, salt: bytes, iterations: int, derived: str) -> None:
    assert _core.pbkdf2_sha256(password, salt, iterations).hex().startswith(derived)


@given(st.binary(max_size=300), st.binary(max_size=100), st.integers(1, 20))
@settings(deadline=None)
def test_any_bytes_as_hashlib_does(password: bytes, salt: bytes, iterations: int) -> None:
    expected = hashlib.pbkdf2_hmac("sha256", password, salt, iterations)
    assert _core.pbkdf2_sha256(password, salt, iterations) == expected


@pytest.mark.parametrize("iterations", [0, -1, -(2**31), 2**31, 2**32, 2**32 + 1])
def test_iterations_out_of_range_as_hashlib_does(iterations: int) -> None:
    with pytest.raises((ValueError, OverflowError)) as expected:
        hashlib.pbkdf2_hmac("sha256", b"p", b"s", iterations)
    with pytest.raises(expected.type) as raised:
        _core.pbkdf2_sha256(b"p", b"s", iterations)
    assert str(raised.value) == str(expected.value)


def test_other_threads_go_on_meanwhile() -> None:
    # No thread is interrupted here: the one that waits gets its turn while the hash is computed
    # or after the other thread's end. Longer and longer, for a machine with much else to do.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        assert any(_goes_on_beside(iterations) for iterations in (10**5, 10**6, 10**7))
    finally:
        sys.setswitchinterval(interval)


def _goes_on_beside(iterations: int) -> bool:
    ended: list[bytes] = []
    thread = threading.Thread(
        target=lambda: ended.append(_core.pbkdf2_sha256(b"password", b"salt", iterations))
    )
    thread.start()
    went_on = not ended
    thread.join()
    return went_on and bool(ended)


def test_the_thread_that_asks_does_not_hash_itself() -> None:
    # Linux wakes a thread late that has just run for long, and this one serves requests.
    whole, own = time.process_time(), time.thread_time()
    _core.pbkdf2_sha256(b"password", b"salt", 300_000)
    whole, own = time.process_time() - whole, time.thread_time() - own
    assert own < whole / 2


def test_without_room_for_a_thread_it_hashes_all_the_same() -> None:
    code = (
        "import resource\n"
        "from djwto import _core\n"
        "with open('/proc/self/statm') as file:\n"
        "    used = int(file.read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**20, used + 2**20))\n"
        "print(_core.pbkdf2_sha256(b'passwd', b'salt', 1).hex())\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("55ac046e56e3089fec1691c22544b605")


# --- the hasher ---------------------------------------------------------------------------------


@given(texts | st.binary(max_size=200), salts, st.integers(1, 20))
@settings(deadline=None)
def test_the_text_is_djangos(password: str | bytes, salt: str, iterations: int) -> None:
    encoded = ours.encode(password, salt, iterations)
    assert encoded == djangos.encode(password, salt, iterations)
    assert djangos.verify(password, encoded)
    assert ours.verify(password, encoded)
    assert ours.decode(encoded) == djangos.decode(encoded)
    assert ours.safe_summary(encoded) == djangos.safe_summary(encoded)


@given(texts, texts, salts)
@settings(deadline=None)
def test_another_password_is_refused(password: str, other: str, salt: str) -> None:
    assert ours.verify(other, djangos.encode(password, salt, 2)) is (password == other)


def test_without_a_number_the_iterations_are_djangos() -> None:
    # Of the Django that is installed: each version has its own number.
    assert ours.iterations == djangos.iterations
    for iterations in (None, 0):
        assert ours.encode("pass", "salt", iterations) == djangos.encode("pass", "salt")


@pytest.mark.parametrize(
    ("password", "salt", "iterations"),
    [
        ("pass", "salt", -1),
        ("pass", "salt", 2**31),
        ("pass", "salt", 2**64),
        ("pass", "salt", 1.5),
        ("pass", "salt", "2"),
        ("pass", "salt", True),
        ("pass", "", 2),
        ("pass", None, 2),
        ("pass", "sa$lt", 2),
        ("pass", b"salt", 2),
        ("pass", b"sa$lt", 2),
        ("pass", b"\xff", 2),
        ("pass", "sa\0lt", 2),
        ("pass", "sält", 2),
        ("pass", "\ud800", 2),
        (None, "salt", 2),
        ("", "salt", 2),
        ("pa\0ss", "salt", 2),
        ("\0", "salt", 2),
        ("пароль🔑", "salt", 2),
        ("\ud800", "salt", 2),
        (b"\xff\0", "salt", 2),
        (7, "salt", 2),
        (memoryview(b"pass"), "salt", 2),
        (lazystr("pass"), lazystr("salt"), 2),
        ("p" * 100_000, "s" * 10_000, 2),
    ],
)
def test_odd_input_as_django_takes_it(password: Any, salt: Any, iterations: Any) -> None:
    assert _outcome(ours, password, salt, iterations) == _outcome(
        djangos, password, salt, iterations
    )


def _outcome(hasher: Any, *arguments: Any) -> Any:
    try:
        return hasher.encode(*arguments)
    except Exception as error:  # noqa: BLE001 (any exception)
        return type(error)


@pytest.mark.parametrize(
    "encoded",
    [
        "pbkdf2_sha256$99999999999$salt$aGFzaA==",
        "pbkdf2_sha256$-1$salt$aGFzaA==",
        "pbkdf2_sha256$many$salt$aGFzaA==",
        "pbkdf2_sha256$1$$aGFzaA==",
        "pbkdf2_sha256$1$salt",
        "pbkdf2_sha1$1$salt$aGFzaA==",
    ],
)
def test_a_stored_text_that_is_broken_raises_what_djangos_raises(encoded: str) -> None:
    with pytest.raises(Exception) as expected:  # noqa: PT011 (any exception)
        djangos.verify("pass", encoded)
    with pytest.raises(expected.type):
        ours.verify("pass", encoded)


class Short(PBKDF2PasswordHasher):
    iterations = 30


def test_a_stored_text_is_updated_where_django_would() -> None:
    salt = ours.salt()
    assert Short().must_update(djangos.encode("pass", salt, 30)) is False
    assert Short().must_update(djangos.encode("pass", salt, 29)) is True
    assert Short().must_update(djangos.encode("pass", salt, 31)) is True
    assert Short().must_update(djangos.encode("pass", "salt", 30)) is True


def test_a_wrong_password_takes_as_many_iterations_whatever_is_stored(
    settings: Any, counted: list[int]
) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.Short"]
    stored = djangos.encode("pass", ours.salt(), 10)
    assert check_password("wrong", stored) is False
    assert counted == [10, 20]


def test_a_right_password_is_stored_anew_where_the_iterations_differ(settings: Any) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.Short"]
    stored: list[str] = []
    encoded = djangos.encode("pass", ours.salt(), 10)
    assert check_password("pass", encoded, setter=lambda pw: stored.append(make_password(pw)))
    assert [text.split("$")[1] for text in stored] == ["30"]
    assert djangos.verify("pass", stored[0])


async def test_a_password_is_checked_from_async_code(settings: Any, counted: list[int]) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.Short"]
    assert await acheck_password("pass", djangos.encode("pass", ours.salt(), 30)) is True
    assert counted == [30]


def test_a_subclass_with_another_digest_gets_it() -> None:
    digest = {"algorithm": "pbkdf2_sha512", "digest": hashlib.sha512}
    own = type("Own", (PBKDF2PasswordHasher,), digest)()
    same = type("Same", (django_hashers.PBKDF2PasswordHasher,), digest)()
    assert own.encode("pass", "salt", 2) == same.encode("pass", "salt", 2)


# --- a login ------------------------------------------------------------------------------------


def test_a_user_of_djangos_hasher_logs_in(
    visitor: Visitor, settings: Any, counted: list[int], db: None
) -> None:
    settings.PASSWORD_HASHERS = [DJANGOS]
    User.objects.create_user("alice", password="pass")
    stored = User.objects.values_list("password", flat=True)

    settings.PASSWORD_HASHERS = [OURS]
    before = stored.get()
    assert visitor.login().status_code == 200
    assert counted == [djangos.iterations]
    assert stored.get() == before
    assert visitor.get("/guarded/function/").status_code == 200
    assert Visitor(visitor.mode).login(password="wrong").status_code == 401


def test_a_user_of_this_hasher_logs_in_without_it(
    settings: Any, counted: list[int], db: None
) -> None:
    settings.PASSWORD_HASHERS = [OURS]
    User.objects.create_user("alice", password="pass")
    assert counted == [ours.iterations]
    settings.PASSWORD_HASHERS = [DJANGOS]
    assert Visitor("JSON").login().status_code == 200
    assert len(counted) == 1


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The iterations of each hash that the engine computes."""
    derive, found = _core.pbkdf2_sha256, []

    def counting(password: bytes, salt: bytes, iterations: int) -> bytes:
        found.append(iterations)
        return derive(password, salt, iterations)

    monkeypatch.setattr(_core, "pbkdf2_sha256", counting)
    return found
