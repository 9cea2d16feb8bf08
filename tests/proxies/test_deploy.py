"""The files of `deploy/` by themselves."""

import re
from pathlib import Path

import pytest

from tests.proxies.proxies import DEPLOY

FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_lets_requests_pass_a_guard_that_fails(path: Path) -> None:
    """Not even switched off: the line would be there to be switched on."""
    assert "failure_mode_allow" not in path.read_text()


def test_nginx_deletes_what_envoy_deletes() -> None:
    """The names that clients forge stand in both files; Envoy has some as a prefix."""
    nginx = (DEPLOY / "nginx" / "djwto-upstream.conf").read_text()
    envoy = (DEPLOY / "envoy" / "envoy.yaml").read_text()
    deleted = {name.lower() for name in re.findall(r'proxy_set_header (\S+) "";', nginx)}
    removed = set(re.findall(r"remove: (\S+)", envoy))
    prefixes = tuple(re.findall(r"prefix: (x-\S+)", envoy))
    # Envoy makes this one anew, or deletes it.
    assert {name for name in deleted - removed if not name.startswith(prefixes)} == {
        "x-forwarded-client-cert"
    }
    set_by_nginx = {"x-forwarded-for", "x-forwarded-host", "x-request-id"}
    assert removed - deleted == set_by_nginx
