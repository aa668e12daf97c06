"""The numbers that we give: from sequences, never given twice (docs/adr/007)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("requesting", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE requesting_reference START 100001",
            "DROP SEQUENCE requesting_reference",
        ),
        migrations.RunSQL(
            "CREATE SEQUENCE requesting_placer_number START 1",
            "DROP SEQUENCE requesting_placer_number",
        ),
    ]
