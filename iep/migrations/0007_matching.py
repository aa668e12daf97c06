"""What matching needs: two persons where something differs, copies for PACS, the RIS's number."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("iep", "0006_lanes"), ("patients", "0002_merging")]

    operations = [
        migrations.RemoveConstraint(
            model_name="receivedfile",
            name="file_state",
        ),
        migrations.AddField(
            model_name="receivedfile",
            name="original",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="copies",
                to="iep.receivedfile",
            ),
        ),
        migrations.AddField(
            model_name="study",
            name="code_why",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="study",
            name="filing_why",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name="study",
            name="former_placers",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="study",
            name="identity_agreed",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="study",
            name="ris_number",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="study",
            name="vouched_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="study",
            name="vouched_by",
            field=models.CharField(blank=True, max_length=150),
        ),
        migrations.AddField(
            model_name="study",
            name="vouched_by_id",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="study",
            name="vouched_patient",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="patients.patient",
            ),
        ),
        migrations.AddField(
            model_name="study",
            name="vouched_why",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddIndex(
            model_name="study",
            index=models.Index(
                condition=models.Q(("state", "matched")),
                fields=["state_since"],
                name="studies_to_file",
            ),
        ),
        migrations.AddConstraint(
            model_name="receivedfile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["quarantined", "kept", "refused", "copy", "discarded"])
                ),
                name="file_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="receivedfile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "copy"), _negated=True),
                    models.Q(("original__isnull", False), ("study__isnull", False)),
                    _connector="OR",
                ),
                name="a_copy_has_an_original",
            ),
        ),
        migrations.AddConstraint(
            model_name="receivedfile",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "copy")),
                fields=("original",),
                name="one_copy_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["matched", "filed"]), _negated=True),
                    ("identity_agreed", True),
                    models.Q(
                        ("matched_by_id__isnull", False),
                        ("vouched_by_id__isnull", False),
                        ("vouched_patient__isnull", False),
                        models.Q(("vouched_by_id", models.F("matched_by_id")), _negated=True),
                        ("vouched_patient", models.F("patient")),
                    ),
                    _connector="OR",
                ),
                name="a_match_that_differs_took_two_people",
            ),
        ),
    ]
