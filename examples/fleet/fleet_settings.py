"""The portal's settings, with what a guard of other hosts needs."""

import os
from pathlib import Path

from portal import settings as portal
from portal.settings import *  # noqa: F403 (a settings module is its names)

HERE = Path(__file__).resolve().parent
HOSTS = ("lab.demo.localhost", "dash.demo.localhost")

ROOT_URLCONF = "fleet_urls"
STATICFILES_DIRS = [HERE / "static"]
TEMPLATES = [{**portal.TEMPLATES[0], "DIRS": [HERE / "templates"]}]

# The browser sends the tokens to all hosts of this domain. Every program there gets the cookies,
# unless a guard stands before it.
DJWTO_DOMAIN = "demo.localhost"
# The guard gets the public half alone, so it cannot make tokens.
DJWTO_KEYS = Path(os.environ["FLEET_VAR"]) / "keys.json"
DJWTO_RETURN_HOSTS = [f"{host}:{os.environ['FLEET_PORT']}" for host in HOSTS]
