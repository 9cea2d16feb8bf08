"""A project with the people of `vectors/permissions.json`, and what its guards answer.

`python -m tests.proxies.people NAME…` makes the tables and the people, in the folder where it runs.
For each name in `exports` it writes that export, and asks Django's guards. It prints the questions
with the answers as JSON.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import django
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings

from tests.signing import token_of

VECTOR: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[2] / "vectors" / "permissions.json").read_text()
)
Question = dict[str, Any]
"""`name`, `token`, `required`, `expect`; `found` is the status and the code of Django's answer."""


def main(names: list[str]) -> None:
    django.setup()
    make_tables()
    with transaction.atomic():
        people = make_people()
    lose_rows(people)
    call_command("djwto_keys", "generate", stdout=StringIO())
    asked = {}
    for name in names:
        changed, questions, *words = exports(people)[name]
        with changed:
            call_command("djwto_export", "--output", f"{name}.json", *words, stdout=StringIO())
            asked[name] = [{**one, "found": _answer(one)} for one in questions]
    json.dump(asked, sys.stdout)


# --- the tables ---------------------------------------------------------------------------------


def make_tables() -> None:
    """Run Django's own migrations. The apps of `tests/projects` have none."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    model = get_user_model()
    for alias in settings.DATABASES:
        call_command("migrate", database=alias, verbosity=0)
    if model._meta.app_label == "auth":
        return
    schema = model._meta.db_table.rpartition('"."')[0]
    # Django looks for users there when it deletes one.
    beside = [found.related_model for found in model._meta.related_objects if found.one_to_one]
    with connection.schema_editor() as editor:
        if schema:
            editor.execute(f'CREATE SCHEMA "{schema}"')
        for one in (model, *beside):
            editor.create_model(one)
        if schema:
            # Django cannot write foreign keys to a column whose name has quotes.
            editor.deferred_sql.clear()


def make_people() -> dict[str, Any]:
    """Make them, with their groups and permissions. Gives the users by name."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group, Permission
    from django.contrib.contenttypes.models import ContentType

    def permission(app_label: str, name: str, codename: str) -> Any:
        kind, _ = ContentType.objects.get_or_create(app_label=app_label, model=name)
        values = {"content_type": kind, "codename": codename}
        return Permission.objects.get_or_create(**values, defaults={"name": "of a test"})[0]

    permissions = {name: permission(*row) for name, row in VECTOR["permissions"].items()}
    groups = {name: Group.objects.create(name=name) for name in VECTOR["groups"]}
    for name, members in VECTOR["groups"].items():
        groups[name].permissions.set([permissions[one] for one in members])
    model: Any = get_user_model()
    people = {}
    for name, entry in VECTOR["people"].items():
        flags = {flag: entry[flag] for flag in ("is_active", "is_superuser") if flag in entry}
        login_name = {model.USERNAME_FIELD: f"{name}@example.org"}
        people[name] = user = model(pk=key_of(name), **login_name, **flags)
        user.save(force_insert=True)
        own = [permissions[one] for one in entry.get("permissions", ())]
        kind = permissions["view_order"].content_type
        names = [f"{number}".ljust(100, "y") for number in range(entry.get("many", 0))]
        more = [Permission(content_type=kind, codename=one, name="of a test") for one in names]
        user.user_permissions.set([*own, *Permission.objects.bulk_create(more)])
        user.groups.set([groups[one] for one in entry.get("groups", ())])
        if entry.get("is_deleted"):
            people.pop(name).delete()
    return people


def lose_rows(people: dict[str, Any]) -> None:
    """Delete the rows that the vector names, and none of those that point to them."""
    from django.contrib.auth.models import Group, Permission
    from django.contrib.contenttypes.models import ContentType

    lost = VECTOR["lost"]
    codenames = [VECTOR["permissions"][name][2] for name in lost["permissions"]]
    users = [people.pop(name) for name in lost["people"]]
    with unchecked():
        for rows in (
            ContentType.objects.filter(app_label__in=lost["content_types"]),
            Permission.objects.filter(codename__in=codenames),
            Group.objects.filter(name__in=lost["groups"]),
            *(type(user).objects.filter(pk=user.pk) for user in users),
        ):
            assert rows._raw_delete(rows.db) == 1


@contextmanager
def unchecked() -> Iterator[None]:
    """Let rows point to what is gone, as after a restore of some tables."""
    from django.db import connection

    with connection.cursor() as cursor, connection.constraint_checks_disabled():
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
        yield
        if connection.vendor == "postgresql":
            cursor.execute("RESET session_replication_role")


def key_of(person: str) -> int | str:
    """Give the primary key of a person, as a token has it."""
    keys: dict[str, int | str] = of_model()["keys"]
    number = 1000 + list(VECTOR["people"]).index(person)
    others = {"people.Person": str(UUID(int=number)), "crm.ByCode": f"p{number}"}
    return keys.get(person, others.get(settings.AUTH_USER_MODEL, number))


def of_model() -> dict[str, Any]:
    found: dict[str, Any] = VECTOR["models"][settings.AUTH_USER_MODEL]
    return found


# --- the questions ------------------------------------------------------------------------------

INSUFFICIENT = "permissions_insufficient"
OMITTED: dict[str, Any] = {"perms": [], "perms_omitted": True}


def of_people(people: dict[str, Any]) -> Iterator[Question]:
    """Ask for each permission, and for all of a token that djwto itself has issued."""
    from djwto import tokens
    from djwto.test import login

    for name, entry in VECTOR["people"].items():
        has = VECTOR["asked"] if entry["has"] == "*" else entry["has"]
        omitted = signed({"id": key_of(name), **OMITTED})
        for one in VECTOR["asked"]:
            expect = "ok" if one in has else INSUFFICIENT
            yield question(f"{name}: {one}", omitted, [one], expect)
        if name in people and people[name].is_active:
            client = Client()
            login(client, people[name])
            token = client.defaults["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
            is_omitted = tokens.decode_token(token)["user"].get("perms_omitted", False)
            assert is_omitted == ("many" in entry)
            other = [one for one in VECTOR["asked"] if one not in has][:1]
            yield question(f"{name}: all", token, has or other, "ok" if has else INSUFFICIENT)
            if other:
                yield question(f"{name}: one too many", token, [*has, *other], INSUFFICIENT)


def of_tokens() -> Iterator[Question]:
    """Ask with the tokens of the vector."""
    for case in VECTOR["cases"]:
        claim = case["claim"] if "claim" in case else {"id": key_of("direct"), **case["user"]}
        yield question(case["name"], signed(claim), case["required"], case["expect"])


def of_keys() -> Iterator[Question]:
    """Ask with other spellings of keys, and with keys that no user has."""
    required = ["shop.view_order"]
    for person, key in of_model()["spellings"]:
        has = VECTOR["people"][person]["has"]
        expect = "ok" if has == "*" or required[0] in has else INSUFFICIENT
        yield question(f"{person} as {key!r}", signed({"id": key, **OMITTED}), required, expect)
    for key in of_model()["strangers"]:
        yield question(f"{key!r}", signed({"id": key, **OMITTED}), required, INSUFFICIENT)
        yield question(f"{key!r}, listed", signed({"id": key, "perms": required}), required, "ok")


def of_direct(has: str, lacks: str) -> Iterator[Question]:
    """Ask where the server does not know what Django says of one person."""
    for asked, expect in ((has, "ok"), (lacks, INSUFFICIENT)):
        for name, user in (("omitted", OMITTED), ("listed", {"perms": [has]})):
            token = signed({"id": key_of("direct"), **user})
            yield question(f"{name}: {asked}", token, [asked], expect)


def of_simplejwt(people: dict[str, Any]) -> Iterator[Question]:
    """Ask with a token of simplejwt, which Django takes."""
    from rest_framework_simplejwt.tokens import AccessToken

    token = str(AccessToken.for_user(people["direct"]))
    yield question("held", token, ["shop.view_order"], "ok")
    yield question("not held", token, ["shop.add_order"], INSUFFICIENT)


def exports(people: dict[str, Any]) -> dict[str, Any]:
    """Give each export: changes of the project, the questions, and words of the command."""
    from djwto import tokens

    every = chain(of_people(people), of_tokens(), of_keys())
    own_backend = override_settings(AUTHENTICATION_BACKENDS=["tests.exporting.Granting"])
    own_hook = mock.patch.object(tokens, "process_perms", return_value=["a.b"])
    one_secret = override_settings(
        DJWTO_ALGORITHM="HS256",
        DJWTO_SIGNING_KEY=settings.SECRET_KEY,
        **dict.fromkeys(["DJWTO_KEYS", "DJWTO_ISS_CLAIM", "DJWTO_SUB_CLAIM", "DJWTO_AUD_CLAIM"]),
    )
    return {
        "tables": (nullcontext(), every),
        "backend": (own_backend, of_direct("a.b", "shop.view_order")),
        "hook": (own_hook, of_direct("a.b", "shop.view_order")),
        "databases": (nullcontext(), of_direct("shop.view_order", "shop.add_order")),
        "simplejwt": (nullcontext(), of_simplejwt(people)),
        "one_secret": (one_secret, of_simplejwt(people), "--allow-shared-secret"),
    }


def signed(user: Any) -> str:
    """Sign an access token with this claim `user`."""
    return token_of(_key(), user=user, exp=int(time.time()) + 3600)


@cache
def _key() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(settings.DJWTO_KEYS).read_text())["keys"][0]
    return found


def question(name: str, token: str, required: list[str], expect: str) -> Question:
    return {"name": name, "token": token, "required": required, "expect": expect}


# --- the answers --------------------------------------------------------------------------------


def _answer(one: Question) -> list[Any]:
    headers = {"Authorization": f"Bearer {one['token']}"}
    request = RequestFactory(headers=headers).get("/")
    response = _view(tuple(one["required"]))(request)
    code = "ok" if response.status_code == 200 else json.loads(response.content)["code"]
    return [response.status_code, code]


@cache
def _view(required: tuple[str, ...]) -> Any:
    from djwto.authentication import jwt_login_required, jwt_perm_required

    return jwt_login_required(jwt_perm_required(required)(lambda _: HttpResponse()))


if __name__ == "__main__":
    main(sys.argv[1:])
