"""Health by traffic: an order that nobody is to perform, sent to each partner that agreed to it.

It goes the way of every order (the worker, the partner's lock, its line, its acknowledgement), and
is no order: no message of the outbox, no request, on nobody's list. docs/hl7/transport.md 6 says
what was agreed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from messaging import mllp, wire
from messaging.models import Link, SyntheticOrder
from messaging.queries.probes import partners_to_probe

from .delivery import ask
from .outbox import next_control_id
from .outcome import link_fails, link_works

log = structlog.get_logger(__name__)

KEPT = timedelta(days=7)
NAME = "Synthetic order, not to be performed"
WORDS = "A machine made this order to see whether orders arrive. Do not perform it."
_STRUCTURES = {
    "OMG^O19": ("OMG", "O19", "OMG_O19"),
    "OML^O21": ("OML", "O21", "OML_O21"),
    "OML^O33": ("OML", "O33", "OML_O33"),
    "ORM^O01": ("ORM", "O01", "ORM_O01"),
}


def due_for_probe() -> list[int]:
    """Partners for whom it is time, by id."""
    return partners_to_probe()


def probe(partner_id: int) -> bool:
    """Send one synthetic order, unless somebody speaks with the partner now; whether it arrived.

    What comes of it counts for the link as any other exchange does.
    """
    link = Link.objects.select_related("partner").get(pk=partner_id)
    control_id = next_control_id()
    sent = _Sent(link.pk, control_id)
    raw = render(link, control_id)
    try:
        answer = ask(partner_id, raw, control_id, before=sent.note)
    except mllp.Failed as failure:
        sent.failed(failure)
        return False
    if answer is None:
        return False
    sent.answered(answer.code, answer.text)
    return True


@dataclass
class _Sent:
    """The row of this order, written when its turn has come."""

    partner_id: int
    control_id: str
    row: SyntheticOrder | None = None

    def note(self) -> None:
        old = SyntheticOrder.objects.filter(partner=self.partner_id, sent_at__lt=Now() - KEPT)
        old.delete()
        self.row = SyntheticOrder.objects.create(
            partner_id=self.partner_id, control_id=self.control_id, sent_at=Now()
        )
        self.row.refresh_from_db()

    def answered(self, code: str, text: str) -> None:
        with transaction.atomic():
            link_works(self.partner_id)
            SyntheticOrder.objects.filter(control_id=self.control_id).update(
                answered_at=Now(), acknowledgement=code, reason=text[:300]
            )

    def failed(self, failure: mllp.Failed) -> None:
        with transaction.atomic():
            link_fails(self.partner_id, failure, sent_at=self.row.sent_at if self.row else None)
            SyntheticOrder.objects.filter(control_id=self.control_id).update(
                failing_phase=failure.phase, reason=failure.sentence
            )


def render(link: Link, control_id: str) -> bytes:
    """The message: a new order for the agreed test patient, of the agreed code that means nothing.

    Both together say what it is; a receiver that knows only one of them has to refuse it.
    """
    partner, at = link.partner, timezone.now()
    placer = f"SYN{control_id}"
    service = [link.synthetic_code, NAME, "L"]
    segments = [
        wire.header(
            sender=(partner.our_application, partner.our_facility),
            receiver=(partner.their_application, partner.their_facility),
            at=at,
            message_type=_STRUCTURES[partner.order_message],
            control_id=control_id,
            processing_id=partner.processing_id,
            version=partner.version,
            charset=partner.character_set,
            asks=("AL", "NE") if any(partner.asks) else ("", ""),
        ),
        wire.segment(
            "PID",
            {
                1: "1",
                3: [link.synthetic_patient, "", "", "NHS", "NH"],
                5: ["XXTESTPATIENT", "Synthetic", "", "", "", "", "L"],
                7: "19000101",
                8: "U",
            },
        ),
        wire.segment("ORC", {1: "NW", 2: placer, 9: wire.timestamp(at)}),
        wire.segment("OBR", {1: "1", 2: placer, 4: service, 13: WORDS}),
    ]
    return wire.build(segments).raw
