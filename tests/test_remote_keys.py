"""Public keys by URL: fetched when a token comes, kept while the URL fails, and never secrets."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
from django.core.checks import run_checks
from django.test import AsyncClient, Client, RequestFactory

from djwto import _core, admission, conf, tokens
from djwto.contrib.sockets import Socket
from djwto.keys import fetching, remote
from tests.signing import published, token_of
from tests.test_docs import ROOT

GUARDED, ASYNC = "/guarded/dispatch/", "/guarded/async_dispatch/"
pytestmark = pytest.mark.django_db


class Issuer:
    """A server that publishes the keys of a test, and counts who asks."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.asked = 0
        self.answer: Callable[[Any], None] = self.publish
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        # A port may come again, and a process knows the keys of a URL for good.
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys/{uuid4()}"

    def add(self, algorithm: str = "EdDSA") -> dict[str, Any]:
        key = json.loads(_core.generate_jwk(algorithm, None))
        self.keys.append(key)
        return key

    def publish(self, handler: Any) -> None:
        self.send(handler, published(*self.keys), "max-age=3600")

    def send(self, handler: Any, body: bytes, cache: str = "", status: int = 200) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Cache-Control", cache)
        handler.send_header("Location", "/keys/")
        handler.end_headers()
        handler.wfile.write(body)

    def sends(self, body: bytes, status: int = 200) -> None:
        self.answer = lambda handler: self.send(handler, body, status=status)

    def waits(self) -> threading.Event:
        """Answer only once the event is set."""
        release = threading.Event()

        def publish_later(handler: Any) -> None:
            release.wait(10)
            self.publish(handler)

        self.answer = publish_later
        return release

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                issuer.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@pytest.fixture
def issuer(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    issuer = Issuer()
    monkeypatch.setattr(remote, "KNOWN_SECONDS", remote.WAIT_SECONDS)  # this machine may be busy
    thread = threading.Thread(target=issuer.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    settings.DJWTO_KEYS = issuer.url
    yield issuer
    issuer.server.shutdown()
    issuer.server.server_close()


@pytest.fixture
def token_by(alice: Any, settings: Any, tmp_path: Any) -> Callable[[dict[str, Any]], str]:
    """Make access tokens with a key, as its owner does."""

    def token_by(key: dict[str, Any]) -> str:
        file, url = tmp_path / f"{key.get('kid')}.json", settings.DJWTO_KEYS
        file.write_text(json.dumps({"keys": [key]}))
        settings.DJWTO_KEYS = file
        text = tokens.encode_claims(tokens.process_claims(alice, None, "access"))
        settings.DJWTO_KEYS = url
        return text

    return token_by


def ask(token: str, client: Any = None) -> Any:
    return (client or Client()).get(GUARDED, headers={"authorization": f"Bearer {token}"})


def code(token: str) -> str:
    return ask(token).json().get("code", "")


# --- fetching -----------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
def test_the_first_token_fetches_the_keys(algorithm, issuer, token_by):
    token = token_by(issuer.add(algorithm))
    assert Client().get(GUARDED).status_code == 401
    assert (conf.problems(), issuer.asked) == ([], 0)
    assert [ask(token).status_code for _ in range(3)] == [200, 200, 200]
    assert issuer.asked == 1
    assert not conf.engine().can_sign


def test_checks_fetch_nothing(issuer):
    issuer.sends(b"", 500)
    found = run_checks(include_deployment_checks=True)
    ours = {one.id for one in found if "DJWTO_KEYS" in one.msg}
    assert ours == {"djwto.W005", "djwto.W006"}  # it cannot sign, and the plain project has a key
    assert issuer.asked == 0


def test_an_unknown_kid_fetches_once_in_30_seconds(issuer, token_by, monkeypatch):
    old = token_by(issuer.add())
    assert ask(old).status_code == 200
    new = token_by(issuer.add())
    foreign = token_by(json.loads(_core.generate_jwk("EdDSA", None)))
    assert code(new) == code(foreign) == "key_unknown"
    assert issuer.asked == 1
    monkeypatch.setattr(remote, "UNKNOWN_SECONDS", 0)
    assert ask(new).status_code == 200
    assert issuer.asked == 2
    monkeypatch.undo()
    assert {code(foreign) for _ in range(20)} == {"key_unknown"}
    assert issuer.asked == 2
    assert ask(old).status_code == 200


def test_many_requests_wait_for_one_fetch(issuer, token_by):
    token, release = token_by(issuer.add()), issuer.waits()
    config = conf.current()
    kid = remote.kid_of(token)
    fetches = {config.remote.wanted(kid).fetch for _ in range(5)}
    assert len(fetches) == 1
    release.set()
    assert ask(token).status_code == 200
    assert issuer.asked == 1


@pytest.mark.django_db(transaction=True)
async def test_the_event_loop_goes_on_meanwhile(issuer, settings):
    key, release = issuer.add(), issuer.waits()
    token = token_of(key)
    headers = {"authorization": f"Bearer {token}"}
    requests = [asyncio.create_task(AsyncClient().get(ASYNC, headers=headers)) for _ in range(5)]
    while not issuer.asked:  # noqa: ASYNC110 (the loop goes round)
        await asyncio.sleep(0)
    assert not any(one.done() for one in requests)
    release.set()
    assert {(await one).status_code for one in requests} == {200}
    assert issuer.asked == 1


async def test_a_door_that_does_not_wait_is_refused_and_blocks_no_loop(issuer):
    release = threading.Event()
    issuer.answer = lambda _handler: release.wait(10)
    started = time.monotonic()
    with pytest.raises(remote.JWTError) as refused:
        conf.current().remote.require("unknown")
    release.set()
    assert (refused.value.code, refused.value.status) == ("store_unavailable", 503)
    assert time.monotonic() - started < remote.WAIT_SECONDS


def decoded(token: str) -> str:
    """Give the code of what `decode_token` raises; "" where it raises nothing."""
    try:
        tokens.decode_token(token, "access")
    except remote.JWTError as error:
        return error.code
    return ""


def test_decode_token_fetches_keys_without_a_guard(issuer, token_by, monkeypatch):
    old = token_by(issuer.add())
    assert [decoded(old) for _ in range(3)] == ["", "", ""]
    assert issuer.asked == 1
    new = token_by(issuer.add())
    assert decoded(new) == "key_unknown"
    monkeypatch.setattr(remote, "UNKNOWN_SECONDS", 0)
    assert decoded(new) == ""
    assert issuer.asked == 2


def test_decode_token_tells_that_there_are_no_keys(issuer, token_by):
    token = token_by(issuer.add("ES256"))
    issuer.sends(b"", 500)
    assert decoded(token) == "store_unavailable"


@pytest.mark.django_db(transaction=True)
async def test_decode_token_begins_the_fetch_and_blocks_no_loop(issuer, settings):
    key, release = issuer.add(), issuer.waits()
    token = token_of(key)
    assert decoded(token) == "store_unavailable"
    waiting = asyncio.create_task(tokens.wait_for_keys(token))
    while not issuer.asked:  # noqa: ASYNC110 (the loop goes round)
        await asyncio.sleep(0)
    assert not waiting.done()
    release.set()
    await waiting
    assert decoded(token) == ""
    assert issuer.asked == 1


@pytest.mark.django_db(transaction=True)
async def test_an_open_socket_fetches_the_key_of_a_later_token(issuer, settings, monkeypatch):
    old = token_of(issuer.add())
    request = RequestFactory().get("/", headers={"authorization": f"Bearer {old}"})
    await admission.alet_in(request)
    socket = Socket(asyncio.Event().wait, asyncio.sleep, request, None)
    new = token_of(issuer.add())
    monkeypatch.setattr(remote, "UNKNOWN_SECONDS", 0)
    assert (await socket.renew(new))["user"] == {"id": 1}
    assert issuer.asked == 2


def said_of(issuer: Issuer, caplog: Any) -> list[str]:
    """Give what was logged of this issuer; the threads of other tests may go on looking."""
    return [text for one in caplog.records if issuer.url in (text := one.getMessage())]


# --- failing ------------------------------------------------------------------------------------


def test_without_keys_tokens_are_503_and_the_rest_goes_on(issuer, token_by, caplog):
    token = token_by(issuer.add())
    issuer.sends(b"no", 500)
    replies = [ask(token) for _ in range(3)]
    assert {(one.status_code, one["Retry-After"]) for one in replies} == {(503, "5")}
    assert {one.json()["code"] for one in replies} == {"store_unavailable"}
    assert Client().get(GUARDED).status_code == 401
    assert issuer.asked == 1
    assert said_of(issuer, caplog) == [
        (
            f"DJWTO_KEYS: {issuer.url}: Internal Server Error. "
            "No token can be verified until it answers."
        )
    ]


def test_it_is_tried_again_without_being_asked(issuer, token_by, monkeypatch):
    monkeypatch.setattr(remote, "RETRY_SECONDS", 0.01)
    token, tried = token_by(issuer.add()), threading.Event()
    issuer.sends(b"", 503)
    assert ask(token).status_code == 503

    def well(handler: Any) -> None:
        issuer.publish(handler)
        tried.set()

    issuer.answer = well
    assert tried.wait(10)
    keys = conf.current().remote
    while keys.present is None:
        threading.Event().wait(0.001)
    assert ask(token).status_code == 200


def test_keys_are_kept_while_the_url_fails(issuer, token_by, monkeypatch, caplog):
    token = token_by(issuer.add())
    assert ask(token).status_code == 200
    monkeypatch.setattr(remote, "UNKNOWN_SECONDS", 0)
    new = token_by(issuer.add())
    for body in (b"", b"[]", b"{", b'{"keys": {}}', b"[" * 100_000, b"\xff", b'{"keys": [1]}'):
        issuer.sends(body)
        assert code(new) == "key_unknown"
        assert ask(token).status_code == 200
    assert len([one for one in said_of(issuer, caplog) if "stay in use" in one]) == 1
    issuer.answer = issuer.publish
    while code(new) == "key_unknown":  # after a failure no request waits
        threading.Event().wait(0.001)
    assert ask(new).status_code == 200


def hanging(issuer: Issuer, token_by: Any, monkeypatch: Any) -> tuple[str, str, threading.Event]:
    """Let an issuer hang once its keys are known. Give a good token, a made-up one, and the end."""
    good, release = token_by(issuer.add()), threading.Event()
    made_up = token_by(json.loads(_core.generate_jwk("EdDSA", None)))
    assert ask(good).status_code == 200
    monkeypatch.setattr(remote, "UNKNOWN_SECONDS", 0)

    def hang(handler: Any) -> None:
        release.wait(20)
        issuer.publish(handler)

    issuer.answer = hang
    return good, made_up, release


def test_a_hanging_issuer_holds_no_worker_for_long(issuer, token_by, monkeypatch):
    good, made_up, release = hanging(issuer, token_by, monkeypatch)
    monkeypatch.setattr(remote, "KNOWN_SECONDS", 0.1)
    keys = conf.current().remote
    assert code(made_up) == "key_unknown"  # at the start of the fetch it has waited
    assert keys.wanted(remote.kid_of(made_up)) is None
    assert [code(made_up), ask(good).status_code] == ["key_unknown", 200]
    assert issuer.asked == 2
    release.set()
    while keys._fetch is not None:
        threading.Event().wait(0.001)
    # It was slow: the next fetch begins, and none waits.
    assert keys.wanted(remote.kid_of(made_up)) is None
    while issuer.asked == 2:
        threading.Event().wait(0.001)


def test_few_threads_wait_where_there_are_keys(issuer, token_by, monkeypatch):
    _, made_up, release = hanging(issuer, token_by, monkeypatch)
    monkeypatch.setattr(remote, "KNOWN_SECONDS", 20)
    keys, kid = conf.current().remote, remote.kid_of(made_up)
    waiting = [
        threading.Thread(target=keys.require, args=(kid,)) for _ in range(remote.MOST_WAITERS)
    ]
    for one in waiting:
        one.start()
    while keys._waiters < remote.MOST_WAITERS:
        threading.Event().wait(0.001)
    assert code(made_up) == "key_unknown"
    assert all(one.is_alive() for one in waiting)
    release.set()
    for one in waiting:
        one.join()
    assert (keys._waiters, issuer.asked) == (0, 2)


def test_after_a_failure_no_request_waits_where_there_are_keys(issuer, token_by, monkeypatch):
    _, made_up, release = hanging(issuer, token_by, monkeypatch)
    monkeypatch.setattr(remote, "KNOWN_SECONDS", 20)
    hang, keys = issuer.answer, conf.current().remote
    issuer.sends(b"", 500)
    assert code(made_up) == "key_unknown"
    issuer.answer = hang
    assert code(made_up) == "key_unknown"
    assert keys._fetch is not None
    release.set()


UNUSABLE = {
    "none": [],
    "a secret": [json.loads(_core.generate_jwk("HS256", None))],
    "a private key": [json.loads(_core.generate_jwk("ES256", None))],
    "of an unknown kind": [{"kty": "AKP", "alg": "ML-DSA-44", "kid": "q", "pub": "AA"}],
    "for encryption": [{"kty": "OKP", "crv": "X25519", "x": "AA", "use": "enc"}],
}


@pytest.mark.parametrize("left", UNUSABLE)
def test_a_set_without_the_key_revokes_it(left, issuer, token_by, monkeypatch, caplog):
    token, kept = token_by(issuer.add()), token_by(issuer.add())
    assert ask(token).status_code == ask(kept).status_code == 200
    monkeypatch.setattr(remote, "UNKNOWN_SECONDS", 0)
    foreign = token_by(json.loads(_core.generate_jwk("EdDSA", None)))
    del issuer.keys[0]
    assert code(foreign) == "key_unknown"
    assert [code(token), ask(kept).status_code] == ["key_unknown", 200]
    issuer.sends(json.dumps({"keys": UNUSABLE[left]}).encode())
    assert [code(foreign) for _ in range(3)] == ["key_unknown"] * 3
    assert code(kept) == code(token) == "key_unknown"
    assert len([one for one in said_of(issuer, caplog) if "all tokens are refused" in one]) == 1
    issuer.answer = issuer.publish
    assert ask(kept).status_code == 200


def test_of_two_keys_with_one_kid_neither_is_good(issuer, token_by):
    good, first, second = issuer.add(), issuer.add(), issuer.add()
    second["kid"] = first["kid"]
    issuer.keys.append(good)  # the same key twice is one
    assert ask(token_by(good)).status_code == 200
    assert [code(token_by(key)) for key in (first, second)] == ["key_unknown"] * 2


def test_no_secret_comes_by_url(issuer, token_by, monkeypatch):
    secret = json.loads(_core.generate_jwk("HS256", None))
    good = issuer.add()
    token, forged = token_by(good), token_by(secret)
    issuer.sends(json.dumps({"keys": [secret]}).encode())
    assert code(forged) == "algorithm_refused"
    monkeypatch.setattr(remote, "UNKNOWN_SECONDS", 0)
    public = {name: value for name, value in good.items() if name != "d"}
    leaked = json.loads(_core.generate_jwk("EdDSA", None))
    by_leaked = token_by(leaked)
    issuer.sends(json.dumps({"keys": [secret, public, leaked]}).encode())
    assert ask(token).status_code == 200
    assert code(forged) == "algorithm_refused"
    assert code(by_leaked) == "key_unknown"


def test_a_public_key_is_no_secret_of_hs256(issuer, token_by):
    import jwt

    key = issuer.add()
    assert ask(token_by(key)).status_code == 200
    for secret in (key["x"], issuer.url):
        forged = jwt.encode({"user": {"id": 1}}, secret * 2, "HS256", headers={"kid": key["kid"]})
        assert code(forged) == "algorithm_refused"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status, issuer, token_by):
    token = token_by(issuer.add())
    issuer.sends(b"", status)
    assert ask(token).status_code == 503
    assert issuer.asked == 1


def test_a_long_answer_is_not_read(issuer, token_by, caplog):
    token = token_by(issuer.add())
    issuer.sends(b" " * (fetching.MAX_BYTES + 1))
    assert ask(token).status_code == 503
    assert f"at most {fetching.MAX_BYTES} bytes" in caplog.text


def test_too_many_keys_are_not_taken(issuer, token_by, caplog):
    token = token_by(issuer.add())
    key = {"kty": "OKP", "crv": "Ed25519"}
    issuer.sends(json.dumps({"keys": [key] * 101}).encode())
    assert ask(token).status_code == 503
    assert "at most 100 keys" in caplog.text


@pytest.mark.parametrize("part", ["headers", "body"])
def test_an_answer_that_drips_is_cut(part, issuer, token_by, monkeypatch):
    monkeypatch.setattr(fetching, "TOTAL_SECONDS", 0.2)
    token, over = token_by(issuer.add()), threading.Event()

    def drip(handler: Any) -> None:
        start = b"HTTP/1.1 200 OK\r\n" + (b"" if part == "headers" else b"\r\n")
        handler.wfile.write(start)
        try:
            while not over.wait(0.01):
                handler.wfile.write(b"x")
        except OSError:
            over.set()

    issuer.answer = drip
    assert ask(token).status_code == 503
    assert over.wait(10)


@pytest.mark.parametrize(
    "token", ["", "a", "a.b.c", "é.b.c", "." * 9, "e30.e30.", "W10.e30.", "x" * 999]
)
def test_any_token_is_answered(token, issuer, token_by):
    good = token_by(issuer.add())
    assert ask(good).status_code == 200
    reply = Client().get(GUARDED, HTTP_AUTHORIZATION=f"Bearer {token}")
    assert reply.status_code == 401


@pytest.mark.parametrize(
    ("cache", "seconds"),
    [
        ("", 300),
        ("public, max-age=600", 600),
        ("max-age=0", 30),
        ("no-store", 300),
        ("MAX-AGE=999999999", 3600),
        ("s-maxage=900", 300),
        ("max-age=-1", 300),
    ],
)
def test_how_long_an_answer_is_kept(cache, seconds):
    assert fetching._seconds_of(cache) == seconds


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("https://issuer.example/.well-known/jwks.json", True),
        ("http://localhost:8000/keys", True),
        ("http://127.0.0.1/keys", True),
        ("http://[::1]:8000/keys", True),
        ("http://issuer.example/keys", False),
        ("HTTP://issuer.example/keys", False),
        ("http://localhost.evil.example/keys", False),
        ("https://alice:pass@issuer.example/keys", False),
        ("https://", False),
        ("https://issuer.example:port/", False),
        ("https://issuer.example/a b", False),
        ("https://issuer.example/\r\nHost: x", False),
        ("https://[", False),
    ],
)
def test_which_urls_are_taken(url, is_good, settings):
    settings.DJWTO_KEYS = url
    assert [one.setting.name for one in conf.problems()] == [] if is_good else ["KEYS"]


def test_a_forked_process_fetches_by_itself(issuer, token_by):
    old, new = issuer.add(), issuer.add()
    first, second = token_by(old), token_by(new)
    issuer.keys.remove(new)
    script = (
        "import json, os, sys, django; django.setup()\n"
        "from django.test import Client\n"
        "from djwto.keys import remote\n"
        "first, second = sys.argv[1:]\n"
        "def ask(token):\n"
        "    headers = {'authorization': 'Bearer ' + token}\n"
        "    return Client().get('/who/', headers=headers).status_code\n"
        "print(ask(first), ask(second), flush=True)\n"
        "sys.stdin.readline()\n"
        "if os.fork():\n"
        "    os.wait()\n"
        "else:\n"
        "    print(ask(second), ask(first), flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script, first, second],
        env={
            "DJANGO_SETTINGS_MODULE": "tests.projects.verifying.settings",
            "VERIFYING_KEYS": issuer.url,
            "PYTHONPATH": str(ROOT),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        seen = process.stdout.readline()
        issuer.keys.append(new)
        out, _ = process.communicate("go on\n", timeout=60)
    assert seen.split() == ["200", "401"]
    assert out.split() == ["200", "200"]
