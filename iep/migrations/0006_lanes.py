from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("iep", "0005_arrivals")]

    operations = [
        migrations.AddField(
            model_name="transfer",
            name="failing_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
