"""What a library adds to a Django process that is already up: time and memory of its import."""

import importlib
import json
import os
import subprocess
import sys
import time
from math import nan
from pathlib import Path
from statistics import median

from benches.timing import table

RUNS = 3
HIDDEN = "coreapi guardian inflection jinja2 markdown psycopg pygments requests uritemplate yaml"
"""What REST framework and Django import if it happens to be there: a service has little of it."""
REST = ["rest_framework.views"]
SIMPLEJWT = ["rest_framework_simplejwt.authentication", "rest_framework_simplejwt.state"]
"""The second module is what the first imports at the first request."""
IMPORTS = {
    "djwto: djwto.authentication": ([], ["djwto.authentication"]),
    "PyJWT: jwt": ([], ["jwt"]),
    "simplejwt, where REST framework is in use": (REST, SIMPLEJWT),
    "simplejwt, with REST framework": ([], REST + SIMPLEJWT),
}
"""Name → the modules that are there already, and those that are measured."""


def run() -> None:
    """Measure and print."""
    found: dict[str, list[list[float]]] = {name: [] for name in IMPORTS}
    for _ in range(RUNS):
        for name in IMPORTS:
            found[name].append(_measured_child(name))
    table(
        f"Import into a process of Django with startproject's apps (median of {RUNS} processes)",
        ["ms of CPU", "MiB", "not shared"],
        [
            [name, *(f"{median(column):.1f}" for column in zip(*runs, strict=True))]
            for name, runs in found.items()
        ],
    )
    table(
        "On disk",
        ["MiB"],
        [
            [name, f"{path.stat().st_size / 2**20:.1f}"]
            for name, path in {
                "djwto: djwto._core": _file("djwto._core"),
                "djwto: the wheel": Path(os.environ.get("BENCHES_WHEEL", os.devnull)),
                "PyJWT, simplejwt: cryptography's _rust": _file(
                    "cryptography.hazmat.bindings._rust"
                ),
            }.items()
        ],
    )


def _measured_child(name: str) -> list[float]:
    command = [sys.executable, "-m", "benches.weight", name]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(output)


def _file(module: str) -> Path:
    return Path(str(importlib.import_module(module).__file__))


def _child(name: str) -> list[float]:
    """In a new process: start Django, then import. Gives ms, MiB, and MiB of its own."""
    sys.modules.update(dict.fromkeys(HIDDEN.split()))
    _start_django()
    before, measured = IMPORTS[name]
    for module in before:
        importlib.import_module(module)
    size, start = memory(), time.process_time()
    if name.startswith("djwto"):
        _add_app("djwto")
    for module in measured:
        importlib.import_module(module)
    spent = time.process_time() - start
    grown = (now - then for now, then in zip(memory(), size, strict=True))
    return [spent * 1e3, *(size / 1024 for size in grown)]


def _add_app(name: str) -> None:
    """Do what Django's start does with one more of the `INSTALLED_APPS`."""
    from django.apps import AppConfig, apps

    config = AppConfig.create(name)
    config.apps = apps
    apps.app_configs[config.label] = config
    config.import_models()
    apps.clear_cache()
    config.ready()


def _start_django() -> None:
    import django
    from django.conf import settings
    from django.contrib import admin
    from django.core.handlers.wsgi import WSGIHandler

    from benches import settings as ours

    settings.configure(
        SECRET_KEY=ours.SECRET_KEY,
        INSTALLED_APPS=ours.STARTPROJECT_APPS,
        MIDDLEWARE=ours.MIDDLEWARE,
        DATABASES=ours.DATABASES,
        DJWTO_SIGNING_KEY=ours.SIGNING_KEY,
    )
    django.setup()
    WSGIHandler()
    # What startproject's urls.py does: it imports the admin's forms and models.
    _ = admin.site.urls


def memory() -> tuple[float, float]:
    """KiB that the process has in memory, and those of them that it shares with no file.

    The latter is what each further worker takes. Both are not a number where there is no /proc.
    """
    try:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return nan, nan
    sizes = {line.partition(":")[0]: float(line.split()[1]) for line in lines}
    return sizes["Rss"], sizes["Anonymous"]


if __name__ == "__main__":
    print(json.dumps(_child(sys.argv[1])))
