"""The blacklist: logins that were ended. No token is stored, only identifiers."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from django.db import models, router
from django.utils import timezone as django_timezone

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
        return cls._rows().filter(jti=jti).exists()

    @classmethod
    def is_ended(cls, claims: dict[str, Any]) -> bool:
        """Whether the token with these claims, or the login it belongs to, was logged out."""
        jti, sid = claims.get("jti"), claims.get("sid")
        ended = models.Q(jti=jti) if jti else models.Q()
        if sid:
            ended |= models.Q(sid=sid)
        return bool(ended) and cls._rows().filter(ended).exists()

    @classmethod
    def end(cls, claims: dict[str, Any]) -> bool:
        """Log out the token with these claims and its login. False: someone did so before."""
        if cls.is_ended(claims):
            return False
        row = {"sid": claims.get("sid", ""), "expires": _last_expiry(claims)}
        # Two requests may be here at once: the unique column decides.
        return cls._rows().get_or_create(jti=claims["jti"], defaults=row)[1]

    @classmethod
    def _rows(cls) -> models.QuerySet[JWTBlacklist]:
        """The rows as the writing database has them: a replica may not know of a logout yet."""
        return cls.objects.using(router.db_for_write(cls))


def _last_expiry(claims: dict[str, Any]) -> datetime | None:
    """When the last token of this login will have expired; None: never."""
    own = claims.get("exp")
    if own is None:
        return None
    if "sid" not in claims:
        return _as_datetime(own)
    lifetime = conf.current().refresh_lifetime
    if lifetime is None:
        return None
    # Another refresh token of the login may be as young as this moment.
    return max(_as_datetime(own), django_timezone.now() + lifetime)


def _as_datetime(seconds: float) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    try:
        return epoch + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=timezone.utc)
