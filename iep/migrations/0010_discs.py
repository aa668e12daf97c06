from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("iep", "0009_trauma")]

    operations = [
        migrations.AddField("disc", "attempts", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("disc", "files_done", models.PositiveIntegerField(default=0)),
        migrations.AddField("disc", "lease_token", models.UUIDField(default=None, null=True)),
        migrations.AddField("disc", "lease_until", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("disc", "left_out", models.JSONField(blank=True, default=dict)),
        migrations.AddField("disc", "unpacked_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("disc", "upload_bytes", models.PositiveBigIntegerField(default=0)),
        migrations.AddField("disc", "upload_id", models.UUIDField(blank=True, null=True)),
        migrations.AddField("disc", "uploaded_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("disc", "uploaded_by", models.CharField(blank=True, max_length=150)),
    ]
