"""The portal's addresses: djwto's, the API's, the admin's and the page."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import TemplateView
from predictions import views

from portal import static

# The page reads a cookie whose name begins so.
PAGE = TemplateView.as_view(
    template_name="predictions/page.html",
    extra_context={"cookie_prefix": settings.DJWTO_COOKIE_PREFIX},
)

urlpatterns = [
    path("", include("djwto.urls")),
    path("", PAGE, name="page"),
    path("api/status/", views.status, name="status"),
    path("api/account/", views.account, name="account"),
    path("api/predict/", views.PredictView.as_view(), name="predict"),
    path("api/predictions/", views.PredictionsView.as_view(), name="predictions"),
    path("api/predictions/<int:pk>/", views.PredictionView.as_view(), name="prediction"),
    path("admin/", admin.site.urls),
    path("static/<path:path>", static.serve),
    # Browsers ask for it beside replies that are no page and so name no icon.
    path("favicon.ico", static.serve, {"path": "predictions/icon.svg"}),
]
