import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("iep", "0004_transactions"), ("accounts", "0003_packs")]

    operations = [
        migrations.AddField(
            model_name="receivedfile",
            name="organisation",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.organisation",
            ),
        ),
        migrations.AddField(
            model_name="study",
            name="whole_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="study",
            index=models.Index(
                condition=models.Q(("whole_at__isnull", True)),
                fields=["last_file_at"],
                name="studies_coming",
            ),
        ),
    ]
