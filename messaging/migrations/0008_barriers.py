"""See the models of the same word."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0007_drills")]

    operations = [
        migrations.AddField(
            model_name="inboundmessage",
            name="barrier_keys",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=64), blank=True, null=True, size=None
            ),
        ),
        migrations.AddIndex(
            model_name="inboundmessage",
            index=models.Index(
                condition=models.Q(("barrier_keys__isnull", False), ("state", "received")),
                fields=["id"],
                name="inbox_barriers",
            ),
        ),
    ]
