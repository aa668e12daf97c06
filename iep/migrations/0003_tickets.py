"""Tickets: what their mails say, the counter of call references, what cannot change."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

FIXED = ("reference", "kind", "institution_id", "organisation_id")


class Migration(migrations.Migration):
    dependencies = [("iep", "0002_lanes_and_numbers")]

    operations = [
        migrations.CreateModel(
            name="CallDay",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("last", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.AddField(
            model_name="ticketmail",
            name="outcome_words",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name="ticketmail",
            name="text",
            field=models.TextField(blank=True),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="ticket",
            trigger=pgtrigger.compiler.Trigger(
                name="fixed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN ("
                    + " OR ".join(f'OLD."{name}" IS DISTINCT FROM (NEW."{name}")' for name in FIXED)
                    + ")",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', "
                    "TG_TABLE_NAME;",
                    hash="0e5d65c945aab8d4837977a3e9a23eb0a09fd5be",
                    operation="UPDATE",
                    pgid="pgtrigger_fixed_7f868",
                    table="iep_ticket",
                    when="BEFORE",
                ),
            ),
        ),
    ]
