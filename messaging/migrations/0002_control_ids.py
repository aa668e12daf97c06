"""The sequence behind MSH-10: a number that was given is never given again, whatever rolls back."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("messaging", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE messaging_control_id AS bigint MINVALUE 1",
            "DROP SEQUENCE messaging_control_id",
        )
    ]
