"""`DJWTO_TENANT`: no token, session, list, count or revocation of a tenant reaches another.

Here a tenant is a host, and both have the same table of users, so both have a user 1. What the
function answers to None is chosen by each test. `tests/served/tenants` has a table for each tenant.
"""

import json
import logging
from collections.abc import Callable
from copy import deepcopy
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.core.exceptions import DisallowedHost, ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.http import HttpRequest
from django.test import AsyncClient, Client, RequestFactory, override_settings
from rest_framework.test import APIClient, RequestsClient

from djwto import conf, sessions, tenant_apps, tenants, tokens
from djwto.contrib import django_tenants
from djwto.exceptions import JWTError, JWTValidationError
from djwto.models import JWTBlacklist, Session
from djwto.test import alogin, login
from tests.conftest import MODES, REFRESH, Visitor
from tests.logins import AsyncClientAt

A, B = "a.demo.localhost", "b.demo.localhost"
RENEWALS = ("refresh_access", "update_refresh")
present: list[str] = [""]
answers: list[Callable[[], Any]] = []


def tenant(request: HttpRequest | None) -> Any:
    if answers:
        return answers[0]()
    return present[0] if request is None else request.get_host().partition(".")[0].lower()


def by_header(request: HttpRequest) -> str:
    return request.headers["X-Tenant"]


async def late(_: Any) -> str:
    return "a"


class At(Visitor):
    """A client that uses one host."""

    def __init__(self, host: str, mode: str = "JSON", **kwargs: str) -> None:
        super().__init__(mode)
        self.host = host
        self.client.defaults |= {"HTTP_HOST": host, **kwargs}

    def headers(self, kind: str) -> dict[str, str]:
        headers = super().headers(kind)
        return {**headers, "referer": f"https://{self.host}/"} if self.csrf else headers

    def listed(self) -> list[str]:
        headers = self.headers("refresh")
        reply = self.client.get(f"{REFRESH}/sessions/", headers=headers, secure=True)
        return [one["id"] for one in reply.json()["sessions"]]

    def works(self) -> bool:
        reply = self.get("/guarded/function/")
        assert reply.status_code == 200 or reply.json()["code"] == "token_blacklisted"
        return bool(reply.status_code == 200)


@pytest.fixture(autouse=True)
def two_hosts(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ALLOWED_HOSTS = [".demo.localhost", "testserver"]
    settings.DJWTO_TENANT = f"{__name__}.tenant"
    monkeypatch.setitem(globals(), "present", [""])
    monkeypatch.setitem(globals(), "answers", [])


@pytest.fixture(params=MODES)
def both(request: pytest.FixtureRequest, settings: Any, alice: Any) -> tuple[At, At]:
    settings.DJWTO_MODE = request.param
    people = At(A, request.param), At(B, request.param)
    for one in people:
        assert one.login().status_code == 200
    return people


def exchanged(here: At, there: At) -> At:
    """The tokens of one tenant at the host of another."""
    thief = At(there.host, here.mode)
    thief.tokens, thief.csrf = here.tokens, here.csrf
    thief.client.cookies = deepcopy(here.client.cookies)
    return thief


def command(*words: str) -> str:
    out = StringIO()
    call_command("djwto_sessions", *words, stdout=out)
    return out.getvalue()


def test_both_tokens_name_the_tenant_at_login_and_at_renewals(both: tuple[At, At]) -> None:
    for name in (*RENEWALS, *RENEWALS):
        for one, its in zip(both, "ab", strict=True):
            for kind in ("access", "refresh"):
                assert tokens.decode_token(one.token(kind), kind, tenant=its)["tenant"] == its
            assert one.refresh(name).status_code == 200
            assert one.works()


def test_a_token_of_another_tenant_is_refused_from_the_cache_too(both: tuple[At, At]) -> None:
    for here, there in (both, both[::-1]):
        for _ in range(4):
            assert here.works()
            thief = exchanged(here, there)
            replies = [thief.get("/guarded/function/"), thief.get("/guarded/async_function/")]
            replies += [thief.refresh(name) for name in (*RENEWALS, "validate_refresh", "logout")]
            assert {reply.status_code for reply in replies} == {401}
            assert {reply.json()["code"] for reply in replies} == {"tenant_invalid"}
            # It clears the cookies of a browser, and ends nothing.
            assert exchanged(here, there).refresh("logout", "delete").status_code in (200, 204)
    assert Session.live().count() == 2


def test_a_token_without_a_tenant_is_refused_once_the_setting_is_on(alice: Any) -> None:
    one = At(A)
    with override_settings(DJWTO_TENANT=None):
        one.login()
        assert one.works()
        assert "tenant" not in tokens.decode_token(one.token("access"))
    assert one.get("/guarded/function/").json()["code"] == "tenant_invalid"
    assert one.refresh("refresh_access").json()["code"] == "tenant_invalid"


def test_the_session_of_a_tenant_ends_with_the_setting(alice: Any) -> None:
    one = At(A)
    one.login()
    with override_settings(DJWTO_TENANT=None):
        # Until it expires: without the setting, nothing asks for the claim.
        assert one.works()
        for name in RENEWALS:
            assert one.refresh(name).json()["code"] == "session_unknown"
        validated = one.post("/validate_access/", {"jwt_type": "access"})
        assert validated.status_code == 200 or validated.json()["code"] == "token_blacklisted"


def test_without_the_setting_the_claim_is_the_projects(
    alice: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJWTO_TENANT = None
    original = tokens.process_claims
    for claim in ("a", 7, {"id": 7}):
        mine = {"tenant": claim}
        monkeypatch.setattr(tokens, "process_claims", lambda *a, m=mine: original(*a) | m)
        one = At(A)
        assert one.login().status_code == 200
        for _ in range(2):
            assert one.refresh("refresh_access").status_code == 200
            assert tokens.decode_token(one.token("access"))["tenant"] == claim
    assert set(Session.objects.values_list("tenant", flat=True)) == {""}


def test_no_hook_forges_the_claim(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    original = tokens.process_claims
    monkeypatch.setattr(tokens, "process_claims", lambda *a: original(*a) | {"tenant": "b"})
    one = At(A)
    assert one.login().status_code == 200
    for _ in range(2):
        for kind in ("access", "refresh"):
            assert tokens.decode_token(one.token(kind), tenant="a")["tenant"] == "a"
        assert one.refresh("update_refresh").status_code == 200
    assert Session.objects.get().tenant == "a"


def test_the_functions_of_the_hooks_put_it_in(alice: Any) -> None:
    request = RequestFactory().get("/", headers={"host": A})
    for kind in ("refresh", "access"):
        claims = tokens.process_claims(alice, request, kind)
        assert claims["tenant"] == "a"
        assert tokens.decode_token(tokens.encode_claims(claims), kind, tenant="a") == claims
    access = tokens.get_access_claims_from_refresh(tokens.process_claims(alice, request))
    assert access["tenant"] == "a"


def test_a_token_is_decoded_for_the_present_tenant(alice: Any) -> None:
    one = At(A)
    one.login()
    token = one.token("access")
    present[0] = "a"
    assert tokens.decode_token(token, "access")["tenant"] == "a"
    for none in ("b", ""):
        present[0] = none
        with pytest.raises(JWTValidationError, match="Invalid tenant"):
            tokens.decode_token(token, "access")
    with pytest.raises(JWTValidationError, match="Invalid tenant"):
        tokens.decode_token(token, "access", tenant="")


def test_lists_and_ends_stay_in_the_tenant(both: tuple[At, At]) -> None:
    in_a, in_b = both
    second = At(A, in_a.mode)
    second.login()
    (of_b,) = in_b.listed()
    assert len(in_a.listed()) == 2
    assert of_b not in in_a.listed()
    foreign = in_a.client.delete(
        f"{REFRESH}/sessions/{of_b}/", headers=in_a.headers("refresh"), secure=True
    )
    assert foreign.json()["code"] == "session_not_found"
    fields = {} if in_a.mode == "JSON" else {"jwt_type": "refresh"}
    for others in ({"others": "1"}, {}):
        reply = in_a.client.post(
            f"{REFRESH}/logout_all/",
            fields | others,
            headers=in_a.headers("refresh"),
            secure=True,
        )
        assert reply.json()["ended"] == 1
    assert in_b.works()
    assert in_b.listed() == [of_b]


def test_the_cap_counts_the_sessions_of_the_tenant(settings: Any, alice: Any) -> None:
    settings.DJWTO_MAX_SESSIONS = 2
    in_a = [At(A) for _ in range(2)]
    in_b = [At(B) for _ in range(3)]
    for one in (*in_a, *in_b):
        one.login()
    assert [one.works() for one in in_a] == [True, True]
    assert sorted(one.works() for one in in_b) == [False, True, True]


def test_failed_logins_are_counted_by_tenant_and_networks_over_all(
    settings: Any, alice: Any
) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 3, "network_attempts": 10}
    in_a = [At(A).login(password="no").status_code for _ in range(4)]
    assert in_a == [401, 401, 401, 429]
    assert At(B).login().status_code == 200
    # Tenants do not multiply what a network may try.
    found = [At(f"c{n}.demo.localhost").login(password="no").status_code for n in range(9)]
    assert found.count(429) == 9 - 7
    assert At(B).login(password="no").status_code == 429
    assert At(B, REMOTE_ADDR="203.0.113.9").login().status_code == 200


@pytest.mark.parametrize("other", ["muller", "MÜLLER", "mu\u0308ller", "\uff4düller"])
def test_failed_logins_in_a_tenant_are_no_others_of_a_similar_name(
    other: str, settings: Any, alice: Any
) -> None:
    settings.DJWTO_LOGIN_THROTTLE = {"attempts": 3, "network_attempts": 100}
    answers.append(lambda: "müller")
    assert [At(A).login(password="no").status_code for _ in range(4)] == [401, 401, 401, 429]
    answers[0] = lambda: other
    assert At(A).login().status_code == 200


def test_a_network_is_known_to_one_tenant(alice: Any) -> None:
    At(A, REMOTE_ADDR="203.0.113.9").login()
    assert sessions.is_known("alice", "203.0.113.9", "a")
    assert not sessions.is_known("alice", "203.0.113.9", "b")
    assert not sessions.is_known("alice", "203.0.113.9")


@pytest.mark.parametrize("change", ["deactivate", "password", "delete"])
def test_a_changed_user_ends_the_sessions_of_the_present_tenant(
    both: tuple[At, At], alice: Any, change: str
) -> None:
    present[0] = "a"
    if change == "delete":
        alice.delete()
    elif change == "password":
        alice.set_password("another")
        alice.save()
    else:
        alice.is_active = False
        alice.save(update_fields=["is_active"])
    in_a, in_b = both
    assert not in_a.works()
    assert in_b.works()


def test_a_user_of_all_tenants_ends_everywhere(both: tuple[At, At], alice: Any) -> None:
    alice.is_active = False
    alice.save()
    assert [one.works() for one in both] == [False, False]


@pytest.mark.django_db(transaction=True)
def test_after_the_commit_another_tenant_is_left_alone(alice: Any) -> None:
    """`schema_context` inside `atomic`: at the commit the users are another tenant's."""
    from django.db import transaction

    in_a, in_b = At(A), At(B)
    for one in (in_a, in_b):
        one.login()
    with transaction.atomic():
        present[0] = "a"
        alice.set_password("another")
        alice.save()
        present[0] = "b"
    assert (in_a.works(), in_b.works()) == (False, True)


def test_a_project_ends_the_sessions_of_the_present_tenant(both: tuple[At, At], alice: Any) -> None:
    present[0] = "b"
    assert sessions.end_all(alice) == 1
    assert [one.works() for one in both] == [True, False]
    present[0] = ""
    assert sessions.end_all(alice) == 1


def test_admin_and_command_show_the_present_tenant(
    both: tuple[At, At], admin_client: Client, alice: Any
) -> None:
    both[0].refresh("logout")
    both[0].login()
    (in_a,), (in_b,) = both[0].listed(), both[1].listed()
    jti = JWTBlacklist.objects.get()
    assert jti.tenant == "a"
    for shown, seen in (("a", {in_a}), ("b", {in_b}), ("", {in_a, in_b}), ("c", set())):
        present[0] = shown
        page = admin_client.get("/admin/djwto/session/?state=live").content.decode()
        blacklist = admin_client.get("/admin/djwto/jwtblacklist/").content.decode()
        assert {key for key in (in_a, in_b) if key in page} == seen
        assert (jti.jti in blacklist) == (shown in ("a", ""))
        assert {one["id"] for one in json.loads(command("list", "--json"))} == seen
        assert {one["id"] for one in json.loads(command("list", "alice", "--json"))} == seen
    present[0] = "b"
    with pytest.raises(CommandError, match="no live session"):
        command("end", in_a)
    assert command("end", "--everyone", "--no-input") == "Sessions ended: 1.\n"
    assert [one.works() for one in both] == [True, False]
    present[0] = "a"
    assert command("end", in_a) == "Sessions ended: 1.\n"


FAULTS = [1 / 3, b"a", "", None, "a\0", "a" * 256, "\ud800"]


@pytest.mark.parametrize("found", FAULTS, ids=ascii)
def test_an_answer_that_is_no_tenant_is_500_and_lets_nothing_in(
    alice: Any, caplog: pytest.LogCaptureFixture, found: Any
) -> None:
    one = At(A)
    one.login()
    answers.append(lambda: found)
    _refused_everywhere(one, 500, "processing_failed")
    assert "DJWTO_TENANT: expected a function that returns a string" in caplog.text


@pytest.mark.parametrize("error", [ValueError, KeyError, ImproperlyConfigured, RecursionError])
def test_a_function_that_raises_is_500_and_lets_nothing_in(
    alice: Any, caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    one = At(A)
    one.login()
    answers.append(lambda: raise_(error("no such tenant")))
    _refused_everywhere(one, 500, "processing_failed")
    assert "no such tenant" in caplog.text


def test_a_store_that_is_down_is_503(alice: Any) -> None:
    one = At(A)
    one.login()
    answers.append(lambda: raise_(OperationalError("gone")))
    _refused_everywhere(one, 503, "store_unavailable")


def test_what_it_refuses_on_purpose_becomes_that_refusal(alice: Any) -> None:
    one = At(A)
    one.login()
    answers.append(lambda: raise_(JWTError("No such tenant.", "tenant_unknown", status=404)))
    _refused_everywhere(one, 404, "tenant_unknown")


def test_a_host_that_django_does_not_serve_is_no_fault_of_the_server(
    alice: Any, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    # `CommonMiddleware` would refuse it before.
    settings.MIDDLEWARE = []
    one = At(A)
    one.login()
    one.client.defaults["HTTP_HOST"] = "evil.example"
    caplog.set_level(logging.ERROR)
    replies = [one.get("/guarded/function/"), one.get("/guarded/async_function/"), one.login()]
    assert {reply.json()["code"] for reply in replies} == {"tenant_invalid"}
    assert {reply.status_code for reply in replies} == {401}
    assert not caplog.records
    with pytest.raises(DisallowedHost):
        tenant(RequestFactory().get("/", headers={"host": "evil.example"}))


def _refused_everywhere(one: At, status: int, code: str) -> None:
    replies = [one.get("/guarded/function/"), one.get("/guarded/async_function/"), one.login()]
    replies.append(one.post("/validate_access/", {"jwt_type": "access"}))
    replies += [one.refresh(name) for name in RENEWALS]
    replies += [one.refresh("logout", method) for method in ("post", "delete")]
    assert [(reply.status_code, reply.json()["code"]) for reply in replies] == [
        (status, code)
    ] * len(replies)
    assert Session.live().count() == 1


@pytest.mark.parametrize("path", ["/shown/", "/async_shown/"])
def test_under_the_middleware_a_token_is_its_tenants_alone(
    alice: Any, settings: Any, path: str
) -> None:
    settings.ROOT_URLCONF = "tests.open_views"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "djwto.middleware.JWTMiddleware"]
    one = At(A)
    one.login()
    assert one.get(path).json()["user"] == "alice"
    thief = exchanged(one, At(B)).get(path).json()
    assert (thief["user"], thief["error"]) == ("", "tenant_invalid")
    answers.append(lambda: raise_(ValueError()))
    nobody = one.get(path).json()
    assert (nobody["user"], nobody["error"]) == ("", "processing_failed")


async def test_the_async_middleware_asks_in_a_thread(
    transactional_db: None, django_user_model: Any, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.open_views"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "djwto.middleware.JWTMiddleware"]
    user = await django_user_model.objects.acreate_user("alice", password="pass")
    answers.append(lambda: "a" if django_user_model.objects.filter(pk=user.pk).exists() else "")
    client = AsyncClient()
    await alogin(client, user)
    for _ in range(3):
        assert (await client.get("/async_shown/", secure=True)).json()["user"] == "alice"


async def test_an_async_guard_asks_in_a_thread(
    transactional_db: None, django_user_model: Any
) -> None:
    """The function may ask a database, as `sites` does."""
    user = await django_user_model.objects.acreate_user("alice", password="pass")

    def asks() -> str:
        return "a" if django_user_model.objects.filter(pk=user.pk).exists() else ""

    answers.append(asks)
    client = AsyncClient()
    reply = await client.post("/login/", {"username": "alice", "password": "pass"}, secure=True)
    header = {"authorization": f"Bearer {reply.json()['access']}"}
    for _ in range(3):
        seen = await client.get("/guarded/async_function/", headers=header, secure=True)
        assert seen.json() == {"msg": "worked!", "id": user.pk}


@pytest.mark.parametrize(
    "path", ["", "tenant", "no.such.module.tenant", f"{__name__}.nothing", f"{__name__}.late", 7]
)
def test_a_wrong_setting_is_named(settings: Any, path: Any) -> None:
    settings.DJWTO_TENANT = path
    assert "djwto.E065" in {message.id for message in run_checks()}
    with pytest.raises(ImproperlyConfigured, match="DJWTO_TENANT: expected the dotted path"):
        conf.engine()


def test_outside_of_requests_it_raises_what_the_function_raises(alice: Any, settings: Any) -> None:
    answers.append(lambda: raise_(KeyError("tenant")))
    with pytest.raises(KeyError):
        tenants.present()
    answers[0] = lambda: 7
    with pytest.raises(ImproperlyConfigured, match="DJWTO_TENANT"):
        tenants.present()
    settings.DJWTO_TENANT = None
    assert tenants.present() == ""


def raise_(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize("listed", ["djwto", "djwto.apps.DjwtoConfig"])
def test_which_apps_each_tenant_has(settings: Any, listed: str) -> None:
    app = apps.get_app_config("djwto")
    assert (tenant_apps.is_shared(app), tenant_apps.has(app)) == (False, False)
    settings.SHARED_APPS, settings.TENANT_APPS = [listed], ["django.contrib.auth"]
    assert (tenant_apps.is_shared(app), tenant_apps.has(app)) == (True, False)
    # Tenants of several types each have a list; the list of the public schema is the shared one.
    settings.HAS_MULTI_TYPE_TENANTS, settings.PUBLIC_SCHEMA_NAME = True, "main"
    settings.TENANT_TYPES = {
        "main": {"APPS": ["django.contrib.auth"]},
        "one": {"APPS": []},
        "two": {"APPS": [listed]},
    }
    assert (tenant_apps.is_shared(app), tenant_apps.has(app)) == (False, True)


def test_shared_users_have_no_tenant_outside_of_requests(settings: Any) -> None:
    settings.TENANT_APPS = ["django.contrib.messages"]
    assert django_tenants.schema(None) == ""
    settings.TENANT_APPS = ["django.contrib.auth"]
    assert django_tenants.has_users_per_tenant()


class TenantClient(Client):
    """Chooses its host as the client of django-tenants does."""

    def generic(self, *args: Any, **kwargs: Any) -> Any:
        return super().generic(*args, **{"HTTP_HOST": A, **kwargs})


@pytest.mark.parametrize(
    ("client", "tenant"),
    [
        (Client(), "testserver"),
        (Client(headers={"host": A}), "a"),
        (Client(HTTP_HOST=A, SERVER_NAME=B), "a"),
        (Client(SERVER_NAME=A), "a"),
        (TenantClient(), "a"),
        (APIClient(HTTP_HOST=A), "a"),
        (APIClient(SERVER_NAME=A), "a"),
    ],
)
def test_the_test_login_is_for_the_tenant_of_the_client(
    alice: Any, client: Any, tenant: str
) -> None:
    login(client, alice)
    assert Session.objects.get().tenant == tenant
    assert client.get("/guarded/function/", secure=True).status_code == 200


@pytest.mark.parametrize(
    ("client", "tenant"),
    [
        (AsyncClient(), "testserver"),
        # Django's client has no way to another host: this header arrives as `http-host`.
        (AsyncClient(headers={"host": A}), "testserver"),
        (AsyncClientAt(A), "a"),
    ],
)
async def test_the_async_test_login_is_for_the_tenant_of_the_client(
    transactional_db: None, django_user_model: Any, client: Any, tenant: str
) -> None:
    await alogin(client, await django_user_model.objects.acreate_user("alice"))
    assert (await Session.objects.aget()).tenant == tenant
    reply = await client.get("/guarded/async_function/", secure=True)
    assert reply.status_code == 200


def test_the_test_login_is_for_the_tenant_of_credentials_and_sessions(alice: Any) -> None:
    client = APIClient()
    client.credentials(HTTP_HOST=A)
    session = RequestsClient()
    session.headers["Host"] = A
    for one in (client, session):
        login(one, alice)
        assert one.get("http://testserver/guarded/function/").status_code == 200
    assert [one.tenant for one in Session.objects.all()] == ["a", "a"]


@pytest.mark.parametrize("client", [Client(HTTP_X_TENANT="a"), AsyncClient(**{"x-tenant": "a"})])
def test_the_test_login_sends_the_headers_of_the_client(
    client: Any, alice: Any, settings: Any
) -> None:
    settings.DJWTO_TENANT = f"{__name__}.by_header"
    login(client, alice)
    assert Session.objects.get().tenant == "a"
