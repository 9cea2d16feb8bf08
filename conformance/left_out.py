"""Cases that do not run where djwto-server stands before the portal, each for one of a few reasons.

A case names its reason by the marker: ``@left_out.django``, or in a parameter
``marks=left_out.django``.
"""

import pytest

from conformance.farm import SERVER, Plot

REASONS = {
    "django": "its body goes to Django, past djwto-server: the other stacks read it",
    "nginx": "nginx refuses the request before anything behind it sees it",
}
"""At most five."""

django = pytest.mark.left_out("django")
nginx = pytest.mark.left_out("nginx")


def reason(item: pytest.Item) -> str | None:
    """Give the reason of a case; ``None`` where it has none."""
    mark = item.get_closest_marker("left_out")
    return None if mark is None else REASONS[mark.args[0]]


def is_before_server(item: pytest.Item) -> bool:
    """Say whether a case would run on the stack with djwto-server."""
    call = getattr(item, "callspec", None)
    plot = call.params.get("target") if call else None
    return isinstance(plot, Plot) and plot.stack == SERVER
