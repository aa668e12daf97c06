"""See the models of the same word."""

import datetime

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

GRACE = datetime.timedelta(days=90)
BECAUSE = "As it was before TLS was agreed"


def feeds_of_partners(apps, schema_editor):
    """Who was let in by its partner's names is let in by a feed, in clear text for a while."""
    until = timezone.now() + GRACE
    Partner, Feed = apps.get_model("messaging", "Partner"), apps.get_model("messaging", "Feed")
    Partner.objects.update(cleartext_until=until, cleartext_because=BECAUSE)
    for partner in Partner.objects.all():
        Feed.objects.create(
            partner=partner,
            slug="all",
            name="All that it sends",
            application=partner.their_application,
            facility=partner.their_facility,
            character_set=partner.character_set,
            processing_id=partner.processing_id,
            most_connections=32,
            cleartext_until=until,
            cleartext_because=BECAUSE,
        )


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0002_control_ids"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Feed",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("slug", models.SlugField(max_length=40)),
                ("name", models.CharField(max_length=80)),
                ("application", models.CharField(max_length=40)),
                ("facility", models.CharField(max_length=40)),
                ("message_types", models.CharField(blank=True, max_length=400)),
                ("character_set", models.CharField(default="UNICODE UTF-8", max_length=20)),
                ("processing_id", models.CharField(default="T", max_length=1)),
                (
                    "answers",
                    models.CharField(
                        choices=[("as-asked", "As Asked"), ("original", "Original")],
                        default="as-asked",
                        max_length=8,
                    ),
                ),
                ("largest_bytes", models.PositiveIntegerField(default=16777216)),
                ("most_connections", models.PositiveSmallIntegerField(default=8)),
                ("client_certificates", models.TextField(blank=True)),
                ("client_subject", models.CharField(blank=True, max_length=200)),
                ("cleartext_until", models.DateTimeField(blank=True, null=True)),
                ("cleartext_because", models.CharField(blank=True, max_length=300)),
                ("is_open", models.BooleanField(default=True)),
            ],
            options={
                "ordering": ["partner", "slug"],
            },
        ),
        migrations.CreateModel(
            name="PartnerChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("slug", models.SlugField(max_length=40)),
                ("differences", models.JSONField()),
                ("why", models.CharField(max_length=300)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("applied", "Applied"),
                            ("refused", "Refused"),
                        ],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("proposed_at", models.DateTimeField(auto_now_add=True)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("decided_because", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "ordering": ["proposed_at"],
            },
        ),
        migrations.CreateModel(
            name="PartnerCode",
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
                            ("exam", "Exam"),
                            ("specimen", "Specimen"),
                            ("container", "Container"),
                            ("priority", "Priority"),
                            ("reason", "Reason"),
                            ("modality", "Modality"),
                            ("site", "Site"),
                            ("question", "Question"),
                        ],
                        max_length=12,
                    ),
                ),
                ("ours", models.CharField(max_length=60)),
                ("theirs", models.CharField(max_length=60)),
                ("display", models.CharField(blank=True, max_length=120)),
                ("system", models.CharField(blank=True, max_length=20)),
                (
                    "direction",
                    models.CharField(
                        choices=[("both", "Both"), ("in", "In"), ("out", "Out")],
                        default="both",
                        max_length=4,
                    ),
                ),
                ("valid_from", models.DateField()),
                ("valid_to", models.DateField(blank=True, null=True)),
            ],
            options={
                "ordering": ["partner", "kind", "ours", "valid_from"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="outboundmessage",
            name="outbox_state",
        ),
        migrations.AddField(
            model_name="outboundmessage",
            name="taken_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="partner",
            name="acknowledgement_mode",
            field=models.CharField(
                choices=[("original", "Original"), ("enhanced", "Enhanced")],
                default="original",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="partner",
            name="application_minutes",
            field=models.PositiveSmallIntegerField(default=60),
        ),
        migrations.AddField(
            model_name="partner",
            name="cleartext_because",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name="partner",
            name="cleartext_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="partner",
            name="foreign_answer_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="partner",
            name="foreign_answers",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="partner",
            name="key_name",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="partner",
            name="largest_bytes",
            field=models.PositiveIntegerField(default=16777216),
        ),
        migrations.AddField(
            model_name="partner",
            name="messages_a_second",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="partner",
            name="server_name",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name="partner",
            name="trust_anchors",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="partner",
            name="uses_tls",
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name="outboundmessage",
            index=models.Index(
                condition=models.Q(("state", "taken")),
                fields=["partner", "taken_at"],
                name="outbox_taken",
            ),
        ),
        migrations.AddConstraint(
            model_name="outboundmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        ["waiting", "sending", "held", "taken", "acknowledged", "dead", "handled"],
                    )
                ),
                name="outbox_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="partner",
            constraint=models.CheckConstraint(
                condition=models.Q(("processing_id__in", ("P", "T", "D"))),
                name="partner_processing_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="partner",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cleartext_until", None),
                    models.Q(("cleartext_because", ""), _negated=True),
                    _connector="OR",
                ),
                name="partner_cleartext_has_a_reason",
            ),
        ),
        migrations.AddField(
            model_name="feed",
            name="partner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="feeds",
                to="messaging.partner",
            ),
        ),
        migrations.AddField(
            model_name="inboundmessage",
            name="feed",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="received",
                to="messaging.feed",
            ),
        ),
        migrations.AddField(
            model_name="partnerchange",
            name="decided_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="partnerchange",
            name="partner",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="changes",
                to="messaging.partner",
            ),
        ),
        migrations.AddField(
            model_name="partnerchange",
            name="proposed_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="partnercode",
            name="partner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="codes",
                to="messaging.partner",
            ),
        ),
        migrations.AddConstraint(
            model_name="feed",
            constraint=models.UniqueConstraint(fields=("partner", "slug"), name="feed_slug"),
        ),
        migrations.AddConstraint(
            model_name="feed",
            constraint=models.UniqueConstraint(
                fields=("application", "facility"), name="one_feed_per_sender"
            ),
        ),
        migrations.AddConstraint(
            model_name="feed",
            constraint=models.CheckConstraint(
                condition=models.Q(("processing_id__in", ("P", "T", "D"))),
                name="feed_processing_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="feed",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cleartext_until", None),
                    models.Q(("cleartext_because", ""), _negated=True),
                    _connector="OR",
                ),
                name="feed_cleartext_has_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="partnerchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["pending", "applied", "refused"])),
                name="change_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="partnerchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                name="two_people_change_a_partner",
            ),
        ),
        migrations.AddConstraint(
            model_name="partnerchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at", None), ("decided_by", None), ("state", "pending")),
                    models.Q(
                        models.Q(("state", "pending"), _negated=True),
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="a_decision_has_a_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="partnercode",
            constraint=models.UniqueConstraint(
                fields=("partner", "kind", "ours", "theirs", "valid_from"),
                name="one_code_from_a_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="partnercode",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_to", None), ("valid_to__gte", models.F("valid_from")), _connector="OR"
                ),
                name="code_ends_after_it_begins",
            ),
        ),
        migrations.RunPython(feeds_of_partners, migrations.RunPython.noop),
    ]
