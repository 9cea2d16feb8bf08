"""Blacklist rows that never expire, and ids that are compared letter by letter."""

from typing import Any

from django.db import migrations, models

import djwto.fields


class AlterFieldAsFound(migrations.AlterField):
    """`AlterField` that does not trust the state: an older table may be declared otherwise.

    Whether the column takes NULL, and whether it has an index already, is not known before.
    """

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Make the column nullable, and index it unless it is."""
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        old_model = from_state.apps.get_model(app_label, self.model_name)
        old_field = old_model._meta.get_field(self.name).clone()
        old_field.set_attributes_from_name(self.name)
        old_field.model = old_model
        old_field.null = False
        old_field.db_index = _has_index(schema_editor.connection, model._meta.db_table, self.name)
        schema_editor.alter_field(old_model, old_field, model._meta.get_field(self.name))


def _has_index(connection: Any, table: str, column: str) -> bool:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, table)
    return any(one["index"] and one["columns"] == [column] for one in constraints.values())


class Migration(migrations.Migration):
    dependencies = [("djwto", "0003_erase_tokens")]
    operations = [
        migrations.AlterModelOptions(
            name="jwtblacklist", options={"verbose_name": "blacklisted token"}
        ),
        AlterFieldAsFound(
            model_name="jwtblacklist",
            name="expires",
            field=models.DateTimeField(
                blank=True,
                db_index=True,
                help_text="When the row may go; empty: never.",
                null=True,
            ),
        ),
        # On MySQL and MariaDB "Ab" and "aB" are two tokens from now on.
        migrations.AlterField(
            model_name="jwtblacklist",
            name="jti",
            field=djwto.fields.UnicodeField(max_length=255, unique=True),
        ),
    ]
