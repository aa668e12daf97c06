"""Tickets that are done and whose requester was not told: few, and looked for on every home."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("iep", "0015_scale")]

    operations = [
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                condition=models.Q(("state", "done"), ("told_at__isnull", True)),
                fields=["organisation"],
                name="tickets_untold",
            ),
        ),
    ]
