"""Tokens that come again: hits, what a miss costs, threads, hostile traffic, and memory."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from random import Random
from threading import Barrier, Thread
from typing import Any

import djwto_floor

from benches import settings
from benches.peers import KeyPair, djwto_decoder
from benches.timing import Samples, alike, interleave, middle, ratio, table
from benches.tokens import ALGORITHMS, signed

ROUNDS = 20
MANY = 100_000
LARGE = {"TOKEN_CACHE_ENTRIES": MANY, "TOKEN_CACHE_BYTES": 2**30}
THREADS = (1, 2, 3, 4)
HITS = 20_000
"""Of each thread."""


def run() -> None:
    """Measure and print."""
    _again()
    _misses()
    _threads()
    _hostile()
    _memory()


def _again() -> None:
    """One token, and tokens at random."""
    rows = []
    key = KeyPair.generate("HS256")
    floor = djwto_floor.Floor("HS256", settings.SIGNING_KEY.encode()).decode_again
    again = {"floor, a map and a shallow copy": lambda token: floor(token)}  # noqa: PLW0108
    for algorithm in ALGORITHMS:
        engine = KeyPair.generate(algorithm).engine()
        works = {algorithm: djwto_decoder(engine)}
        rows += _rows(interleave(works, _repeats(works, [signed(engine)])), "djwto, {}, hot")
    engine = key.engine()
    rows += _rows(interleave(again, _repeats(again, [signed(engine)])), "{}, hot")
    engine = key.engine(**LARGE)
    tokens = [signed(engine) for _ in range(MANY)]
    works = {"djwto": djwto_decoder(engine)} | again
    for work in works.values():
        for token in tokens:
            work(token)
            work(token)  # djwto's cache takes a token when it is seen again
    order = Random(1).choices(tokens, k=MANY)
    rows += _rows(interleave(works, _repeats(works, order)), f"{{}}, at random over {MANY:,}")
    table("Decode again", ["µs"], rows)


def _rows(samples: Samples, form: str) -> list[list[str]]:
    return [[form.format(name), middle(values, 2)] for name, values in samples.items()]


def _repeats(works: dict[str, Any], tokens: list[str]) -> Iterator[dict[str, list[str]]]:
    size = 2_000
    for number in range(ROUNDS + 1):
        start = number * size % len(tokens)
        chosen = (tokens * (1 + size // len(tokens)))[start : start + size]
        yield alike(works, chosen)


def _misses() -> None:
    """New tokens, with a cache and without one."""
    key = KeyPair.generate("HS256")
    engines = {"without a cache": key.engine(TOKEN_CACHE_ENTRIES=0), "a miss": key.engine()}
    works = {name: djwto_decoder(engine) for name, engine in engines.items()}
    rows = _beside(works, engines["a miss"])
    table("What a miss costs, HS256", ["µs", "vs none"], rows)


def _hostile() -> None:
    """Known tokens fill the cache; then every token is new, and the known ones are still there."""
    key = KeyPair.generate("HS256")
    engine, without = key.engine(), key.engine(TOKEN_CACHE_ENTRIES=0)
    decode = djwto_decoder(engine)
    known = [signed(engine) for _ in range(4096)]
    for token in known:
        decode(token)
        decode(token)
    held = engine.cache_info().entries
    works = {"without a cache": djwto_decoder(without), "a full cache": decode}
    rows = _beside(works, engine)
    before = engine.cache_info().hits
    for token in known:
        decode(token)
    kept = engine.cache_info().hits - before
    table("Hostile traffic: every token new", ["µs", "vs none"], rows)
    print(f"  of {held:,} known tokens, {kept:,} were still in the cache")


def _beside(works: dict[str, Any], engine: Any) -> list[list[str]]:
    samples = interleave(works, _fresh(works, engine))
    base = next(iter(samples.values()))
    return [[name, middle(values, 2), ratio(values, base, 3)] for name, values in samples.items()]


def _fresh(works: dict[str, Any], engine: Any) -> Iterator[dict[str, list[str]]]:
    # What is asked is a matter of percents: many rounds, so short that both see the same weather.
    for _ in range(5 * ROUNDS + 1):
        yield alike(works, [signed(engine) for _ in range(100)])


def _threads() -> None:
    engine = KeyPair.generate("HS256").engine()
    tokens = [signed(engine) for _ in range(100)]
    decode = djwto_decoder(engine)
    for token in tokens * 2:
        decode(token)
    rows = []
    for count in THREADS:
        wall, spent = min(_together(count, decode, tokens) for _ in range(3))
        hits = count * HITS
        rows.append([f"{count}", f"{hits / wall / 1e6:.2f}", f"{spent / hits * 1e6:.2f}"])
    table("Hits in threads, under one interpreter's lock", ["million a s", "µs of CPU"], rows)


def _together(count: int, decode: Any, tokens: list[str]) -> tuple[float, float]:
    barrier = Barrier(count + 1)

    def work() -> None:
        barrier.wait()
        for _ in range(HITS // len(tokens)):
            for token in tokens:
                decode(token)

    threads = [Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    barrier.wait()
    wall, spent = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.join()
    return time.perf_counter() - wall, time.process_time() - spent


def _memory() -> None:
    command = [sys.executable, "-m", "benches.entry"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    entries, taken, counted = json.loads(output)
    table(
        f"Memory of an entry, tokens of 1 KB, {entries:,} of them",
        ["bytes"],
        [["taken by the process", f"{taken:,.0f}"], ["counted by the cache", f"{counted:,.0f}"]],
    )
