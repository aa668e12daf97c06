"""Rows to an Order: what the message will say, frozen before it is written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from accounts.models import User
from messaging.models import Partner
from messaging.queries.codes import Code, has_map, theirs
from messaging.wire import Segment
from patients.hl7 import pd1_segment, pid_segment
from requesting.drafts import COLLECTION_WORDS
from requesting.models import OrderMessage, Request, RequestItem

from .codes import PRIORITIES
from .orders import Answered, Line, Order, Person, Reason, Sample

LAST_OF_PID = 30  # of versions 2.3 and 2.3.1
STATUS_OF_A_SAMPLE = "IP"  # ORC-5, table 0038: taken, so the test is under way


def order_of(
    request: Request,
    items: Iterable[RequestItem],
    partner: Partner,
    *,
    control_id: str,
    at: datetime,
    control: str = OrderMessage.Control.NEW,
    reason_code: str = "",
    reason: str = "",
    collected_at: datetime | None = None,
) -> Order:
    """One message for one department: these items, as the partner likes to be spoken to, in its
    codes. Raises messaging.errors.NotSendable for what its maps lack."""
    codes = Codes(partner)
    rows = list(items)
    lines = tuple(_line(item, codes) for item in rows)
    place = request.organisation
    pd1 = pd1_segment(request.patient)
    return Order(
        control=control,
        control_id=control_id,
        written_at=at,
        asked_at=request.requested_at,
        group=request.reference,
        patient=_pid(request, partner),
        head=(pd1,) if pd1 else (),
        orderer=_person(request.requester),
        place_code=place.ods_code,
        place_name=place.name,
        phone=place.phone,
        lines=lines,
        copies=tuple(_person(user) for user in _copies(request)),
        reason_code=codes.of("reason", reason_code).code if reason_code else "",
        reason=reason,
        priorities=codes.priorities([item.priority for item in rows]),
        status=STATUS_OF_A_SAMPLE if control == OrderMessage.Control.STATUS else "",
        collected_at=collected_at,
        **_as_agreed(partner),
    )


def _as_agreed(partner: Partner) -> dict[str, Any]:
    """What an Order has of the partner alone."""
    return {
        "kind": partner.order_message,
        "version": partner.version,
        "charset": partner.character_set,
        "asks": partner.asks,
        "processing_id": partner.processing_id,
        "sender": (partner.our_application, partner.our_facility),
        "receiver": (partner.their_application, partner.their_facility),
    }


def _pid(request: Request, partner: Partner) -> Segment:
    """PID as that version has it: it ends at PID-30 until 2.3.1, so the status of the NHS number
    (PID-32) is not said there."""
    whole = pid_segment(request.patient, issuers=_issuers(partner))
    if partner.version >= "2.4":
        return whole
    return Segment("|".join(whole.source.split("|")[: LAST_OF_PID + 1]).rstrip("|"), whole.charset)


def _issuers(partner: Partner) -> frozenset[str]:
    """A receiver gets the hospital numbers that it gave, and nobody else's."""
    return frozenset({partner.their_facility})


def _copies(request: Request) -> list[User]:
    """Whoever gets the results besides the orderer: first who is responsible, then the copies."""
    people = [request.results_to, *request.copy_to.all()]
    others = {user.pk: user for user in people if user.pk != request.requester_id}
    return list(others.values())


def _person(user: User) -> Person:
    return Person(
        number=user.registration_number,
        body=user.registration_body,
        family=user.last_name,
        given=user.first_name,
        title=user.title,
    )


def _line(item: RequestItem, codes: Codes) -> Line:
    exam = codes.of("exam", item.code)
    modality = item.service.modality
    return Line(
        placer=item.placer_number,
        filler=item.filler_number,
        code=exam.code,
        name=exam.display or item.code_display,
        system=item.code_system,
        wire_system=exam.system,
        priority=item.priority,
        modality=modality,
        section=codes.of("modality", modality or "LAB").code if codes.has("modality") else "",
        reasons=tuple(
            Reason(each["code"], each["text"], each.get("sentence", "")) for each in item.reasons
        ),
        details=item.clinical_details,
        answers=tuple(
            Answered(
                codes.of("question", each.question_code).code, each.question_text, each.kind,
                each.value, each.label,
            )
            for each in item.answers.all()
        ),
        samples=_samples(item, codes),
        take_from=item.take_from,
        collection=COLLECTION_WORDS.get(item.collection, ""),
    )  # fmt: skip


def _samples(item: RequestItem, codes: Codes) -> tuple[Sample, ...]:
    return tuple(
        Sample(
            codes.of("specimen", need.specimen_code).code if need.specimen_code else "",
            need.specimen,
            codes.of("container", need.container.code).code,
            need.container.name,
        )
        for need in item.service.specimens.all()
    )


class Codes:
    """The partner's codes for ours. Closed: where there is a map, what it lacks is not sent."""

    def __init__(self, partner: Partner) -> None:
        self.partner = partner
        self._mapped: dict[str, bool] = {}

    def has(self, kind: str) -> bool:
        if kind not in self._mapped:
            self._mapped[kind] = has_map(self.partner, kind)
        return self._mapped[kind]

    def of(self, kind: str, ours: str) -> Code:
        """Raises messaging.errors.NotSendable."""
        return theirs(self.partner, kind, ours) if self.has(kind) else Code(ours)

    def priorities(self, ours: Iterable[str]) -> dict[str, str]:
        """ORC-7.6 for each of these priorities. Without a map, HL7's own."""
        if not self.has("priority"):
            return dict(PRIORITIES)
        return {each: self.of("priority", each).code for each in ours}
