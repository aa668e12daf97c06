"""The nine lanes (five out, one of them for Blue Light only; four in), and the numbers."""

from django.db import migrations

LANES = [
    ("out-1", "out", True),
    *((f"out-{number}", "out", False) for number in range(2, 6)),
    *((f"in-{number}", "in", False) for number in range(1, 5)),
]


def make_lanes(apps, schema_editor):
    lane = apps.get_model("iep", "Lane")
    for name, direction, is_blue_only in LANES:
        lane.objects.create(name=name, direction=direction, is_blue_only=is_blue_only)


class Migration(migrations.Migration):
    dependencies = [("iep", "0001_exchange")]

    operations = [
        migrations.RunPython(make_lanes, migrations.RunPython.noop),
        migrations.RunSQL(
            "CREATE SEQUENCE iep_transaction_number START 100001",
            "DROP SEQUENCE iep_transaction_number",
        ),
        migrations.RunSQL("CREATE SEQUENCE iep_accession", "DROP SEQUENCE iep_accession"),
    ]
