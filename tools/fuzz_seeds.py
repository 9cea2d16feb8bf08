"""Writes the seeds of `fuzz/corpus` from `vectors/`: a dozen small files for each target.

Run it after adding cases worth starting from: `python tools/fuzz_seeds.py`.
"""

import base64
import hashlib
import hmac
import json
import shutil
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import get_default_algorithms

ROOT = Path(__file__).resolve().parent.parent
VECTORS = ROOT / "vectors"
CORPUS = ROOT / "fuzz" / "corpus"
EACH = 14

VERIFY = json.loads((VECTORS / "verify.json").read_text())
TRANSPORT = json.loads((VECTORS / "transport.json").read_text())
PATHS = json.loads((VECTORS / "paths.json").read_text())

# The order of `Algorithm::ALL` and, for cookies, of the target's own list.
KEYS = {3: "rsa", 9: "p256", 10: "p384", 11: "p521", 12: "secp256k1", 13: "ed25519"}
JWKS = {
    "RS256": "rsa",
    "ES256": "p256",
    "ES384": "p384",
    "ES512": "p521",
    "ES256K": "secp256k1",
    "EdDSA": "ed25519",
}
SIGNERS = get_default_algorithms()
MODES = [
    ["JSON"],
    ["ONE-COOKIE"],
    ["TWO-COOKIES"],
    ["TWO-COOKIES", "JSON"],
    ["JSON", "ONE-COOKIE"],
    ["ONE-COOKIE", "TWO-COOKIES"],
    ["JSON", "TWO-COOKIES", "ONE-COOKIE"],
]


def main() -> None:
    shutil.rmtree(CORPUS, ignore_errors=True)
    for target, seeds in {
        "compact": spread(tokens()),
        "claims": spread(payloads()),
        "pem": keys(),
        "jwk": jwks(),
        "cookies": spread(headers()),
        "forwarded": forwarded(),
        "rules": spread(paths()),
        "form": forms(),
    }.items():
        folder = CORPUS / target
        folder.mkdir(parents=True)
        for number, seed in enumerate(seeds):
            (folder / f"{number:02}").write_bytes(seed)
        print(f"{target}: {len(seeds)} seeds")


def spread(seeds: list[bytes]) -> list[bytes]:
    """Take some from all over the list, so that every group of cases sends one."""
    unique = list(dict.fromkeys(seeds))
    step = max(1, len(unique) // EACH)
    return unique[::step][:EACH]


def tokens() -> list[bytes]:
    return [token_of(case) for case in VERIFY["cases"]]


def payloads() -> list[bytes]:
    return [payload_of(case) for case in VERIFY["cases"] if "token" not in case]


def keys() -> list[bytes]:
    folder = VECTORS / "keys"
    seeds = [b"\0" + (folder / "hmac.txt").read_bytes()]
    for algorithm, name in KEYS.items():
        private = (folder / f"{name}.pem").read_bytes()
        public = (folder / f"{name}.public.pem").read_bytes()
        first = bytes([algorithm])
        seeds += [first + private, first + private + b"\0" + public]
    others = {3: ["rsa.pkcs1.encrypted", "rsa.certificate"], 9: ["p256.certificate"]}
    for algorithm, names in others.items():
        seeds += [bytes([algorithm]) + (folder / f"{name}.pem").read_bytes() for name in names]
    # DER, without the base64 around it that hides what is mutated.
    bare = load_pem_private_key((folder / "p256.pem").read_bytes(), None)
    der = bare.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return [*seeds, b"\x09" + der]


def jwks() -> list[bytes]:
    """Every type of key, alone and in sets; and keys that are for something else."""
    folder = VECTORS / "keys"
    private, public = [], []
    for algorithm, name in JWKS.items():
        text = (folder / f"{name}.pem").read_bytes()
        for halves, key in (
            (private, load_pem_private_key(text, None)),
            (public, load_pem_private_key(text, None).public_key()),
        ):
            jwk = SIGNERS[algorithm].to_jwk(key, as_dict=True)
            # What PyJWT adds is its own idea of what the key may do.
            jwk.pop("key_ops", None)
            halves.append(jwk | {"alg": algorithm, "kid": f"{name}-1", "use": "sig"})
    secret = {"kty": "oct", "alg": "HS256", "k": base64url(b"0" * 32).decode()}
    states = ["active", "next", "retired"]
    documents = [
        *private,
        *public[:3],
        secret,
        {"keys": public},
        {"keys": [key | {"djwto_state": s} for key, s in zip(private, states, strict=False)]},
        {"keys": [secret | {"kid": "a", "djwto_state": "active"}, secret | {"kid": "b"}]},
        public[0] | {"use": "enc", "key_ops": ["verify"]},
    ]
    return [json.dumps(document).encode() for document in documents]


def headers() -> list[bytes]:
    seeds = []
    for case in TRANSPORT["cases"]:
        if case["modes"] in MODES:
            first = bytes([MODES.index(case["modes"])])
            parts = [case.get("authorization", ""), case.get("cookie", "")]
            seeds.append(first + "\n".join(parts).encode("latin-1"))
    return seeds


def forwarded() -> list[bytes]:
    """Prefixes, each with a header, a cookie of djwto among others, and names that look like it."""
    names = ["jwt_access", "JWT_access", "jwt%5Faccess", "jwt.access[a]", "x=1,jwt_refresh"]
    headers = ["", "Basic YTpi", "Bearer a.b.c", "Basic x, Bearer a.b.c"]
    prefixes = ["", "staging_", "__Host-", "a.b+"]
    return [
        bytes([number | 0x80 * (number % 2)])
        + f"{header}\na=1; {prefix}{name}=a.b.c;b; c\n{name}=1; d=2".encode()
        for number, prefix in enumerate(prefixes)
        for header, name in zip([*headers, headers[number]], names, strict=True)
    ][:EACH]


def paths() -> list[bytes]:
    """Each list of rules and each method gets some."""
    return [
        bytes([number % 5, number % 3]) + case["uri"].encode("latin-1")
        for number, case in enumerate(PATHS["cases"])
    ]


def forms() -> list[bytes]:
    """Each kind of body, some of them broken."""
    part = b'--b\r\nContent-Disposition: form-data; name="a"%b\r\n\r\n%b\r\n'
    parts = [part % pair for pair in ((b"", b"1"), (b'; filename="x"', b"2"))]
    parts.append(part % (b"\r\nContent-Transfer-Encoding: base64", b"w6k="))
    parts.append(part % (b"\r\nContent-Type: text/plain; charset=latin1", b"3"))
    return [
        b'application/json; charset="utf-8"\n{"a": 1, "b": null, "c": "\\u00e9"}',
        b"application/x-www-form-urlencoded\na=1&b=%C3%A9+c&&d",
        *(b"multipart/form-data; boundary=b\n" + one + b"--b--" for one in parts),
        b"multipart/form-data; boundary=b\n" + b"".join(parts),
    ]


def token_of(case: dict) -> bytes:
    if "token" in case:
        return case["token"].encode()
    header = case.get("header", VERIFY["header"]).encode()
    message = base64url(header) + b"." + base64url(payload_of(case))
    tag = hmac.digest((VECTORS / "keys" / "hmac.txt").read_bytes(), message, hashlib.sha256)
    return message + b"." + base64url(tag)


def payload_of(case: dict) -> bytes:
    return case["payload"].encode() if "payload" in case else bytes.fromhex(case["payload_hex"])


def base64url(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


if __name__ == "__main__":
    main()
