"""The tenant of sessions and of blacklisted tokens; those of before have none.

The columns have a default of the database, so servers of the release before go on writing rows.
"""

from django.db import migrations, models

from djwto.fields import UnicodeField


class Migration(migrations.Migration):
    """Add the columns. An index that begins as the old one takes its place."""

    dependencies = (("djwto", "0005_session"),)

    operations = (
        migrations.AddField(
            "jwtblacklist",
            "tenant",
            UnicodeField(blank=True, db_default="", default="", max_length=255),
        ),
        migrations.AddField(
            "session",
            "tenant",
            UnicodeField(blank=True, db_default="", default="", max_length=255),
        ),
        migrations.AddIndex(
            "session",
            models.Index(
                fields=["user_id", "tenant", "revoked_at", "renewed_at"],
                name="djwto_session_tenant",
            ),
        ),
        migrations.RemoveIndex("session", "djwto_session_user"),
    )
