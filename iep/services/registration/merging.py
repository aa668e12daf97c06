"""What follows a patient whose record is merged into another: tickets, transactions, studies.

Called by `patients.services` through settings.MERGE_FOLLOWERS. Whose they are changes, and nothing
else: what a ticket says was written by a person, and what went to PACS went under the number of
its day. `patients` remembers which went where.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from iep.models import Study, Ticket, Transaction
from patients.following import Follower, Held, keys_in
from patients.models import Patient

_ROWS: dict[str, QuerySet[Any]] = {
    "image_tickets": Ticket.objects.all(),
    "image_transactions": Transaction.objects.all(),
    "image_studies": Study.objects.all(),
}


class Exchanged(Follower):
    """Kinds: "image_tickets", "image_transactions", "image_studies"."""

    def lock(self, patients: Iterable[UUID]) -> None:
        """What they have, in the order in which the mover locks: transactions, tickets, studies."""
        for kind in ("image_transactions", "image_tickets", "image_studies"):
            theirs = _ROWS[kind].select_for_update(no_key=True).filter(patient__in=list(patients))
            list(theirs.order_by("pk").values_list("pk", flat=True))

    def holdings(self, patient: Patient) -> Held:
        return {
            kind: [str(pk) for pk in _of(rows, patient).values_list("pk", flat=True)]
            for kind, rows in _ROWS.items()
        }

    def move(self, held: Held, *, to: Patient) -> None:
        for kind, rows in _ROWS.items():
            theirs = rows.filter(pk__in=keys_in(held, kind))
            if kind == "image_studies":  # whoever vouched did so for that very record
                vouched = theirs.filter(vouched_patient=F("patient"))
                vouched.update(patient=to, vouched_patient=to)
            theirs.update(patient=to)

    def others(
        self, patient: Patient, known: frozenset[str]
    ) -> Sequence[tuple[str, str, datetime | None]]:
        rows = [
            *((f"image_tickets:{each.pk}", f"Image ticket {each.reference}", each.opened_at)
              for each in _of(_ROWS["image_tickets"], patient)),
            *((f"image_transactions:{each.pk}", f"Image transaction {each.number}", each.created_at)
              for each in _of(_ROWS["image_transactions"], patient)),
            *((f"image_studies:{each.pk}", "Images from another hospital", each.matched_at)
              for each in _of(_ROWS["image_studies"], patient)),
        ]  # fmt: skip
        return [row for row in rows if row[0] not in known]


FOLLOWER = Exchanged()


def _of(rows: QuerySet[Any], patient: Patient) -> QuerySet[Any]:
    return rows.filter(patient=patient).order_by("pk")
