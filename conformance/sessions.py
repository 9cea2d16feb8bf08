"""Logins that cases share, and those that they need for themselves."""

import time

import pytest
import requests

from conformance.client import Client
from conformance.forge import Forge
from conformance.target import Target


def shared(target: Target, user: str) -> tuple[Client, requests.Response]:
    """Log a user in once per target; gives the client and the reply."""
    if user not in target.logins:
        client = Client(target)
        reply = client.login(user)
        assert reply.status_code == 200, reply.text
        target.logins[user] = client, reply
    return target.logins[user]


def own(target: Target, user: str) -> Client:
    """Log a user in for one case, which may end or renew the session."""
    client = Client(target)
    try:
        reply = client.login(user)
    except requests.ConnectionError:
        # After the broken body of another case, the server in front closes the connection.
        reply = client.login(user)
    assert reply.status_code == 200, reply.text
    return client


def forger(target: Target, user: str) -> Forge:
    """Give a maker of tokens that are right for a session of this user, but for what is asked."""
    if target.signing_key is None:
        pytest.skip("needs --signing-key to forge tokens")
    client = own(target, user)
    return Forge(target.signing_key, {kind: client.claims(kind) for kind in ("access", "refresh")})


def after_the_second(iat: int) -> None:
    """Wait until a new token has another `iat`, which is in whole seconds."""
    while time.time() < iat + 1:
        time.sleep(0.01)
