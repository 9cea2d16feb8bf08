"""The portal's addresses, and one page for the frames of guarded pages."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.views.decorators.clickjacking import xframe_options_exempt
from portal.headers import POLICY

_FRAMED = POLICY.replace(
    "frame-ancestors 'none'",
    f"frame-ancestors {' '.join(f'https://{host}' for host in settings.DJWTO_RETURN_HOSTS)}",
)


@xframe_options_exempt
def keep(request: HttpRequest) -> HttpResponse:
    """Answer with a page that only renews the tokens. It shows nothing that one could click."""
    page = render(request, "fleet/keep.html", {"cookie_prefix": settings.DJWTO_COOKIE_PREFIX})
    page["Content-Security-Policy"] = _FRAMED
    return page


urlpatterns = [
    path("keep/", keep),
    path("", include("portal.urls")),
]
