"""Simplejwt's four URLs, with the names of its documentation: `path("api/", include(…))`."""

from django.urls import path

from djwto.contrib.simplejwt import views

__all__ = ["urlpatterns"]

urlpatterns = [
    path("token/", views.TokenObtainPairView.as_view(), name="token_obtain_pair"),
    path("token/refresh/", views.TokenRefreshView.as_view(), name="token_refresh"),
    path("token/verify/", views.TokenVerifyView.as_view(), name="token_verify"),
    path("token/blacklist/", views.TokenBlacklistView.as_view(), name="token_blacklist"),
]
