"""Each request gets from djwto what it got from simplejwt.

Run with `pytest --ds=tests.projects.simplejwt.settings tests/projects/simplejwt`.
"""

from typing import Any

import pytest
from django.test import Client

from tests.projects.simplejwt.asked import requests_of, send
from tests.projects.simplejwt.past import move_in
from tests.projects.simplejwt.shapes import SHAPES, WITH_BLACKLIST

SLIDING = "Sliding tokens are not supported"
NO_ACCOUNT = (401, {"detail": "No active account found for the given token."})
BLACKLISTED = (401, {"detail": "Token is blacklisted", "code": "token_not_valid"})


def expected(shape: str, name: str, reply: Any) -> tuple[int, Any]:  # noqa: PLR0911
    """What djwto answers: what simplejwt did, but for these."""
    status, body = reply["status"], _without_texts(reply["body"])
    kind, _, about = name.partition(": ")
    if status == 500 and "without id" in about:
        return 401, {"detail": "Token has no id", "code": "token_not_valid"}
    if status == 500 or (kind == "refresh" and about == "unnamed's"):
        # A user that is gone, or not named, has no account.
        return NO_ACCOUNT
    if about.startswith("sliding") and status != 400:
        if kind == "me":
            message = {"token_class": "AccessToken", "token_type": "access", "message": SLIDING}
            return 401, {**body, "messages": [message]}
        return 401, {"detail": SLIDING, "code": "token_not_valid"}
    if name == "blacklist: again":
        # Without its app, simplejwt answered as if it had a blacklist.
        return BLACKLISTED
    if shape == "rotated" and kind != "refresh" and name in _NOT_BLACKLISTED:
        # A used refresh token still logs out; and a renewal that was refused blacklists nothing.
        return 200, {}
    if shape == "services" and name == "verify: out's":
        return 400, {"non_field_errors": ["Token is blacklisted"]}
    return status, body


_NOT_BLACKLISTED = ("blacklist: bob's", "verify: unnamed's", "blacklist: unnamed's")


@pytest.mark.django_db
@pytest.mark.parametrize("shape", SHAPES)
def test_each_request_gets_what_it_got(shape: str, settings: Any) -> None:
    settings.DJWTO_LOGIN_THROTTLE = None
    if shape not in WITH_BLACKLIST:
        apps = settings.INSTALLED_APPS
        settings.INSTALLED_APPS = [one for one in apps if not one.startswith("rest_framework_s")]
    found = move_in(shape, settings)
    client = Client(raise_request_exception=False)
    wrong = {}
    for name, asked in requests_of(found["tokens"]).items():
        before, now = found["replies"][name], send(client, asked)
        status, body = expected(shape, name, before)
        same = () if before["status"] == 500 else ("allow",)
        if status == before["status"]:
            same = (*same, "challenge")
        if (now["status"], _without_texts(now["body"])) != (status, body) or any(
            now[one] != before[one] for one in same
        ):
            wrong[name] = ((status, body), now, before)
    assert not wrong, "\n".join(f"{name}: {one}" for name, one in wrong.items())


def _without_texts(body: Any) -> Any:
    if isinstance(body, dict) and "access" in body:
        return dict.fromkeys(sorted(body), "a token")
    return body
