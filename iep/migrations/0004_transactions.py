"""What makes it Blue Light; what is fixed once created, by the database too."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

FIXED = (
    "number",
    "shared_id",
    "kind",
    "direction",
    "destination",
    "institution_id",
    "organisation_id",
    "created_at",
    "created_by",
)
REFUSE = "RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;"


class Migration(migrations.Migration):
    dependencies = [("iep", "0003_tickets")]

    operations = [
        migrations.AddField(
            model_name="transaction",
            name="eligibility",
            field=models.CharField(blank=True, max_length=20),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="transaction",
            trigger=pgtrigger.compiler.Trigger(
                name="fixed_once_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN ("
                    + " OR ".join(f'OLD."{each}" IS DISTINCT FROM (NEW."{each}")' for each in FIXED)
                    + ")",
                    func=REFUSE,
                    hash="07b0e7869e1fb66e3ecf872a1f377255b3d2b051",
                    operation="UPDATE",
                    pgid="pgtrigger_fixed_once_created_93c69",
                    table="iep_transaction",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="transaction",
            trigger=pgtrigger.compiler.Trigger(
                name="node_fixed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."node_id" IS NOT NULL'
                    ' AND OLD."node_id" IS DISTINCT FROM (NEW."node_id"))',
                    func=REFUSE,
                    hash="29d285f2d6315b77e512b57089818ebe8a86a09e",
                    operation="UPDATE",
                    pgid="pgtrigger_node_fixed_bc3f4",
                    table="iep_transaction",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="transaction",
            constraint=models.CheckConstraint(
                condition=models.Q(("destination__in", ["institution", "company", "individual"])),
                name="transaction_destination",
            ),
        ),
        migrations.AddConstraint(
            model_name="transaction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("priority", 0), _negated=True),
                    ("direction", "in"),
                    models.Q(("eligibility", ""), _negated=True),
                    _connector="OR",
                ),
                name="a_blue_light_transaction_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="transaction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "on_iep"), _negated=True),
                    ("purge_at__isnull", False),
                    _connector="OR",
                ),
                name="what_is_on_iep_is_purged_some_day",
            ),
        ),
    ]
