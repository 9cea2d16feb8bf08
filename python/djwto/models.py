"""The blacklist: logins that were ended. No token is stored, only identifiers."""

from __future__ import annotations

import math
import time
from datetime import datetime, timedelta, timezone
from typing import Any

from django.db import models, router

from djwto import conf


class JWTBlacklist(models.Model):
    """A token that was logged out, and with it every token of its login."""

    jti = models.CharField(max_length=255, unique=True)
    sid = models.CharField(max_length=255, blank=True, default="", db_index=True)
    expires = models.DateTimeField(
        null=True, blank=True, db_index=True, help_text="When the row may go; empty: never."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:  # noqa: D106
        verbose_name = "blacklisted token"

    def __str__(self) -> str:
        return self.jti

    @classmethod
    def is_blacklisted(cls, jti: str) -> bool:
        """Whether the token with this `jti` was logged out."""
        return cls.rows().filter(jti=jti).exists()

    @classmethod
    def is_ended(cls, claims: dict[str, Any]) -> bool:
        """Whether the token with these claims, or the login it belongs to, was logged out."""
        jti, sid = claims.get("jti"), claims.get("sid")
        ended = models.Q(jti=jti) if jti else models.Q()
        if sid:
            ended |= models.Q(sid=sid)
        return bool(ended) and cls.rows().filter(ended).exists()

    @classmethod
    def end(cls, claims: dict[str, Any]) -> bool:
        """Log out the token with these claims and its login. False: someone did so before."""
        if cls.is_ended(claims):
            return False
        row = {"sid": claims.get("sid", ""), "expires": _last_expiry(claims)}
        # Two requests may be here at once: the unique column decides.
        return cls.rows().get_or_create(jti=claims["jti"], defaults=row)[1]

    @classmethod
    def retire(cls, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Keep a refresh token that would outlive its successor from outliving a logout too.

        That happens when lifetimes are shortened: a row of the ended login would go too soon.
        """
        jti, expires = old.get("jti"), old.get("exp", math.inf)
        if jti and expires > new.get("exp", math.inf):
            row = {"expires": _as_datetime(expires)}
            cls.rows().get_or_create(jti=jti, defaults=row)

    @classmethod
    def rows(cls) -> models.QuerySet[JWTBlacklist]:
        """The rows as the writing database has them: a replica may not know of a logout yet."""
        return cls.objects.using(router.db_for_write(cls))


def _last_expiry(claims: dict[str, Any]) -> datetime | None:
    """When the last token of this login will have expired; None: never."""
    own, config = claims.get("exp"), conf.current()
    if own is None:
        return None
    if "sid" not in claims:
        return _as_datetime(own)
    if config.refresh_lifetime is None:
        return None
    # Another token of the login may be as young as this moment, or be on its way.
    longest = max(config.refresh_lifetime, config.access_lifetime or timedelta())
    latest = time.time() + longest.total_seconds() + _UNDER_WAY
    return _as_datetime(max(own, latest))


_UNDER_WAY = 60
"""How long a renewal may take that began before a logout, in seconds."""


def _as_datetime(seconds: float) -> datetime | None:
    """Turn a time into a date; one beyond the calendar is None: never."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, ValueError, OSError):
        return None
