"""See the models of the same word."""

import uuid

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("requesting", "0003_dialogue"),
        ("accounts", "0002_desks"),
    ]

    operations = [
        migrations.AddField(
            model_name="requestitem",
            name="downtime_due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="requestitem",
            name="downtime_how",
            field=models.CharField(blank=True, max_length=8),
        ),
        migrations.CreateModel(
            name="AccessTicket",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.CharField(max_length=20)),
                ("reason", models.CharField(max_length=200)),
                ("opened_at", models.DateTimeField()),
                ("valid_until", models.DateTimeField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_by", models.CharField(blank=True, max_length=150)),
                (
                    "desk",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tickets",
                        to="accounts.servicedesk",
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_tickets",
                        to="accounts.organisation",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_tickets",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-opened_at"],
            },
        ),
        migrations.CreateModel(
            name="DowntimeForm",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("reference", models.CharField(max_length=16)),
                (
                    "priority",
                    models.CharField(
                        choices=[("routine", "Routine"), ("urgent", "Urgent"), ("2ww", "2WW")],
                        default="routine",
                        max_length=8,
                    ),
                ),
                ("written", models.JSONField(default=dict)),
                ("may_have_arrived", models.BooleanField(default=False)),
                ("status", models.CharField(default="queued", max_length=12)),
                ("status_at", models.DateTimeField()),
                ("outcome", models.CharField(blank=True, max_length=12)),
                ("accession", models.CharField(blank=True, max_length=200)),
                ("clock_at", models.DateTimeField(blank=True, null=True)),
                ("alarmed_hours", models.PositiveSmallIntegerField(default=0)),
                ("mail_state", models.CharField(blank=True, max_length=8)),
                ("mail_words", models.CharField(blank=True, max_length=300)),
                ("handed_over_at", models.DateTimeField(blank=True, null=True)),
                ("handed_over_how", models.CharField(blank=True, max_length=200)),
                ("made_by", models.CharField(max_length=150)),
                ("made_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("ended_by", models.CharField(blank=True, max_length=150)),
                (
                    "department",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="downtime_forms",
                        to="accounts.organisation",
                    ),
                ),
                (
                    "order",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="downtime_form",
                        to="requesting.ordermessage",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organisation",
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="patients.patient",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="downtime_forms",
                        to="requesting.request",
                    ),
                ),
                (
                    "requester",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="downtime_forms",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="forms",
                        to="requesting.accessticket",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FormEventRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event", models.CharField(max_length=16)),
                ("from_status", models.CharField(max_length=12)),
                ("to_status", models.CharField(max_length=12)),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("by_name", models.CharField(max_length=150)),
                ("by_role", models.CharField(blank=True, max_length=24)),
                ("organisation_code", models.CharField(blank=True, max_length=12)),
                ("words", models.CharField(blank=True, max_length=300)),
                (
                    "form",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="requesting.downtimeform",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="accessticket",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("desk", "number", "user"),
                name="one_open_ticket_of_a_number",
            ),
        ),
        migrations.AddIndex(
            model_name="downtimeform",
            index=models.Index(
                condition=models.Q(("clock_at__isnull", False)),
                fields=["department", "clock_at"],
                name="forms_that_are_out",
            ),
        ),
        migrations.AddIndex(
            model_name="downtimeform",
            index=models.Index(
                condition=models.Q(("clock_at__isnull", False)),
                fields=["organisation", "clock_at"],
                name="forms_of_a_place",
            ),
        ),
        migrations.AddIndex(
            model_name="downtimeform",
            index=models.Index(
                fields=["department", "-status_at"], name="requesting__departm_21ccfb_idx"
            ),
        ),
        migrations.AddConstraint(
            model_name="downtimeform",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["queued", "emailed", "printed", "reconciled"])),
                name="form_status_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="downtimeform",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("ended_at__isnull", False),
                        ("outcome__in", ["keyed_in", "matched", "sent", "rejected", "cancelled"]),
                        ("status", "reconciled"),
                    ),
                    models.Q(
                        models.Q(("status", "reconciled"), _negated=True),
                        ("ended_at__isnull", True),
                        ("outcome", ""),
                    ),
                    _connector="OR",
                ),
                name="form_ends_with_an_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="downtimeform",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("clock_at__isnull", False),
                        (
                            "status__in",
                            [
                                "emailed",
                                "printed",
                            ],
                        ),
                    ),
                    models.Q(
                        models.Q(
                            (
                                "status__in",
                                [
                                    "emailed",
                                    "printed",
                                ],
                            ),
                            _negated=True,
                        ),
                        ("clock_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="form_that_is_out_has_a_clock",
            ),
        ),
        migrations.AddConstraint(
            model_name="downtimeform",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("order__isnull", False), ("request__isnull", False)),
                    models.Q(("order__isnull", True), ("ticket__isnull", False)),
                    _connector="OR",
                ),
                name="form_of_an_order_or_a_ticket",
            ),
        ),
        migrations.AddConstraint(
            model_name="downtimeform",
            constraint=models.UniqueConstraint(
                fields=("reference", "department"), name="one_form_of_a_reference"
            ),
        ),
        migrations.AddIndex(
            model_name="formeventrow",
            index=models.Index(fields=["form", "id"], name="requesting__form_id_570b7d_idx"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="formeventrow",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="ade46cf9dba4dbb6d5725cd5483248c1838198d1",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_d896d",
                    table="requesting_formeventrow",
                    when="BEFORE",
                ),
            ),
        ),
    ]
