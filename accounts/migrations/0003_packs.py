"""See the models of the same word."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_desks")]

    operations = []
