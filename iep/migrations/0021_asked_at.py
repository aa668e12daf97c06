"""Since when the four hours of a Blue Light run; pages for what another hospital asks or sends; why
something was declined or failed, kept with the event."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

CLOCKS = """
UPDATE iep_ticket SET asked_at = opened_at;
UPDATE iep_transaction made SET asked_at = coalesce((
  SELECT ticket.opened_at FROM iep_ticket ticket
  WHERE ticket.id = made.ticket_id AND (ticket.priority = 0 OR made.priority <> 0)
), made.created_at);
"""

# What a retry has emptied is read from the history's own words, which begin with the usual reason.
REASONS = """
ALTER TABLE iep_transactioneventrow DISABLE TRIGGER USER;
UPDATE iep_transactioneventrow SET code = CASE
  WHEN words LIKE 'The requested study does not exist at this institution%' THEN 'no_such_study'
  WHEN words LIKE 'The patient or the study is not known at this institution%' THEN 'no_such_study'
  WHEN words LIKE 'Clinically inappropriate, for example all studies were %' THEN 'inappropriate'
  ELSE 'other' END
WHERE event = 'declined';
ALTER TABLE iep_transactioneventrow ENABLE TRIGGER USER;
ALTER TABLE iep_transfereventrow DISABLE TRIGGER USER;
UPDATE iep_transfereventrow event SET code = CASE
  WHEN event.event = 'fell_short' THEN 'refused' ELSE transfer.family END
FROM iep_transfer transfer
WHERE transfer.id = event.transfer_id AND event.event IN ('failed', 'fell_short');
ALTER TABLE iep_transfereventrow ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):
    dependencies = [("iep", "0020_drafts")]

    operations = [
        migrations.AddField(
            model_name="ticket",
            name="asked_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.AddField(
            model_name="transaction",
            name="asked_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.AlterField(
            model_name="oncallpage",
            name="ticket",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="pages",
                to="iep.ticket",
            ),
        ),
        migrations.AddField(
            model_name="oncallpage",
            name="transaction",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="pages",
                to="iep.transaction",
            ),
        ),
        migrations.AddConstraint(
            model_name="oncallpage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ticket", None), ("transaction__isnull", False)),
                    models.Q(("ticket__isnull", False), ("transaction", None)),
                    _connector="OR",
                ),
                name="a_page_for_a_ticket_or_a_transaction",
            ),
        ),
        migrations.AddField(
            model_name="transactioneventrow",
            name="code",
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.AddField(
            model_name="transfereventrow",
            name="code",
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.AddIndex(
            model_name="transactioneventrow",
            index=models.Index(
                condition=models.Q(("event__in", ["declined", "delivered", "purged"])),
                fields=["at"],
                name="transactions_counted",
            ),
        ),
        migrations.AddIndex(
            model_name="transfereventrow",
            index=models.Index(
                condition=models.Q(("event__in", ["failed", "fell_short"])),
                fields=["at"],
                name="transfers_failed",
            ),
        ),
        migrations.RunSQL(CLOCKS, migrations.RunSQL.noop),
        migrations.RunSQL(REASONS, migrations.RunSQL.noop),
    ]
