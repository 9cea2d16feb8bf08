"""A program that is written for djwto: it asks for JSON, and sends its tokens as `Bearer`.

python djwto_client.py https://localhost:8003/ var/cert.pem
"""

import json
import ssl
import sys
import urllib.request


def main(url: str, certificate: str) -> None:
    """Log in, add a book, renew, log out."""
    trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=certificate))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trust)

    def call(path: str, token: str | None = None, **fields: str) -> dict:
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(
            url.rstrip("/") + path, json.dumps(fields).encode(), headers, method="POST"
        )
        with opener.open(request, timeout=30) as reply:
            return json.load(reply)

    pair = call("/login/", username="carol", password="pass", mode="JSON")
    print("login/          ", *sorted(pair))
    book = call("/api/books/", pair["access"], title="Beloved", author="Toni Morrison")
    print("books/          ", book["title"], "added by", book["added_by"])
    pair |= call("/api/token/refresh/refresh_access/", pair["refresh"])
    print("refresh_access/ ", *sorted(pair))
    print("logout/         ", call("/api/token/refresh/logout/", pair["refresh"])["msg"])


if __name__ == "__main__":
    main(*sys.argv[1:])
