"""Sessions: a row for each login, and for each of 0.0.4 that was ended."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import migrations, models
from django.utils.timezone import get_default_timezone
from django.utils.timezone import now as present

from djwto import times
from djwto._core import Engine
from djwto.fields import UnicodeField
from djwto.models import LOGOUT

BATCH = 500


def end_blacklisted(apps: Any, schema_editor: Any) -> None:
    """Guards look for ended sessions alone: those of the tokens that are blacklisted already."""
    alias, now = schema_editor.connection.alias, times.now()
    blacklist = apps.get_model("djwto", "JWTBlacklist").objects.using(alias)
    session = apps.get_model("djwto", "Session")
    alive = blacklist.filter(models.Q(expires=None) | models.Q(expires__gt=present()))
    rows = {
        UUID(Engine.legacy_session(jti)): {
            "created_at": _micros(created_at),
            "renewed_at": _micros(created_at),
            "issued_at": _micros(created_at),
            "authenticated_at": _micros(created_at),
            "expires_at": _micros(expires),
            "access_until": _micros(expires),
        }
        for jti, expires, created_at in alive.values_list("jti", "expires", "created_at")
    }
    keys, stored = list(rows), session.objects.using(alias)
    for start in range(0, len(keys), BATCH):
        batch = keys[start : start + BATCH]
        # Those that a run which was cut short has left. What the database refuses is an error.
        present_keys = set(stored.filter(pk__in=batch).values_list("pk", flat=True))
        stored.bulk_create(
            session(
                pk=key,
                **rows[key],
                ends_at=times.NEVER,
                generation=0,
                revoked_at=now,
                revoked_reason=LOGOUT,
            )
            for key in batch
            if key not in present_keys
        )


def _micros(date: datetime | None) -> int:
    """Read a date as the older table holds it; of two readings of a local time, the later one."""
    if date is not None and date.tzinfo is None:
        date = date.replace(tzinfo=get_default_timezone(), fold=1)
    return times.micros(None if date is None else date.timestamp())


class Migration(migrations.Migration):
    dependencies = [
        ("djwto", "0004_jwtblacklist_expires"),
    ]

    operations = [
        migrations.CreateModel(
            name="Session",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, verbose_name="sid")),
                ("user_id", UnicodeField(max_length=255, verbose_name="user's key")),
                (
                    "mode",
                    UnicodeField(help_text="How its first tokens were delivered.", max_length=16),
                ),
                ("created_at", models.BigIntegerField()),
                ("renewed_at", models.BigIntegerField(verbose_name="last renewed")),
                (
                    "issued_at",
                    models.BigIntegerField(help_text="When the present refresh token was issued."),
                ),
                (
                    "expires_at",
                    models.BigIntegerField(
                        help_text="When the last refresh token that was issued expires.",
                        verbose_name="idle expiry",
                    ),
                ),
                (
                    "ends_at",
                    models.BigIntegerField(
                        help_text="When it ends, however often it is renewed.",
                        verbose_name="absolute expiry",
                    ),
                ),
                (
                    "lifetime",
                    models.DurationField(
                        blank=True,
                        help_text="Life of its refresh tokens, where it has its own.",
                        null=True,
                    ),
                ),
                (
                    "authenticated_at",
                    models.BigIntegerField(
                        help_text="When the user was asked.", verbose_name="auth_time"
                    ),
                ),
                (
                    "amr",
                    UnicodeField(
                        blank=True, help_text="How (RFC 8176).", max_length=255, verbose_name="amr"
                    ),
                ),
                ("generation", models.PositiveBigIntegerField()),
                ("rotated_at", models.BigIntegerField(blank=True, null=True)),
                ("previously_rotated_at", models.BigIntegerField(blank=True, null=True)),
                (
                    "renewed_elsewhere_at",
                    models.BigIntegerField(
                        blank=True,
                        help_text="When a renewal in the grace period came from another device "
                        "or network.",
                        null=True,
                    ),
                ),
                (
                    "access_until",
                    models.BigIntegerField(help_text="When its last access token expires."),
                ),
                (
                    "auth_hash",
                    UnicodeField(
                        blank=True,
                        help_text="Django's session auth hash of the user.",
                        max_length=255,
                    ),
                ),
                ("device", UnicodeField(blank=True, exact=False, max_length=100)),
                ("user_agent", UnicodeField(blank=True, exact=False, max_length=500)),
                ("address", models.GenericIPAddressField(blank=True, null=True)),
                ("revoked_at", models.BigIntegerField(blank=True, null=True, verbose_name="ended")),
                ("revoked_reason", UnicodeField(blank=True, max_length=32, verbose_name="why")),
            ],
            options={
                "db_table": "djwto_session",
                "indexes": [
                    models.Index(
                        fields=["user_id", "revoked_at", "renewed_at"], name="djwto_session_user"
                    ),
                    models.Index(fields=["renewed_at", "id"], name="djwto_session_renewed"),
                    models.Index(
                        fields=["revoked_at", "access_until", "id"], name="djwto_session_revoked"
                    ),
                    models.Index(fields=["expires_at"], name="djwto_session_expires"),
                ],
            },
        ),
        migrations.RunPython(end_blacklisted, migrations.RunPython.noop),
    ]
