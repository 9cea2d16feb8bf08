"""The endpoints: `path("", include("djwto.urls"))`."""

from django.urls import path

from djwto import conf, views

_refresh = str(conf.valid("REFRESH_COOKIE_PATH")).strip("/")

urlpatterns = [
    path("login/", views.GetTokensView.as_view(), name="login"),
    path(".well-known/jwks.json", views.JwksView.as_view(), name="jwks"),
    path("csrf/", views.CsrfTokenView.as_view(), name="csrf"),
    path(
        "validate_access/",
        views.ValidateTokensView.as_view(kind="access"),
        name="validate_access",
    ),
    path(
        f"{_refresh}/validate_refresh/",
        views.ValidateTokensView.as_view(kind="refresh"),
        name="validate_refresh",
    ),
    path(
        f"{_refresh}/refresh_access/",
        views.RefreshAccessView.as_view(),
        name="refresh_access",
    ),
    path(f"{_refresh}/logout/", views.BlackListTokenView.as_view(), name="logout"),
    path(f"{_refresh}/logout_all/", views.LogoutAllView.as_view(), name="logout_all"),
    path(f"{_refresh}/sessions/", views.SessionsView.as_view(), name="sessions"),
    path(f"{_refresh}/sessions/<uuid:pk>/", views.SessionView.as_view(), name="session"),
]

if conf.valid("ALLOW_REFRESH_UPDATE"):
    urlpatterns.append(
        path(
            f"{_refresh}/update_refresh/",
            views.UpdateRefreshView.as_view(),
            name="update_refresh",
        )
    )
