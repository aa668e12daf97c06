"""Rows to an Order: what the message will say, frozen before it is written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from accounts.models import User
from messaging.models import Partner
from patients.hl7 import pd1_segment, pid_segment
from requesting.drafts import COLLECTION_WORDS
from requesting.models import OrderMessage, Request, RequestItem

from .orders import Answered, Line, Order, Person, Reason, Sample


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
) -> Order:
    """One message for one department: these items, as the partner likes to be spoken to."""
    lines = tuple(_line(item) for item in items)
    place = request.organisation
    pd1 = pd1_segment(request.patient)
    return Order(
        control=control,
        control_id=control_id,
        kind=partner.order_message,
        version=partner.version,
        charset=partner.character_set,
        processing_id=partner.processing_id,
        sender=(partner.our_application, partner.our_facility),
        receiver=(partner.their_application, partner.their_facility),
        written_at=at,
        asked_at=request.requested_at,
        group=request.reference,
        patient=pid_segment(request.patient, issuers=_issuers(partner)),
        head=(pd1,) if pd1 else (),
        orderer=_person(request.requester),
        place_code=place.ods_code,
        place_name=place.name,
        phone=place.phone,
        lines=lines,
        copies=tuple(_person(user) for user in _copies(request)),
        reason_code=reason_code,
        reason=reason,
    )


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


def _line(item: RequestItem) -> Line:
    return Line(
        placer=item.placer_number,
        filler=item.filler_number,
        code=item.code,
        name=item.code_display,
        system=item.code_system,
        priority=item.priority,
        modality=item.service.modality,
        reasons=tuple(
            Reason(each["code"], each["text"], each.get("sentence", "")) for each in item.reasons
        ),
        details=item.clinical_details,
        answers=tuple(
            Answered(each.question_code, each.question_text, each.kind, each.value, each.label)
            for each in item.answers.all()
        ),
        samples=_samples(item),
        take_from=item.take_from,
        collection=COLLECTION_WORDS.get(item.collection, ""),
    )


def _samples(item: RequestItem) -> tuple[Sample, ...]:
    return tuple(
        Sample(need.specimen_code, need.specimen, need.container.code, need.container.name)
        for need in item.service.specimens.all()
    )
