from datetime import timedelta

from django.db import migrations, models
from django.db.models import F


def give_clocks(apps, schema_editor):
    """Those that were refused before there was a clock are due a day after they came."""
    refused = apps.get_model("iep", "ReceivedFile").objects.filter(state="refused")
    refused.update(due_at=F("received_at") + timedelta(hours=24))


class Migration(migrations.Migration):
    dependencies = [
        ("iep", "0012_pausing"),
    ]

    operations = [
        migrations.AddField(
            model_name="receivedfile",
            name="due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunPython(give_clocks, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="receivedfile",
            index=models.Index(
                condition=models.Q(("state", "refused")), fields=["due_at"], name="files_refused_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="receivedfile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "refused"), _negated=True),
                    ("due_at__isnull", False),
                    _connector="OR",
                ),
                name="a_refused_file_has_a_clock",
            ),
        ),
    ]
