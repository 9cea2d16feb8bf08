"""The table of 0.0.4, made only where it is not there yet.

Some databases of 0.0.4 have the table without a record of this migration.
"""

from typing import Any

from django.db import migrations, models


class CreateModelUnlessThere(migrations.CreateModel):
    """`CreateModel` that leaves an existing table alone."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Create the table unless the database has it."""
        table = to_state.apps.get_model(app_label, self.name)._meta.db_table
        if table not in schema_editor.connection.introspection.table_names():
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        CreateModelUnlessThere(
            name="JWTBlacklist",
            fields=[
                (
                    "id",
                    models.AutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("jti", models.CharField(max_length=255, unique=True)),
                # An older table may hold rows without these.
                ("token", models.TextField(null=True)),
                ("expires", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
    ]
