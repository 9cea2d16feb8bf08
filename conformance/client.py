"""One browser or one program: hides how a mode carries its tokens, so that cases need not ask."""

from dataclasses import dataclass
from typing import Any

import requests

from conformance import forge, wire
from conformance.target import Target

LOGIN = "/login/"
CSRF = "/csrf/"
SESSION = "/session/"
JWKS = "/.well-known/jwks.json"
VALIDATE_ACCESS = "/validate_access/"
R = "/api/token/refresh"
VALIDATE_REFRESH = f"{R}/validate_refresh/"
REFRESH_ACCESS = f"{R}/refresh_access/"
UPDATE_REFRESH = f"{R}/update_refresh/"
LOGOUT = f"{R}/logout/"
LOGOUT_ALL = f"{R}/logout_all/"
SESSIONS = f"{R}/sessions/"
RETURN = f"{R}/return/"

STATUS = "/api/status/"
ACCOUNT = "/api/account/"
PREDICT = "/api/predict/"
PREDICTIONS = "/api/predictions/"

HOUSE = {"area": 80, "rooms": 3, "age": 10}
"""A body that ``PREDICT`` takes."""

COOKIES = {
    "ONE-COOKIE": {"access": "jwt_access", "refresh": "jwt_refresh"},
    "TWO-COOKIES": {"access": "jwt_access_token", "refresh": "jwt_refresh"},
}
PAYLOAD = "jwt_access_payload"
SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Held:
    """A cookie that a client keeps."""

    value: str
    path: str


class Client:
    """Sends what it holds, as its mode wants it: a Bearer token, or cookies and CSRF token."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.mode = target.mode
        self.by_cookie = self.mode != "JSON"
        self.tokens: dict[str, str] = {}
        self.cookies: dict[str, Held] = {}
        self.csrf = ""

    def login(self, user: str, password: str = "pass", **options: Any) -> requests.Response:
        """Ask for tokens in this client's mode, by form unless ``json`` is given."""
        fields = {"username": user, "password": password, **self.target.mode_field}
        return self.post(LOGIN, **{"data": fields, **options})

    def get(self, path: str, **options: Any) -> requests.Response:
        """Send a GET."""
        return self.send("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        """Send a POST; to a refresh endpoint with the field ``jwt_type`` if cookies are its way."""
        if self.by_cookie and path.startswith(R) and not {"data", "json", "files"} & set(options):
            options["data"] = {"jwt_type": "refresh"}
        return self.send("POST", path, **options)

    def delete(self, path: str, **options: Any) -> requests.Response:
        """Send a DELETE."""
        return self.send("DELETE", path, **options)

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str | None] | None = None,
        token: str | None = None,
        **options: Any,
    ) -> requests.Response:
        """Send a request with the tokens that belong to the path.

        ``headers`` are added to the client's own; ``None`` takes one away. ``token`` names the
        token that a program shows where it is not the path's ("access" or "refresh").
        """
        own = self.headers(method, path, token)
        reply = self.target.http.request(
            method,
            self.target.base_url + path,
            headers={**own, **(headers or {})},
            timeout=60,
            allow_redirects=False,
            **options,
        )
        self._absorb(reply)
        return reply

    def hold(self, *, access: str | None = None, refresh: str | None = None) -> "Client":
        """Hold these tokens, whatever they are, as if a login had brought them."""
        for kind, token in (("access", access), ("refresh", refresh)):
            if token is None:
                continue
            if self.by_cookie:
                self.cookies[self.cookie(kind)] = Held(token, R if kind == "refresh" else "/")
            else:
                self.tokens[kind] = token
        if self.by_cookie and not self.csrf:
            self.cookies["csrftoken"], self.csrf = self._csrf_pair()
        return self

    def token(self, kind: str) -> str:
        """Give the text of the token held."""
        if self.by_cookie:
            return self.cookies[self.cookie(kind)].value
        return self.tokens[kind]

    def claims(self, kind: str) -> forge.Claims:
        """Give the claims of the token held."""
        return forge.read(self.token(kind))

    def cookie(self, kind: str) -> str:
        """Give the name of the cookie that carries a token in this client's mode."""
        return COOKIES[self.mode][kind]

    def headers(self, method: str, path: str, token: str | None = None) -> dict[str, str | None]:
        """Give the headers that go with a request: tokens that belong to the path, and CSRF's."""
        kind = token or ("refresh" if path.startswith(R) else "access")
        if not self.by_cookie:
            return dict(self.bearer(kind)) if kind in self.tokens else {}
        headers: dict[str, str | None] = {}
        held = [f"{name}={c.value}" for name, c in self.cookies.items() if path.startswith(c.path)]
        if held:
            headers["Cookie"] = "; ".join(held)
        if method not in SAFE and self.csrf:
            headers |= {"X-CSRFToken": self.csrf, "Referer": f"{self.target.base_url}/"}
        return headers

    def copy(self) -> "Client":
        """Give a second client that holds the same."""
        twin = Client(self.target)
        twin.tokens, twin.cookies, twin.csrf = dict(self.tokens), dict(self.cookies), self.csrf
        return twin

    def bearer(self, kind: str = "access") -> dict[str, str]:
        """Give the header with which a program shows its token."""
        return {"Authorization": f"Bearer {self.token(kind)}"}

    def _absorb(self, reply: requests.Response) -> None:
        for line in wire.set_cookies(reply):
            if line.deletes:
                self.cookies.pop(line.name, None)
            else:
                self.cookies[line.name] = Held(line.value, line.attributes.get("path") or "/")
        if "csrftoken" in self.cookies:
            self.csrf = self.cookies["csrftoken"].value
        if not self.by_cookie and reply.content and "json" in reply.headers["Content-Type"]:
            body = reply.json()
            self.tokens |= {kind: body[kind] for kind in ("access", "refresh") if kind in body}

    def _csrf_pair(self) -> tuple[Held, str]:
        # One for all forged sessions of a target: it says nothing about who is logged in.
        if not self.target.csrf:
            self.get(CSRF)
            self.target.csrf.append(self.cookies["csrftoken"].value)
        secret = self.target.csrf[0]
        return Held(secret, "/"), secret
