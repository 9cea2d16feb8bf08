"""The permissions of a user: what Django's backends say, whichever they are."""

from typing import Any

import pytest
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.models import Group, Permission
from django.test import override_settings

from djwto import permissions, tokens

MODELS = "django.contrib.auth.backends.ModelBackend"


class Silent:
    """A backend of another kind, which knows no permissions."""

    def authenticate(self, _request: Any, **_: Any) -> None:
        return None


class SilentBase(BaseBackend):
    """One that inherits what it has to say, which is nothing."""


class Plain(ModelBackend):
    """As many packages have it: another way to log in, and Django's permissions."""


class Granting(BaseBackend):
    """A backend with other permissions."""

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return {"own.granted"}


class Narrowing(ModelBackend):
    """One that takes some away."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return {name for name in super().get_all_permissions(user_obj, obj) if "add" in name}


NAMES = [f"{__name__}.{one.__name__}" for one in (Silent, SilentBase, Plain, Granting, Narrowing)]


@pytest.fixture
def member(carol: Any) -> Any:
    """A user with permissions of their own and of two groups, one of them twice."""
    every = list(Permission.objects.order_by("pk")[:5])
    carol.user_permissions.set(every[:3])
    for name, own in (("a", every[2:4]), ("b", every[4:])):
        group = Group.objects.create(name=name)
        group.permissions.set(own)
        carol.groups.add(group)
    return type(carol).objects.get(pk=carol.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("others", "queries"),
    [((), 1), (NAMES[:1], 1), (NAMES[:2], 1), (NAMES[:3], 1), (NAMES[3:4], 2), (NAMES[4:], 2)],
)
def test_they_are_what_django_says_by_one_statement_where_that_will_do(
    member: Any, django_assert_num_queries: Any, others: Any, queries: int
) -> None:
    with override_settings(AUTHENTICATION_BACKENDS=[MODELS, *others]):
        with django_assert_num_queries(queries):
            found = tokens.process_perms(member)
        assert found == sorted(type(member).objects.get(pk=member.pk).get_all_permissions())
        member.is_active = False
        assert set(permissions.of(member)) <= {"own.granted"}


@pytest.mark.django_db
def test_a_model_that_answers_by_itself_is_asked(
    member: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(member), "get_all_permissions", lambda _user: {"b.c", "a.b"})
    assert tokens.process_perms(member) == ["a.b", "b.c"]
