"""See the models of the same word."""

from django.db import migrations, models
from django.db.models import deletion
from django.db.models.functions import Now


def start_the_clock(apps, schema_editor):
    """From now on a downtime page ought to be there: a writer that never ran is late too."""
    apps.get_model("accounts", "Standby").objects.create(pk=1, since=Now())


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_desks")]

    operations = [
        migrations.CreateModel(
            name="PackKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("salt", models.BinaryField()),
                ("iterations", models.PositiveIntegerField()),
                ("key", models.BinaryField()),
                ("made_at", models.DateTimeField()),
                ("made_by", models.CharField(max_length=150)),
                (
                    "organisation",
                    models.OneToOneField(
                        on_delete=deletion.PROTECT,
                        related_name="pack_key",
                        to="accounts.organisation",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Standby",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("since", models.DateTimeField()),
                ("lease_token", models.UUIDField(blank=True, null=True)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("retry_at", models.DateTimeField(blank=True, null=True)),
                ("as_of", models.DateTimeField(blank=True, null=True)),
                ("generation", models.CharField(blank=True, max_length=20)),
                ("packs", models.PositiveIntegerField(default=0)),
                ("size", models.PositiveBigIntegerField(default=0)),
                ("seconds", models.FloatField(default=0)),
                ("failing_since", models.DateTimeField(blank=True, null=True)),
                ("sentence", models.CharField(blank=True, max_length=300)),
                ("copied_as_of", models.DateTimeField(blank=True, null=True)),
                ("copy_failing_since", models.DateTimeField(blank=True, null=True)),
                ("copy_sentence", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(pk=1), name="one_standby")
                ],
            },
        ),
        migrations.RunPython(start_the_clock, migrations.RunPython.noop),
    ]
