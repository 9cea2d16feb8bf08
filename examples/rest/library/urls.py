"""The library's addresses: djwto's, simplejwt's, the API's, and two pages."""

from books import api, pages
from django.contrib.staticfiles.views import serve
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import DefaultRouter

router = DefaultRouter()
router.register("books", api.BookViewSet)

urlpatterns = [
    path("", include("djwto.urls")),
    path("api/", include("djwto.contrib.simplejwt.urls")),
    path("api/statistics/", api.statistics),
    path("api/schema/", SpectacularAPIView.as_view(permission_classes=[])),
    path("api/", include(router.urls)),
    path("schema/", pages.schema),
    path("", pages.index),
    path("favicon.ico", pages.icon),
    # A site with visitors lets its web server send these.
    path("static/<path:path>", serve, {"insecure": True}),
]
