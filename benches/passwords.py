"""Hashing a password: what most of a login's time goes into. `python -m benches.passwords`."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.contrib.auth import hashers as django_hashers

from benches.timing import interleave, middle, ratio, table
from djwto import hashers

ROUNDS = 20
ITERATIONS = 100_000
"""Of one hash. Its time grows with them and with nothing else."""
SALT = "a salt of 22 letters.."


def run() -> None:
    """Measure and print."""
    works = {
        "djwto.hashers": partial(_encode, hashers.PBKDF2PasswordHasher()),
        "Django's hasher, by hashlib": partial(_encode, django_hashers.PBKDF2PasswordHasher()),
    }
    if len({work("password") for work in works.values()}) != 1:
        raise SystemExit("the hashers give different texts for one password")
    samples = interleave(works, _batches(list(works)))
    first = samples["djwto.hashers"]
    # From µs for one hash to ms for a million iterations.
    rows = [
        [name, middle([value * 1e3 / ITERATIONS for value in values]), ratio(values, first)]
        for name, values in samples.items()
    ]
    table("PBKDF2PasswordHasher, a million iterations", ["ms", "vs djwto"], rows)


def _encode(hasher: Any, password: str) -> str:
    return hasher.encode(password, SALT, ITERATIONS)


def _batches(names: list[str]) -> Iterator[dict[str, list[str]]]:
    for number in range(ROUNDS + 1):
        yield {name: [f"password {number}"] for name in names}


if __name__ == "__main__":
    run()
