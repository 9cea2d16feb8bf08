"""People whose permissions fill an access token up to the last byte that can be carried, or more.

- `fits`: the permissions take all the room there is in a mode;
- `over`: they take one byte more;
- `many`: they are 300 in number, and find no room in any mode.

Needs Django to be set up: by the tests, or by a portal (`make_portal_people`).
"""

import base64
import json
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType

from djwto import tokens

MODES = ("JSON", "ONE-COOKIE", "TWO-COOKIES")
SIZES = ("fits", "over", "many")
RIGHTS = ("may", "not")

COOKIES = {"ONE-COOKIE": "jwt_access", "TWO-COOKIES": "jwt_access_token"}


def room(mode: str, access: str, refresh: str) -> int:
    """Tell how many bytes an access token leaves of what can be carried (contract §2)."""
    if mode == "JSON":
        return 7000 - len(access)
    size = len(COOKIES[mode]) + len(access)
    beside = len("jwt_refresh") + len(refresh)
    if mode == "TWO-COOKIES":
        payload = base64.urlsafe_b64decode(_padded(access.split(".")[1]))
        beside += len("jwt_access_payload") + len(base64.b64encode(payload))
    return min(4096 - size, 6000 - size - beside)


SPARE = {"JSON": 2, "ONE-COOKIE": 2, "TWO-COOKIES": 8}
"""Fewer letters than this are left over where all the room was taken: of three bytes of claims
base64 makes four letters, and two cookies have them."""

LONGEST = 100
"""Letters in the codename of a permission, as Django allows them."""


def make_person(name: str, rights: list[str], mode: str, size: str, password: str) -> Any:
    """Make a user who has these rights (`app.codename`), and others up to the size."""
    user = User.objects.create(username=name, password=password)
    for right in rights:
        app, codename = right.split(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    if size == "many":
        names = [f"change_{user.pk}_record_{number}" for number in range(300 - len(rights))]
        user.user_permissions.add(*map(_permission, names))
    else:
        _fill(user, mode, excess=int(size == "over"))
    return User.objects.get(pk=user.pk)


def person(mode: str, size: str, right: str) -> str:
    """Give the name of one of the portal's people."""
    return f"{mode}_{size}_{right}"


def make_portal_people() -> None:
    """For each mode and size one who may list predictions, and one who may not."""
    password = make_password("pass")
    for mode in MODES:
        for size in SIZES:
            for right in RIGHTS:
                rights = ["predictions.view_prediction"] if right == "may" else []
                make_person(person(mode, size, right), rights, mode, size, password)


def claims_of(token: str) -> dict[str, Any]:
    """Read a token's claims, and verify nothing."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(_padded(payload)))


def _fill(user: Any, mode: str, *, excess: int) -> None:
    # Once with a permission, so that the commas of the list need no second thought.
    user.user_permissions.add(_permission(f"{user.pk}_"))
    asked = User.objects.get(pk=user.pk)
    refresh_claims = tokens.process_claims(asked, None)
    refresh = tokens.encode_claims(refresh_claims)
    text = tokens.encode_claims(tokens.access_claims_of(asked, refresh_claims))
    header, payload, signature = text.split(".")
    size = len(base64.urlsafe_b64decode(_padded(payload)))
    most = size
    while room(mode, f"{header}.{_unpadded(most + 1)}.{signature}", refresh) >= 0:
        most += 1
    missing = most + excess - size
    beside = len('"auth.",')
    count = missing // (LONGEST + beside) + 1
    share, rest = divmod(missing, count)
    for number in range(count):
        letters = share - beside + (number < rest)
        user.user_permissions.add(_permission(f"{user.pk}_{number}_".ljust(letters, "x")))


def _permission(codename: str) -> Permission:
    kind = ContentType.objects.get(app_label="auth", model="user")
    assert len(codename) <= LONGEST
    return Permission.objects.create(content_type=kind, codename=codename, name="of a test")


def _unpadded(size: int) -> str:
    return base64.urlsafe_b64encode(b"." * size).decode().rstrip("=")


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)
