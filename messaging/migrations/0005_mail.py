"""Mail: see messaging.models.mail."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0004_links")]

    operations = [
        migrations.CreateModel(
            name="MailLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("last_success_at", models.DateTimeField(blank=True, null=True)),
                ("failing_since", models.DateTimeField(blank=True, null=True)),
                ("sentence", models.CharField(blank=True, max_length=300)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("retry_at", models.DateTimeField(blank=True, null=True)),
                ("bounces_read_at", models.DateTimeField(blank=True, null=True)),
                ("bounces_failing_since", models.DateTimeField(blank=True, null=True)),
                ("bounces_sentence", models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.CreateModel(
            name="Mailbox",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("purpose", models.CharField(max_length=12)),
                ("modality", models.CharField(blank=True, max_length=12)),
                ("address", models.EmailField(max_length=120)),
                ("display_name", models.CharField(max_length=80)),
                ("entered_by", models.CharField(blank=True, max_length=150)),
                ("entered_at", models.DateTimeField(auto_now_add=True)),
                ("verified_on", models.DateField(blank=True, null=True)),
                ("verified_by", models.CharField(blank=True, max_length=150)),
                ("valid_from", models.DateField()),
                ("valid_to", models.DateField(blank=True, null=True)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mailboxes",
                        to="accounts.organisation",
                    ),
                ),
            ],
            options={
                "ordering": ["organisation__name", "purpose", "modality", "pk"],
            },
        ),
        migrations.CreateModel(
            name="MailMessage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("purpose", models.CharField(max_length=12)),
                ("to_address", models.EmailField(max_length=120)),
                ("from_address", models.EmailField(max_length=120)),
                ("return_path", models.EmailField(max_length=160, unique=True)),
                ("message_id", models.CharField(max_length=160, unique=True)),
                ("subject", models.CharField(max_length=150)),
                ("reference", models.CharField(blank=True, max_length=40)),
                ("subject_type", models.CharField(max_length=40)),
                ("subject_id", models.CharField(max_length=40)),
                ("raw", models.BinaryField()),
                ("state", models.CharField(default="waiting", max_length=12)),
                ("state_since", models.DateTimeField()),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("not_before", models.DateTimeField(blank=True, null=True)),
                ("lease_token", models.UUIDField(default=None, null=True)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("reply_code", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("reply", models.CharField(blank=True, max_length=300)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("to_tell", models.CharField(blank=True, max_length=12)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("created_by", models.CharField(blank=True, max_length=150)),
                ("tried_since", models.DateTimeField()),
                ("first_sent_at", models.DateTimeField(blank=True, null=True)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("handled_by", models.CharField(blank=True, max_length=150)),
                ("handled_at", models.DateTimeField(blank=True, null=True)),
                ("handled_how", models.CharField(blank=True, max_length=300)),
                (
                    "mailbox",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mails",
                        to="messaging.mailbox",
                    ),
                ),
                (
                    "replaces",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="messaging.mailmessage",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Bounce",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("source_key", models.CharField(max_length=200)),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("raw", models.BinaryField()),
                ("arrived_at", models.DateTimeField(auto_now_add=True)),
                ("matched_by", models.CharField(blank=True, max_length=20)),
                ("action", models.CharField(blank=True, max_length=12)),
                ("status", models.CharField(blank=True, max_length=12)),
                ("sentence", models.CharField(max_length=300)),
                ("state", models.CharField(max_length=12)),
                ("handled_by", models.CharField(blank=True, max_length=150)),
                ("handled_at", models.DateTimeField(blank=True, null=True)),
                ("handled_how", models.CharField(blank=True, max_length=300)),
                (
                    "mail",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bounces",
                        to="messaging.mailmessage",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="mailbox",
            constraint=models.UniqueConstraint(
                condition=models.Q(("valid_to__isnull", True)),
                fields=("organisation", "purpose", "modality"),
                name="one_mailbox_for_each_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="mailbox",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("purpose__in", ["downtime", "requests", "results", "alerts", "service"])
                ),
                name="mailbox_purpose",
            ),
        ),
        migrations.AddIndex(
            model_name="mailmessage",
            index=models.Index(
                condition=models.Q(("state__in", ["waiting", "sending"])),
                fields=["id"],
                name="mail_in_order",
            ),
        ),
        migrations.AddIndex(
            model_name="mailmessage",
            index=models.Index(
                fields=["state", "-created_at"], name="messaging_m_state_3fbba2_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="mailmessage",
            index=models.Index(
                fields=["subject_type", "subject_id"], name="messaging_m_subject_d92bfe_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="mailmessage",
            index=models.Index(
                condition=models.Q(("to_tell", ""), _negated=True),
                fields=["id"],
                name="mail_to_tell",
            ),
        ),
        migrations.AddConstraint(
            model_name="mailmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "waiting",
                            "sending",
                            "sent",
                            "bounced",
                            "refused",
                            "failed",
                            "handled",
                            "withdrawn",
                        ],
                    )
                ),
                name="mail_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="mailmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("lease_token__isnull", False), ("state", "sending")),
                    models.Q(
                        models.Q(("state", "sending"), _negated=True), ("lease_token__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="mail_lease_while_sending",
            ),
        ),
        migrations.AddIndex(
            model_name="bounce",
            index=models.Index(
                fields=["state", "-arrived_at"], name="messaging_b_state_a536b5_idx"
            ),
        ),
        migrations.AddConstraint(
            model_name="bounce",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["matched", "noted", "unknown", "handled"])),
                name="bounce_state",
            ),
        ),
    ]
