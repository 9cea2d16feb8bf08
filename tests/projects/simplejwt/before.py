"""The project before the move, with the real package: `python -m tests.projects.simplejwt.before`.

Simplejwt reads its settings once, at import, so each shape is a process. It logs users in, sends
`requests_of` to the package's own views, and prints what came back, with the users' rows.
"""

import json
import sys
from datetime import timedelta
from typing import Any

from tests.projects.simplejwt import settings as after
from tests.projects.simplejwt.shapes import SHAPES, WITH_BLACKLIST


def main(shape: str, keys: dict[str, str], given: dict[str, Any] | None = None) -> None:
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY=after.SECRET_KEY,
        ALLOWED_HOSTS=["testserver"],
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rest_framework",
            *(["rest_framework_simplejwt.token_blacklist"] if shape in WITH_BLACKLIST else []),
        ],
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        PASSWORD_HASHERS=after.PASSWORD_HASHERS,
        ROOT_URLCONF=__name__,
        REST_FRAMEWORK={
            "DEFAULT_AUTHENTICATION_CLASSES": [
                "rest_framework_simplejwt.authentication.JWTAuthentication",
            ],
        },
        SIMPLE_JWT={**SHAPES[shape], **keys},
    )
    django.setup()
    json.dump(_past(shape) if given is None else _again(given), sys.stdout)


def _past(shape: str) -> dict[str, Any]:
    from django.contrib.auth import get_user_model
    from django.core import serializers
    from django.core.management import call_command
    from django.test import Client
    from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

    from tests.projects.simplejwt.asked import requests_of, send

    call_command("migrate", verbosity=0)
    for name in ("alice", "bob", "eve", "gone", "1"):
        get_user_model().objects.create_user(name, password="pass")
    client = Client(raise_request_exception=False)
    tokens = {}
    for name in ("alice", "bob", "eve", "gone", "1"):
        form = {"username": name, "password": "pass"}
        tokens[name] = client.post("/api/token/", form).json()
    tokens["out"] = client.post("/api/token/", {"username": "bob", "password": "pass"}).json()
    client.post("/api/token/blacklist/", {"refresh": tokens["out"]["refresh"]})
    get_user_model().objects.filter(username="eve").update(is_active=False)
    get_user_model().objects.get(username="gone").delete()
    tokens.update(_made())
    # First the rows: the requests change them.
    rows = [*get_user_model().objects.all()]
    if shape in WITH_BLACKLIST:
        rows += [*OutstandingToken.objects.all(), *BlacklistedToken.objects.all()]
    fixture = serializers.serialize("json", rows)
    replies = {name: send(client, asked) for name, asked in requests_of(tokens).items()}
    return {"tokens": tokens, "rows": fixture, "replies": replies}


def _again(given: dict[str, Any]) -> dict[str, Any]:
    """Go back to the package: what it says of tokens that were made since, by their names."""
    from django.core import serializers
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)
    for row in serializers.deserialize("json", given["rows"]):
        row.save()
    client = Client()
    found = {}
    for name, pair in given["tokens"].items():
        me = client.get("/me/", HTTP_AUTHORIZATION=f"{given['scheme']} {pair['access']}")
        renewed = client.post("/api/token/refresh/", {"refresh": pair["refresh"]})
        found[name] = {"me": me.json(), "refresh": [renewed.status_code, renewed.json()]}
    return found


def _made() -> dict[str, Any]:
    """Tokens that are no good, each in its own way, by the package's own classes."""
    from django.contrib.auth import get_user_model
    from rest_framework_simplejwt.settings import api_settings
    from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, SlidingToken

    alice = get_user_model().objects.get(username="alice")

    def changed(kind: Any, change: Any) -> str:
        token = kind.for_user(alice)
        change(token)
        return str(token)

    def expire(token: Any) -> None:
        token.set_exp(lifetime=-timedelta(minutes=5))

    def without(name: str) -> Any:
        return lambda token: token.payload.pop(name)

    def with_user(value: Any) -> Any:
        return lambda token: token.payload.update({api_settings.USER_ID_CLAIM: value})

    found = {}
    for name, change in {
        "expired": expire,
        "untyped": without(api_settings.TOKEN_TYPE_CLAIM),
        "endless": without("exp"),
        "unnamed": without(api_settings.USER_ID_CLAIM),
        "of nobody": with_user("987654321"),
    }.items():
        found[name] = {
            "access": changed(AccessToken, change),
            "refresh": changed(RefreshToken, change),
        }
    found["without id"] = {"access": changed(AccessToken, without(api_settings.JTI_CLAIM))}
    found["sliding"] = {"access": str(SlidingToken.for_user(alice))}
    return found


def _urls() -> list[Any]:
    from django.urls import path
    from rest_framework_simplejwt import views

    from tests.projects.simplejwt.views import Me

    return [
        path("api/token/", views.TokenObtainPairView.as_view(), name="token_obtain_pair"),
        path("api/token/refresh/", views.TokenRefreshView.as_view(), name="token_refresh"),
        path("api/token/verify/", views.TokenVerifyView.as_view(), name="token_verify"),
        path("api/token/blacklist/", views.TokenBlacklistView.as_view(), name="token_blacklist"),
        path("me/", Me.as_view()),
    ]


class _Lazy(list[Any]):
    """The package's views can be imported once the settings are there."""

    def __iter__(self) -> Any:
        if not len(self):
            self.extend(_urls())
        return super().__iter__()

    def __reversed__(self) -> Any:
        iter(self)
        return super().__reversed__()


urlpatterns = _Lazy()

if __name__ == "__main__":
    main(sys.argv[1], *map(json.loads, sys.argv[2:]))
