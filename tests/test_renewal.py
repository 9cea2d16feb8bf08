"""Renewals whose settings change in between."""

from datetime import timedelta
from typing import Any

import pytest

from djwto import tokens
from djwto.models import Session
from tests.conftest import REFRESH, Visitor


@pytest.mark.parametrize("seconds", [60, 7200])
def test_a_repeated_renewal_under_another_access_lifetime(
    alice: Any, settings: Any, seconds: int
) -> None:
    """What is given again may live longer than what was given first; the session knows."""
    settings.DJWTO_ROTATE_REFRESH = True
    visitor = Visitor("JSON")
    visitor.login()
    used = visitor.tokens["refresh"]
    assert visitor.refresh("refresh_access").status_code == 200
    before = Session.objects.get().access_until
    settings.DJWTO_ACCESS_TOKEN_LIFETIME = timedelta(seconds=seconds)
    response = visitor.client.post(
        f"{REFRESH}/refresh_access/", headers={"authorization": f"Bearer {used}"}, secure=True
    )
    assert response.status_code == 200
    expires = tokens.decode_token(response.json()["access"])["exp"]
    until = Session.objects.get().access_until
    assert until.timestamp() >= expires
    assert until >= before
