"""djwto under a prefix."""

from django.urls import include, path

urlpatterns = [path("auth/", include("djwto.urls"))]
