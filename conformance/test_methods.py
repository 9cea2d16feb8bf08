"""Methods that an endpoint does not take, and OPTIONS. Contract §4."""

import pytest

from conformance import expect
from conformance.client import (
    CSRF,
    JWKS,
    LOGIN,
    LOGOUT,
    REFRESH_ACCESS,
    RETURN,
    SESSION,
    UPDATE_REFRESH,
    VALIDATE_ACCESS,
    VALIDATE_REFRESH,
)

pytestmark = pytest.mark.only("carrier")

ALLOWED = {
    LOGIN: {"POST"},
    VALIDATE_ACCESS: {"POST"},
    VALIDATE_REFRESH: {"POST"},
    REFRESH_ACCESS: {"POST"},
    UPDATE_REFRESH: {"POST"},
    LOGOUT: {"POST", "DELETE"},
    CSRF: {"GET"},
    SESSION: {"GET"},
    RETURN: {"GET"},
    JWKS: {"GET"},
}
POSTED = [path for path in ALLOWED if "POST" in ALLOWED[path]]
OTHERS = [
    (method, path)
    for path in POSTED
    for method in ("GET", "PUT", "PATCH", "DELETE", "TRACE")
    if method not in ALLOWED[path]
]


def allowed(reply) -> set[str]:
    return {method.strip() for method in reply.headers["Allow"].split(",")}


@pytest.mark.parametrize(("method", "path"), OTHERS)
def test_other_methods(own, method, path):
    reply = own().send(method, path)
    if method == "TRACE" and reply.headers.get("Content-Type", "").startswith("text"):
        pytest.skip("the server in front refuses TRACE itself")
    expect.refused(reply, 405)
    assert ALLOWED[path] <= allowed(reply)


@pytest.mark.parametrize("path", [CSRF, JWKS, RETURN])
def test_what_is_read_takes_no_post(own, path):
    expect.refused(own().post(path), 405)


@pytest.mark.parametrize("path", [*POSTED, RETURN])
def test_head(visitor, path):
    reply = visitor.send("HEAD", path)
    assert (reply.status_code, reply.content) == (405, b"")


@pytest.mark.parametrize("path", ALLOWED)
def test_options(visitor, path):
    reply = visitor.send("OPTIONS", path)
    assert reply.status_code == 200, reply.text
    assert ALLOWED[path] | {"OPTIONS"} <= allowed(reply)
