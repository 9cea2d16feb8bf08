"""The served endpoints answer as their document says, for any request: by schemathesis."""

import json
import uuid
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
WAYS = ("stranger", "bearer", "cookies")
LOGIN = {"username": "alice", "password": "pass", "mode": "JSON"}
REFRESH = {"jwt_type": "refresh"}
GOOD_BODIES: dict[str, dict[str, str] | None] = {
    "djwto_login_post": LOGIN,
    "djwto_jwks_get": None,
    "djwto_csrf_get": None,
    "djwto_validate_access_post": {"jwt_type": "access"},
    "djwto_validate_refresh_post": REFRESH,
    "djwto_refresh_access_post": REFRESH,
    "djwto_return_get": None,
    "djwto_update_refresh_post": REFRESH,
    "djwto_sessions_get": None,
    "djwto_session_get": None,
    "djwto_end_session_delete": None,
    "djwto_logout_post": REFRESH,
    "djwto_logout_delete": None,
    "djwto_logout_all_post": REFRESH,
}
"""By the operation's name, what it answers well; a new operation needs its line."""

GOOD_HEADERS = {"djwto_return_get": {"Sec-Fetch-Mode": "navigate"}}


@dataclass
class Client:
    """Sends cases with a token, and logs in again where a case has ended its session."""

    base_url: str
    certificate: str
    way: str
    session: requests.Session = field(default_factory=requests.Session)
    headers: dict[str, str] = field(default_factory=dict)

    def good_cases(self, operation: Any) -> Iterator[Any]:
        """Give requests that a client with tokens sends, one for each type of body."""
        name, content = _name(operation), operation.definition.raw.get("requestBody", {})
        body = GOOD_BODIES[name]
        if body is None:
            assert not content, f"{name} takes a body; give it one"
            pk = self._session_pk() if "{pk}" in operation.path else None
            yield operation.Case(
                path_parameters={"pk": pk} if pk else None, headers=GOOD_HEADERS.get(name)
            )
        else:
            for media_type in content["content"]:
                yield operation.Case(body=body, media_type=media_type)

    def prepare(self, path: str) -> None:
        """Have tokens that are good."""
        self.session.trust_env, self.session.verify = False, self.certificate
        if self.way == "stranger" and not self.headers:
            self._take_csrf(self.session.get(f"{self.base_url}/csrf/", timeout=30))
        kind = "refresh" if "/refresh/" in path else "access"
        if self.way != "stranger" and not self._is_live():
            self._log_in()
        if self.way == "bearer":
            self.headers = {"Authorization": f"Bearer {self.tokens[kind]}"}

    def send(self, case: Any) -> int:
        """Send it, hold the reply to the document and give its status."""
        self.prepare(case.path)
        reply = case.call_and_validate(
            base_url=self.base_url,
            session=self.session,
            headers=self.headers,
            checks=CHECKS,
            verify=self.certificate,
            timeout=30,
            allow_redirects=False,
        )
        return int(reply.status_code)

    def _log_in(self) -> None:
        self.session.cookies.clear()
        fields = {"username": "alice", "password": "pass"}
        if self.way == "bearer":
            fields["mode"] = "JSON"
        reply = self.session.post(f"{self.base_url}/login/", fields, timeout=30)
        assert reply.status_code == 200, reply.text
        self.tokens = reply.json()
        if self.way == "cookies":
            self._take_csrf(reply)

    def _take_csrf(self, reply: requests.Response) -> None:
        token = reply.json()["csrf_token"]
        self.headers = {"X-CSRFToken": token, "Referer": f"{self.base_url}/"}

    def _session_pk(self) -> str:
        if self.way == "stranger":
            return str(uuid.uuid4())
        path = "/api/token/refresh/sessions/"
        self.prepare(path)
        reply = self.session.get(f"{self.base_url}{path}", headers=self.headers, timeout=30)
        (current,) = (one["id"] for one in reply.json()["sessions"] if one["current"])
        return str(current)

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
    api.config.generation.update(with_security_parameters=way == "stranger")
    for operation in _operations(api):
        for mode in _modes(operation.definition.raw):
            cases = operation.as_strategy(generation_mode=mode)

            @hypothesis.settings(max_examples=examples, deadline=None)
            @hypothesis.given(case=cases)
            def send(case: Any) -> None:
                client.send(case)

            send()


@pytest.mark.parametrize("way", WAYS)
def test_a_good_request_is_answered_well(server: services.Server, api: Any, way: str) -> None:
    client = Client(server.base_url, str(server.certificate), way)
    operations = _operations(api)
    assert sorted(map(_name, operations)) == sorted(GOOD_BODIES)
    for operation in operations:
        for case in client.good_cases(operation):
            status = client.send(case)
            is_good = way != "stranger" or _is_open(operation)
            assert (status in (200, 201, 204, 303)) == is_good, (_name(operation), case.media_type)


def _operations(api: Any) -> list[Any]:
    return [found.ok() for found in api.get_all_operations()]


def _name(operation: Any) -> str:
    return str(operation.definition.raw["operationId"])


def _is_open(operation: Any) -> bool:
    """Tell whether the document says that it needs no token."""
    needs = operation.definition.raw["security"]
    return not needs or any(need.keys() <= {"jwtCsrf"} for need in needs)


def _modes(operation: dict[str, Any]) -> list[Any]:
    """Give how to make examples: without a parameter or a body none can be wrong."""
    takes_input = operation.keys() & {"parameters", "requestBody"}
    return list(GenerationMode) if takes_input else [GenerationMode.POSITIVE]
