"""The endpoints: `path("", include("djwto.urls"))`.

`urlpatterns` depend on `DJWTO_REFRESH_COOKIE_PATH` and `DJWTO_ALLOW_REFRESH_UPDATE`. They are made
again each time that a URL resolver of Django, or an import, asks for them. Importing this module
reads no setting.
"""

from typing import Any

from django.urls import URLPattern, path

# `models` comes first: it says what is wrong if djwto is not installed.
from djwto import conf, models, views  # noqa: F401

__all__ = ["urlpatterns"]
urlpatterns: list[URLPattern]


def __getattr__(name: str) -> Any:
    """Return `urlpatterns` (PEP 562)."""
    if name == "urlpatterns":
        return _patterns()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _patterns() -> list[URLPattern]:
    refresh = str(conf.valid("REFRESH_COOKIE_PATH")).strip("/")
    patterns = [
        path("login/", views.GetTokensView.as_view(), name="login"),
        path(".well-known/jwks.json", views.JwksView.as_view(), name="jwks"),
        path("csrf/", views.CsrfTokenView.as_view(), name="csrf"),
        path("session/", views.SessionView.as_view(), name="session"),
        path(
            "validate_access/",
            views.ValidateTokensView.as_view(kind="access"),
            name="validate_access",
        ),
        path(
            f"{refresh}/validate_refresh/",
            views.ValidateTokensView.as_view(kind="refresh"),
            name="validate_refresh",
        ),
        path(
            f"{refresh}/refresh_access/",
            views.RefreshAccessView.as_view(),
            name="refresh_access",
        ),
        path(f"{refresh}/return/", views.ReturnView.as_view(), name="return"),
        path(f"{refresh}/logout/", views.BlackListTokenView.as_view(), name="logout"),
        path(f"{refresh}/logout_all/", views.LogoutAllView.as_view(), name="logout_all"),
        path(f"{refresh}/sessions/", views.SessionsView.as_view(), name="sessions"),
        path(f"{refresh}/sessions/<uuid:pk>/", views.EndSessionView.as_view(), name="end_session"),
    ]
    if conf.valid("ALLOW_REFRESH_UPDATE"):
        patterns.append(
            path(
                f"{refresh}/update_refresh/",
                views.UpdateRefreshView.as_view(),
                name="update_refresh",
            )
        )
    return patterns
