"""What is stored: sessions, and the blacklist. No token, and no hash of one."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from django.conf import settings
from django.db import models, router
from django.utils.timezone import get_default_timezone, make_aware, make_naive

# Why a session was ended; what a project says itself stands beside these.
REUSE = "reuse"
LOGOUT = "logout"
PASSWORD_CHANGED = "password changed"  # noqa: S105 (a sentence)
USER_DELETED = "user deleted"
USER_DEACTIVATED = "user deactivated"
ENDED_BY_USER = "ended by its user"
ENDED_BY_ADMIN = "ended by an admin"


class JWTBlacklist(models.Model):
    """A refresh token that was logged out, by its `jti`."""

    jti = models.CharField(max_length=255, unique=True)
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
    def add(cls, claims: dict[str, Any]) -> bool:
        """Blacklist the token with these claims. False: someone did so before."""
        expires = as_datetime(claims.get("exp"))
        # Two requests may be here at once: the unique column decides.
        row = {"expires": None if as_seconds(expires) is None else expires}
        return cls.rows().get_or_create(jti=claims["jti"], defaults=row)[1]

    @classmethod
    def rows(cls) -> models.QuerySet[JWTBlacklist]:
        """The rows as the writing database has them: a replica may not know of a logout yet."""
        return cls.objects.using(router.db_for_write(cls))


class Session(models.Model):
    """A login, from its first tokens to its end. Its row outlives its user, as evidence.

    Times that end in `rotated_at` and `revoked_at` are the database's, the others the server's.
    """

    id = models.UUIDField("sid", primary_key=True)
    user_id = models.CharField("user's key", max_length=255)
    mode = models.CharField(max_length=16, help_text="How its first tokens were delivered.")
    created_at = models.DateTimeField()
    renewed_at = models.DateTimeField("last renewed")
    issued_at = models.DateTimeField(help_text="When the present refresh token was issued.")
    expires_at = models.DateTimeField(
        "idle expiry", help_text="When the last refresh token that was issued expires."
    )
    ends_at = models.DateTimeField(
        "absolute expiry", help_text="When it ends, however often it is renewed."
    )
    lifetime = models.DurationField(
        null=True, blank=True, help_text="Life of its refresh tokens, where it has its own."
    )
    authenticated_at = models.DateTimeField("auth_time", help_text="When the user was asked.")
    amr = models.CharField("amr", max_length=255, blank=True, help_text="How (RFC 8176).")
    generation = models.PositiveBigIntegerField()
    rotated_at = models.DateTimeField(null=True, blank=True)
    previously_rotated_at = models.DateTimeField(null=True, blank=True)
    access_until = models.DateTimeField(help_text="When its last access token expires.")
    auth_hash = models.CharField(
        max_length=255, blank=True, help_text="Django's session auth hash of the user."
    )
    device = models.CharField(max_length=100, blank=True)
    user_agent = models.CharField(max_length=500, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    revoked_at = models.DateTimeField("ended", null=True, blank=True)
    revoked_reason = models.CharField("why", max_length=32, blank=True)

    class Meta:  # noqa: D106
        db_table = "djwto_session"
        indexes = (
            models.Index(fields=["user_id"], name="djwto_session_user"),
            # What the feed of ended sessions asks; the query needs nothing but the index.
            models.Index(fields=["revoked_at", "access_until", "id"], name="djwto_session_revoked"),
            models.Index(fields=["expires_at"], name="djwto_session_expires"),
        )

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def rows(cls) -> models.QuerySet[Session]:
        """The rows as the writing database has them: a replica that lags looks like a replay."""
        return cls.objects.using(router.db_for_write(cls))

    @classmethod
    def live(cls) -> models.QuerySet[Session]:
        """The rows of sessions that were not ended."""
        return cls.rows().filter(revoked_at=None)


def as_datetime(seconds: float | None) -> datetime:
    """Turn a time into a date as Django stores it; none, and one beyond the calendar, are "never".

    That is a date too, so that times can be compared in the database.
    """
    never = datetime(_NEVER, 1, 1, tzinfo=timezone.utc)
    try:
        found = never if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, ValueError, OSError):
        found = never
    found = min(found, never)
    return found if settings.USE_TZ else make_naive(found, get_default_timezone())


def as_seconds(date: datetime) -> float | None:
    """Turn a date into a time; "never" is None."""
    aware = date if date.tzinfo else make_aware(date, get_default_timezone())
    return None if aware.year >= _NEVER - 1 else aware.timestamp()


_NEVER = 9999
