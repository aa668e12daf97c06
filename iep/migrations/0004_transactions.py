from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("iep", "0003_tickets")]

    operations = []
