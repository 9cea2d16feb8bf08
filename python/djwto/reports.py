"""What Django writes about a failed request, without the tokens in it.

Django hides headers and cookies in its error reports by their names, and does not know ours: the
value of `jwt_refresh` would stand in a mail to the administrators. In the settings:
`DEFAULT_EXCEPTION_REPORTER_FILTER = "djwto.reports.TokenFilter"`.
"""

import re
from typing import Any

from django.views.debug import SafeExceptionReporterFilter

__all__ = ["TokenFilter"]


class TokenFilter(SafeExceptionReporterFilter):
    """Django's own filter, which also hides every cookie with `jwt_` in its name.

    In the frames of a report in HTML it hides variables by their names: Django's authentication
    backends hold the password when the database fails at a login.
    """

    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|jwt_", flags=re.IGNORECASE
    )

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> Any:
        """Give names and values of a frame's variables, as Django does; outside `DEBUG` hidden."""
        found = super().get_traceback_frame_variables(request, tb_frame)
        if not self.is_active(request):
            return found
        return [
            (name, self.cleansed_substitute if _SECRET.search(name) else value)
            for name, value in found
        ]


_SECRET = re.compile("passw|token|secret|credential|authorization|cookie", flags=re.IGNORECASE)
