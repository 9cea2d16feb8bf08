"""`python -m benches`: djwto beside its peers, in one run. Nothing here passes or fails.

Names of parts, such as `tokens servers`, run those alone.
"""

import importlib
import os
import platform
import sys
import time
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "djwto",
    "Django",
    "PyJWT",
    "cryptography",
    "djangorestframework",
    "djangorestframework-simplejwt",
    "django-rest-knox",
    "django-ninja",
    "django-ninja-jwt",
    "joserfc",
    "pyjwt-rs",
    "oxyjwt",
    "ryjwt",
    "gunicorn",
    "granian",
)

PARTS = (
    "tokens",
    "caching",
    "requests",
    "middleware",
    "operations",
    "logins",
    "servers",
    "passwords",
    "weight",
    "counts",
)


def main() -> None:
    """Print the versions, then each part."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "benches.settings"
    django.setup()
    warnings.simplefilter("ignore")  # joserfc's of the name EdDSA, at each token
    start = time.perf_counter()
    print(f"Python {platform.python_version()}, " + ", ".join(map(_versioned, PACKAGES)))
    print(f"{_cpu()}, {os.cpu_count()} cores, {platform.system()}, {time.strftime('%Y-%m-%d')}")
    print("Medians of rounds, ± half of the range of the middle half; the libraries take turns.")
    for part in sys.argv[1:] or PARTS:
        # Not before now: they read Django's settings when they are imported.
        importlib.import_module(f"benches.{part}").run()
        sys.stdout.flush()
    print(f"\n{time.perf_counter() - start:.0f} s in all")


def _versioned(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


main()
