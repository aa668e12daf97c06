"""See the models of the same word."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("patients", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Merge",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("state", models.CharField(max_length=12)),
                ("reasons", models.JSONField(default=list)),
                ("source", models.CharField(max_length=150)),
                ("message_id", models.BigIntegerField(null=True)),
                ("told_at", models.DateTimeField(auto_now_add=True)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                ("settled_by", models.CharField(blank=True, max_length=150)),
                ("words", models.CharField(blank=True, max_length=300)),
                ("before", models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name="MergeStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event", models.CharField(max_length=12)),
                ("from_state", models.CharField(blank=True, max_length=12)),
                ("to_state", models.CharField(max_length=12)),
                ("at", models.DateTimeField()),
                ("by_name", models.CharField(max_length=150)),
                ("by_user_id", models.BigIntegerField(null=True)),
                ("organisation_code", models.CharField(blank=True, max_length=12)),
                ("words", models.CharField(blank=True, max_length=300)),
                ("details", models.JSONField(default=dict)),
            ],
        ),
        migrations.AddField(
            model_name="identifier",
            name="former_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="patientchange",
            name="kind",
            field=models.CharField(
                choices=[
                    ("registered", "Registered"),
                    ("corrected", "Details changed"),
                    ("identified", "Hospital number added"),
                    ("out_of_date", "Older details arrived and were not used"),
                    ("renumbered", "Hospital number replaced"),
                    ("merged", "Merged with another record"),
                    ("unmerged", "Merge with another record undone"),
                ],
                max_length=12,
            ),
        ),
        migrations.AddIndex(
            model_name="patient",
            index=models.Index(
                condition=models.Q(("merged_into__isnull", False)),
                fields=["nhs_number"],
                name="patient_retired_number",
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("merged_into__isnull", True),
                    models.Q(("merged_into", models.F("id")), _negated=True),
                    _connector="OR",
                ),
                name="nobody_is_merged_into_themselves",
            ),
        ),
        migrations.AddField(
            model_name="merge",
            name="retired",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merges_retired",
                to="patients.patient",
            ),
        ),
        migrations.AddField(
            model_name="merge",
            name="survivor",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merges_kept",
                to="patients.patient",
            ),
        ),
        migrations.AddField(
            model_name="mergestep",
            name="merge",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="steps",
                to="patients.merge",
            ),
        ),
        migrations.AddIndex(
            model_name="merge",
            index=models.Index(
                condition=models.Q(("state", "held")), fields=["due_at"], name="merges_to_decide"
            ),
        ),
        migrations.AddIndex(
            model_name="merge",
            index=models.Index(fields=["state", "-told_at"], name="merges_by_state"),
        ),
        migrations.AddConstraint(
            model_name="merge",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["held", "applied", "refused", "undone"])),
                name="merge_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="merge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("due_at__isnull", False), ("state", "held")),
                    models.Q(models.Q(("state", "held"), _negated=True), ("due_at__isnull", True)),
                    _connector="OR",
                ),
                name="a_held_merge_has_a_clock",
            ),
        ),
        migrations.AddConstraint(
            model_name="merge",
            constraint=models.CheckConstraint(
                condition=models.Q(("survivor", models.F("retired")), _negated=True),
                name="a_merge_is_of_two_records",
            ),
        ),
        migrations.AddConstraint(
            model_name="merge",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["held", "applied"])),
                fields=("retired",),
                name="one_merge_at_a_time_per_retired_record",
            ),
        ),
        migrations.AddIndex(
            model_name="mergestep",
            index=models.Index(fields=["merge", "id"], name="merge_steps"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="mergestep",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="f7f7750501a9046e77a9d389b09d395e95958319",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_2825c",
                    table="patients_mergestep",
                    when="BEFORE",
                ),
            ),
        ),
    ]
