"""See the models of the same word."""

import uuid

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0006_operating")]

    operations = [
        migrations.CreateModel(
            name="Drill",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("exercise", models.UUIDField(db_index=True, default=uuid.uuid4)),
                ("reason", models.CharField(max_length=300)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("hour_seconds", models.PositiveIntegerField(default=60)),
                ("state", models.CharField(default="planned", max_length=12)),
                ("declared_by", models.CharField(max_length=150)),
                ("declared_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("over_at", models.DateTimeField(blank=True, null=True)),
                ("over_by", models.CharField(blank=True, max_length=150)),
                ("over_because", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "ordering": ["-starts_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="DrillEventRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("event", models.CharField(max_length=32)),
                ("before", models.CharField(max_length=12)),
                ("after", models.CharField(max_length=12)),
                ("by", models.CharField(max_length=150)),
                ("why", models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.CreateModel(
            name="DrillNote",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("by", models.CharField(max_length=150)),
                ("words", models.CharField(max_length=1000)),
            ],
        ),
        migrations.CreateModel(
            name="DrillSight",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "what",
                    models.CharField(
                        choices=[("strip", "Read the strip"), ("form", "Opened the practice form")],
                        max_length=8,
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("by", models.CharField(max_length=150)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="mailbox",
            name="mailbox_purpose",
        ),
        migrations.AddConstraint(
            model_name="mailbox",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "purpose__in",
                        ["downtime", "requests", "results", "alerts", "service", "drill"],
                    )
                ),
                name="mailbox_purpose",
            ),
        ),
        migrations.AddField(
            model_name="drill",
            name="partner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="drills",
                to="messaging.partner",
            ),
        ),
        migrations.AddField(
            model_name="drill",
            name="places",
            field=models.ManyToManyField(related_name="drills", to="accounts.organisation"),
        ),
        migrations.AddField(
            model_name="drilleventrow",
            name="drill",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="events",
                to="messaging.drill",
            ),
        ),
        migrations.AddField(
            model_name="drillnote",
            name="drill",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="notes",
                to="messaging.drill",
            ),
        ),
        migrations.AddField(
            model_name="drillnote",
            name="place",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.organisation",
            ),
        ),
        migrations.AddField(
            model_name="drillsight",
            name="drill",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="sights",
                to="messaging.drill",
            ),
        ),
        migrations.AddField(
            model_name="drillsight",
            name="place",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.organisation",
            ),
        ),
        migrations.AddConstraint(
            model_name="drill",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        ["planned", "running", "ended", "stopped", "overtaken", "called_off"],
                    )
                ),
                name="drill_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="drill",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("over_at__isnull", False),
                        ("state__in", ["ended", "stopped", "overtaken", "called_off"]),
                    ),
                    models.Q(
                        ("over_at__isnull", True),
                        models.Q(
                            ("state__in", ["ended", "stopped", "overtaken", "called_off"]),
                            _negated=True,
                        ),
                    ),
                    _connector="OR",
                ),
                name="drill_that_is_over_has_an_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="drill",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                name="drill_ends_after_it_starts",
            ),
        ),
        migrations.AddConstraint(
            model_name="drill",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "running")),
                fields=("partner",),
                name="one_running_drill_of_a_partner",
            ),
        ),
        migrations.AddIndex(
            model_name="drilleventrow",
            index=models.Index(fields=["drill", "id"], name="messaging_d_drill_i_4af3f1_idx"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="drilleventrow",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="0193a683e8ac7312f568fe19c9b14a54c3701bfb",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_6aca5",
                    table="messaging_drilleventrow",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="drillnote",
            index=models.Index(fields=["drill", "id"], name="messaging_d_drill_i_3edb0c_idx"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="drillnote",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="b7f9aa5aa5eeb25b483f6840cfb1a9a6ac64db5b",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_6e2b6",
                    table="messaging_drillnote",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="drillsight",
            constraint=models.UniqueConstraint(
                fields=("drill", "place", "what"), name="first_sight_only"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="drillsight",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="ee3186eadbdf4a0820b7bcac9b985c46f76d10d0",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_fe7c3",
                    table="messaging_drillsight",
                    when="BEFORE",
                ),
            ),
        ),
    ]
