"""The settings of a project of `tests/projects`, with a database, a key pair and a user model."""

import json
import os
from importlib import import_module

_PROJECT = import_module(f"tests.projects.{os.environ['TEST_PROJECT']}.settings")
globals().update({name: value for name, value in vars(_PROJECT).items() if name.isupper()})

AUTH_USER_MODEL = os.environ["TEST_USER_MODEL"]
DATABASES = json.loads(os.environ["TEST_DATABASES"])
DJWTO_MODE = "JSON"
DJWTO_KEYS = os.environ["TEST_KEYS"]
DJWTO_SIGNING_KEY = None
DJWTO_ISS_CLAIM, DJWTO_SUB_CLAIM, DJWTO_AUD_CLAIM = "iss", "sub", "aud"
