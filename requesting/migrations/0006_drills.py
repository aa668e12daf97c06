"""See the models of the same word."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("requesting", "0005_reconciliation"), ("messaging", "0007_drills")]

    operations = [
        migrations.CreateModel(
            name="PracticeForm",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("case", models.CharField(max_length=20)),
                ("status", models.CharField(default="made", max_length=12)),
                ("made_at", models.DateTimeField()),
                ("made_by", models.CharField(max_length=150)),
                ("out_at", models.DateTimeField(blank=True, null=True)),
                ("emailed_at", models.DateTimeField(blank=True, null=True)),
                ("mail_state", models.CharField(blank=True, max_length=8)),
                ("mail_to", models.CharField(blank=True, max_length=200)),
                ("mail_words", models.CharField(blank=True, max_length=300)),
                ("printed_at", models.DateTimeField(blank=True, null=True)),
                ("keyed_in_at", models.DateTimeField(blank=True, null=True)),
                ("keyed_in_by", models.CharField(blank=True, max_length=150)),
                ("number", models.CharField(blank=True, max_length=40)),
                (
                    "department",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organisation",
                    ),
                ),
                (
                    "drill",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="forms",
                        to="messaging.drill",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="practice_forms",
                        to="accounts.organisation",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="PracticeEventRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event", models.CharField(max_length=16)),
                ("from_status", models.CharField(blank=True, max_length=12)),
                ("to_status", models.CharField(max_length=12)),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("by_name", models.CharField(max_length=150)),
                ("words", models.CharField(blank=True, max_length=300)),
                (
                    "form",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="requesting.practiceform",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="practiceform",
            index=models.Index(
                fields=["drill", "organisation"], name="requesting__drill_i_3285d7_idx"
            ),
        ),
        migrations.AddConstraint(
            model_name="practiceform",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["made", "emailed", "printed", "keyed_in", "left_over"])
                ),
                name="practice_status_is_known",
            ),
        ),
        migrations.AddIndex(
            model_name="practiceeventrow",
            index=models.Index(fields=["form", "id"], name="requesting__form_id_37fc6d_idx"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="practiceeventrow",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="09131771ce09b13f1a38d36be99678ff1119cf77",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_5579d",
                    table="requesting_practiceeventrow",
                    when="BEFORE",
                ),
            ),
        ),
    ]
