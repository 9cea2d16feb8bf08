"""The id type that projects with BigAutoField made themselves, under this very name."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("djwto", "0001_initial")]
    operations = [
        migrations.AlterField(
            model_name="jwtblacklist",
            name="id",
            field=models.BigAutoField(
                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
            ),
        ),
    ]
