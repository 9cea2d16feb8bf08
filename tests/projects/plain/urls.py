"""djwto's endpoints, the admin, and views guarded in every way."""

from django.contrib import admin
from django.urls import include, path

from tests import guarded

urlpatterns = [
    path("", include("djwto.urls")),
    path("admin/", admin.site.urls),
    path("guarded/", include(guarded)),
]
