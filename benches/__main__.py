"""`python -m benches`: djwto beside its peers, in one run. Nothing here passes or fails."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

PACKAGES = (
    "djwto",
    "Django",
    "PyJWT",
    "cryptography",
    "djangorestframework",
    "djangorestframework-simplejwt",
)


def main() -> None:
    """Print the versions, then each part."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "benches.settings"
    django.setup()
    # These read Django's settings when they are imported.
    from benches import passwords, requests, tokens, weight

    start = time.perf_counter()
    print(f"Python {platform.python_version()}, " + ", ".join(map(_versioned, PACKAGES)))
    print(f"{_cpu()}, {os.cpu_count()} cores, {platform.system()}, {time.strftime('%Y-%m-%d')}")
    print("Medians of rounds, ± half of the range of the middle half; the libraries take turns.")
    for part in (tokens, passwords, requests, weight):
        part.run()
    print(f"\n{time.perf_counter() - start:.0f} s in all")


def _versioned(package: str) -> str:
    return f"{package} {version(package)}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


main()
