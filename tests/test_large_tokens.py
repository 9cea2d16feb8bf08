"""Tokens that do not fit (contract §2): what is left out, who gets in, and what it costs."""

from typing import Any

import pytest
from django.contrib.auth.hashers import make_password

from djwto import tokens
from tests.conftest import Visitor
from tests.large import SPARE, make_person, room

VIEWS = ("permission", "async_permission")
RIGHTS = ["auth.add_user", "auth.view_user"]

ASKED = 2
"""Statements for permissions that were omitted: the user, and all permissions of the user."""


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("rights", "status"), [(RIGHTS, 200), ([], 403)])
@pytest.mark.parametrize(("size", "queries"), [("fits", 0), ("over", ASKED), ("many", ASKED)])
def test_permissions_decide_whether_or_not_they_fit(
    visitor: Visitor,
    db: None,
    django_assert_num_queries: Any,
    *,
    size: str,
    queries: int,
    rights: list[str],
    status: int,
    view: str,
) -> None:
    user = make_person("pete", rights, visitor.mode, size, make_password("pass"))
    assert visitor.login("pete").status_code == 200
    token = visitor.token("access")
    claim = tokens.decode_token(token)["user"]
    if size == "fits":
        assert 0 <= room(visitor.mode, token, visitor.token("refresh")) < SPARE[visitor.mode]
        assert claim["perms"] == sorted(user.get_all_permissions())
        assert "perms_omitted" not in claim
    else:
        assert (claim["perms"], claim["perms_omitted"]) == ([], True)

    with django_assert_num_queries(queries):
        answer = visitor.get(f"/guarded/{view}/")
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "permissions_insufficient"
    # Only a guard of permissions asks; a login's never does.
    with django_assert_num_queries(0):
        assert visitor.get("/guarded/function/").status_code == 200


@pytest.mark.parametrize("view", VIEWS)
def test_superuser_has_the_star_and_no_query(
    visitor: Visitor, db: None, django_assert_num_queries: Any, view: str
) -> None:
    user = make_person("pete", [], visitor.mode, "many", make_password("pass"))
    user.is_superuser = True
    user.save()
    visitor.login("pete")
    claim = tokens.decode_token(visitor.token("access"))["user"]
    assert claim["perms"] == ["*"]
    assert "perms_omitted" not in claim
    with django_assert_num_queries(0):
        assert visitor.get(f"/guarded/{view}/").status_code == 200

    # No longer one: from the next renewal on, the 300 permissions decide.
    user.is_superuser = False
    user.save()
    assert visitor.refresh("refresh_access").status_code == 200
    assert tokens.decode_token(visitor.token("access"))["user"]["perms_omitted"] is True
    with django_assert_num_queries(ASKED):
        assert visitor.get(f"/guarded/{view}/").status_code == 403


def test_renewal_counts_anew(visitor: Visitor, db: None) -> None:
    user = make_person("pete", RIGHTS, visitor.mode, "over", make_password("pass"))
    visitor.login("pete")
    user.user_permissions.remove(user.user_permissions.get(codename__startswith=f"{user.pk}_0_"))
    assert visitor.refresh("refresh_access").status_code == 200
    claim = tokens.decode_token(visitor.token("access"))["user"]
    assert "perms_omitted" not in claim
    assert set(RIGHTS) < set(claim["perms"])
    assert visitor.get("/guarded/permission/").status_code == 200


def test_what_was_omitted_is_asked_at_each_request(visitor: Visitor, db: None) -> None:
    user = make_person("pete", RIGHTS, visitor.mode, "many", make_password("pass"))
    visitor.login("pete")
    assert visitor.get("/guarded/permission/").status_code == 200
    user.user_permissions.remove(*user.user_permissions.filter(codename="view_user"))
    assert visitor.get("/guarded/permission/").status_code == 403
    type(user).objects.all().delete()
    assert visitor.get("/guarded/permission/").status_code == 401
