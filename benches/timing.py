"""Timing in turns: A B C, B C A, C A B, so that whatever drifts hits all alike."""

import gc
import time
from collections.abc import Callable, Iterable
from statistics import median, quantiles
from typing import Any

Samples = dict[str, list[float]]
"""For each name, µs per call in each round."""


def interleave(
    works: dict[str, Callable[[Any], Any]], batches: Iterable[dict[str, list[Any]]]
) -> Samples:
    """Call each work with its list of each batch; the first batch warms up and is not counted.

    Batches are made between the measurements. What is counted is the processor's time: nothing
    here waits, and other programs on the machine disturb it less. The garbage collector stays
    on, as it does in production; what was there before is frozen, as no one's own litter.
    """
    samples: Samples = {name: [] for name in works}
    gc.collect()
    gc.freeze()
    try:
        for number, batch in enumerate(batches):
            _warm(batch)
            first = number % len(works)
            names = [*works][first:] + [*works][:first]
            for name in names:
                work, inputs = works[name], batch[name]
                start = time.process_time()
                for one in inputs:
                    work(one)
                spent = time.process_time() - start
                if number:
                    samples[name].append(spent / len(inputs) * 1e6)
    finally:
        gc.unfreeze()
    return samples


def _warm(batch: dict[str, list[Any]]) -> None:
    """Read texts, so that whoever has the first turn does not find them cold."""
    for inputs in batch.values():
        for one in inputs:
            if isinstance(one, str):
                one.count(".")


def alike(names: Iterable[str], inputs: list[Any]) -> dict[str, list[Any]]:
    """Make a batch in which all get the same."""
    return {name: inputs for name in names}  # noqa: C420 (the list is shared on purpose)


def middle(values: list[float], digits: int = 1) -> str:
    """The median, and half of the range that holds the middle half of the rounds."""
    low, _, high = quantiles(values, n=4)
    return f"{median(values):,.{digits}f} ±{(high - low) / 2:.{digits}f}"


def ratio(values: list[float], base: list[float], digits: int = 2) -> str:
    """The median of the ratios, round by round."""
    return f"{median(a / b for a, b in zip(values, base, strict=True)):.{digits}f}x"


def added(values: list[float], base: list[float]) -> str:
    """The median of the differences, round by round."""
    return f"{median(a - b for a, b in zip(values, base, strict=True)):+,.1f}"


def table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Print names to the left, numbers to the right."""
    print(f"\n{title}")
    grid = [["", *columns], *rows]
    widths = [max(len(row[i]) for row in grid) for i in range(len(grid[0]))]
    widths[0] = max(widths[0], 45)
    for name, *numbers in grid:
        cells = (text.rjust(width) for text, width in zip(numbers, widths[1:], strict=True))
        print("  " + "  ".join([name.ljust(widths[0]), *cells]).rstrip())
