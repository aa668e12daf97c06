"""See the models of the same word."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("messaging", "0006_operating")]

    operations = []
