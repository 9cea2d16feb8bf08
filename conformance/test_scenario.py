"""Contract §1 as it is written there: a program with nothing but ``requests``."""

import base64
import json

import pytest
import requests

from conformance.client import ACCOUNT, LOGIN, VALIDATE_ACCESS, VALIDATE_REFRESH

ALICE = {"username": "alice", "password": "pass"}
VALID = {"msg": "Token is valid"}


@pytest.fixture
def sess(target):
    with requests.Session() as session:
        session.verify = target.verify
        session.trust_env = False
        yield session


def call(sess, target, method, path, **options):
    reply = sess.request(method, target.base_url + path, timeout=60, **options)
    return reply.json()


@pytest.mark.only("single", "json")
def test_json(sess, target):
    pair = call(sess, target, "POST", LOGIN, data=ALICE)
    access = {"Authorization": f"Bearer {pair['access']}"}
    refresh = {"Authorization": f"Bearer {pair['refresh']}"}
    assert call(sess, target, "POST", VALIDATE_ACCESS, headers=access) == VALID
    assert call(sess, target, "POST", VALIDATE_REFRESH, headers=refresh) == VALID
    assert call(sess, target, "GET", ACCOUNT, headers=access)["msg"] == "worked!"


@pytest.mark.only("default", "cookies")
def test_cookies(sess, target):
    call(sess, target, "POST", LOGIN, data=ALICE)
    headers = {"X-CSRFToken": sess.cookies["csrftoken"], "Referer": target.base_url}
    assert call(sess, target, "POST", VALIDATE_ACCESS, headers=headers) == VALID
    field = {"jwt_type": "refresh"}
    assert call(sess, target, "POST", VALIDATE_REFRESH, headers=headers, data=field) == VALID
    assert call(sess, target, "GET", ACCOUNT)["msg"] == "worked!"


@pytest.mark.only("default", "TWO-COOKIES")
def test_payload(sess, target):
    call(sess, target, "POST", LOGIN, data=ALICE)
    claims = json.loads(base64.b64decode(sess.cookies["jwt_access_payload"]))
    assert claims["type"] == "access"
    assert claims["user"]["username"] == "alice"
    assert list(claims) == sorted(claims)


@pytest.mark.only("single", "TWO-COOKIES")
def test_nobody(sess, target):
    reply = call(sess, target, "GET", ACCOUNT)
    assert reply["error"] == 'Cookie "jwt_access_token" cannot be empty.'
