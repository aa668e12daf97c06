"""See the models of the same word."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("requesting", "0004_downtime")]

    operations = [
        migrations.CreateModel(
            name="Difference",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=20)),
                ("key", models.CharField(max_length=90)),
                ("accession", models.CharField(blank=True, max_length=40)),
                ("placer", models.CharField(blank=True, max_length=40)),
                ("ours", models.CharField(blank=True, max_length=120)),
                ("theirs", models.CharField(blank=True, max_length=120)),
                ("state", models.CharField(default="open", max_length=10)),
                ("is_urgent", models.BooleanField(default=False)),
                ("found_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("moved_at", models.DateTimeField()),
                (
                    "item",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="differences",
                        to="requesting.requestitem",
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="differences",
                        to="messaging.partner",
                    ),
                ),
                (
                    "practice",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organisation",
                    ),
                ),
                (
                    "resent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="requesting.ordermessage",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DifferenceNote",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event", models.CharField(max_length=10)),
                ("words", models.CharField(blank=True, max_length=300)),
                ("spoken_to", models.CharField(blank=True, max_length=120)),
                ("by_name", models.CharField(max_length=150)),
                ("at", models.DateTimeField()),
                (
                    "by_user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "difference",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notes",
                        to="requesting.difference",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Expectation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("status_hours", models.FloatField()),
                ("opens", models.PositiveSmallIntegerField(default=0)),
                ("closes", models.PositiveSmallIntegerField(default=24)),
                ("weekends", models.BooleanField(default=True)),
                (
                    "partner",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="expectation",
                        to="messaging.partner",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ReceivedList",
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
                        choices=[("orders", "orders"), ("reports", "reports")], max_length=8
                    ),
                ),
                ("as_of", models.DateTimeField()),
                ("since", models.DateTimeField()),
                ("rows", models.PositiveIntegerField()),
                ("found", models.PositiveIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("by_name", models.CharField(max_length=150)),
                ("compared_at", models.DateTimeField(auto_now_add=True)),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="received_lists",
                        to="messaging.partner",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="difference",
            index=models.Index(
                condition=models.Q(("state", "open")), fields=["due_at"], name="differences_open"
            ),
        ),
        migrations.AddIndex(
            model_name="difference",
            index=models.Index(fields=["state", "-moved_at"], name="differences_moved"),
        ),
        migrations.AddConstraint(
            model_name="difference",
            constraint=models.UniqueConstraint(
                fields=("partner", "kind", "key"), name="one_difference"
            ),
        ),
        migrations.AddConstraint(
            model_name="difference",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["open", "explained", "resolved"])),
                name="difference_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="difference",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "not_there",
                            "not_here",
                            "accession",
                            "numbers",
                            "status",
                            "no_status",
                            "no_result",
                            "report_not_here",
                            "report_not_there",
                            "version",
                            "fewer",
                            "stopped",
                        ],
                    )
                ),
                name="difference_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="expectation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("closes__lte", 24), ("opens__lt", models.F("closes")), ("status_hours__gt", 0)
                ),
                name="expectation_is_possible",
            ),
        ),
        migrations.AddIndex(
            model_name="receivedlist",
            index=models.Index(fields=["partner", "kind", "-as_of"], name="lists_of_partner"),
        ),
    ]
