"""Hears of replays."""

import logging
from typing import Any

from django.apps import AppConfig


class WatchingConfig(AppConfig):
    """Writes each replay to the log, in one line."""

    name = "tests.projects.watching"

    def ready(self) -> None:
        """Connect, when all apps are there."""
        from djwto.signals import jwt_reuse_detected

        jwt_reuse_detected.connect(tell_reuse, dispatch_uid="watching")


def tell_reuse(sender: str, refresh_claims: dict[str, Any], **_: Any) -> None:
    """Name the session, and who has noticed."""
    logging.getLogger("watching").warning("reuse of %s at %s", refresh_claims["sid"], sender)
