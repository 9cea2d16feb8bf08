"""djwto beside Django's own login and logout."""

from django.urls import include, path

urlpatterns = [
    path("", include("djwto.urls")),
    path("accounts/", include("django.contrib.auth.urls")),
]
