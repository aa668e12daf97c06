"""See the models of the same word."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0005_mail"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="outboundmessage", name="outbox_state"),
        migrations.RemoveIndex(model_name="outboundmessage", name="outbox_in_order"),
        migrations.AddIndex(
            model_name="outboundmessage",
            index=models.Index(
                condition=models.Q(("state__in", ["waiting", "sending", "held", "dead"])),
                fields=["partner", "stream", "sequence"],
                name="outbox_in_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="outboundmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "waiting",
                            "sending",
                            "held",
                            "taken",
                            "acknowledged",
                            "dead",
                            "handled",
                            "replaced",
                        ],
                    )
                ),
                name="outbox_state",
            ),
        ),
        migrations.CreateModel(
            name="Correction",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("raw", models.BinaryField()),
                ("control_id", models.CharField(blank=True, max_length=199)),
                ("reason", models.CharField(max_length=300)),
                ("needs_second", models.BooleanField()),
                ("state", models.CharField(default="proposed", max_length=12)),
                ("proposed_label", models.CharField(max_length=150)),
                ("proposed_at", models.DateTimeField(auto_now_add=True)),
                ("decided_label", models.CharField(blank=True, max_length=150)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("decided_how", models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.CreateModel(
            name="Replay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("direction", models.CharField(max_length=3)),
                ("cause", models.CharField(max_length=40)),
                ("after", models.DateTimeField(blank=True, null=True)),
                ("before", models.DateTimeField(blank=True, null=True)),
                ("highest", models.BigIntegerField()),
                ("total", models.PositiveIntegerField()),
                ("reached", models.BigIntegerField(default=0)),
                ("released", models.PositiveIntegerField(default=0)),
                ("per_minute", models.PositiveIntegerField()),
                ("paced_at", models.DateTimeField(blank=True, null=True)),
                ("state", models.CharField(default="running", max_length=12)),
                ("started_by", models.CharField(max_length=150)),
                ("started_at", models.DateTimeField(auto_now_add=True)),
                ("ended_by", models.CharField(blank=True, max_length=150)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="inboundmessage",
            name="inbox_state",
        ),
        migrations.RemoveConstraint(
            model_name="outboundmessage",
            name="one_place_in_the_stream",
        ),
        migrations.AddField(
            model_name="inboundmessage",
            name="corrects",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrected_by",
                to="messaging.inboundmessage",
            ),
        ),
        migrations.AddField(
            model_name="inboundmessage",
            name="retries",
            field=models.PositiveSmallIntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name="inboundmessage",
            name="spoken_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="inboundmessage",
            name="spoken_to",
            field=models.CharField(blank=True, db_default="", max_length=120),
        ),
        migrations.AddField(
            model_name="inboundmessage",
            name="urgency",
            field=models.CharField(blank=True, db_default="", max_length=12),
        ),
        migrations.AddField(
            model_name="outboundmessage",
            name="corrects",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrected_by",
                to="messaging.outboundmessage",
            ),
        ),
        migrations.AddField(
            model_name="outboundmessage",
            name="retries",
            field=models.PositiveSmallIntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name="outboundmessage",
            name="spoken_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="outboundmessage",
            name="spoken_to",
            field=models.CharField(blank=True, db_default="", max_length=120),
        ),
        migrations.AddField(
            model_name="outboundmessage",
            name="urgency",
            field=models.CharField(blank=True, db_default="", max_length=12),
        ),
        migrations.AddField(
            model_name="correction",
            name="inbound",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="messaging.inboundmessage",
            ),
        ),
        migrations.AddField(
            model_name="correction",
            name="outbound",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="messaging.outboundmessage",
            ),
        ),
        migrations.AddField(
            model_name="correction",
            name="proposed_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="replay",
            name="organisation",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.organisation",
            ),
        ),
        migrations.AddField(
            model_name="replay",
            name="partner",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="messaging.partner",
            ),
        ),
        migrations.AddField(
            model_name="inboundmessage",
            name="replay",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="inbound",
                to="messaging.replay",
            ),
        ),
        migrations.AddField(
            model_name="outboundmessage",
            name="replay",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="outbound",
                to="messaging.replay",
            ),
        ),
        migrations.AddIndex(
            model_name="inboundmessage",
            index=models.Index(
                condition=models.Q(("replay__isnull", False)),
                fields=["replay"],
                name="inbox_replay",
            ),
        ),
        migrations.AddIndex(
            model_name="inboundmessage",
            index=models.Index(
                condition=models.Q(("state", "parked"), ("urgency", "")),
                fields=["id"],
                name="inbox_unweighed",
            ),
        ),
        migrations.AddIndex(
            model_name="outboundmessage",
            index=models.Index(
                fields=["partner", "-acknowledged_at"], name="messaging_o_partner_e27b54_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="outboundmessage",
            index=models.Index(
                condition=models.Q(("replay__isnull", False)),
                fields=["replay"],
                name="outbox_replay",
            ),
        ),
        migrations.AddIndex(
            model_name="outboundmessage",
            index=models.Index(
                condition=models.Q(("state", "dead"), ("urgency", "")),
                fields=["id"],
                name="outbox_unweighed",
            ),
        ),
        migrations.AddConstraint(
            model_name="inboundmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "received",
                            "processed",
                            "parked",
                            "handled",
                            "refused",
                            "repeat",
                            "replaced",
                        ],
                    )
                ),
                name="inbox_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="outboundmessage",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "replaced"), _negated=True),
                fields=("partner", "stream", "sequence"),
                name="one_place_in_the_stream",
            ),
        ),
        migrations.AddIndex(
            model_name="correction",
            index=models.Index(
                fields=["state", "-proposed_at"], name="messaging_c_state_db34d8_idx"
            ),
        ),
        migrations.AddConstraint(
            model_name="correction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("inbound__isnull", False), ("outbound__isnull", False), _connector="XOR"
                ),
                name="a_correction_of_one_message",
            ),
        ),
        migrations.AddConstraint(
            model_name="correction",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["proposed", "applied", "declined"])),
                name="correction_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="correction",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "proposed")),
                fields=("inbound",),
                name="one_open_correction_in",
            ),
        ),
        migrations.AddConstraint(
            model_name="correction",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "proposed")),
                fields=("outbound",),
                name="one_open_correction_out",
            ),
        ),
        migrations.AddIndex(
            model_name="replay",
            index=models.Index(
                fields=["state", "-started_at"], name="messaging_r_state_cd8bf5_idx"
            ),
        ),
        migrations.AddConstraint(
            model_name="replay",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["running", "done", "stopped"])),
                name="replay_state",
            ),
        ),
        migrations.AddField(
            model_name="correction",
            name="decided_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="correction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("needs_second", False),
                    models.Q(("state", "applied"), _negated=True),
                    models.Q(
                        ("decided_by__isnull", False),
                        models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="two_people_for_a_correction",
            ),
        ),
    ]
