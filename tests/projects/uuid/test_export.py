"""`djwto_export` of users whose key is a UUID."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import connection

from djwto import tokens
from tests import exported as reader
from tests.exporting import exported


@pytest.mark.django_db
def test_a_user_is_found_by_the_key_in_the_token() -> None:
    person: Any = get_user_model().objects.create_user("a@example.com", password="pass")
    every = list(Permission.objects.order_by("pk")[:4])
    person.user_permissions.set(every[:2])
    group = Group.objects.create(name="a")
    group.permissions.set(every[1:])
    person.groups.add(group)
    found = exported()
    assert found["database"]["permissions"]["user"]["id_type"] == "uuid"
    key = tokens.process_user(person)["id"]
    assert key == str(person.pk)
    perms = {f"{one.content_type.app_label}.{one.codename}" for one in every}
    assert reader.permissions_of(found, connection, key) == perms
    get_user_model().objects.update(is_active=False)
    assert reader.permissions_of(found, connection, key) == set()
