"""`djwto_export` of user models with unusual names and fields."""

from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import override_settings

from djwto import export, export_tables
from tests import exported as reader
from tests.exporting import exported


def test_names_are_those_of_the_model() -> None:
    found = exported("--allow-shared-secret")["database"]["permissions"]
    assert found["user"] == {
        "table": ["crm", "accounts"],
        "id": "no",
        "id_type": "integer",
        "is_active": "enabled",
        "is_superuser": "root",
    }
    assert found["groups"] == {"table": "account_teams", "user": "account_id", "group": "group_id"}
    own = found["user_permissions"]
    assert (own["user"], own["permission"]) == ("account_id", "permission_id")
    account = apps.get_model("crm.Account")
    for relation, names in (("user_permissions", own), ("groups", found["groups"])):
        table = getattr(account, relation).through._meta.db_table
        assert reader.table(names, connection) == connection.ops.quote_name(table)


@pytest.mark.parametrize(
    ("name", "kind"), [("Account", "integer"), ("ByCode", "text"), ("ByBadge", "text")]
)
def test_the_type_of_the_key(name: str, kind: str) -> None:
    with override_settings(AUTH_USER_MODEL=f"crm.{name}"):
        found = export_tables.of_permissions()
        assert export_tables.obstacle() == ""
    assert found["user"]["id_type"] == kind
    assert found["user"]["id"] == {"Account": "no", "ByCode": "code", "ByBadge": "badge_id"}[name]


KEY = "has a primary key that is no number, UUID or text of Django's fields."
OBSTACLES = {
    "Deputy": "Deputy is a proxy of another model.",
    "Manager": "Manager has other permissions or groups than PermissionsMixin.",
    "Late": "Late.is_active is no BooleanField in the table of the model.",
    "Hidden": "Hidden.is_superuser is no BooleanField in the table of the model.",
    "Always": "Always.is_active is no BooleanField in the table of the model.",
    "Maybe": "Maybe.is_active is no BooleanField in the table of the model.",
    "Opposite": "Opposite.is_active is no BooleanField in the table of the model.",
    "Filtered": "Filtered has a manager or a key that may find users in another way.",
    "ByShortKey": f"ByShortKey {KEY}",
    "ByAmount": f"ByAmount {KEY}",
    "OwnGroups": "OwnGroups has other permissions or groups than PermissionsMixin.",
    "Bare": "Bare has its own get_all_permissions, or none.",
}


@pytest.mark.parametrize(("name", "sentence"), OBSTACLES.items())
def test_another_program_cannot_answer_for_these(name: str, sentence: str) -> None:
    with override_settings(AUTH_USER_MODEL=f"crm.{name}"):
        found: Any = export.document(allow_shared_secret=True)
    assert found["capabilities"]["permissions"] == sentence
    assert found["database"]["permissions"] is None
