"""djwto's endpoints, and an empty page for a browser."""

from django.http import HttpResponse
from django.urls import include, path

urlpatterns = [
    path("", include("djwto.urls")),
    path("page/", lambda _request: HttpResponse("<!doctype html><link rel=icon href=data:,>")),
]
