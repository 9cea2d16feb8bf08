"""What clients of simplejwt send, good and bad: the same to the package and to djwto."""

from typing import Any

from django.test import Client

JSON = "application/json"
NONE = "eyJhbGciOiJub25lIn0"
"""The header `{"alg":"none"}`."""
Asked = tuple[str, str, Any, dict[str, str]]
"""Method, path, body (a form is a dict, JSON a list of one, raw text a text), headers."""


def requests_of(tokens: Any) -> dict[str, Asked]:
    """The requests, by what they are about. None of them spoils another."""
    asked: dict[str, Asked] = {}
    for name, body in {
        "good": [{"username": "alice", "password": "pass"}],
        "form": {"username": "alice", "password": "pass"},
        "spaces": [{"username": " alice ", "password": " pass "}],
        "wrong password": [{"username": "alice", "password": "no"}],
        "inactive": [{"username": "eve", "password": "pass"}],
        "unknown": [{"username": "nobody", "password": "pass"}],
        "empty": [{}],
        "no password": [{"username": "alice"}],
        "blank": [{"username": "", "password": ""}],
        "null": [{"username": None, "password": None}],
        "numbers": [{"username": 1, "password": 2}],
        "an object": [{"username": {"a": 1}, "password": "pass"}],
        "a list": [["alice"]],
        "NUL": [{"username": "alice\0", "password": "pass"}],
        "a surrogate": [{"username": "\ud800", "password": "pass"}],
        "half": '{"username": ',
    }.items():
        asked[f"obtain: {name}"] = ("POST", "/api/token/", body, {})
    for path in ("/api/token/", "/api/token/refresh/", "/api/token/verify/"):
        asked[f"get {path}"] = ("GET", path, {}, {})
        asked[f"xml {path}"] = ("POST", path, "<a/>", {"Content-Type": "text/xml"})
        asked[f"put {path}"] = ("PUT", path, [{}], {})
    texts = {
        **{f"{name}'s": pair.get("refresh") for name, pair in tokens.items()},
        **{f"{name}'s access": pair["access"] for name, pair in tokens.items()},
        "garbage": "garbage",
        "three parts": "a.b.c",
        "blank": "",
        "null": None,
        "long": "a" * 20_000,
        "two words": "a b",
        "another signature": tokens["alice"]["refresh"][:-8] + "AAAAAAAA",
        "another algorithm": "eyJhbGciOiJub25lIn0."
        + tokens["alice"]["refresh"].split(".")[1]
        + ".",
    }
    for name, text in texts.items():
        asked[f"refresh: {name}"] = ("POST", "/api/token/refresh/", [{"refresh": text}], {})
        asked[f"verify: {name}"] = ("POST", "/api/token/verify/", [{"token": text}], {})
        if name not in ("alice's", "1's"):
            asked[f"blacklist: {name}"] = ("POST", "/api/token/blacklist/", [{"refresh": text}], {})
    asked["refresh: nothing"] = ("POST", "/api/token/refresh/", [{}], {})
    asked["blacklist: again"] = (
        "POST", "/api/token/blacklist/", [{"refresh": tokens["bob"]["refresh"]}], {},
    )  # fmt: skip
    headers = {
        "none": None,
        "empty": "",
        "basic": "Basic YTpi",
        "alone": "{}",
        "three": "{} a b",
        "garbage": "{} garbage",
        "refresh": "{} " + tokens["alice"]["refresh"],
        **{name: "{} " + pair["access"] for name, pair in tokens.items()},
    }
    for name, value in headers.items():
        asked[f"me: {name}"] = ("GET", "/me/", {}, {} if value is None else {"header": value})
    return asked


def send(client: Client, asked: Asked, scheme: str = "Bearer") -> dict[str, Any]:
    """Send it. Gives the status, the body, and what the headers say of authentication."""
    from django.conf import settings

    method, path, body, headers = asked
    words = settings.SIMPLE_JWT.get("AUTH_HEADER_TYPES", (scheme,))
    sent = {"HTTP_AUTHORIZATION": headers["header"].format(words[0])} if "header" in headers else {}
    if method == "GET":
        response = client.get(path, **sent)
    elif isinstance(body, dict):
        response = client.post(path, body, **sent)
    else:
        import json

        text = body if isinstance(body, str) else json.dumps(body[0])
        kind = headers.get("Content-Type", JSON)
        response = client.generic(method, path, text, content_type=kind, **sent)
    found = response.json() if response.get("Content-Type", "").startswith(JSON) else None
    return {
        "status": response.status_code,
        "body": found,
        "challenge": response.get("WWW-Authenticate"),
        "allow": response.get("Allow"),
        "vary": response.get("Vary"),
    }
