import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("iep", "0007_matching")]

    operations = [
        migrations.CreateModel(
            name="GatewayNonce",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key_sha256", models.CharField(max_length=64)),
                ("nonce", models.CharField(max_length=64)),
                ("at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="nonces_at")],
                "constraints": [
                    models.UniqueConstraint(fields=("key_sha256", "nonce"), name="a_signed_request_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="GatewayHeard",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("said", models.UUIDField()),
                ("what", models.CharField(max_length=20)),
                ("effect", models.CharField(max_length=20)),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("node", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="iep.node")),
                (
                    "transaction",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="heard", to="iep.transaction"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("node", "said"), name="what_is_said_counts_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ManifestLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("study_uid", models.CharField(max_length=64)),
                ("series_uid", models.CharField(max_length=64)),
                ("sop_uid", models.CharField(max_length=64)),
                ("sop_class", models.CharField(max_length=64)),
                ("transfer_syntax", models.CharField(max_length=64)),
                ("size", models.PositiveBigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "file",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+",
                        to="iep.receivedfile",
                    ),
                ),
                (
                    "transaction",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="manifest", to="iep.transaction"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "indexes": [models.Index(fields=["transaction", "sha256"], name="manifest_by_hash")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("transaction", "sop_uid"), name="an_instance_once_in_a_manifest"
                    )
                ],
            },
        ),
        migrations.AlterField(
            model_name="transactionmessage",
            name="shared_id",
            field=models.UUIDField(default=uuid.uuid4),
        ),
        migrations.AddConstraint(
            model_name="transactionmessage",
            constraint=models.UniqueConstraint(fields=("transaction", "shared_id"), name="a_message_once"),
        ),
    ]
