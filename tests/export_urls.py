"""The URLs of the project of `vectors/export.json`."""

from django.urls import include, path

from djwto import views


class Return(views.JwksView):
    """Stands for the view of `return/`: the export is about its path alone."""


urlpatterns = [
    path("api/token/refresh/return/", Return.as_view(), name="return"),
    path("", include("djwto.urls")),
]
