"""`docs/allauth.md`: a provider, a second factor, and no token before the last step."""

import base64
import hashlib
import hmac
import struct
import time
from collections.abc import Iterator

import pytest

from tests.served.recipes.oidc import SECRET, Provider, provider
from tests.served.recipes.project import Project, Visitor, served

TOTP = base64.b32encode(b"a secret of 20 bytes").decode()
TOKENS = {"jwt_refresh", "jwt_access_token", "jwt_access_payload"}
# Those with a second factor are several, as a code is good once for each. Bob and carol have none.
USERS = f"""
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.models import SocialAccount

for name in ("bob", "carol", "anna", "app"):
    User.objects.create_user(name, f"{{name}}@example.com", "pass")
for user in User.objects.all():
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    if user.username not in ("bob", "carol"):
        TOTP.activate(user, "{TOTP}")
        SocialAccount.objects.create(user=user, provider="company", uid=user.username)
"""
VIEW = """
from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from djwto.models import Session


@login_required
def whoami(request):
    own = Session.objects.filter(user_id=str(request.user.pk), revoked_at=None)
    return JsonResponse({"name": request.user.get_username(), "amr": [one.amr for one in own]})


urlpatterns += [path("", whoami)]
"""


@pytest.fixture(scope="module")
def company() -> Iterator[Provider]:
    with provider() as company:
        yield company


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, company: Provider) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("allauth")
    env = {"OIDC_SERVER": company.url, "OIDC_SECRET": SECRET}
    with served("allauth", folder, script=USERS, urls=VIEW, **env) as project:
        yield project


@pytest.fixture
def visitor(project: Project) -> Iterator[Visitor]:
    with project.visitor() as visitor:
        visitor.get("/csrf/")
        yield visitor


def code() -> str:
    """Compute the code of this half minute (RFC 6238)."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(base64.b32decode(TOTP), counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack_from('>I', digest, start)[0] & 0x7FFFFFFF) % 10**6:06}"


def tokens(visitor: Visitor) -> set[str]:
    return {cookie.name for cookie in visitor.cookies if cookie.name.startswith("jwt_")}


def log_in(visitor: Visitor, username: str) -> None:
    form = {"login": username, "password": "pass"}
    page = visitor.post("/accounts/login/", form)
    assert page.status_code == 200, page.text


def test_a_password_is_enough_where_there_is_no_second_factor(visitor: Visitor) -> None:
    log_in(visitor, "bob")
    assert tokens(visitor) == TOKENS
    del visitor.cookies["sessionid"]
    found = visitor.get("/").json()
    assert (found["name"], found["amr"][-1]) == ("bob", "pwd")


def test_a_script_of_a_page_gets_the_cookies_too(visitor: Visitor) -> None:
    visitor.headers["X-Requested-With"] = "XMLHttpRequest"
    log_in(visitor, "bob")
    assert tokens(visitor) == TOKENS


def test_the_second_factor_comes_before_the_tokens(visitor: Visitor) -> None:
    log_in(visitor, "alice")
    assert tokens(visitor) == set()
    wrong = visitor.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert wrong.status_code == 200
    assert tokens(visitor) == set()
    visitor.post("/accounts/2fa/authenticate/", {"code": code()})
    assert tokens(visitor) == TOKENS
    assert visitor.get("/").json() == {"name": "alice", "amr": ["pwd otp"]}


def test_djwtos_own_login_is_closed(visitor: Visitor) -> None:
    for username in ("alice", "bob"):
        form = {"username": username, "password": "pass", "mode": "JSON"}
        sent_on = visitor.post("/login/", form, allow_redirects=False)
        assert (sent_on.status_code, sent_on.headers["Location"]) == (302, "/accounts/login/")
    assert tokens(visitor) == set()


def test_a_provider_logs_a_new_user_in(visitor: Visitor, company: Provider) -> None:
    company.user = "dora"
    visitor.post("/accounts/oidc/company/login/")
    assert tokens(visitor) == TOKENS
    del visitor.cookies["sessionid"]
    assert visitor.get("/").json() == {"name": "dora", "amr": ["socialaccount"]}


def test_a_provider_is_no_way_around_the_second_factor(visitor: Visitor, company: Provider) -> None:
    company.user = "anna"
    visitor.post("/accounts/oidc/company/login/")
    assert tokens(visitor) == set()
    visitor.post("/accounts/2fa/authenticate/", {"code": code()})
    assert tokens(visitor) == TOKENS
    assert visitor.get("/").json() == {"name": "anna", "amr": ["socialaccount otp"]}


def test_allauths_logout_ends_both(visitor: Visitor) -> None:
    log_in(visitor, "bob")
    kept = visitor.cookies["jwt_access_token"]
    visitor.post("/accounts/logout/")
    assert tokens(visitor) == set()
    visitor.cookies.set("jwt_access_token", kept)
    assert visitor.post("/validate_access/").json()["code"] == "token_blacklisted"


def test_a_new_password_ends_the_sessions(project: Project, visitor: Visitor) -> None:
    log_in(visitor, "carol")
    with project.visitor() as elsewhere:
        elsewhere.get("/csrf/")
        log_in(elsewhere, "carol")
        new = {"oldpassword": "pass", "password1": "n3w pass!", "password2": "n3w pass!"}
        assert elsewhere.post("/accounts/password/change/", new).status_code == 200
    assert visitor.post("/validate_access/").status_code == 401


def test_an_app_gets_the_pair_after_the_last_step(visitor: Visitor) -> None:
    api = "/_allauth/app/v1/auth"
    first = visitor.post(f"{api}/login", json={"username": "app", "password": "pass"})
    assert first.status_code == 401
    assert "access_token" not in first.json()["meta"]
    session = {"X-Session-Token": first.json()["meta"]["session_token"]}
    last = visitor.post(f"{api}/2fa/authenticate", json={"code": code()}, headers=session)
    meta = last.json()["meta"]
    assert tokens(visitor) == set()
    visitor.carry(meta["access_token"])
    assert visitor.get("/").json() == {"name": "app", "amr": ["pwd otp"]}
    visitor.carry(meta["refresh_token"])
    renewed = visitor.post("/api/token/refresh/refresh_access/")
    assert "access" in renewed.json()
    # Later replies of the same login hold no new pair.
    visitor.carry(None)
    session = {"X-Session-Token": meta["session_token"]}
    again = visitor.get(f"{api}/session", headers=session)
    assert again.status_code == 200
    assert "access_token" not in again.json()["meta"]
