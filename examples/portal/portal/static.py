"""Static files straight from the apps' folders.

So that one command shows the portal on any server. A site with visitors runs `collectstatic` and
lets its web server send these files.
"""

import mimetypes
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe


@require_safe
@conditional_page
@cache_control(no_cache=True)
def serve(request: HttpRequest, path: str) -> HttpResponse:
    """Answer with the file, the admin's included; 304 if the browser has it already."""
    # `find` refuses a path that leaves the apps' folders.
    found = finders.find(path)
    if found is None or not Path(found).is_file():
        raise Http404
    kind, _ = mimetypes.guess_type(found)
    return HttpResponse(Path(found).read_bytes(), content_type=kind or "application/octet-stream")
