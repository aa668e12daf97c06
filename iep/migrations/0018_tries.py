"""How often an image was tried before somebody asked for it again, and why it did not go then."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("iep", "0016_untold")]

    operations = [
        migrations.AddField(
            model_name="transferinstance",
            name="tried_before",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="transferinstance",
            name="former_why",
            field=models.CharField(blank=True, max_length=200),
        ),
    ]
