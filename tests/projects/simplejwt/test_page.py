"""What `docs/from-simplejwt.md` says of a project's own claims, the grace period, and paths.

Run with `pytest --ds=tests.projects.simplejwt.settings tests/projects/simplejwt`. The page's own
project is served by `tests/served/recipes/test_from_simplejwt.py`.
"""

import re
import time
from datetime import timedelta
from types import ModuleType
from typing import Any

import jwt
import pytest
import time_machine
from django.core.checks import run_checks
from django.test import Client
from django.urls import clear_url_caches, path, reverse

from djwto import conf, tokens
from djwto.models import REUSE, Session
from tests.projects.simplejwt.past import move_in
from tests.projects.simplejwt.test_moving import App, forged
from tests.test_docs import DOCS, blocks

pytestmark = pytest.mark.django_db
PAGE = DOCS / "from-simplejwt.md"
FORM = {"username": "alice", "password": "pass"}


@pytest.fixture
def moved(settings: Any) -> Any:
    return lambda shape="defaults": move_in(shape, settings)["tokens"]


def block(start: str) -> str:
    """Give the block of the page that begins so."""
    (found,) = [one.text for one in blocks(PAGE) if one.text.startswith(start)]
    return found


def claims_of(token: str) -> Any:
    return jwt.decode(token, options={"verify_signature": False})


# --- claims of the project ----------------------------------------------------------------------


@pytest.fixture
def own_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the `apps.py` of the page."""
    monkeypatch.setattr(tokens, "process_claims", tokens.process_claims)  # taken back at the end
    names: dict[str, Any] = {}
    exec(block("from django.apps import AppConfig"), names)
    names["MysiteConfig"].ready(None)


@pytest.mark.parametrize("shape", ["defaults", "rotated"])
def test_a_claim_stays_at_the_top_of_both_tokens(shape: str, moved: Any, own_claims: None) -> None:
    moved(shape)
    app = App(shape, Client().post("/api/token/", FORM).json())
    for _ in range(3):
        for token in app.pair.values():
            assert claims_of(token)["name"] == "alice"
            assert "name" not in claims_of(token)["user"]
        # Where a service and `request.auth` find it.
        assert app.get("/guarded/").json()["claims"]["name"] == "alice"
        assert app.refresh().status_code == 200


def test_a_renewal_copies_the_claim_and_does_not_ask_for_it(
    moved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`process_user` is asked each time, and its claims are inside `user`."""
    moved()
    calls = []

    def process_claims(user: Any, request: Any, type_: str = "refresh", *_: Any, **__: Any) -> Any:
        calls.append(type_)
        return {**claims(user, request, type_), "visit": len(calls)}

    def process_user(user: Any) -> Any:
        numbers.append(len(numbers))
        return {**users(user), "number": numbers[-1]}

    numbers: list[int] = []
    claims, users = tokens.process_claims, tokens.process_user
    monkeypatch.setattr(tokens, "process_claims", process_claims)
    monkeypatch.setattr(tokens, "process_user", process_user)
    app = App("defaults", Client().post("/api/token/", FORM).json())
    asked, visit = list(calls), claims_of(app.pair["access"])["visit"]
    seen = [claims_of(app.pair["access"])["user"]["number"]]
    for _ in range(2):
        app.refresh()
        assert claims_of(app.pair["access"])["visit"] == visit
        seen.append(claims_of(app.pair["access"])["user"]["number"])
    assert calls == asked
    assert len(set(seen)) == 3


def test_what_an_old_refresh_token_holds_besides_is_copied(moved: Any) -> None:
    """As a `get_token` of the project put it there."""
    moved()
    app = App("defaults", {"refresh": forged(token_type="refresh", name="alice", roles=["a"])})
    for _ in range(2):
        app.refresh()
        found = claims_of(app.pair["access"])
        assert (found["name"], found["roles"]) == ("alice", ["a"])
        assert app.get("/guarded/").json()["claims"]["name"] == "alice"


def own_names() -> list[str]:
    """Give the names that the page lists, with the defaults of the three that it names last."""
    listed = r"djwto writes these names itself, so use other names: (.*?)\n\n"
    said = re.search(listed, PAGE.read_text(), re.DOTALL)
    assert said is not None
    return [*re.findall(r"`([a-z_]+)`", said[1]), "user_id", "token_type"]


def test_the_names_to_leave_alone_are_all_that_tokens_hold(moved: Any, settings: Any) -> None:
    moved()
    for name in ("iss", "sub", "aud"):
        setattr(settings, f"DJWTO_{name.upper()}_CLAIM", name)
    settings.DJWTO_NBF_LIFETIME = timedelta(seconds=1)
    settings.DJWTO_TENANT = "tests.projects.simplejwt.after.tenant"
    pair = Client().post("/api/token/", FORM).json()
    held = {name for token in pair.values() for name in claims_of(token)}
    assert held == set(own_names())


# --- the grace period ---------------------------------------------------------------------------


def logged_in(moved: Any) -> App:
    """Log in anew: sessions that other tests ended stay known while a process lives."""
    moved("rotated")
    return App("rotated", Client().post("/api/token/", FORM).json())


def test_a_used_token_may_come_again_within_the_grace_period(moved: Any) -> None:
    app = logged_in(moved)
    first = dict(app.pair)
    app.refresh()
    second, started = dict(app.pair), time.time()
    assert App("rotated", first).refresh().status_code == 200
    with time_machine.travel(started + conf.valid("REFRESH_GRACE").total_seconds() + 1, tick=False):
        late = App("rotated", first).refresh()
        assert (late.status_code, late.json()["detail"]) == (401, "Token is blacklisted")
        # The session has ended, for the newest token too.
        assert App("rotated", second).refresh().status_code == 401
    assert Session.objects.get().revoked_reason == REUSE


def test_no_grace_period_logs_out_a_client_that_sends_a_token_twice(
    moved: Any, settings: Any
) -> None:
    value = re.search(r"`DJWTO_REFRESH_GRACE = (.+?)` there is no such time", PAGE.read_text())
    assert value is not None
    app = logged_in(moved)
    settings.DJWTO_REFRESH_GRACE = eval(value[1], {"timedelta": timedelta})
    assert [one.id for one in run_checks() if one.id.startswith("djwto.")] == []
    used = dict(app.pair)
    # A client that sends each token once goes on.
    for _ in range(3):
        used = dict(app.pair)
        assert app.refresh().status_code == 200
        assert app.get().json()["name"] == "alice"
    again = App("rotated", used).refresh()
    assert (again.status_code, again.json()["detail"]) == (401, "Token is blacklisted")
    assert app.refresh().status_code == 401
    assert app.get("/guarded/").json()["code"] == "token_blacklisted"
    assert Session.objects.get().revoked_reason == REUSE


# --- other paths --------------------------------------------------------------------------------


def test_views_at_other_paths(moved: Any, settings: Any) -> None:
    moved()
    module: Any = ModuleType("tests.urls_at_other_paths")
    names: dict[str, Any] = {"path": path, "urlpatterns": []}
    exec(block("from djwto.contrib.simplejwt import urls"), names)
    module.urlpatterns = names["urlpatterns"]
    settings.ROOT_URLCONF = module
    clear_url_caches()
    assert reverse("token_obtain_pair") == "/auth/login/"
    pair = Client().post("/auth/login/", FORM).json()
    assert list(pair) == ["refresh", "access"]
    assert list(Client().post("/auth/refresh/", pair).json()) == ["access"]
