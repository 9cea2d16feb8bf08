"""The cache of verified tokens from outside: nothing but a clock can tell that it is there."""

import copy
import datetime as dt
import json
import threading
from typing import Any

import pytest

from djwto._core import Engine, KeyRing
from djwto.exceptions import JWTValidationError
from tests.test_vectors import KEY_OF, VERIFY, key_file

NOW = VERIFY["now"]
USER = {"id": 7, "username": "alice", "perms": ["a.b", "c.d"]}
CLAIMS = {"exp": NOW + 300, "iat": NOW, "jti": "j1", "type": "access", "user": USER}


def test_the_claims_are_the_callers_own():
    engine, token = with_token(CLAIMS | {"deep": [{"list": [1, {"a": []}]}, None, 1.5, 10**40]})
    wanted = copy.deepcopy(engine.decode(token, "access", NOW))
    for _ in range(4):
        claims = engine.decode(token, "access", NOW)
        assert claims == wanted
        claims["user"]["perms"].append("all.of_it")
        claims["user"]["id"] = 1
        claims["deep"][0]["list"][1]["a"].append("x")
        claims["deep"].clear()
        claims["exp"] = 0
        del claims["type"]
    assert engine.cache_info().hits > 0


def test_a_hit_is_refused_as_soon_as_a_fresh_look_would():
    engine, token = with_token(CLAIMS | {"nbf": NOW})
    for _ in range(3):
        engine.decode(token, "access", NOW)
    assert engine.cache_info().entries == 1
    for kind, now, code in [
        ("refresh", NOW, "type_invalid"),
        ("access", NOW - 1, "token_not_yet_valid"),
        ("access", NOW + 300, "token_expired"),
    ]:
        with pytest.raises(JWTValidationError) as refused:
            engine.decode(token, kind, now)
        assert refused.value.code == code
    assert engine.cache_info().entries == 0


def test_what_was_refused_is_not_kept():
    engine, token = with_token(CLAIMS)
    for _ in range(4):
        with pytest.raises(JWTValidationError):
            engine.decode(token[:-2] + ("AA" if token[-2:] != "AA" else "BA"), "access", NOW)
    assert engine.cache_info().entries == 0


@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
def test_threads_see_their_own_token(algorithm):
    engine = engine_of(algorithm, entries=8)
    tokens = [engine.sign(json.dumps(CLAIMS | {"jti": f"j{n}"})).text for n in range(20)]
    wrong: list[Any] = []

    def work(first: int) -> None:
        for step in range(400):
            number = (first + step) % len(tokens)
            claims = engine.decode(tokens[number], "access", NOW)
            if claims != CLAIMS | {"jti": f"j{number}"}:
                wrong.append(claims)
            claims["user"]["id"] = "spoilt"

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 5, 10, 15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert engine.cache_info().entries <= 8


def with_token(claims: dict[str, Any]) -> tuple[Engine, str]:
    engine = engine_of("HS256", entries=100)
    return engine, engine.sign(json.dumps(claims)).text


def engine_of(algorithm: str, *, entries: int) -> Engine:
    return Engine(
        keys=KeyRing.load(algorithm, key_file(KEY_OF[algorithm]), None, []),
        issuer=None,
        subject=None,
        audience=None,
        issued_at=True,
        jti=True,
        access_lifetime=None,
        refresh_lifetime=None,
        not_before=dt.timedelta(),
        modes=["JSON"],
        refresh_path="api/token/refresh",
        same_site="Lax",
        domain=None,
        cache_entries=entries,
        cache_bytes=2**20,
    )
