"""Indexes of the lists at the size of years: what is under way, what ended lately, searches."""

import django.contrib.postgres.indexes
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_packs"),
        ("iep", "0014_refused_files"),
        ("patients", "0002_merging"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(fields=["organisation", "-state_since"], name="tickets_ended"),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(fields=["nhs_number"], name="tickets_nhs"),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(fields=["s_number"], name="tickets_s_number"),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("family_name"), "text_pattern_ops"
                ),
                name="tickets_family",
            ),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(fields=["local_number"], name="transactions_local"),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("family_name"), "text_pattern_ops"
                ),
                name="transactions_family",
            ),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(fields=["organisation", "-state_since"], name="transactions_ended"),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "accepted",
                            "awaiting_details",
                            "download_request",
                            "downloading",
                            "failed",
                            "new",
                            "on_iep",
                            "started",
                            "uploading",
                        ],
                    ),
                    models.Q(("direction", "out"), ("kind", "request"), ("state", "delivered")),
                    models.Q(
                        ("direction", "in"),
                        ("kind__in", ["transfer", "direct"]),
                        ("state", "delivered"),
                    ),
                    models.Q(("direction", "out"), ("state", "decline")),
                    _connector="OR",
                ),
                fields=["organisation", "state"],
                name="transactions_open",
            ),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "accepted",
                            "awaiting_details",
                            "download_request",
                            "downloading",
                            "failed",
                            "new",
                            "on_iep",
                            "started",
                            "uploading",
                        ],
                    ),
                    models.Q(("direction", "out"), ("kind", "request"), ("state", "delivered")),
                    models.Q(
                        ("direction", "in"),
                        ("kind__in", ["transfer", "direct"]),
                        ("state", "delivered"),
                    ),
                    models.Q(("direction", "out"), ("state", "decline")),
                    _connector="OR",
                ),
                fields=["ticket"],
                name="transactions_of_open",
            ),
        ),
    ]
