"""What Redis says counts where another server's signature holds. A real Redis, hostile words."""

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import override_settings

from djwto import conf
from djwto.conf import Revocation
from djwto.revocation import redis_channel
from djwto.revocation.poller import RevocationPoller
from djwto.revocation.redis_channel import CHANNEL
from tests.services import Redis

KEYS = Path(__file__).resolve().parent.parent / "vectors" / "keys"
SECONDS = 60
OTHER_KEY = "the secret of another site, of 48 bytes........."
Publish = Callable[[str | bytes], None]


class Looks:
    """Counts the looks at the database, and touches none."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)

    def __call__(self, *_: Any) -> None:
        self.asked.release()

    def come(self) -> bool:
        return self.asked.acquire(timeout=SECONDS)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    looks = Looks()
    monkeypatch.setattr(RevocationPoller, "_poll", looks)
    monkeypatch.setattr(conf, "is_test_run", lambda: False)
    return looks


@pytest.fixture
def publish(redis_server: Redis) -> Publish:
    client = redis_channel.client(redis_server.url)
    return lambda message: client.publish(CHANNEL, message) and None


@pytest.fixture
def feed(redis_server: Redis, looks: Looks, settings: Any) -> Iterator[RevocationPoller]:
    """A feed that hears Redis, and would read the database in an hour."""
    settings.DJWTO_REVOCATION_URL = redis_server.url
    feed = RevocationPoller(Revocation(interval=3600.0, max_age=60.0, url=redis_server.url))
    # The first look, and that of the subscription.
    assert looks.come()
    assert looks.come()
    yield feed
    feed.stop()


def session() -> tuple[bytes, int]:
    return uuid.uuid4().bytes, int(time.time()) + 300


def heard(*sessions: tuple[bytes, int]) -> bool:
    """Wait until the set has them."""
    deadline = time.monotonic() + SECONDS
    while not all(key in conf.ended_sessions for key, _ in sessions):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def hostile() -> list[str | bytes]:
    engine, now = conf.engine(), time.time()
    entry = session()
    signed = engine.sign_ended([entry], now)[0]
    with override_settings(DJWTO_SIGNING_KEY=OTHER_KEY):
        foreign = conf.engine().sign_ended([entry], now)[0]
    token = engine.encode({"type": "access", "user": {"id": 1}, "sid": str(uuid.uuid4())})
    header, payload, signature = signed.split(".")
    dice = random.Random(8)
    return [
        "look",
        b"",
        b"\x00" * 24,
        # What was believed before: 40,000 ids whose halves cancel out, until 2**62.
        b"".join(i.to_bytes(8, "big") * 2 + (2**62).to_bytes(8, "big") for i in range(40_000)),
        foreign,
        str(token),
        engine.sign_ended([entry], now - 3600)[0],
        engine.sign_ended([entry], now + 3600)[0],
        f"{header}.{payload}.{signature[:-4]}AAAA",
        f"{header}.{payload}.",
        f"{header}..{signature}",
        signed + "A",
        signed * 2,
        "eyJhbGciOiJub25lIn0." + payload + ".",
        *(dice.randbytes(dice.randrange(200)) for _ in range(200)),
    ]


def test_what_is_not_signed_ends_nothing_and_is_a_reason_to_look(
    feed: RevocationPoller, looks: Looks, publish: Publish
) -> None:
    for message in hostile()[:14]:
        before = len(conf.ended_sessions)
        publish(message)
        assert looks.come(), message
        assert len(conf.ended_sessions) == before, message
    before = len(conf.ended_sessions)
    for message in hostile():
        publish(message)
    last = session()
    redis_channel.publish([last])
    # It goes on listening, and has heard nothing else.
    assert heard(last)
    assert len(conf.ended_sessions) == before + 1


def test_what_another_server_signed_is_heard_at_once_and_needs_no_look(
    feed: RevocationPoller, looks: Looks
) -> None:
    many = [session() for _ in range(400)]
    redis_channel.publish(many)
    assert heard(*many)
    assert not looks.asked.acquire(blocking=False)


def test_too_many_at_once_are_read_from_the_database(feed: RevocationPoller, looks: Looks) -> None:
    several = [session() for _ in range(3001)]
    redis_channel.publish(several)
    assert looks.come()
    assert not any(key in conf.ended_sessions for key, _ in several)


def test_a_server_that_can_only_verify_wakes_the_others(
    feed: RevocationPoller, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = (KEYS / "rsa.public.pem").read_text()
    with override_settings(
        DJWTO_ALGORITHM="RS256", DJWTO_SIGNING_KEY=None, DJWTO_VERIFYING_KEY=public
    ):
        monkeypatch.delenv("DJWTO_SIGNING_KEY", raising=False)
        redis_channel.publish([session()])
    assert looks.come()


def test_without_a_database_what_is_signed_counts_and_the_rest_is_dropped(
    redis_server: Redis, looks: Looks, publish: Publish, settings: Any
) -> None:
    settings.DJWTO_REVOCATION_URL = redis_server.url
    feed = RevocationPoller(Revocation(interval=None, max_age=60.0, url=redis_server.url))
    try:
        client, deadline = redis_channel.client(redis_server.url), time.monotonic() + SECONDS
        while client.pubsub_numsub(CHANNEL)[0][1] == 0:
            assert time.monotonic() < deadline
        before = len(conf.ended_sessions)
        for message in hostile():
            publish(message)
        last = session()
        redis_channel.publish([last])
        assert heard(last)
        assert len(conf.ended_sessions) == before + 1
        assert not looks.asked.acquire(blocking=False)
    finally:
        feed.stop()


def test_a_set_that_is_full_is_left_to_the_database(
    feed: RevocationPoller,
    looks: Looks,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Full:
        def hear_ended(self, *_: Any) -> Any:
            return SimpleNamespace(left_out=1, needs_look=True, pause_seconds=0.0)

    monkeypatch.setattr(conf, "engine", Full)
    redis_channel.client(str(feed.settings.url)).publish(CHANNEL, "signed")
    assert looks.come()
    assert "Too many sessions ended" in caplog.text


def test_the_address_is_in_no_repr(settings: Any) -> None:
    settings.DJWTO_REVOCATION_URL = "redis://:a-password-of-redis@127.0.0.1:6379/0"
    assert "a-password-of-redis" not in repr(conf.current())


@pytest.mark.parametrize("sign", "/#?")
def test_the_password_of_a_wrong_address_is_in_no_message(settings: Any, sign: str) -> None:
    settings.DJWTO_REVOCATION_URL = f"redis://:a-password{sign}of-redis@127.0.0.1:6379/0"
    (problem,) = conf.problems()
    assert "expected a URL that the package redis can read" in problem.message
    assert "a-password" not in problem.message
    assert "of-redis" not in problem.message
