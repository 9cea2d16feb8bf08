"""`TokenUser` where the key is a UUID and the name an email."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from djwto import tokens
from djwto.test import login
from djwto.users import TokenUser

EMAIL = "ådne@example.com"


@pytest.fixture
def person(db: None) -> Any:
    return get_user_model().objects.create_user(EMAIL, password="pass")


def test_it_is_the_user_of_that_key(person: Any) -> None:
    user = TokenUser({"user": tokens.process_user(person)})
    assert (user.pk, type(user.pk), hash(user)) == (person.pk, type(person.pk), hash(person))
    assert user == person
    assert person == user
    assert (user.get_username(), user.email, str(user)) == (EMAIL, EMAIL, EMAIL)
    assert user.get() == person
    assert get_user_model().objects.get(pk=user.pk) == person
    with pytest.raises(TypeError, match=r"request\.user\.pk"):
        get_user_model().objects.filter(pk=user)


def test_the_middleware_needs_no_session_of_django(
    person: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    """The two queries are the savepoint of `ATOMIC_REQUESTS`."""
    settings.DJWTO_USER = "token"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "djwto.middleware.JWTMiddleware"]
    client = Client()
    assert client.get("/guarded/user_function/").status_code == 401
    login(client, person)
    with django_assert_num_queries(2):
        assert client.get("/guarded/user_function/").json() == {"name": EMAIL}


@pytest.mark.parametrize("key", ["1", "abc", ""])
def test_a_key_of_another_service_stays_as_it_is(db: None, key: str) -> None:
    user = TokenUser({"user": {"id": key}})
    assert (user.pk, user.get()) == (key, None)
