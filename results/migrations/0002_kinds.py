"""See the models of the same word."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("results", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="copy",
            name="is_reader",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="observation",
            name="coded",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="observation",
            name="document_problem",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="observation",
            name="marks",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="observation",
            name="sub_id",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="reportversion",
            name="marks",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="reportversion",
            name="parent_number",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="reportversion",
            name="parent_value",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="reportversion",
            name="patient_note",
            field=models.TextField(blank=True),
        ),
        migrations.CreateModel(
            name="AgreedHost",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("host", models.CharField(max_length=253)),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="agreed_hosts",
                        to="messaging.partner",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("partner", "host"), name="one_agreement_per_host"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Document",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                ("kind", models.CharField(max_length=8)),
                ("sha256", models.CharField(max_length=64)),
                ("size", models.PositiveIntegerField()),
                ("content", models.BinaryField()),
                (
                    "observation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="results.observation",
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("observation", "number"), name="one_document_per_number"
                    )
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="document",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="6c41d14211e3284c350b0224f0ffaf6d84d6fc64",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_43c26",
                    table="results_document",
                    when="BEFORE",
                ),
            ),
        ),
    ]
