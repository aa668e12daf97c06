"""The state of each link, synthetic orders, alerts: see messaging.models.links."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0003_partners")]

    operations = [
        migrations.CreateModel(
            name="Link",
            fields=[
                (
                    "partner",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="link",
                        serialize=False,
                        to="messaging.partner",
                    ),
                ),
                ("state", models.CharField(default="up", max_length=12)),
                ("since", models.DateTimeField(blank=True, null=True)),
                ("moved_at", models.DateTimeField(blank=True, null=True)),
                ("cause", models.CharField(blank=True, max_length=300)),
                ("declared_by", models.CharField(blank=True, max_length=150)),
                ("declared_because", models.CharField(blank=True, max_length=300)),
                ("declared_at", models.DateTimeField(blank=True, null=True)),
                ("declared_until", models.DateTimeField(blank=True, null=True)),
                ("good_probes", models.PositiveIntegerField(default=0)),
                ("answering_since", models.DateTimeField(blank=True, null=True)),
                ("window_from", models.DateTimeField(blank=True, null=True)),
                ("window_good", models.PositiveIntegerField(default=0)),
                ("window_bad", models.PositiveIntegerField(default=0)),
                ("failures_on", models.DateField(blank=True, null=True)),
                ("failures_that_day", models.PositiveIntegerField(default=0)),
                ("looked_at", models.DateTimeField(blank=True, null=True)),
                ("troubled_at", models.DateTimeField(blank=True, null=True)),
                ("unsent_since", models.DateTimeField(blank=True, null=True)),
                ("came_back_at", models.DateTimeField(blank=True, null=True)),
                ("is_flapping", models.BooleanField(default=False)),
                ("synthetic_seconds", models.PositiveIntegerField(default=0)),
                ("synthetic_patient", models.CharField(blank=True, max_length=10)),
                ("synthetic_code", models.CharField(blank=True, max_length=20)),
            ],
        ),
        migrations.CreateModel(
            name="LinkEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("before", models.CharField(max_length=12)),
                ("after", models.CharField(max_length=12)),
                ("event", models.CharField(max_length=20)),
                ("why", models.CharField(blank=True, max_length=300)),
                ("by", models.CharField(max_length=150)),
            ],
        ),
        migrations.CreateModel(
            name="QueueAlert",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("dead", "Dead"),
                            ("received", "Received"),
                            ("parked", "Parked"),
                            ("attempts", "Attempts"),
                        ],
                        max_length=12,
                    ),
                ),
                ("owner", models.CharField(max_length=20)),
                ("raised_at", models.DateTimeField()),
                ("oldest_at", models.DateTimeField()),
                ("waiting", models.PositiveIntegerField()),
                ("cleared_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="SyntheticOrder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("control_id", models.CharField(max_length=20, unique=True)),
                ("sent_at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                ("acknowledgement", models.CharField(blank=True, max_length=2)),
                ("failing_phase", models.CharField(blank=True, max_length=16)),
                ("reason", models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.AddField(
            model_name="outboundmessage",
            name="last_sent_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="outboundmessage",
            name="trace_id",
            field=models.CharField(blank=True, db_default="", max_length=32),
        ),
        migrations.AddConstraint(
            model_name="link",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["up", "suspect", "down", "recovering"])),
                name="link_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="link",
            constraint=models.CheckConstraint(
                condition=models.Q(("declared_by", ""), ("state", "down"), _connector="OR"),
                name="what_is_declared_is_down",
            ),
        ),
        migrations.AddConstraint(
            model_name="link",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("synthetic_seconds", 0),
                    models.Q(
                        ("synthetic_patient__startswith", "999"),
                        models.Q(("synthetic_code", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="synthetic_as_agreed",
            ),
        ),
        migrations.AddField(
            model_name="linkevent",
            name="partner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="link_events",
                to="messaging.partner",
            ),
        ),
        migrations.AddField(
            model_name="queuealert",
            name="partner",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="alerts",
                to="messaging.partner",
            ),
        ),
        migrations.AddField(
            model_name="syntheticorder",
            name="partner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="synthetic_orders",
                to="messaging.partner",
            ),
        ),
        migrations.AddIndex(
            model_name="linkevent",
            index=models.Index(fields=["partner", "-at"], name="messaging_l_partner_39a615_idx"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="linkevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",  # noqa: E501
                    hash="9ec6f24e3c55124bf7ed83c53fe12c26fe8ae0e4",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_f2b03",
                    table="messaging_linkevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="queuealert",
            index=models.Index(fields=["-raised_at"], name="messaging_q_raised__360ef6_idx"),
        ),
        migrations.AddConstraint(
            model_name="queuealert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("cleared_at__isnull", True)),
                fields=("partner", "kind"),
                name="one_open_alert_for_a_queue",
                nulls_distinct=False,
            ),
        ),
        migrations.AddIndex(
            model_name="syntheticorder",
            index=models.Index(
                fields=["partner", "-sent_at"], name="messaging_s_partner_b23bcf_idx"
            ),
        ),
    ]
