"""`TokenUser`: the user of a token, without a query."""

import copy
import pickle
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.http import HttpResponse
from django.template import Context, Template
from django.test import AsyncClient, Client
from django.test.utils import isolate_apps

from djwto import tokens
from djwto.test import alogin, login
from djwto.users import TokenUser
from tests.conftest import Visitor
from tests.test_jwt_middleware import AFTER, OURS


@pytest.fixture(autouse=True)
def project(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.open_views"
    settings.DJWTO_USER = "token"
    place = settings.MIDDLEWARE.index(AFTER) + 1
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:place], OURS, *settings.MIDDLEWARE[place:]]


def of(user: Any, **claims: Any) -> TokenUser:
    """What a login would put into the token."""
    return TokenUser({"user": {**tokens.process_user(user), **claims}})


GUARDED = ("function", "user_function", "dispatch", "async_function", "permission", "rest_dispatch")


@pytest.mark.parametrize("name", GUARDED)
def test_a_guarded_request_makes_no_query(
    visitor: Visitor, carol: Any, django_assert_num_queries: Any, name: str
) -> None:
    visitor.login("carol")
    with django_assert_num_queries(0):
        assert visitor.get(f"/guarded/{name}/").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/shown/", "/async_shown/", "/template/", "/permission/", "/with_permission/", "/rest/"],
)
def test_nor_does_an_open_one_under_the_middleware(
    carol: Any, django_assert_num_queries: Any, path: str
) -> None:
    client = Client()
    login(client, carol)
    with django_assert_num_queries(0):
        reply = client.get(path)
    assert (reply.status_code, b"carol" in reply.content) == (200, True)
    if path == "/template/":
        assert reply.content == b"carol may auth"


def test_the_key_has_the_models_type_and_equals_the_user(alice: Any, carol: Any) -> None:
    user = TokenUser({"user": {"id": str(alice.pk), "username": "alice"}})
    assert (user.pk, user.id, type(user.pk)) == (alice.pk, alice.pk, int)
    assert user == alice
    assert alice == user
    assert user == of(alice)
    assert hash(user) == hash(alice)
    assert {user: 1}[alice] == 1
    assert user != carol
    assert carol != user
    assert user != alice.pk
    assert user not in (None, "alice", object())


@pytest.mark.parametrize("key", ["abc", "", 2**70, 1.5, None, [1]])
def test_a_key_that_the_model_cannot_hold_stays_as_it_is(db: None, key: Any) -> None:
    user = TokenUser({"user": {"id": key}})
    assert user.pk == (1 if key == 1.5 else key)
    assert repr(user)
    assert key == 1.5 or user.get() is None


def test_it_is_a_user_and_no_member_of_staff(carol: Any) -> None:
    root = get_user_model().objects.create_superuser("root")
    for user in (of(carol), of(root)):
        assert (user.is_authenticated, user.is_anonymous, user.is_active) == (True, False, True)
        assert (user.is_staff, user.is_superuser) == (False, False)
    user = of(carol, email="carol@example.com")
    assert (user.get_username(), user.username, str(user)) == ("carol", "carol", "carol")
    assert user.email == "carol@example.com"
    with pytest.raises(AttributeError, match=r"first_name.*process_user"):
        user.first_name  # noqa: B018
    claim = of(carol, is_staff=True, is_superuser=True, is_active=False)
    assert (claim.is_staff, claim.is_superuser, claim.is_active) == (False, False, True)


def test_permissions_are_those_of_the_token(carol: Any, django_assert_num_queries: Any) -> None:
    user, all_of_them = of(carol), of(carol, perms=["*"])
    assert TokenUser({"user": {"id": 1}}).has_perms([])
    nothing, broken = of(carol, perms=[]), of(carol, perms="auth.view_user")
    both = ["auth.view_user", "auth.add_user"]
    with django_assert_num_queries(0):
        assert user.has_perm("auth.view_user")
        assert not user.has_perm("auth.delete_user")
        assert user.has_perms(both)
        assert not user.has_perms([*both, "auth.delete_user"])
        assert user.has_perms(iter(both))
        assert user.get_all_permissions() == set(both)
        assert user.has_module_perms("auth")
        assert not user.has_module_perms("aut")
        assert all_of_them.has_perms(["any.thing"])
        assert all_of_them.has_module_perms("anything")
        for one in (nothing, broken):
            assert not one.has_perm("auth.view_user")
            assert not one.has_module_perms("auth")
            assert one.get_all_permissions() == set()
        for one in (user, all_of_them):
            assert not one.has_perm("auth.view_user", carol)
            assert not one.has_perms(both, carol)
            assert one.get_all_permissions(carol) == set()
    with pytest.raises(ValueError, match="iterable"):
        user.has_perms("auth.view_user")


def test_omitted_permissions_are_asked_of_the_database_once(
    carol: Any, django_assert_num_queries: Any
) -> None:
    user = of(carol, perms=[], perms_omitted=True)
    with django_assert_num_queries(2):
        assert user.has_perm("auth.view_user")
        assert not user.has_perm("auth.delete_user")
        assert user.get_all_permissions() == {"auth.view_user", "auth.add_user"}
        assert user.has_module_perms("auth")
    carol.is_superuser = True
    carol.save()
    assert of(carol, perms=[], perms_omitted=True).has_perm("any.thing")
    carol.is_active = False
    carol.save()
    assert not of(carol, perms=[], perms_omitted=True).has_perm("auth.view_user")


def test_a_guard_asks_the_database_for_omitted_permissions_too(
    carol: Any, django_assert_num_queries: Any
) -> None:
    kind = ContentType.objects.get_for_model(User)
    carol.user_permissions.add(
        *(
            Permission.objects.create(content_type=kind, codename=f"a_long_name_{i:03}" * 3)
            for i in range(300)
        )
    )
    client = Client()
    login(client, carol)
    with django_assert_num_queries(2):
        assert client.get("/guarded/permission/").status_code == 200


@pytest.mark.parametrize(
    "name", ["save", "delete", "set_password", "check_password", "refresh_from_db", "asave"]
)
def test_what_needs_a_row_says_what_to_write(alice: Any, name: str) -> None:
    with pytest.raises(NotImplementedError, match=r"request\.user\.get\(\)"):
        getattr(of(alice), name)("new")


@pytest.mark.parametrize("name", ["groups", "logentry_set", "get_full_name", "email_user"])
def test_relations_and_methods_are_the_rows(alice: Any, name: str) -> None:
    with pytest.raises(AttributeError, match=rf"request\.user\.get\(\)\.{name}") as caught:
        getattr(of(alice), name)
    assert "process_user" not in str(caught.value)
    assert hasattr(of(alice).get(), name)


@pytest.mark.parametrize("name", ["_meta", "_state", "nickname", "first_name"])
def test_an_attribute_that_is_missing_is_told_in_one_reading(alice: Any, name: str) -> None:
    with pytest.raises(AttributeError, match=f"^A TokenUser has no .*'{name}': .*") as caught:
        getattr(of(alice), name)
    assert "request.user.get()" in str(caught.value)
    assert "<" not in str(caught.value)


@pytest.mark.parametrize("name", ["first_name", "get_full_name", "profile.phone"])
def test_a_template_shows_nothing_of_what_the_token_lacks(alice: Any, name: str) -> None:
    page = Template(f"[{{{{ user.{name} }}}}]").render(Context({"user": of(alice)}))
    assert page == "[]"
    assert not isinstance(of(alice), User)


def test_get_loads_the_row(alice: Any) -> None:
    user = of(alice)
    assert user.get() == alice
    assert type(user.get()) is User
    alice.is_active = False
    alice.save()
    assert user.get() is None
    alice.delete()
    assert of(User(pk=5, username="gone"), perms=[]).get() is None


@pytest.mark.django_db(transaction=True)
async def test_the_same_without_blocking_the_loop() -> None:
    dora = await get_user_model().objects.acreate_user("dora")
    user = TokenUser({"user": {"id": dora.pk, "perms": [], "perms_omitted": True}})
    assert await user.aget() == dora
    assert not await user.ahas_perm("auth.view_user")
    assert not await user.ahas_perms(["auth.view_user"])
    assert not await user.ahas_module_perms("auth")
    assert await user.aget_all_permissions() == set()
    client = AsyncClient()
    await alogin(client, dora)
    for path in ("/async_shown/", "/shown/"):
        assert (await client.get(path)).json()["user"] == "dora"
    assert (await client.get("/guarded/async_function/")).json()["id"] == dora.pk


def test_a_model_wants_the_row_or_the_key(alice: Any) -> None:
    user = of(alice)
    with pytest.raises(ValueError, match=r"request\.user\.get\(\).*_id and request\.user\.pk"):
        LogEntry(user=user)
    assert LogEntry(user_id=user.pk).user == alice


def test_filters_take_it(alice: Any, carol: Any) -> None:
    for one in (alice, carol):
        LogEntry.objects.create(user=one, action_flag=1)
    user = of(alice)
    assert [row.user for row in LogEntry.objects.filter(user=user)] == [alice]
    assert [row.user for row in LogEntry.objects.exclude(user=user)] == [carol]
    assert LogEntry.objects.filter(user__in=[user]).get().user == alice
    assert LogEntry.objects.filter(user_id=user).get().user == alice
    assert User.objects.get(logentry__user=user) == alice
    with pytest.raises(ValueError, match="Must be"):
        LogEntry.objects.filter(content_type=user)
    assert LogEntry.objects.filter(user=carol).update(user=user) == 1
    assert LogEntry.objects.filter(user=user).count() == 2


@pytest.mark.parametrize("lookup", ["exact", "in", "gt", "set"])
@pytest.mark.parametrize("path", ["username", "logentry__user__username", "pk", "email"])
def test_no_other_field_is_compared_with_it(alice: Any, path: str, lookup: str) -> None:
    """The key is the login name of another user here."""
    other = User.objects.create_user(str(alice.pk))
    LogEntry.objects.create(user=other, action_flag=1)
    user: Any = {"in": [of(alice)], "set": {of(alice)}}.get(lookup, of(alice))
    with pytest.raises(TypeError, match=r"request\.user\.(pk|get)"):
        list(User.objects.filter(**{f"{path}__{lookup.replace('set', 'in')}": user}))


def test_nor_does_one_store_it(alice: Any) -> None:
    user, entry = of(alice), LogEntry.objects.create(user=alice, action_flag=1)
    entry.object_repr = user
    for save in (
        lambda: LogEntry.objects.create(user=alice, action_flag=1, object_repr=user),
        lambda: LogEntry.objects.update(object_repr=user),
        lambda: LogEntry.objects.bulk_create([LogEntry(user=alice, object_repr=user)]),
        entry.save,
    ):
        with pytest.raises(TypeError, match=r"request\.user\.(pk|get)"):
            save()


@pytest.mark.parametrize("name", ["add", "remove", "set"])
def test_many_to_many_wants_the_row_or_the_key(alice: Any, name: str) -> None:
    group, user = Group.objects.create(name="all"), of(alice)
    with pytest.raises(TypeError, match=r"request\.user\.pk"), transaction.atomic():
        getattr(group.user_set, name)([user] if name == "set" else user)
    group.user_set.add(user.pk)
    assert Group.objects.get(user=user) == group


def test_a_part_of_a_text_is_compared_with_the_login_name(alice: Any) -> None:
    User.objects.create_user(str(alice.pk))
    for lookup in ("iexact", "contains", "startswith"):
        assert User.objects.get(**{f"username__{lookup}": of(alice)}) == alice
        assert not User.objects.filter(**{f"pk__{lookup}": of(alice)}).exists()


@pytest.fixture
def named_by(db: None) -> Any:
    """Models whose foreign keys are the login name, and whose users have a text as key."""
    with isolate_apps("django.contrib.auth"):

        class ByName(models.Model):  # noqa: DJ008
            user = models.ForeignKey(User, models.CASCADE, to_field="username")

            class Meta:
                app_label = "auth"
                db_table = "django_admin_log"
                managed = False

        class ByEmail(models.Model):  # noqa: DJ008
            user = models.ForeignKey(User, models.CASCADE, to_field="email")

            class Meta:
                app_label = "auth"
                managed = False

        class WithTextKey(models.Model):  # noqa: DJ008
            id = models.CharField(primary_key=True, max_length=9)

            class Meta:
                app_label = "auth"
                managed = False

        yield ByName, ByEmail, WithTextKey


def test_a_foreign_key_to_the_login_name_is_compared_with_that(named_by: Any, alice: Any) -> None:
    by_name, by_email, with_text_key = named_by
    for rows in (
        by_name.objects.filter(user=of(alice)),
        by_name.objects.filter(user__in=[of(alice)]),
    ):
        assert "alice" in str(rows.query)
    with pytest.raises(TypeError, match=r"request\.user\.pk"):
        by_email.objects.filter(user=of(alice))
    for lookup in ({"pk": of(alice)}, {"pk__in": {of(alice)}}, {"pk__in": [of(alice)]}):
        with pytest.raises(TypeError, match=r"request\.user\.pk"):
            str(with_text_key.objects.filter(**lookup).query)
    with pytest.raises(TypeError, match=r"request\.user\.pk"):
        with_text_key._meta.pk.get_prep_value(of(alice))  # as `add()` does


def test_it_is_text_in_templates_and_json(alice: Any) -> None:
    from django.core.serializers.json import DjangoJSONEncoder
    from django.template import engines
    from django.utils.html import format_html

    user = of(alice)
    assert (
        engines["django"].from_string("{{ u }} {{ u|upper }}").render({"u": user}) == "alice ALICE"
    )
    assert format_html("<b>{}</b>", user) == "<b>alice</b>"
    assert DjangoJSONEncoder().encode([user]) == '["alice"]'
    assert HttpResponse(user).content == b"alice"


def test_djangos_login_wants_the_row(alice: Any, rf: Any) -> None:
    from django.contrib.auth import login as django_login

    request = rf.get("/")
    request.session = Client().session
    with pytest.raises(NotImplementedError, match=r"request\.user\.get\(\)"):
        django_login(request, of(alice))
    assert not request.session.keys()


def test_it_may_be_copied(alice: Any) -> None:
    for twin in (
        copy.copy(of(alice)),
        copy.deepcopy(of(alice)),
        pickle.loads(pickle.dumps(of(alice))),
    ):
        assert (twin, twin.username) == (alice, "alice")


def test_rest_frameworks_throttle_counts_by_the_user(alice: Any, carol: Any, rf: Any) -> None:
    from rest_framework.throttling import UserRateThrottle

    throttle = UserRateThrottle()
    keys = []
    for user in (alice, of(alice), of(carol)):
        request = rf.get("/")
        request.user = user
        keys.append(throttle.get_cache_key(request, None))
    assert keys[0] == keys[1] != keys[2]


def test_the_admin_stays_closed(db: None) -> None:
    client = Client()
    login(client, get_user_model().objects.create_superuser("root"))
    assert client.get("/admin/").status_code == 302


def test_djangos_logout_ends_its_session(alice: Any) -> None:
    client = Client()
    login(client, alice)
    assert client.get("/log_out/").status_code == 200
    assert client.get("/shown/").json()["error"] == "token_blacklisted"
