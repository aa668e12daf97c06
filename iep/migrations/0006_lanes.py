from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("iep", "0005_arrivals")]

    operations = []
