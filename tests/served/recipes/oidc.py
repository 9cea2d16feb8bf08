"""A small provider of OpenID Connect: discovery, the code flow, signed ID tokens, user info."""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "mysite", "the secret that the provider gave to the site"


class Provider:
    """What the provider knows. `user` is who sits at the browser, and is logged in there."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.user = "dora"
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.codes: dict[str, dict[str, str]] = {}
        self.users: dict[str, str] = {}

    def configuration(self) -> dict[str, object]:
        """Tell where everything is (OpenID Connect Discovery 1.0)."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/jwks",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def keys(self) -> dict[str, object]:
        """Give the public key, as a JWK Set."""
        found = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**found, "kid": "one", "alg": "RS256", "use": "sig"}]}

    def authorize(self, asked: dict[str, str]) -> str:
        """Let the user in at once, and tell where the browser goes on."""
        assert asked["client_id"] == CLIENT
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe()
        self.codes[code] = {**asked, "user": self.user}
        back = {"code": code, "state": asked["state"]}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def token(self, asked: dict[str, str]) -> dict[str, object]:
        """Give tokens for a code, once, and to the site alone."""
        given = self.codes.pop(asked["code"])
        assert (asked["client_id"], asked["client_secret"]) == (CLIENT, SECRET)
        assert asked["redirect_uri"] == given["redirect_uri"]
        access, now = secrets.token_urlsafe(), int(time.time())
        self.users[access] = given["user"]
        claims = {"iss": self.url, "aud": CLIENT, "sub": given["user"], "iat": now, "exp": now + 60}
        signed = jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "one"})
        return {"access_token": access, "token_type": "Bearer", "id_token": signed}

    def userinfo(self, access: str) -> dict[str, object]:
        """Tell who the user of an access token is."""
        user = self.users[access]
        return {
            "sub": user,
            "preferred_username": user,
            "email": f"{user}@company.example",
            "email_verified": True,
        }


@contextmanager
def provider() -> Iterator[Provider]:
    """Serve a provider on the loopback interface until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, asked = urlsplit(self.path).path, _fields(urlsplit(self.path).query)
            if path == "/authorize":
                self.send_response(302)
                self.send_header("Location", known.authorize(asked))
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif path == "/userinfo":
                self._send(known.userinfo(self.headers["Authorization"].removeprefix("Bearer ")))
            else:
                self._send(known.keys() if path == "/jwks" else known.configuration())

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            self._send(known.token(_fields(self.rfile.read(length).decode())))

        def _send(self, found: dict[str, object]) -> None:
            body = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known = Provider(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield known
        finally:
            server.shutdown()
            thread.join()


def _fields(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text).items()}
