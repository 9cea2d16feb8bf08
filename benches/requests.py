"""Guarded requests through Django's own WSGI handler and middleware, without a socket."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import cycle, islice
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.middleware.csrf import _get_new_csrf_string
from django.test import Client, RequestFactory
from knox.models import AuthToken

from benches.timing import added, interleave, middle, ratio, table
from benches.tokens import access_token
from benches.views import Environ, Handler, Headers, environ_of
from djwto import sessions

ROUNDS = 60
REQUESTS = 40
"""Requests of one kind in one round."""
FRESH = (ROUNDS + 1) * REQUESTS
"""So many tokens that none comes twice."""
LOGINS = 100
"""Tokens that come back again and again, as those of a hundred users would."""
UNGUARDED = ("bare", "Django: method_decorator")
"""How the names of rows begin that let everyone in."""


@dataclass(frozen=True)
class Group:
    """Views that get the same requests: the bare one first, then those with a guard."""

    title: str
    logins: list[Headers]
    views: dict[str, str]
    """Name → path."""
    peer: str
    """The name of djwto's row, of this group or another, to compare with."""
    method: str = "GET"


def run() -> None:
    """Measure and print."""
    handler = Handler()
    groups = _groups()
    pools: dict[str, list[Environ]] = {}
    for group in groups:
        for name, path in group.views.items():
            pools[name] = [environ_of(group.method, path, headers) for headers in group.logins]
            check(handler, pools[name][0], guarded=not name.startswith(UNGUARDED))
    samples = interleave(dict.fromkeys(pools, partial(respond, handler)), batches(pools))
    for group in groups:
        base = samples[next(iter(group.views))]
        rows = [
            [
                name,
                middle(samples[name]),
                "" if samples[name] is base else added(samples[name], base),
                ratio(samples[name], base),
                ratio(samples[name], samples[group.peer]),
            ]
            for name in group.views
        ]
        table(group.title, ["µs a request", "guard adds", "vs bare", "vs djwto"], rows)


def person() -> Any:
    """Give the user who sends the requests; the parts of a run share a database."""
    call_command("migrate", verbosity=0)
    users = get_user_model().objects
    return users.filter(username="alice").first() or users.create_user("alice")


def _groups() -> list[Group]:
    user = person()
    bearers = [{"HTTP_AUTHORIZATION": f"Bearer {access_token()}"} for _ in range(LOGINS)]
    with_cookies = [cookies(user) for _ in range(LOGINS)]
    client = Client()
    client.force_login(user)
    session = {"HTTP_COOKIE": f"sessionid={client.cookies['sessionid'].value}"}
    first = [{"HTTP_AUTHORIZATION": f"Bearer {access_token()}"} for _ in range(FRESH)]
    payload = with_cookies[0]["HTTP_COOKIE"].partition("; ")[2]
    first_cookies = [
        {"HTTP_COOKIE": f"jwt_access_token={access_token()}; {payload}"} for _ in range(FRESH)
    ]
    knox = [{"HTTP_AUTHORIZATION": f"Token {AuthToken.objects.create(user)[1]}"}]
    return [
        Group(
            "A function, Bearer header (JSON mode), tokens at first sight",
            first,
            {"bare view, first": "/bare/", "djwto: jwt_login_required, first": "/djwto/"},
            "djwto: jwt_login_required, first",
        ),
        Group(
            "A function, cookies (TWO-COOKIES mode), tokens at first sight",
            first_cookies,
            {
                "bare view, first, cookies": "/bare/",
                "djwto: jwt_login_required, first, cookies": "/djwto/",
            },
            "djwto: jwt_login_required, first, cookies",
        ),
        Group(
            "A function, Bearer header (JSON mode), tokens that come again",
            bearers,
            {
                "bare view": "/bare/",
                "djwto: jwt_login_required": "/djwto/",
                "djwto: and jwt_perm_required": "/djwto_perms/",
                "PyJWT: a decorator written by hand": "/by_hand/",
            },
            "djwto: jwt_login_required",
        ),
        Group(
            "A class-based view, Bearer header",
            bearers,
            {
                "bare View": "/class_bare/",
                "djwto: method_decorator on get": "/class_djwto/",
                "Django: method_decorator on get, with nothing": "/class_nothing/",
            },
            "djwto: method_decorator on get",
        ),
        Group(
            "A function, cookies (TWO-COOKIES mode), tokens that come again",
            with_cookies,
            {
                "bare view, cookies": "/bare/",
                "djwto: jwt_login_required, cookies": "/djwto/",
                "djwto: and request.user read (1 query)": "/djwto_user/",
            },
            "djwto: jwt_login_required, cookies",
        ),
        Group(
            "The same, POST with the CSRF token",
            [login | _csrf_headers(login) for login in with_cookies],
            {"bare view, POST": "/bare/", "djwto: jwt_login_required, POST": "/djwto/"},
            "djwto: jwt_login_required, POST",
            "POST",
        ),
        Group(
            "A function, Django's session; beside djwto with cookies and request.user read",
            [session],
            {"bare view, session": "/bare/", "Django: login_required (2 queries)": "/session/"},
            "djwto: and request.user read (1 query)",
        ),
        Group(
            "An APIView of Django REST framework, Bearer header",
            bearers,
            {
                "bare APIView": "/rest_bare/",
                "djwto: JWTAuthentication and HasPerms": "/rest_class/",
                "djwto: jwt_login_required, APIView": "/rest_djwto/",
                "simplejwt: JWTStatelessUserAuthentication": "/rest_stateless/",
            },
            "djwto: JWTAuthentication and HasPerms",
        ),
        Group(
            "The same, and request.user read from the database",
            bearers,
            {
                "bare APIView": "/rest_bare/",
                "djwto: JWTAuthentication (1 query)": "/rest_class_user/",
                "djwto: request.user, APIView (1 query)": "/rest_djwto_user/",
                "simplejwt: JWTAuthentication (1 query)": "/rest_database/",
            },
            "djwto: JWTAuthentication (1 query)",
        ),
        Group(
            "An APIView, one opaque token, and request.user read",
            knox,
            {"bare APIView, knox": "/rest_bare/", "knox: TokenAuthentication": "/rest_knox/"},
            "djwto: request.user, APIView (1 query)",
        ),
    ]


def cookies(user: Any) -> Headers:
    """Make what a browser sends after a login in TWO-COOKIES mode, beyond the refresh path."""
    payload = sessions.login(RequestFactory().post("/login/"), user).cookies["jwt_access_payload"]
    pairs = {
        "jwt_access_token": access_token(),
        "jwt_access_payload": payload.value,
        "csrftoken": _get_new_csrf_string(),
    }
    return {"HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in pairs.items())}


def _csrf_headers(login: Headers) -> Headers:
    token = login["HTTP_COOKIE"].rpartition("csrftoken=")[2]
    return {"HTTP_X_CSRFTOKEN": token, "HTTP_ORIGIN": "https://localhost"}


def batches(pools: dict[str, list[Environ]]) -> Iterator[dict[str, list[Environ]]]:
    """For each round, fresh environs: Django writes into them."""
    endless = {name: cycle(pool) for name, pool in pools.items()}
    for _ in range(ROUNDS + 1):
        yield {
            name: [{**one, "wsgi.input": BytesIO()} for one in islice(pool, REQUESTS)]
            for name, pool in endless.items()
        }


def respond(handler: Handler, environ: Environ) -> None:
    """Answer a request, and read the reply as a server does."""
    response = handler(environ, _ignore)
    for _ in response:
        pass
    response.close()


def _ignore(status: str, headers: list[tuple[str, str]]) -> None:
    pass


def check(handler: Handler, environ: Environ, *, guarded: bool) -> None:
    """No time is worth a thing if the view does not answer, or the guard does not guard."""
    status = _status(handler, environ)
    if status != 200:
        raise SystemExit(f"{environ['PATH_INFO']} answered {status} to a good request")
    stranger = {key: value for key, value in environ.items() if key != "HTTP_AUTHORIZATION"}
    csrf_token = environ.get("HTTP_X_CSRFTOKEN", "")
    stranger["HTTP_COOKIE"] = f"csrftoken={csrf_token}"
    status = _status(handler, stranger)
    if (status == 200) is guarded:
        raise SystemExit(f"{environ['PATH_INFO']} answered {status} to a stranger")


def _status(handler: Handler, environ: Environ) -> int:
    seen: list[str] = []

    def record(status: str, headers: list[tuple[str, str]]) -> None:
        seen.append(status)

    handler({**environ, "wsgi.input": BytesIO()}, record).close()
    return int(seen[0].partition(" ")[0])
