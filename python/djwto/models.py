"""The tables: sessions and the blacklist. They hold no token and no hash of one."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connections, models, router, transaction
from django.utils.timezone import get_default_timezone, make_naive

from djwto import prepared, times
from djwto.fields import UnicodeField

__all__ = ["JWTBlacklist", "Session"]

if apps.apps_ready and not apps.is_installed("djwto"):
    raise ImproperlyConfigured(
        'INSTALLED_APPS: expected "djwto", because this module needs its tables. A service with '
        '"djwto.verifier" only verifies tokens: it has no djwto.urls and no djwto.sessions. Logins '
        "and renewals happen at the issuer."
    )

# Why a session ended. A project may store other reasons.
REUSE = "reuse"
LOGOUT = "logout"
PASSWORD_CHANGED = "password changed"  # noqa: S105 (a sentence)
USER_DELETED = "user deleted"
USER_DEACTIVATED = "user deactivated"
USER_CHANGED = "user changed during the login"
TOO_MANY = "too many sessions"
ENDED_BY_USER = "ended by its user"
ENDED_BY_ADMIN = "ended by an admin"


class JWTBlacklist(models.Model):
    """A refresh token that was logged out, by its `jti`."""

    jti = UnicodeField(max_length=255, unique=True)
    expires = models.DateTimeField(
        null=True, blank=True, db_index=True, help_text="When the row may go; empty: never."
    )
    tenant = UnicodeField(max_length=255, blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:  # noqa: D106
        verbose_name = "blacklisted token"

    def __str__(self) -> str:
        return self.jti

    @classmethod
    def is_blacklisted(cls, jti: str) -> bool:
        """Whether the token with this `jti` was logged out."""
        return cls.rows().filter(jti=_stored(jti)).exists()

    @classmethod
    def add(cls, claims: dict[str, Any], *, tenant: str = "") -> bool:
        """Blacklist the token with these claims. Returns False if it is blacklisted already."""
        try:
            with transaction.atomic(using=cls.rows().db):
                cls.insert(claims, tenant=tenant)
        except IntegrityError:
            return False
        return True

    @classmethod
    def insert(cls, claims: dict[str, Any], *, tenant: str = "") -> None:
        """Blacklist the token with these claims. Raises `IntegrityError` if it already is.

        It reads no row first: two requests may come at once, and a transaction may not see later
        rows. The unique column decides.
        """
        until = times.micros(claims.get("exp"))
        expires = times.shown(until if until < times.LATEST else None)
        row = cls(jti=_stored(claims["jti"]), expires=expires, tenant=tenant)
        prepared.insert(row, router.db_for_write(cls))

    @classmethod
    def rows(cls) -> models.QuerySet[JWTBlacklist]:
        """Return the rows of the writing database: a replica may not have a logout yet."""
        return cls.objects.using(router.db_for_write(cls))

    @classmethod
    def expired(cls, seconds: float) -> models.QuerySet[JWTBlacklist]:
        """Return the rows that have expired at this time, in seconds since 1970.

        The column holds local times if `USE_TZ` is off, or if the database has a `TIME_ZONE`. In
        the hour that the end of summer time repeats, a time counts as the later one.
        """
        rows = cls.rows()
        zone = connections[rows.db].timezone or get_default_timezone()
        local = datetime.fromtimestamp(seconds, zone)
        offsets = [local.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1)]
        past = local.astimezone(timezone.utc) - max(timedelta(), offsets[0] - offsets[1])
        return rows.filter(expires__lt=past if settings.USE_TZ else make_naive(past))


class Session(models.Model):
    """A session, from a login to its end. The row stays when the user is deleted, as evidence.

    All times are microseconds since 1970; `djwto.times.as_datetime` converts them. `rotated_at`,
    `previously_rotated_at` and `revoked_at` are by the clock of the database, the others by that of
    the server.
    """

    id = models.UUIDField("sid", primary_key=True)
    user_id = UnicodeField("user's key", max_length=255)
    mode = UnicodeField(max_length=16, help_text="How its first tokens were delivered.")
    created_at = models.BigIntegerField()
    renewed_at = models.BigIntegerField("last renewed")
    issued_at = models.BigIntegerField(help_text="When the present refresh token was issued.")
    expires_at = models.BigIntegerField(
        "idle expiry", help_text="When the last refresh token that was issued expires."
    )
    ends_at = models.BigIntegerField(
        "absolute expiry", help_text="When it ends, however often it is renewed."
    )
    lifetime = models.DurationField(
        null=True, blank=True, help_text="Life of its refresh tokens, where it has its own."
    )
    authenticated_at = models.BigIntegerField("auth_time", help_text="When the user was asked.")
    amr = UnicodeField("amr", max_length=255, blank=True, help_text="How (RFC 8176).")
    generation = models.PositiveBigIntegerField()
    rotated_at = models.BigIntegerField(null=True, blank=True)
    previously_rotated_at = models.BigIntegerField(null=True, blank=True)
    renewed_elsewhere_at = models.BigIntegerField(
        null=True,
        blank=True,
        help_text="When a renewal in the grace period came from another device or network.",
    )
    access_until = models.BigIntegerField(help_text="When its last access token expires.")
    auth_hash = UnicodeField(
        max_length=255, blank=True, help_text="Django's session auth hash of the user."
    )
    device = UnicodeField(max_length=100, blank=True, exact=False)
    user_agent = UnicodeField(max_length=500, blank=True, exact=False)
    address = models.GenericIPAddressField(null=True, blank=True)
    revoked_at = models.BigIntegerField("ended", null=True, blank=True)
    revoked_reason = UnicodeField("why", max_length=32, blank=True)
    # During an update, servers of the release before write rows without it.
    tenant = UnicodeField(max_length=255, blank=True, default="", db_default="")

    class Meta:  # noqa: D106
        db_table = "djwto_session"
        indexes = (
            # A user's live sessions in a tenant, by when they were renewed. The user comes first,
            # for queries about all tenants.
            models.Index(
                fields=["user_id", "tenant", "revoked_at", "renewed_at"],
                name="djwto_session_tenant",
            ),
            # Lists of all sessions, the latest first.
            models.Index(fields=["renewed_at", "id"], name="djwto_session_renewed"),
            # For the query for ended sessions, which reads only the index.
            models.Index(fields=["revoked_at", "access_until", "id"], name="djwto_session_revoked"),
            models.Index(fields=["expires_at"], name="djwto_session_expires"),
        )

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def rows(cls) -> models.QuerySet[Session]:
        """Return the rows of the writing database: a replica that lags would look like reuse."""
        return cls.objects.using(cls.database())

    @classmethod
    def database(cls) -> str:
        """Return the alias of the database in which sessions are written."""
        return router.db_for_write(cls)

    def insert(self) -> None:
        """Write a new row. Raises `IntegrityError` if there is one of this id."""
        prepared.insert(self, Session.database())

    @classmethod
    def of_tenant(cls, tenant: str | None) -> models.QuerySet[Session]:
        """Return the rows of a tenant; None: of all tenants."""
        return cls.rows() if tenant is None else cls.rows().filter(tenant=tenant)

    @classmethod
    def of_user(cls, user_id: str, tenant: str | None) -> models.QuerySet[Session]:
        """Return the rows of a user in a tenant; None: in all tenants."""
        return cls.of_tenant(tenant).filter(user_id=user_id)

    @classmethod
    def live(cls) -> models.QuerySet[Session]:
        """Return the rows of sessions that were not ended. Some may have expired."""
        return cls.rows().filter(revoked_at=None)


def _stored(jti: str) -> str:
    """Return the `jti` as the column holds it: a hash if it does not fit."""
    if len(jti) <= _JTI_LETTERS and "\0" not in jti:
        return jti
    return "sha256:" + hashlib.sha256(jti.encode()).hexdigest()


_JTI_LETTERS = 255
