from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("iep", "0002_lanes_and_numbers")]

    operations = []
