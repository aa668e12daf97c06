"""See the models of the same word."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("requesting", "0003_dialogue")]

    operations = []
