"""Requests under `JWTMiddleware`, beside none and beside Django's sessions."""

from functools import partial

from django.test import Client, override_settings

from benches.requests import LOGINS, batches, cookies, person, respond
from benches.timing import added, interleave, middle, ratio, table
from benches.tokens import access_token
from benches.views import JWT_MIDDLEWARE, Handler, Headers, environ_of, handler_with

BARE = "no middleware for tokens"


def run() -> None:
    """Measure and print."""
    user = person()
    client = Client()
    client.force_login(user)
    bearers = [{"HTTP_AUTHORIZATION": f"Bearer {access_token()}"} for _ in range(LOGINS)]
    with_cookies = [cookies(user) for _ in range(LOGINS)]
    session = [{"HTTP_COOKIE": f"sessionid={client.cookies['sessionid'].value}"}]
    under, without = handler_with(JWT_MIDDLEWARE), handler_with()
    _compare(
        "A view that does not ask who the user is",
        {
            BARE: (without, "/bare/", bearers),
            "JWTMiddleware, Bearer header": (under, "/bare/", bearers),
            "JWTMiddleware, cookies": (under, "/bare/", with_cookies),
            "JWTMiddleware, no token": (under, "/bare/", [{}]),
        },
    )
    _compare(
        "A view that reads the user",
        {
            "Django's session (2 queries)": (without, "/user/", session),
            "JWTMiddleware, Bearer header (1 query)": (under, "/user/", bearers),
            "JWTMiddleware, cookies (1 query)": (under, "/user/", with_cookies),
        },
    )
    with override_settings(DJWTO_USER="token"):
        _compare(
            'A view that reads the user, DJWTO_USER = "token"',
            {
                "Django's session (2 queries)": (without, "/user/", session),
                "JWTMiddleware, Bearer header": (under, "/user/", bearers),
                "JWTMiddleware, cookies": (under, "/user/", with_cookies),
            },
        )


def _compare(title: str, rows: dict[str, tuple[Handler, str, list[Headers]]]) -> None:
    works = {name: partial(respond, handler) for name, (handler, _, _) in rows.items()}
    pools = {
        name: [environ_of("GET", path, one) for one in headers]
        for name, (_, path, headers) in rows.items()
    }
    samples = interleave(works, batches(pools))
    base = samples[next(iter(rows))]
    table(
        title,
        ["µs a request", "adds", "vs first"],
        [
            [name, middle(times), "" if times is base else added(times, base), ratio(times, base)]
            for name, times in samples.items()
        ],
    )
