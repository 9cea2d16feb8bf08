"""What the servers serve: the views, and under `/middleware/` the same with `JWTMiddleware`."""

import os
from collections.abc import Iterable

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benches.settings"
django.setup()

from benches.views import JWT_MIDDLEWARE, Environ, handler_with  # noqa: E402 (its models want the apps)

PREFIX = "/middleware"
bare, under = handler_with(), handler_with(JWT_MIDDLEWARE)


def application(environ: Environ, start_response) -> Iterable[bytes]:
    """Let one of the two answer."""
    path = environ["PATH_INFO"]
    environ["PATH_INFO"] = path.removeprefix(PREFIX)
    return (under if path.startswith(PREFIX) else bare)(environ, start_response)
