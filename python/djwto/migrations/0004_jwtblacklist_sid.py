"""Ended logins: the `sid`, and rows that never expire."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("djwto", "0003_erase_tokens")]
    operations = [
        migrations.AlterModelOptions(
            name="jwtblacklist", options={"verbose_name": "blacklisted token"}
        ),
        migrations.AddField(
            model_name="jwtblacklist",
            name="sid",
            field=models.CharField(blank=True, db_index=True, default="", max_length=255),
        ),
        migrations.AlterField(
            model_name="jwtblacklist",
            name="expires",
            field=models.DateTimeField(
                blank=True,
                db_index=True,
                help_text="When the row may go; empty: never.",
                null=True,
            ),
        ),
    ]
