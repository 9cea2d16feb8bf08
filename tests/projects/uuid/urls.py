"""djwto's endpoints and guarded views, without the admin."""

from django.urls import include, path

from tests import guarded

urlpatterns = [path("", include("djwto.urls")), path("guarded/", include(guarded))]
