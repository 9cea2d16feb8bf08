"""Runs targets of the Makefile, one after the other, and prints how long each took.

`tools/stages.py build=5 test-rust=3` gives `build` a ceiling of 5 minutes. A stage over its ceiling
is pointed out; it does not fail. The first target that fails ends the run, and the table is printed
all the same. The standard library is enough: the first stage may be what installs the rest.
"""

import os
import subprocess
import sys
import time

MAKE = os.environ.get("MAKE", "make")
NOTE = "The ceilings are for two idle cores. A stage over its ceiling does not fail."


def main(arguments: list[str]) -> int:
    stages = [argument.partition("=") for argument in arguments]
    rows, code = [], 0
    for name, _, minutes in stages:
        if code:
            rows.append((name, "not run", minutes, ""))
            continue
        print(f"==> {name}", flush=True)
        start = time.monotonic()
        code = subprocess.run([MAKE, "--no-print-directory", name], check=False).returncode
        seconds = time.monotonic() - start
        rows.append((name, clock(seconds), minutes, remark(seconds, minutes, failed=code != 0)))
    show(rows)
    return 1 if code else 0


def remark(seconds: float, minutes: str, *, failed: bool) -> str:
    """Say what is worth a look: a failure, or a stage that took longer than it should."""
    if failed:
        return "FAILED"
    over = seconds - 60 * float(minutes) if minutes else 0
    return f"over its ceiling by {clock(over)}" if over > 0 else ""


def clock(seconds: float) -> str:
    """Write a duration as minutes and seconds."""
    return "{}:{:02}".format(*divmod(round(seconds), 60))


def show(rows: list[tuple[str, str, str, str]]) -> None:
    """Print the table, with a column of ceilings where there are any."""
    print(f"\n{'stage':<18} {'took':>8} {'ceiling':>8}")
    for name, took, minutes, note in rows:
        ceiling = clock(60 * float(minutes)) if minutes else ""
        print(f"{name:<18} {took:>8} {ceiling:>8}  {note}".rstrip())
    if any(minutes for _, _, minutes, _ in rows):
        print(NOTE, flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
