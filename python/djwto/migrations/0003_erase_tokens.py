"""Erase the refresh tokens that 0.0.4 stored: a leaked table would log people in."""

from typing import Any

from django.db import migrations


def overwrite(apps: Any, schema_editor: Any) -> None:
    """Dropping a column may leave its bytes in the table's file; the old rows go first."""
    table = apps.get_model("djwto", "JWTBlacklist")
    table.objects.using(schema_editor.connection.alias).exclude(token="").update(token="")


class Migration(migrations.Migration):
    dependencies = [("djwto", "0002_alter_jwtblacklist_id")]
    # Each step on its own: the erasure must not wait for the rest, nor be undone with it.
    atomic = False
    operations = [
        migrations.RunPython(overwrite, migrations.RunPython.noop, elidable=False),
        migrations.RemoveField(model_name="jwtblacklist", name="token"),
    ]
