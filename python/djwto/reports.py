"""A filter that keeps tokens and passwords out of Django's error reports.

Django hides headers and cookies by their names, and does not know djwto's. Without the filter, the
value of `jwt_refresh` is in the mail to the administrators. In the settings:
`DEFAULT_EXCEPTION_REPORTER_FILTER = "djwto.reports.TokenFilter"`.
"""

import re
from typing import Any

from django.views.debug import SafeExceptionReporterFilter

__all__ = ["TokenFilter"]


class TokenFilter(SafeExceptionReporterFilter):
    """Django's filter, which also hides cookies with `jwt_` in their name.

    In HTML reports it also hides variables by their names: Django's authentication backends have
    the password in a variable if the database fails during a login.
    """

    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|jwt_", flags=re.IGNORECASE
    )

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> Any:
        """Return the variables of a frame; outside `DEBUG`, secret values are hidden."""
        found = super().get_traceback_frame_variables(request, tb_frame)
        if not self.is_active(request):
            return found
        return [
            (name, self.cleansed_substitute if _SECRET.search(name) else value)
            for name, value in found
        ]


_SECRET = re.compile("passw|token|secret|credential|authorization|cookie", flags=re.IGNORECASE)
