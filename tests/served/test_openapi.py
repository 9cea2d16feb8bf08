"""The served endpoints answer as their document says, whatever is sent: by schemathesis."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests import services

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
WAYS = ("nobody", "bearer", "cookies")


@dataclass
class Client:
    """Sends cases with a token, and logs in again where a case has ended its session."""

    base_url: str
    certificate: str
    way: str
    session: requests.Session = field(default_factory=requests.Session)
    headers: dict[str, str] = field(default_factory=dict)
    seen: set[tuple[str, int]] = field(default_factory=set)

    def prepare(self, path: str) -> None:
        """Have tokens that are good."""
        self.session.trust_env, self.session.verify = False, self.certificate
        kind = "refresh" if "/refresh/" in path else "access"
        if self.way != "nobody" and not self._is_live():
            self._log_in()
        if self.way == "bearer":
            self.headers = {"Authorization": f"Bearer {self.tokens[kind]}"}

    def send(self, case: Any) -> None:
        """Send it, and hold the reply to the document."""
        self.prepare(case.path)
        reply = case.call_and_validate(
            base_url=self.base_url,
            session=self.session,
            headers=self.headers,
            checks=CHECKS,
            verify=self.certificate,
            timeout=30,
        )
        self.seen.add((f"{case.method} {case.path}", reply.status_code))

    def _log_in(self) -> None:
        self.session.cookies.clear()
        fields = {"username": "alice", "password": "pass"}
        if self.way == "bearer":
            fields["mode"] = "JSON"
        reply = self.session.post(f"{self.base_url}/login/", fields, timeout=30)
        assert reply.status_code == 200, reply.text
        self.tokens = reply.json()
        if self.way == "cookies":
            csrf = self.session.cookies["csrftoken"]
            self.headers = {"X-CSRFToken": csrf, "Referer": f"{self.base_url}/"}

    def _is_live(self) -> bool:
        if not self.headers:
            return False
        headers = dict(self.headers)
        if self.way == "bearer":
            headers["Authorization"] = f"Bearer {self.tokens['access']}"
        address = f"{self.base_url}/validate_access/"
        return self.session.post(address, headers=headers, timeout=30).status_code == 200


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.Server]:
    env = {"PORTAL_MODE": "TWO-COOKIES,JSON"}
    folder = tmp_path_factory.mktemp("openapi")
    with services.serve("granian", env=env, folder=folder) as served:
        yield served
        assert "Traceback" not in served.log_text()


@pytest.fixture(scope="module")
def document(server: services.Server) -> Any:
    """What the server's own command prints."""
    return json.loads(server.manage("djwto_openapi"))


@pytest.fixture
def api(document: Any) -> Any:
    return schemathesis.openapi.from_dict(document)


@pytest.mark.parametrize("way", WAYS)
def test_replies_conform(server: services.Server, api: Any, way: str) -> None:
    fuzz(server, api, way, examples=4)


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_replies_conform_at_length(server: services.Server, api: Any, way: str) -> None:
    fuzz(server, api, way, examples=40)


def fuzz(server: services.Server, api: Any, way: str, *, examples: int) -> None:
    """Send examples to each operation, that keep to the document and that do not."""
    client = Client(server.base_url, str(server.certificate), way)
    # Invented tokens, but where the client has its own.
    api.config.generation.update(with_security_parameters=way == "nobody")
    for found in api.get_all_operations():
        operation = found.ok()
        for mode in _modes(operation.definition.raw):
            cases = operation.as_strategy(generation_mode=mode)

            @hypothesis.settings(max_examples=examples, deadline=None)
            @hypothesis.given(case=cases)
            def send(case: Any) -> None:
                client.send(case)

            send()
    # Else the test would hold refusals alone to the document.
    good = {name for name, status in client.seen if status in (200, 204)}
    assert len(good) >= (2 if way == "nobody" else 7), client.seen


def _modes(operation: dict[str, Any]) -> list[Any]:
    """Give how to make examples: without a parameter or a body none can be wrong."""
    takes_input = operation.keys() & {"parameters", "requestBody"}
    return list(GenerationMode) if takes_input else [GenerationMode.POSITIVE]
