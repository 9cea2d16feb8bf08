"""Guarded views: who gets in, who does not, and how a cache must treat the answer. Contract §6."""

import pytest

from conformance import expect
from conformance.client import ACCOUNT, HOUSE, PREDICT, PREDICTIONS, STATUS
from conformance.sessions import shared

NONE_AT_ALL = "Invalid permissions for jwt token."
NOT_ENOUGH = "Insufficient Permissions."
VIEW = "predictions.view_prediction"


def private(reply) -> None:
    """Check that a shared cache keeps neither the answer nor gives it to somebody else."""
    vary = {name.strip().lower() for name in reply.headers["Vary"].split(",")}
    assert {"cookie", "authorization"} <= vary
    assert "private" in reply.headers["Cache-Control"]


def test_function(alice):
    reply = alice.get(ACCOUNT)
    assert reply.status_code == 200
    body = reply.json()
    assert body["msg"] == "worked!"
    assert body["user"] == alice.claims("access")["user"]
    private(reply)


def test_dispatch(alice):
    reply = alice.post(PREDICT, json=HOUSE)
    assert reply.status_code == 200, reply.text
    assert isinstance(reply.json()["price"], int)
    private(reply)


@pytest.mark.parametrize("path", [ACCOUNT, PREDICT, PREDICTIONS])
def test_nobody(visitor, path):
    reply = visitor.get(path)
    expect.refused(reply, 401)
    private(reply)


@pytest.mark.parametrize("user", ["carol", "admin"])
def test_permission(target, user):
    reply = shared(target, user)[0].copy().get(PREDICTIONS)
    assert reply.status_code == 200, reply.text
    private(reply)


def test_no_permission(alice):
    reply = alice.get(PREDICTIONS)
    expect.refused(reply, 403, NOT_ENOUGH)
    private(reply)


def test_errors_of_a_guarded_view_are_private_too(target):
    reply = shared(target, "carol")[0].copy().get(f"{PREDICTIONS}2000000000/")
    assert reply.status_code == 404, reply.text
    private(reply)


def test_open_view_looks_at_no_token(visitor):
    visitor.hold(access="garbage")
    assert visitor.get(STATUS).json() == {"msg": "open"}


# --- permissions as the token states them -------------------------------------------------------


def perms(forge, value) -> str:
    """Make an access token of alice's that claims these permissions."""
    return forge.access(user={**forge.model["access"]["user"], "perms": value})


@pytest.mark.parametrize("value", [[VIEW], ["*"], ["a.b", VIEW]], ids=str)
def test_permissions_that_do(visitor, forge, value):
    assert visitor.hold(access=perms(forge, value)).get(PREDICTIONS).status_code == 200


@pytest.mark.parametrize(
    "value",
    [[], ["a.b"], ["predictions.view"], ["predictions.*"], ["**"], ["PREDICTIONS.VIEW_PREDICTION"]],
    ids=str,
)
def test_permissions_that_do_not(visitor, forge, value):
    visitor.hold(access=perms(forge, value))
    expect.refused(visitor.get(PREDICTIONS), 403, NOT_ENOUGH)


@pytest.mark.parametrize(
    "value",
    [VIEW, "*", {VIEW: True}, {"*": 1}, 7, True, None, [[VIEW]], [None], [7], [["*"]]],
    ids=str,
)
def test_permissions_of_a_wrong_type(visitor, forge, value):
    # A text contains its own parts, an object its keys: neither is a list of permissions.
    reply = visitor.hold(access=perms(forge, value)).get(PREDICTIONS)
    expect.refused(reply, 403, NONE_AT_ALL)


def test_no_permissions_claim(visitor, forge):
    user = dict(forge.model["access"]["user"])
    del user["perms"]
    visitor.hold(access=forge.access(user=user))
    expect.refused(visitor.get(PREDICTIONS), 403, NONE_AT_ALL)


# --- permissions that did not fit into the token ------------------------------------------------


@pytest.mark.parametrize(("user", "status"), [("alice", 403), ("carol", 200), ("admin", 200)])
def test_omitted_permissions_are_looked_up(visitor, target, forge, user, status):
    claim = shared(target, user)[0].claims("access")["user"]
    omitted = {**claim, "perms": [], "perms_omitted": True}
    reply = visitor.hold(access=forge.access(user=omitted)).get(PREDICTIONS)
    assert reply.status_code == status, reply.text


@pytest.mark.parametrize("id_", ["x", "nul\x00", 10**30, -(10**30), 2_000_000_000], ids=str)
def test_omitted_permissions_of_nobody(visitor, forge, id_):
    omitted = {"username": "alice", "id": id_, "perms": [], "perms_omitted": True}
    reply = visitor.hold(access=forge.access(user=omitted)).get(PREDICTIONS)
    assert reply.status_code in {401, 403}, reply.text
    expect.is_error(reply)
