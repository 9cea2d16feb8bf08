"""`return/`: a browser's session is renewed by a navigation, and it goes back to where it was.

`conformance/test_return.py` asks real servers, and `tests/served/browser/test_return.py` a browser.
"""

from collections.abc import Iterator
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from django.views.generic import TemplateView

import djwto.tokens
from djwto import conf, renewal, signals, tokens
from djwto.exceptions import JWTError
from djwto.models import Session
from tests.conftest import REFRESH, Visitor
from tests.test_renewal import claims, pass_by

RETURN = f"{REFRESH}/return/"
NAVIGATION = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
MODELS = "models.example.com"
NEXT = f"https://{MODELS}/runs/7?tab=log&page=2#last"


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.DJWTO_MODE = ("TWO-COOKIES", "JSON")
    settings.DJWTO_RETURN_HOSTS = [MODELS]
    settings.LOGIN_URL = "/enter/?from=guard"


@pytest.fixture
def browser(alice: Any) -> Visitor:
    """Alice in a browser."""
    visitor = Visitor("TWO-COOKIES")
    visitor.login()
    return visitor


@pytest.fixture
def renewed() -> Iterator[list[Any]]:
    """The arguments of every `jwt_access_refreshed`."""
    seen: list[Any] = []

    def receive(**kwargs: Any) -> None:
        seen.append(kwargs)

    signals.jwt_access_refreshed.connect(receive)
    yield seen
    signals.jwt_access_refreshed.disconnect(receive)


def navigate(
    client: Client, *nexts: str, headers: dict[str, str] = NAVIGATION, **extra: Any
) -> Any:
    """Open `return/` as a browser does that follows a redirect."""
    query = {"next": nexts} if nexts else {}
    return client.get(RETURN, query, headers=headers, secure=True, **extra)


def is_login(response: Any, *nexts: str) -> bool:
    """Whether this is the redirect to the login page, with `next` kept."""
    if response.status_code != 303 or "jwt_access_token" in _set(response):
        return False
    url = urlsplit(response["Location"])
    found = parse_qs(url.query)
    return url.path == "/enter/" and found == (
        {"from": ["guard"], "next": [*nexts]} if nexts else {"from": ["guard"]}
    )


def _set(response: Any) -> set[str]:
    return {name for name, one in response.cookies.items() if one.value}


# --- renewals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["ONE-COOKIE", "TWO-COOKIES", ("JSON", "TWO-COOKIES")])
def test_a_live_session_is_renewed_and_the_browser_goes_back(
    alice: Any, settings: Any, renewed: list[Any], mode: Any
) -> None:
    settings.DJWTO_MODE = mode
    cookie_mode = mode if isinstance(mode, str) else mode[1]
    visitor = Visitor(cookie_mode)
    visitor.login(mode=cookie_mode)
    access, refresh = visitor.token("access"), visitor.token("refresh")
    response = navigate(visitor.client, NEXT)
    assert (response.status_code, response["Location"]) == (303, NEXT)
    assert (response["Cache-Control"], response.content) == ("no-store", b"")
    # Rotated, as by `refresh_access/`: the times of the refresh token stay.
    assert visitor.token("access") != access
    old, new = claims(refresh), claims(visitor.token("refresh"))
    assert (new["gen"], new["exp"], new["iat"]) == (2, old["exp"], old["iat"])
    assert visitor.get("/guarded/function/").status_code == 200
    (told,) = renewed
    assert told["sender"] == "RefreshAccessView"
    assert told["access_claims"]["jti"] == claims(visitor.token("access"))["jti"]
    cookie = response.cookies["jwt_refresh"]
    assert (cookie["path"], cookie["secure"], cookie["httponly"]) == (REFRESH, True, True)


def test_it_needs_no_access_cookie_and_no_csrf_token(browser: Visitor) -> None:
    for name in list(browser.client.cookies):
        if name != "jwt_refresh":
            del browser.client.cookies[name]
    assert navigate(browser.client, NEXT)["Location"] == NEXT
    assert browser.get("/guarded/function/").status_code == 200


def test_it_does_what_refresh_access_does(browser: Visitor) -> None:
    def statements(send: Any) -> list[str]:
        with CaptureQueriesContext(connection) as found:
            assert send().status_code in (200, 303)
        return [query["sql"].split()[0] for query in found.captured_queries]

    navigate(browser.client, NEXT)
    by_script = statements(lambda: browser.refresh("refresh_access"))
    assert statements(lambda: navigate(browser.client, NEXT)) == by_script


def test_two_tabs_get_the_same_successor(browser: Visitor) -> None:
    old = browser.token("refresh")
    navigate(browser.client, NEXT)
    pair = browser.token("access"), browser.token("refresh")
    browser.client.cookies["jwt_refresh"] = old
    assert navigate(browser.client, NEXT)["Location"] == NEXT
    assert (browser.token("access"), browser.token("refresh")) == pair


def test_a_late_tab_goes_back_with_the_cookies_that_the_browser_has(browser: Visitor) -> None:
    old = browser.token("refresh")
    navigate(browser.client, NEXT)
    navigate(browser.client, NEXT)
    latest = browser.token("refresh")
    browser.client.cookies["jwt_refresh"] = old
    response = navigate(browser.client, NEXT)
    assert (response.status_code, response["Location"]) == (303, NEXT)
    assert not response.cookies
    browser.client.cookies["jwt_refresh"] = latest
    assert "jwt_access_token" in _set(navigate(browser.client, NEXT))


@pytest.mark.parametrize("script", ["", "/app"])
@pytest.mark.parametrize("public", ["", "/backend"])
def test_the_refresh_cookie_stays_on_its_path(
    alice: Any, settings: Any, public: str, script: str
) -> None:
    settings.DJWTO_PUBLIC_PATH = public
    visitor = Visitor("TWO-COOKIES")
    visitor.login()
    response = navigate(visitor.client, NEXT, SCRIPT_NAME=script)
    assert response.cookies["jwt_refresh"]["path"] == f"{public}{script}{REFRESH}"


def test_with_host_cookies_it_goes_back_to_its_own_host(alice: Any, settings: Any) -> None:
    settings.DJWTO_COOKIE_PREFIX = "__Host-"
    visitor = Visitor("TWO-COOKIES")
    visitor.login()
    response = navigate(visitor.client, "https://testserver/grafana/")
    assert response["Location"] == "https://testserver/grafana/"
    cookie = response.cookies["__Host-jwt_refresh"]
    assert (cookie.value != "", cookie["path"], cookie["domain"]) == (True, "/", "")


@pytest.mark.django_db(transaction=True)
async def test_over_asgi(django_user_model: Any) -> None:
    from djwto.test import alogin

    client = AsyncClient()
    await alogin(client, await django_user_model.objects.acreate_user("dora"))
    for name in ("sec-fetch-mode", "sec-fetch-dest"):
        client.defaults[f"HTTP_{name.upper().replace('-', '_')}"] = NAVIGATION[name]
    response = await client.get(RETURN, {"next": NEXT}, headers=NAVIGATION, secure=True)
    assert (response.status_code, response["Location"]) == (303, NEXT)
    assert "jwt_access_token" in _set(response)


# --- where to -----------------------------------------------------------------------------------

GOOD = [
    f"https://{MODELS}",
    f"https://{MODELS}/",
    f"https://{MODELS}:443/a",
    f"HTTPS://{MODELS.upper()}/A",
    f"https://{MODELS}/?q=a%20b&u=https://evil.example/#/@evil.example",
    f"https://{MODELS}?q",
    f"https://{MODELS}#@evil.example",
    f"https://{MODELS}//evil.example/",
    f"https://{MODELS}/%5C%5Cevil.example",
    f"https://{MODELS}/{'a' * 2000}",
    "https://testserver/",
    "https://testserver:443/admin/",
    "https://other.example.com:8443/",
    "https://[2001:db8::1]:8443/",
]
BAD = [
    "",
    " ",
    "/",
    "/admin/",
    "admin/",
    f"//{MODELS}/",
    "//evil.example/",
    "///evil.example/",
    "////evil.example/",
    f"http://{MODELS}/",
    f"wss://{MODELS}/",
    f"ftp://{MODELS}/",
    "javascript:alert(1)",
    f"javascript://{MODELS}/%0aalert(1)",
    f"data:text/html,https://{MODELS}/",
    "https:",
    "https://",
    f"https:{MODELS}/",
    f"https:/{MODELS}/",
    f"https:///{MODELS}/",
    "https:///evil.example/",
    "https://evil.example/",
    f"https://evil.example/https://{MODELS}/",
    f"https://{MODELS}.evil.example/",
    f"https://evil{MODELS}/",
    f"https://sub.{MODELS}/",
    "https://example.com/",
    f"https://{MODELS}./",
    # userinfo
    f"https://{MODELS}@evil.example/",
    f"https://{MODELS}:443@evil.example/",
    f"https://alice:pass@{MODELS}/",
    f"https://@{MODELS}/",
    f"https://evil.example@{MODELS}/",
    # backslashes, which browsers read as slashes
    f"https:\\\\{MODELS}/",
    f"https://evil.example\\@{MODELS}/",
    f"https://evil.example\\.{MODELS}/",
    f"https://{MODELS}\\@evil.example/",
    f"https://{MODELS}\\evil.example/",
    f"https://{MODELS}/a\\b",
    "\\\\evil.example/",
    "/\\evil.example/",
    # white space and control characters, which browsers drop
    f" https://{MODELS}/",
    f"https://{MODELS}/ ",
    f"\thttps://{MODELS}/",
    f"\x00https://{MODELS}/",
    f"\x1bhttps://{MODELS}/",
    f"ht\ntps://{MODELS}/",
    f"https://evil.example\t/.{MODELS}/",
    f"https://{MODELS}\n.evil.example/",
    f"https://{MODELS}/\r\nSet-Cookie: a=b",
    f"https://{MODELS}/\x00",
    f"https://{MODELS}/\x7f",
    f"https://{MODELS}/a b",
    "/\t/evil.example/",
    # other ports
    f"https://{MODELS}:8443/",
    f"https://{MODELS}:/",
    f"https://{MODELS}:80/",
    f"https://{MODELS}:0443/",
    f"https://{MODELS}:443:443/",
    f"https://{MODELS}:https/",
    "https://other.example.com/",
    "https://other.example.com:443/",
    "https://other.example.com:8443:443/",
    "https://testserver:8000/",
    # other spellings of a host
    "https://m\u00f6dels.example.com/",
    "https://xn--mdels-jua.example.com/",
    "https://models\u3002example\u3002com/",
    "https://\u2133odels.example.com/",
    # letters that are `s` and `k` where case is ignored
    f"http\u017f://{MODELS}/",
    "https://model\u017f.example.com/",
    f"https://{MODELS}/\u212a",
    "https://loo\u212a.example.com/",
    "https://models.example.com\uff0fevil.example/",
    "https://%6dodels.example.com/",
    "https://models%2eexample.com/",
    "https://[::1]/",
    "https://[2001:db8::1]/",
    "https://[2001:db8::1/",
    "https://[evil.example]/",
    f"https://{MODELS}/\u00e9",
    f"https://{MODELS}/\ud83d\udd12".encode("utf-16", "surrogatepass").decode("utf-16"),
    f"https://{MODELS}/{'a' * 2048}",
    f"https://{MODELS}/{'a' * 100_000}",
]


@pytest.fixture
def several(settings: Any) -> None:
    settings.DJWTO_RETURN_HOSTS = (
        MODELS,
        "OTHER.example.com:8443",
        "[2001:db8::1]:8443",
        "look.example.com",
    )


@pytest.mark.parametrize("url", GOOD)
@pytest.mark.usefixtures("db", "several")
def test_a_good_next(client: Client, url: str) -> None:
    assert is_login(navigate(client, url), url)


@pytest.mark.usefixtures("several")
def test_a_good_next_stands_in_the_reply_as_it_came(browser: Visitor) -> None:
    for url in GOOD:
        assert navigate(browser.client, url)["Location"] == url


@pytest.mark.parametrize("url", BAD, ids=lambda url: repr(url)[:60])
@pytest.mark.usefixtures("several")
def test_a_bad_next_is_400_and_renews_nothing(
    browser: Visitor, renewed: list[Any], url: str
) -> None:
    response = navigate(browser.client, url)
    assert (response.status_code, response.json()["code"]) == (400, "next_invalid")
    assert "Location" not in response
    assert not response.cookies
    assert not renewed


def test_two_next_are_400(browser: Visitor) -> None:
    for nexts in ((NEXT, NEXT), ("https://evil.example/", NEXT), (NEXT, "")):
        assert navigate(browser.client, *nexts).json()["code"] == "next_invalid"


@pytest.mark.parametrize("charset", ["utf-16", "utf-7", "cp1252"])
def test_no_charset_of_the_request_changes_next(browser: Visitor, charset: str) -> None:
    kind = f"text/plain; charset={charset}"
    assert navigate(browser.client, NEXT, CONTENT_TYPE=kind)["Location"] == NEXT
    # UTF-7 of a backslash
    bad = navigate(browser.client, f"https://{MODELS}/+AFw-", CONTENT_TYPE=kind)
    assert bad["Location"] == f"https://{MODELS}/+AFw-"


def test_a_query_with_too_many_fields_is_400(browser: Visitor) -> None:
    query = "&".join(["next=a", *(f"a{n}=1" for n in range(1001))])
    response = browser.client.get(f"{RETURN}?{query}", headers=NAVIGATION, secure=True)
    assert (response.status_code, response.json()["code"]) == (400, "next_invalid")


def test_by_default_only_its_own_host(browser: Visitor, settings: Any) -> None:
    del settings.DJWTO_RETURN_HOSTS
    assert navigate(browser.client, NEXT).json()["code"] == "next_invalid"
    own = "https://testserver/guarded/function/"
    assert navigate(browser.client, own)["Location"] == own


def test_its_own_host_has_its_port(browser: Visitor) -> None:
    port = {"HTTP_HOST": "testserver:8443"}
    own = "https://testserver:8443/"
    assert navigate(browser.client, own, **port)["Location"] == own
    other = navigate(browser.client, "https://testserver/", **port)
    assert other.json()["code"] == "next_invalid"


def test_a_host_that_django_does_not_serve_is_not_its_own(browser: Visitor, settings: Any) -> None:
    settings.MIDDLEWARE = []  # Django's own would refuse the request
    client = Client(HTTP_HOST="evil.example")
    client.cookies = browser.client.cookies
    assert navigate(client, "https://evil.example/").json()["code"] == "next_invalid"
    assert navigate(client, NEXT)["Location"] == NEXT


def test_without_next_it_goes_where_logins_go(browser: Visitor, settings: Any) -> None:
    settings.LOGIN_REDIRECT_URL = "jwks"
    assert navigate(browser.client)["Location"] == "/.well-known/jwks.json"
    assert is_login(navigate(Client()))


# --- without a session --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", ["missing", "empty", "broken", "expired", "ended", "inactive", "deleted", "access"]
)
def test_without_a_live_session_the_login_page_keeps_next(
    browser: Visitor, alice: Any, renewed: list[Any], settings: Any, change: str
) -> None:
    cookies = browser.client.cookies
    if change == "missing":
        del cookies["jwt_refresh"]
    elif change in ("empty", "broken"):
        cookies["jwt_refresh"] = "" if change == "empty" else "x.y.z"
    elif change == "expired":
        forged = {**claims(browser.token("refresh")), "exp": 1_000_000_000}
        cookies["jwt_refresh"] = tokens.encode_claims(forged)
    elif change == "ended":
        browser.refresh("logout")
    elif change == "inactive":
        type(alice).objects.filter(pk=alice.pk).update(is_active=False)
    elif change == "deleted":
        type(alice).objects.filter(pk=alice.pk)._raw_delete("default")
    else:
        cookies["jwt_refresh"] = browser.token("access")
    response = navigate(browser.client, NEXT)
    assert is_login(response, NEXT)
    assert response["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in response
    assert not renewed


def test_a_replay_ends_the_session(browser: Visitor) -> None:
    old = browser.token("refresh")
    navigate(browser.client, NEXT)
    pass_by(seconds=10)
    browser.client.cookies["jwt_refresh"] = old
    told: list[Any] = []

    def receive(**kwargs: Any) -> None:
        told.append(kwargs["sender"])

    signals.jwt_reuse_detected.connect(receive)
    try:
        assert is_login(navigate(browser.client, NEXT), NEXT)
    finally:
        signals.jwt_reuse_detected.disconnect(receive)
    assert told == ["RefreshAccessView"]
    assert Session.objects.get().revoked_reason == "reuse"


def test_a_doubled_cookie_is_cleared_on_the_way_to_the_login_page(
    browser: Visitor, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = [".example.com"]
    pair = f"jwt_refresh=a; jwt_refresh={browser.token('refresh')}"
    extra = {"HTTP_COOKIE": pair, "HTTP_HOST": "portal.example.com"}
    response = Client().get(RETURN, {"next": NEXT}, headers=NAVIGATION, secure=True, **extra)
    assert is_login(response, NEXT)
    lines = [morsel.OutputString() for morsel in response.cookies.values()]
    assert all("jwt_refresh=;" in line and "Max-Age=0" in line for line in lines)
    assert any("Domain=example.com" in line and f"Path={RETURN};" in line for line in lines)
    assert Session.live().exists()


def test_another_tenant_has_to_log_in(alice: Any, settings: Any) -> None:
    settings.ALLOWED_HOSTS = [".demo.localhost"]
    settings.DJWTO_TENANT = f"{__name__}.tenant"
    visitor = Visitor("TWO-COOKIES")
    visitor.client.defaults["HTTP_HOST"] = "a.demo.localhost"
    visitor.login()
    assert navigate(visitor.client, NEXT)["Location"] == NEXT
    visitor.client.defaults["HTTP_HOST"] = "b.demo.localhost"
    assert is_login(navigate(visitor.client, NEXT), NEXT)


def tenant(request: Any) -> str:
    return "" if request is None else str(request.get_host().partition(".")[0])


def test_a_project_without_cookies_sends_everyone_to_the_login_page(
    alice: Any, settings: Any
) -> None:
    settings.DJWTO_MODE = "JSON"
    program = Visitor("JSON")
    program.login()
    assert is_login(navigate(program.client, NEXT), NEXT)
    bearer = {"authorization": f"Bearer {program.token('refresh')}", **NAVIGATION}
    assert is_login(navigate(program.client, NEXT, headers=bearer), NEXT)


def test_a_bearer_token_is_not_renewed(alice: Any, renewed: list[Any]) -> None:
    program = Visitor("JSON")
    program.login(mode="JSON")
    bearer = {"authorization": f"Bearer {program.token('refresh')}", **NAVIGATION}
    assert is_login(navigate(program.client, NEXT, headers=bearer), NEXT)
    assert not renewed


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_hook_that_refuses_with_another_status_than_401_is_told(
    browser: Visitor, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    def refuse(_user: Any) -> Any:
        raise JWTError("Not today.", "not_today", status)

    monkeypatch.setattr(djwto.tokens, "process_user", refuse)
    response = navigate(browser.client, NEXT)
    if status == 401:
        assert is_login(response, NEXT)
    else:
        assert (response.status_code, response.json()["code"]) == (status, "not_today")


def test_a_store_that_is_down_is_503_and_no_redirect(
    browser: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_args: Any, **_kwargs: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(renewal, "_in_transaction", gone)
    response = navigate(browser.client, NEXT)
    assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
    assert not response.cookies


def test_a_login_url_that_is_no_url_is_500_with_the_reason_in_the_log(
    client: Client, db: None, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.LOGIN_URL = "no_such_name"
    response = navigate(client, NEXT)
    assert (response.status_code, response.json()["code"]) == (500, "processing_failed")
    assert "no_such_name" in caplog.text


def test_a_login_page_may_be_on_another_host(client: Client, db: None, settings: Any) -> None:
    settings.LOGIN_URL = "https://accounts.example.com/enter/"
    location = urlsplit(navigate(client, NEXT)["Location"])
    assert location.netloc == "accounts.example.com"
    assert parse_qs(location.query) == {"next": [NEXT]}


# --- who may ask --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-dest": "document"},
        {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
        {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {"sec-fetch-mode": "same-origin", "sec-fetch-dest": "empty"},
        {"sec-fetch-mode": "websocket"},
        {"sec-fetch-mode": "Navigate"},
        {"sec-fetch-mode": "navigate,navigate"},
        {**NAVIGATION, "sec-fetch-dest": "iframe"},
        {**NAVIGATION, "sec-fetch-dest": "frame"},
        {**NAVIGATION, "sec-fetch-dest": "embed"},
        {**NAVIGATION, "sec-fetch-dest": ""},
        {**NAVIGATION, "sec-purpose": "prefetch"},
        {**NAVIGATION, "sec-purpose": "prefetch;prerender"},
        {**NAVIGATION, "purpose": "prefetch"},
    ],
    ids=str,
)
def test_anything_but_a_navigation_of_a_window_is_403(
    browser: Visitor, renewed: list[Any], headers: dict[str, str]
) -> None:
    for nexts in ((NEXT,), (), ("https://evil.example/",)):
        response = navigate(browser.client, *nexts, headers=headers)
        assert (response.status_code, response.json()["code"]) == (403, "navigation_required")
        assert not response.cookies
    assert not renewed


@pytest.mark.parametrize("origin", ["none", "same-origin", "same-site", "cross-site"])
def test_a_link_on_any_page_may_lead_here(browser: Visitor, origin: str) -> None:
    headers = {**NAVIGATION, "sec-fetch-site": origin}
    assert navigate(browser.client, NEXT, headers=headers)["Location"] == NEXT
    # A client that sends the mode alone is no browser, and is let in.
    assert navigate(browser.client, NEXT, headers={"sec-fetch-mode": "navigate"}).cookies


@pytest.mark.parametrize("method", ["head", "post", "put", "delete"])
def test_another_method_is_405(browser: Visitor, renewed: list[Any], method: str) -> None:
    send = getattr(browser.client, method)
    response = send(f"{RETURN}?next={NEXT}", headers=NAVIGATION, secure=True)
    assert (response.status_code, response["Allow"]) == (405, "GET, OPTIONS")
    assert not renewed


def test_options_renews_nothing(browser: Visitor, renewed: list[Any]) -> None:
    response = browser.client.options(RETURN, headers=NAVIGATION, secure=True)
    assert (response.status_code, response["Allow"]) == (200, "GET, OPTIONS")
    assert not renewed


# --- checks -------------------------------------------------------------------------------------


def found(*ids: str) -> list[Any]:
    return [message for message in run_checks() if message.id in ids]


def test_hosts_may_be_a_tuple_with_ports(settings: Any) -> None:
    settings.DJWTO_RETURN_HOSTS = ("a.example.com", "b_c.example.com:1", "127.0.0.1:65535", "[::1]")
    assert conf.problems() == []
    settings.DJWTO_RETURN_HOSTS = [".example.com"]
    with pytest.raises(ImproperlyConfigured, match=r"DJWTO_RETURN_HOSTS: expected a list of hosts"):
        conf.engine()


@pytest.mark.parametrize(
    ("domain", "hosts", "wrong"),
    [
        ("example.com", [MODELS, "example.com", "A.B.EXAMPLE.COM:8443"], []),
        (".example.com", [MODELS], []),
        ("example.com", ["models.example.org", "badexample.com", MODELS], [0, 1]),
        ("app.example.com", [MODELS, "example.com", "a.app.example.com"], [0, 1]),
        (None, [MODELS], [0]),
        (None, ["testserver:8443", "localhost:9443"], []),
        (None, ["testserver.example.com", "testserver"], [0]),
        (None, [], []),
    ],
)
def test_a_host_that_gets_no_cookie_is_named(
    settings: Any, domain: str | None, hosts: list[str], wrong: list[int]
) -> None:
    settings.DJWTO_DOMAIN, settings.DJWTO_RETURN_HOSTS = domain, hosts
    messages = found("djwto.W056")
    assert len(messages) == len(wrong)
    for message, number in zip(messages, wrong, strict=True):
        assert f"browsers send no token to {hosts[number]}." in message.msg


def test_a_pattern_for_all_hosts_names_no_host(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert len(found("djwto.W056")) == 1
    settings.DEBUG, settings.ALLOWED_HOSTS = True, []
    settings.DJWTO_RETURN_HOSTS = ["app.localhost:8443", "[::1]:8443"]
    assert found("djwto.W056") == []


def test_without_cookies_no_host_gets_one(settings: Any) -> None:
    settings.DJWTO_MODE, settings.DJWTO_RETURN_HOSTS = "JSON", ["testserver"]
    (message,) = found("djwto.W056")
    assert "DJWTO_MODE has no cookies" in message.msg


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("/enter/", None),
        ("/page/", None),
        ("page", None),
        ("https://accounts.example.com/login/", None),
        ("/login/", "an endpoint of djwto"),
        ("login", "an endpoint of djwto"),
        ("no_such_name", "no URL has the name"),
        ("/accounts/login/", "there is no page at"),
    ],
)
def test_a_login_page_that_is_none_is_named(settings: Any, url: str, wrong: str | None) -> None:
    module = ModuleType("tests.urls_made")
    page = path("page/", TemplateView.as_view(template_name="page.html"), name="page")
    module.urlpatterns = [path("", include("djwto.urls")), page]  # type: ignore[attr-defined]
    settings.ROOT_URLCONF, settings.LOGIN_URL = module, url
    settings.DJWTO_DOMAIN = "example.com"
    messages = found("djwto.W056", "djwto.W057")
    assert [wrong in message.msg for message in messages] == ([True] if wrong else [])
    settings.DJWTO_RETURN_HOSTS = []
    assert found("djwto.W057") == []
