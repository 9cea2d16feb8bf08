"""What Django writes about a failed request, without the tokens in it.

Django hides headers and cookies in its error reports by their names, and does not know ours: the
value of `jwt_refresh` would stand in a mail to the administrators. In the settings:
`DEFAULT_EXCEPTION_REPORTER_FILTER = "djwto.reports.TokenFilter"`.
"""

import re

from django.views.debug import SafeExceptionReporterFilter


class TokenFilter(SafeExceptionReporterFilter):
    """Django's own filter, which also hides every cookie with `jwt_` in its name."""

    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|jwt_", flags=re.IGNORECASE
    )
