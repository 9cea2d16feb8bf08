"""A client that was written for simplejwt, and has not changed: the calls of its documentation.

python simplejwt_client.py https://localhost:8003/ var/cert.pem
"""

import json
import ssl
import sys
import urllib.request


def main(url: str, certificate: str) -> None:
    """Log in, read, renew, check a token."""
    trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=certificate))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trust)

    def call(path: str, access: str | None = None, **fields: str) -> dict:
        headers = {"Content-Type": "application/json"}
        if access is not None:
            headers["Authorization"] = f"JWT {access}"  # the project's AUTH_HEADER_TYPES
        body = json.dumps(fields).encode() if fields else None
        request = urllib.request.Request(url.rstrip("/") + path, body, headers)
        with opener.open(request, timeout=30) as reply:
            return json.load(reply)

    tokens = call("/api/token/", username="alice", password="pass")
    print("token/         ", *sorted(tokens))
    books = call("/api/books/", tokens["access"])
    print("books/         ", *(book["title"] for book in books), sep="  ")
    renewed = call("/api/token/refresh/", refresh=tokens["refresh"])
    print("token/refresh/ ", *sorted(renewed))
    print("token/verify/  ", call("/api/token/verify/", token=renewed["access"]))
    print("books/         ", len(call("/api/books/", renewed["access"])))


if __name__ == "__main__":
    main(*sys.argv[1:])
