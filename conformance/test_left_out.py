"""What runs where djwto-server stands before the portal: all but a few cases, for named reasons."""

import pytest

from conformance import left_out
from conformance.client import VALIDATE_ACCESS


@pytest.fixture(autouse=True)
def quiet() -> None:
    """No server is asked."""


def test_the_reasons_are_few_and_used(request):
    marks = [mark for item in request.session.items for mark in item.iter_markers("left_out")]
    assert {mark.args for mark in marks} <= {(name,) for name in left_out.REASONS}
    assert len(left_out.REASONS) <= 5


def test_every_case_of_guards_and_of_the_servers_endpoints_runs(request):
    before = [item for item in request.session.items if left_out.is_before_server(item)]
    gone = [item for item in before if left_out.reason(item)]
    files = {item.path.name for item in gone}
    assert not files & {"test_guards.py", "test_validate.py", "test_jwks.py", "test_csrf.py"}
    assert not [item.nodeid for item in gone if VALIDATE_ACCESS in item.callspec.params.values()]
